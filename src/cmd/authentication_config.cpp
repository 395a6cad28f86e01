#include "cmd/authentication_config.h"

#include "base/text.h"
#include "schema/yaml.h"

namespace sampan::cmd {

using schema::Value;

namespace {

Result<void> only(Value object, std::string_view where, std::initializer_list<std::string_view> known) {
  for (const auto& member : object.members())
    if (std::find(known.begin(), known.end(), member.name) == known.end())
      return fail(bad_request(concat("strict decoding error: unknown field ", quoted(concat(where, member.name)))));
  return {};
}

Result<void> read_anonymous(Value anonymous, AuthenticationConfig& out) {
  if (!anonymous.is_object()) return {};
  TRY(only(anonymous, "anonymous.", {"enabled", "conditions"}));
  out.says_anonymous = true;
  out.anonymous = anonymous["enabled"].as_bool();
  auto conditions = anonymous["conditions"].items();
  if (!out.anonymous && !conditions.empty())
    return fail(bad_request("anonymous.conditions: Invalid value: enabled should be set to true when conditions are defined"));
  for (size_t i = 0; i < conditions.size(); i++) {
    TRY(only(conditions[i], concat("anonymous.conditions[", i, "]."), {"path"}));
    auto path = conditions[i]["path"].as_string();
    if (path.empty()) return fail(bad_request(concat("anonymous.conditions[", i, "].path: Required value")));
    out.anonymous_paths.emplace_back(path);
  }
  return {};
}

std::vector<std::string> texts_of(Value list) {
  std::vector<std::string> texts;
  for (Value item : list.items()) texts.emplace_back(item.as_string());
  return texts;
}

// What is said by an expression is refused, for it is not understood.
Result<void> no_expressions(Value issuer, std::string_view where) {
  Value mappings = issuer["claimMappings"];
  bool any = !mappings["extra"].empty() || !issuer["userValidationRules"].empty();
  for (std::string_view claim : {"username", "groups", "uid"}) any |= mappings[claim].has("expression");
  for (Value rule : issuer["claimValidationRules"].items()) any |= rule.has("expression");
  if (any) return fail(bad_request(concat(where, ": expressions are not supported: name claims instead")));
  return {};
}

Result<apiserver::OidcConfig> read_issuer(Value issuer, const std::string& where) {
  TRY(only(issuer, concat(where, "."), {"issuer", "claimValidationRules", "claimMappings", "userValidationRules"}));
  TRY(only(issuer["issuer"], concat(where, ".issuer."),
           {"url", "discoveryURL", "certificateAuthority", "audiences", "audienceMatchPolicy", "egressSelectorType"}));
  TRY(no_expressions(issuer, where));
  apiserver::OidcConfig out;
  Value from = issuer["issuer"], mappings = issuer["claimMappings"];
  out.issuer = from["url"].as_string();
  if (!out.issuer.starts_with("https://")) return fail(bad_request(concat(where, ".issuer.url: Invalid value: ", quoted(out.issuer), ": URL scheme must be https")));
  out.discovery_url = from["discoveryURL"].as_string();
  out.tls.ca_pem = from["certificateAuthority"].as_string();
  out.audiences = texts_of(from["audiences"]);
  if (out.audiences.empty()) return fail(bad_request(concat(where, ".issuer.audiences: Required value: at least one jwt.issuer.audiences is required")));
  out.algorithms = {"RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512"};
  out.username = {std::string(mappings["username"]["claim"].as_string()), std::string(mappings["username"]["prefix"].as_string())};
  if (out.username.claim.empty()) return fail(bad_request(concat(where, ".claimMappings.username: Required value: claim or expression is required")));
  if (!mappings["username"].has("prefix")) return fail(bad_request(concat(where, ".claimMappings.username.prefix: Required value: prefix is required when claim is set. It can be set to an empty string to disable prefixing")));
  out.groups = {std::string(mappings["groups"]["claim"].as_string()), std::string(mappings["groups"]["prefix"].as_string())};
  out.uid_claim = mappings["uid"]["claim"].as_string();
  for (Value rule : issuer["claimValidationRules"].items())
    out.required.emplace_back(rule["claim"].as_string(), rule["requiredValue"].as_string());
  return out;
}

}  // namespace

Result<AuthenticationConfig> parse_authentication_config(std::string_view yaml) {
  Arena arena;
  auto documents = TRY(schema::parse_yaml(yaml, arena, {.first_only = true}));
  Value tree = documents.empty() ? Value() : documents[0];
  auto version = tree["apiVersion"].as_string(), kind = tree["kind"].as_string();
  bool known = version == "apiserver.config.k8s.io/v1" || version == "apiserver.config.k8s.io/v1beta1" || version == "apiserver.config.k8s.io/v1alpha1";
  if (!known || kind != "AuthenticationConfiguration")
    return fail(bad_request(concat("no kind ", quoted(kind), " is registered for version ", quoted(version), "; expected AuthenticationConfiguration of apiserver.config.k8s.io/v1")));
  TRY(only(tree, "", {"apiVersion", "kind", "jwt", "anonymous"}));
  AuthenticationConfig out;
  TRY(read_anonymous(tree["anonymous"], out));
  auto issuers = tree["jwt"].items();
  for (size_t i = 0; i < issuers.size(); i++) {
    out.issuers.push_back(TRY(read_issuer(issuers[i], concat("jwt[", i, "]"))));
    for (size_t k = 0; k < i; k++)
      if (out.issuers[k].issuer == out.issuers[i].issuer)
        return fail(bad_request(concat("jwt[", i, "].issuer.url: Duplicate value: ", quoted(out.issuers[i].issuer))));
  }
  return out;
}

}  // namespace sampan::cmd
