#include "apiserver/access/service_account_tokens.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "base/check.h"
#include "base/encoding.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time_text.h"
#include "schema/json.h"

namespace sampan::apiserver {

using schema::ObjectRef;
using schema::Value;

namespace {

constexpr std::string_view kLegacyIssuer = "kubernetes/serviceaccount";
constexpr std::string_view kUserPrefix = "system:serviceaccount:";
constexpr std::string_view kLastUsed = "kubernetes.io/legacy-token-last-used";
constexpr std::string_view kInvalidSince = "kubernetes.io/legacy-token-invalid-since";
constexpr size_t kVerifiedMax = 4096;
constexpr int64_t kLeeway_s = 60, kDay_s = 86400;

Error refuse(std::string why) { return Error(Reason::Unauthorized, std::move(why)); }

std::string_view uid_of(const ObjectRef& object) { return (*object)["metadata"]["uid"].as_string(); }
std::string_view name_of(const ObjectRef& object) { return (*object)["metadata"]["name"].as_string(); }

std::unique_ptr<Identity> account_identity(std::string_view name_space, std::string_view name, std::string_view uid) {
  auto identity = std::make_unique<Identity>();
  identity->user.name = concat(kUserPrefix, name_space, ":", name);
  identity->user.uid = uid;
  identity->user.groups = {"system:serviceaccounts", concat("system:serviceaccounts:", name_space), "system:authenticated"};
  return identity;
}

void add_reference(std::string& json, std::string_view member, std::string_view name, std::string_view uid) {
  append(json, ",\"", member, "\":{\"name\":");
  schema::write_json_string(json, name);
  if (!uid.empty()) {
    json += ",\"uid\":";
    schema::write_json_string(json, uid);
  }
  json += '}';
}

std::string text_list(const std::vector<std::string>& texts) {
  std::string json = "[";
  for (const auto& text : texts) {
    if (json.size() > 1) json += ',';
    schema::write_json_string(json, text);
  }
  return json + "]";
}

std::vector<std::string> common(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<std::string> both;
  for (const auto& item : a)
    if (std::find(b.begin(), b.end(), item) != b.end()) both.push_back(item);
  return both;
}

}  // namespace

struct ServiceAccountTokens::Claims {
  Arena arena;
  Value tree;
};

ServiceAccountTokens::ServiceAccountTokens(ServiceAccountConfig config, Catalog& catalog, Clock& clock, Random& random, Executor& executor)
    : config_([&] {
        if (config.audiences.empty()) config.audiences = config.issuers;
        return std::move(config);
      }()),
      catalog_(catalog),
      clock_(clock),
      random_(random),
      executor_(executor) {}

// Signatures are costly and do not change: a good one is remembered.
bool ServiceAccountTokens::verified(std::string_view token, const JwtParts& parts, bool& key_found) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), digest);
  std::string hash(reinterpret_cast<char*>(digest), sizeof digest);
  key_found = true;
  {
    std::lock_guard lock(mutex_);
    if (verified_.contains(hash)) return true;
  }
  key_found = false;
  for (const JwtKey& key : config_.keys) {
    if (!parts.key_id.empty() && parts.key_id != key.id()) continue;
    key_found = true;
    if (!key.verify(parts.algorithm, parts.signed_text, parts.signature)) continue;
    std::lock_guard lock(mutex_);
    if (verified_.size() >= kVerifiedMax) verified_.clear();
    verified_.insert(std::move(hash));
    return true;
  }
  return false;
}

IdentityResult ServiceAccountTokens::authenticate_token(std::string_view token, const std::vector<std::string>* wanted) {
  JwtParts parts;
  if (!split_jwt(token, parts)) return nullptr;
  Claims claims;
  auto parsed = schema::parse_json(parts.payload, claims.arena, nullptr, {.depth_max = 20});
  if (!parsed || !parsed->is_object()) return nullptr;
  claims.tree = *parsed;
  auto issuer = claims.tree["iss"].as_string();
  bool legacy = issuer == kLegacyIssuer;
  if (!legacy && std::find(config_.issuers.begin(), config_.issuers.end(), issuer) == config_.issuers.end()) return nullptr;
  bool key_found;
  if (!verified(token, parts, key_found)) return fail(refuse(key_found ? "invalid signature" : "invalid signature, no keys found"));

  auto audiences = audiences_of(claims.tree);
  bool says_no_audience = audiences.empty();
  if (says_no_audience) audiences = config_.audiences;  // old tokens are for the API server
  const auto& asked = wanted ? *wanted : config_.audiences;
  auto agreed = common(audiences, asked);
  if (agreed.empty() && !config_.audiences.empty())
    return fail(refuse(concat("token audiences ", text_list(audiences), " is invalid for the target audiences ", text_list(asked))));
  auto identity = TRY(legacy ? validate_legacy(token, claims) : validate_bound(claims));
  identity->audiences = std::move(agreed);
  if (says_no_audience) identity->annotations.emplace_back("authentication.k8s.io/legacy-token", claims.tree["sub"].as_string());
  return identity;
}

// What a token is bound to must be there still, and be the same.
Result<ObjectRef> ServiceAccountTokens::bound_object(std::string_view resource, std::string_view name_space, Value reference) {
  auto found = catalog_.store_of("", resource)->get(name_space, reference["name"].as_string());
  if (!found) return fail(refuse("service account token has been invalidated"));
  if (uid_of(*found) != reference["uid"].as_string())
    return fail(refuse(concat(resource, " UID (", uid_of(*found), ") does not match claim (", reference["uid"].as_string(), ")")));
  auto deleted = (**found)["metadata"]["deletionTimestamp"];
  if (deleted.present() && deleted.as_int() < clock_.now_us() / 1'000'000 - kLeeway_s)
    return fail(refuse("service account token has been invalidated"));
  return found;
}

IdentityResult ServiceAccountTokens::validate_bound(const Claims& claims) {
  switch (check_times(claims.tree, clock_.now_us() / 1'000'000)) {
    case JwtTime::Good: break;
    case JwtTime::Expired: return fail(refuse("service account token has expired"));
    case JwtTime::NotYet: return fail(refuse("service account token is not valid yet"));
    case JwtTime::Unreadable: return fail(refuse("service account token has times that are no numbers"));
    case JwtTime::IssuedInFuture: return fail(refuse("service account token is issued in the future"));
  }
  Value bound = claims.tree["kubernetes.io"];
  auto name_space = bound["namespace"].as_string();
  Value account = bound["serviceaccount"], pod = bound["pod"], secret = bound["secret"], node = bound["node"];
  if (name_space.empty() || account["name"].as_string().empty()) return fail(refuse("service account token names no account"));
  TRY(bound_object("serviceaccounts", name_space, account));
  if (secret.is_object()) TRY(bound_object("secrets", name_space, secret));
  if (pod.is_object()) TRY(bound_object("pods", name_space, pod));
  if (node.is_object() && !pod.is_object()) TRY(bound_object("nodes", "", node));

  auto identity = account_identity(name_space, account["name"].as_string(), account["uid"].as_string());
  int64_t late_s = clock_.now_us() / 1'000'000 - bound["warnafter"].as_int();
  if (bound["warnafter"].as_int() && late_s > 0)
    identity->annotations.emplace_back("authentication.k8s.io/stale-token", concat("subject: ", claims.tree["sub"].as_string(),
                                                                                   ", seconds after warning threshold: ", late_s));
  auto tell = [&](std::string_view what, Value reference, std::string_view member) {
    if (auto text = reference[member].as_string(); !text.empty()) identity->user.add_extra(concat("authentication.kubernetes.io/", what), text);
  };
  tell("pod-name", pod, "name");
  tell("pod-uid", pod, "uid");
  tell("node-name", node, "name");
  tell("node-uid", node, "uid");
  if (auto id = claims.tree["jti"].as_string(); !id.empty())
    identity->user.add_extra("authentication.kubernetes.io/credential-id", concat("JTI=", id));
  return identity;
}

IdentityResult ServiceAccountTokens::validate_legacy(std::string_view token, const Claims& claims) {
  auto claim = [&](std::string_view name) { return claims.tree[concat("kubernetes.io/serviceaccount/", name)].as_string(); };
  auto name_space = claim("namespace"), secret_name = claim("secret.name"), name = claim("service-account.name"),
       uid = claim("service-account.uid");
  if (name_space.empty() || secret_name.empty() || name.empty() || uid.empty()) return fail(refuse("a claim is missing"));
  if (claims.tree["sub"].as_string() != concat(kUserPrefix, name_space, ":", name)) return fail(refuse("sub claim is invalid"));
  auto identity = account_identity(name_space, name, uid);
  if (!config_.lookup) return identity;

  auto secret = catalog_.store_of("", "secrets")->get(name_space, secret_name);
  if (!secret || (**secret)["metadata"]["deletionTimestamp"].present()) return fail(refuse("Token has been invalidated"));
  auto kept = (**secret)["data"]["token"].as_string();
  if (kept.size() != token.size() || CRYPTO_memcmp(kept.data(), token.data(), token.size()) != 0)
    return fail(refuse("Token does not match server's copy"));
  auto account = TRY(catalog_.store_of("", "serviceaccounts")->get(name_space, name));
  if ((*account)["metadata"]["deletionTimestamp"].present()) return fail(refuse("ServiceAccount has been deleted"));
  if (uid_of(account) != uid) return fail(refuse(concat("ServiceAccount UID (", uid_of(account), ") does not match claim (", uid, ")")));
  note_use(*secret);
  if ((**secret)["metadata"]["labels"][kInvalidSince].present())
    return fail(refuse(concat("the token in secret ", name_space, "/", secret_name, " for service account ", name_space, "/", name,
                              " has been marked invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the '",
                              kInvalidSince, "' label from the secret to temporarily allow use of this token")));
  auto secrets = (*account)["secrets"];
  bool generated = false;
  for (uint32_t i = 0; i < secrets.size(); i++) generated |= secrets.item(i)["name"].as_string() == secret_name;
  if (generated)
    identity->warnings.emplace_back(
        "Use tokens from the TokenRequest API or manually created secret-based tokens instead of auto-generated secret-based tokens.");
  identity->annotations.emplace_back(concat("authentication.k8s.io/legacy-token-", generated ? "autogenerated" : "manual", "-secret"), secret_name);
  return identity;
}

// The day of a secret's last use is a label, so that secrets nobody uses can be found. Requests do not wait for it.
void ServiceAccountTokens::note_use(const ObjectRef& secret) {
  int64_t now_s = clock_.now_us() / 1'000'000;
  auto today = rfc3339(now_s).substr(0, 10), tomorrow = rfc3339(now_s + kDay_s).substr(0, 10);
  auto last = (*secret)["metadata"]["labels"][kLastUsed].as_string();
  if (last == today || last == tomorrow) return;
  executor_.post([this, today, secret] {
    auto metadata = (*secret)["metadata"];
    auto produce = [&](const ObjectRef& current, Arena& arena) -> Result<Value> {
      if (!current) return fail(not_found("", "secrets", (*secret)["metadata"]["name"].as_string()));
      Value tree = schema::thaw(*current, arena);
      tree.ensure_object("metadata").ensure_object("labels").set(kLastUsed, std::string_view(today));
      return tree;
    };
    registry::Preconditions same;
    same.uid = metadata["uid"].as_string();
    auto noted = catalog_.store_of("", "secrets")->update(metadata["namespace"].as_string(), metadata["name"].as_string(), produce, same, false, {});
    if (!noted && !noted.error().is(Reason::NotFound) && !noted.error().is(Reason::Conflict))
      LOG_WARNING("label the token ", metadata["namespace"].as_string(), "/", metadata["name"].as_string(), ", ignoring: ", noted.error().message());
  });
}

std::string ServiceAccountTokens::issue(const BoundObjects& bound, std::string_view id, const std::vector<std::string>& audiences, int64_t now_s,
                                        int64_t expires_after_s, int64_t warn_after_s) {
  check(config_.signer.has_value());
  auto name_space = (*bound.account)["metadata"]["namespace"].as_string();
  std::string json = concat("{\"aud\":", text_list(audiences), ",\"exp\":", now_s + expires_after_s, ",\"iat\":", now_s, ",\"iss\":");
  schema::write_json_string(json, config_.issuers.front());
  append(json, ",\"jti\":\"", id, "\",\"kubernetes.io\":{\"namespace\":");
  schema::write_json_string(json, name_space);
  if (bound.node || !bound.node_name.empty())
    add_reference(json, "node", bound.node ? name_of(bound.node) : bound.node_name, bound.node ? uid_of(bound.node) : "");
  if (bound.pod) add_reference(json, "pod", name_of(bound.pod), uid_of(bound.pod));
  if (bound.secret) add_reference(json, "secret", name_of(bound.secret), uid_of(bound.secret));
  add_reference(json, "serviceaccount", name_of(bound.account), uid_of(bound.account));
  if (warn_after_s) append(json, ",\"warnafter\":", now_s + warn_after_s);
  append(json, "},\"nbf\":", now_s, ",\"sub\":");
  schema::write_json_string(json, concat(kUserPrefix, name_space, ":", name_of(bound.account)));
  return sign_jwt(*config_.signer, json + "}");
}

std::string ServiceAccountTokens::discovery_json() const {
  std::vector<std::string> algorithms;
  for (const JwtKey& key : config_.keys) algorithms.emplace_back(key.algorithm());
  std::sort(algorithms.begin(), algorithms.end());
  algorithms.erase(std::unique(algorithms.begin(), algorithms.end()), algorithms.end());
  std::string json = "{\"issuer\":";
  schema::write_json_string(json, config_.issuers.front());
  json += ",\"jwks_uri\":";
  schema::write_json_string(json, config_.jwks_uri);
  append(json, ",\"response_types_supported\":[\"id_token\"],\"subject_types_supported\":[\"public\"],\"id_token_signing_alg_values_supported\":",
         text_list(algorithms), "}");
  return json;
}

std::string ServiceAccountTokens::keys_json() const {
  std::string json = "{\"keys\":[";
  for (const JwtKey& key : config_.keys) append(json, json.back() == '[' ? "" : ",", key.jwk());
  return json + "]}";
}

}  // namespace sampan::apiserver
