#include "apiserver/access/oidc.h"

#include <mutex>

#include "apiserver/access/jwt.h"
#include "base/log.h"
#include "base/text.h"
#include "schema/json.h"

namespace sampan::apiserver {

using schema::Value;

namespace {

constexpr int64_t kRefreshEvery_us = 10'000'000;  // at most, when tokens name keys that are not known
constexpr int64_t kTimeout_ms = 10'000;

Error refuse(std::string why) { return Error(Reason::Unauthorized, concat("oidc: ", why)); }

class Oidc final : public TokenAuthenticator {
 public:
  Oidc(OidcConfig config, std::unique_ptr<net::Client> client, Clock& clock)
      : config_(std::move(config)), client_(std::move(client)), clock_(clock) {}

  IdentityResult authenticate_token(std::string_view token, const std::vector<std::string>*) override {
    JwtParts parts;
    Arena arena;
    if (!split_jwt(token, parts)) return nullptr;
    auto claims = schema::parse_json(parts.payload, arena, nullptr, {.depth_max = 50});
    if (!claims || (*claims)["iss"].as_string() != config_.issuer) return nullptr;
    TRY(verify(parts, *claims));
    return identity_of(*claims);
  }

 private:
  Result<void> verify(const JwtParts& parts, Value claims) {
    if (std::find(config_.algorithms.begin(), config_.algorithms.end(), parts.algorithm) == config_.algorithms.end())
      return fail(refuse(concat("id token signed with unsupported algorithm, expected [", join(config_.algorithms, " "), "] got ", quoted(parts.algorithm))));
    auto audiences = audiences_of(claims);
    auto ours = [&](const auto& it) { return std::find(config_.audiences.begin(), config_.audiences.end(), it) != config_.audiences.end(); };
    if (std::none_of(audiences.begin(), audiences.end(), ours))
      return fail(refuse(concat("verify token: expected audience in [", join(config_.audiences, " "), "] got [", join(audiences, " "), "]")));
    // No leeway beyond the provider's expiry, which is required.
    auto expiry = claims["exp"];
    double now = static_cast<double>(clock_.now_us()) / 1e6;
    if (!expiry.is_int() && !expiry.is_double()) return fail(refuse("verify token: token has no expiry"));
    if (expiry.as_double() < now) return fail(refuse("verify token: token is expired"));
    if (check_times(claims, clock_.now_us() / 1'000'000) != JwtTime::Good) return fail(refuse("verify token: token is not valid yet"));
    if (signed_by_known(parts)) return {};
    TRY(refresh());
    if (signed_by_known(parts)) return {};
    return fail(refuse("verify token: failed to verify signature: failed to verify id token signature"));
  }

  bool signed_by_known(const JwtParts& parts) {
    std::lock_guard lock(mutex_);
    return std::any_of(keys_.begin(), keys_.end(), [&](const JwtKey& key) {
      return (parts.key_id.empty() || key.id().empty() || key.id() == parts.key_id) && key.verify(parts.algorithm, parts.signed_text, parts.signature);
    });
  }

  // Who sends tokens with unknown keys must not make us ask the provider each time.
  Result<void> refresh() {
    {
      std::lock_guard lock(mutex_);
      auto now_us = clock_.monotonic_us();
      if (refreshed_ && now_us - refreshed_at_us_ < kRefreshEvery_us) return {};
      refreshed_ = true;
      refreshed_at_us_ = now_us;
    }
    auto keys = TRY(fetch_keys());
    std::lock_guard lock(mutex_);
    keys_ = std::move(keys);
    return {};
  }

  Result<std::vector<JwtKey>> fetch_keys() {
    Arena arena;
    std::string base = config_.issuer, text, keys_text;
    while (base.ends_with('/')) base.pop_back();
    auto where = config_.discovery_url.empty() ? base + "/.well-known/openid-configuration" : config_.discovery_url;
    Value discovery = TRY(get(where, text, arena));
    if (discovery["issuer"].as_string() != config_.issuer)
      return fail(refuse(concat("issuer did not match the issuer returned by provider, expected ", quoted(config_.issuer), " got ",
                                quoted(discovery["issuer"].as_string()))));
    Value set = TRY(get(std::string(discovery["jwks_uri"].as_string()), keys_text, arena));
    std::vector<JwtKey> keys;
    for (Value jwk : set["keys"].items()) {
      if (auto use = jwk["use"].as_string(); !use.empty() && use != "sig") continue;
      if (auto key = JwtKey::from_jwk(jwk)) keys.push_back(std::move(*key));  // kinds that are not known here sign nothing for us
    }
    return keys;
  }

  Result<Value> get(const std::string& address, std::string& text, Arena& arena) {
    if (!address.starts_with("https://")) return fail(refuse(concat("provider's address ", quoted(address), " is not https")));
    auto url = TRY(net::parse_url(address));
    net::ClientRequest request;
    request.endpoint = url.endpoint;
    request.target = url.target;
    request.headers = {{"accept", "application/json"}};
    request.timeout_ms = kTimeout_ms;
    request.body_bytes_max = 1024 * 1024;
    auto answer = TRY(client_->send(request));
    if (answer.status != 200) return fail(refuse(concat("provider answers ", answer.status, " for ", address)));
    text = std::move(answer.body);
    auto tree = schema::parse_json(text, arena, nullptr, {.depth_max = 50});
    if (!tree) return fail(refuse(concat("provider's ", address, ": ", tree.error().message())));
    return *tree;
  }

  IdentityResult identity_of(Value claims) {
    auto identity = std::make_unique<Identity>();
    User& user = identity->user;
    Value name = claims[config_.username.claim];
    if (!name.is_string()) return fail(refuse(concat("parse username claims ", quoted(config_.username.claim), ": claim not present")));
    if (config_.username.claim == "email" && claims.has("email_verified") && !claims["email_verified"].as_bool())
      return fail(refuse("email not verified"));
    user.name = concat(config_.username.prefix, name.as_string());
    Value groups = config_.groups.claim.empty() ? Value() : claims[config_.groups.claim];
    if (groups.is_string()) user.groups.push_back(concat(config_.groups.prefix, groups.as_string()));
    for (Value group : groups.items()) user.groups.push_back(concat(config_.groups.prefix, group.as_string()));
    if (!config_.uid_claim.empty()) {
      if (!claims[config_.uid_claim].is_string()) return fail(refuse(concat("parse uid claim ", quoted(config_.uid_claim), ": claim not present")));
      user.uid = claims[config_.uid_claim].as_string();
    }
    for (const auto& [claim, value] : config_.required) {
      if (!claims.has(claim)) return fail(refuse(concat("required claim ", claim, " not present in ID token")));
      if (claims[claim].as_string() != value)
        return fail(refuse(concat("required claim ", claim, " value does not match. Got = ", claims[claim].as_string(), ", want = ", value)));
    }
    if (auto id = claims["jti"].as_string(); !id.empty()) user.add_extra("authentication.kubernetes.io/credential-id", concat("JTI=", id));
    return identity;
  }

  const OidcConfig config_;
  std::unique_ptr<net::Client> client_;
  Clock& clock_;
  std::mutex mutex_;  // guards the rest
  std::vector<JwtKey> keys_;
  bool refreshed_ = false;
  int64_t refreshed_at_us_ = 0;
};

}  // namespace

Result<std::unique_ptr<TokenAuthenticator>> oidc_authenticator(OidcConfig config, Clock& clock) {
  net::ClientOptions options;
  options.tls = config.tls;
  auto client = TRY(net::Client::create(std::move(options)));
  return std::make_unique<Oidc>(std::move(config), std::move(client), clock);
}

}  // namespace sampan::apiserver
