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
  out.has_issuers = !tree["jwt"].empty();
  return out;
}

}  // namespace sampan::cmd
