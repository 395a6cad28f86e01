#include "apiserver/access/abac.h"

#include "base/check.h"
#include "base/log.h"
#include "base/text.h"
#include "schema/conform.h"
#include "schema/json.h"

namespace sampan::apiserver {

using schema::Value;

namespace {

constexpr std::string_view kGroup = "abac.authorization.kubernetes.io/", kAuthenticated = "system:authenticated";
constexpr std::string_view kReadVerbs[] = {"get", "list", "watch"};

struct Policy {
  std::string user, group;  // both must fit if both are there; neither: nobody
  std::string api_group, resource, name_space, path;
  bool read_only = false;

  bool binds(const User& who) const {
    if (user.empty() && group.empty()) return false;
    return (user.empty() || user == who.name) && (group.empty() || who.in(group));
  }
  bool allows(const RequestInfo& request) const {
    if (read_only && std::find(std::begin(kReadVerbs), std::end(kReadVerbs), request.verb) == std::end(kReadVerbs)) return false;
    auto fits = [](std::string_view pattern, std::string_view text) { return pattern == "*" || pattern == text; };
    if (request.is_resource) return fits(name_space, request.name_space) && fits(resource, request.resource) && fits(api_group, request.group);
    if (fits(path, request.path)) return true;
    return path.ends_with('*') && std::string_view(request.path).starts_with(std::string_view(path).substr(0, path.find_last_not_of('*') + 1));
  }
};

// A whole tree of the type, or Go's words for what is wrong. What the type does not know counts for nothing.
Result<void> hold_against(Value tree, std::string_view type_name) {
  const auto* type = schema::builtin_type(type_name);
  check(type != nullptr);
  schema::Conformance ignored;
  return schema::conform(tree, *type, ignored);
}

Result<Policy> read_policy(std::string_view line, bool& unversioned) {
  Arena arena;
  Value tree = TRY(schema::parse_json(line, arena));
  auto version = tree["apiVersion"].as_string(), kind = tree["kind"].as_string();
  bool is_new = version == concat(kGroup, "v1beta1"), is_old = version == concat(kGroup, "v0");
  unversioned = version.empty() || kind.empty();
  if (!unversioned && (kind != "Policy" || (!is_new && !is_old)))
    return fail(bad_request(concat("no kind ", quoted(kind), " is registered for version ", quoted(version))));
  bool flat = unversioned || is_old;
  TRY(hold_against(tree, flat ? "io.k8s.kubernetes.pkg.apis.abac.v0.Policy" : "io.k8s.kubernetes.pkg.apis.abac.v1beta1.Policy"));
  Value spec = flat ? tree : tree["spec"];
  auto text = [&](std::string_view name) { return std::string(spec[name].as_string()); };
  Policy policy{text("user"), text("group"), text("apiGroup"), text("resource"), text("namespace"), text("nonResourcePath"), spec["readonly"].as_bool()};
  if (policy.user == "*" || policy.group == "*" || (flat && policy.user.empty() && policy.group.empty())) {
    policy.user.clear();
    policy.group = kAuthenticated;
  }
  if (!flat) return policy;
  // What the old form leaves out means everything.
  policy.api_group = "*";
  if (policy.name_space.empty() && policy.resource.empty()) policy.path = "*";
  if (policy.name_space.empty()) policy.name_space = "*";
  if (policy.resource.empty()) policy.resource = "*";
  return policy;
}

class Abac final : public Authorizer {
 public:
  explicit Abac(std::vector<Policy> policies) : policies_(std::move(policies)) {}

  Decision authorize(const User& user, const RequestInfo& request, std::string& reason) override {
    for (const auto& policy : policies_)
      if (policy.binds(user) && policy.allows(request)) return Decision::Allow;
    reason = "No policy matched.";
    return Decision::NoOpinion;
  }

  void rules_for(const User& user, std::string_view name_space, SubjectRules& out) override {
    for (const auto& policy : policies_) {
      if (!policy.binds(user) || (policy.name_space != "*" && policy.name_space != name_space)) continue;
      std::vector<std::string> verbs = {"*"};
      if (policy.read_only) verbs.assign(std::begin(kReadVerbs), std::end(kReadVerbs));
      if (!policy.resource.empty()) out.rules.push_back({.verbs = verbs, .groups = {policy.api_group}, .resources = {policy.resource}});
      if (!policy.path.empty()) out.rules.push_back({.verbs = verbs, .urls = {policy.path}});
    }
  }

 private:
  const std::vector<Policy> policies_;
};

}  // namespace

Result<std::unique_ptr<Authorizer>> abac_authorizer(std::string_view text, std::string_view path) {
  std::vector<Policy> policies;
  bool old_lines = false;
  int number = 0;
  for (std::string_view line : split(text, '\n')) {
    number++;
    if (trim(line).empty() || trim(line).starts_with('#')) continue;
    bool unversioned = false;
    auto policy = read_policy(line, unversioned);
    if (!policy) return fail(bad_request(concat("error reading policy file ", path, ", line ", number, ": ", line, ": ", policy.error().message())));
    old_lines |= unversioned;
    policies.push_back(std::move(*policy));
  }
  if (old_lines) LOG_WARNING("Policy file ", path, " contained unversioned rules");
  return std::make_unique<Abac>(std::move(policies));
}

}  // namespace sampan::apiserver
