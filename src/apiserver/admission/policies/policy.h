// What policies of both kinds have in common: what they are about, what binds them, and what their expressions are given.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "apiserver/admission/derived.h"
#include "apiserver/admission/expressions.h"
#include "apiserver/admission/matching.h"
#include "apiserver/admission/policies/params.h"

namespace sampan::apiserver {

// What judging by policies needs of the server.
struct PolicyParts {
  explicit PolicyParts(const AdmissionParts& parts) : catalog(parts.catalog), access(parts.access), clock(parts.clock), metrics(*parts.metrics) {}
  Catalog& catalog;
  Access& access;
  Clock& clock;
  AdmissionMetrics& metrics;
};

struct Policy {
  explicit Policy(const schema::Object& object);
  std::string name;
  bool fails_open;  // what is not known does not refuse the request
  Matching matching;
  std::optional<ParamKind> param_kind;
  cel::admission::Names names;
  cel::admission::Compiler compiler;
  MatchConditions conditions;

  std::expected<bool, std::string> conditions_hold(const cel::admission::Inputs& inputs, const PolicyParts& parts, Operation operation) const;
};

struct PolicyBinding {
  explicit PolicyBinding(const schema::Object& object);
  std::string name, policy;
  Matching matching;
  std::optional<ParamRef> params;
  std::vector<std::string> actions;  // of a validating policy: "Deny", "Warn", "Audit"
};

// One request before the policies. Errors that are texts are mistakes of a policy or a binding.
class PolicyRequest {
 public:
  PolicyRequest(const PolicyParts& parts, const Attributes& attributes, Seen& seen)
      : catalog_(parts.catalog), attributes_(attributes), rights_(parts.access, attributes.user), seen_(seen) {}

  struct Meant {
    Target target;
    const Served* params = nullptr;
  };
  std::expected<std::optional<Meant>, std::string> meant_by(const Policy& policy);
  // What the policy is to be run with: nothing, if the binding is not about the request.
  std::expected<std::vector<schema::Value>, std::string> params_of(const PolicyBinding& binding, const Meant& meant, Arena& arena);
  Result<cel::admission::Inputs> inputs(const Target& target, schema::Value params, Arena& arena);

 private:
  Result<schema::Value> namespace_tree(Arena& arena);

  Catalog& catalog_;
  const Attributes& attributes_;
  RequestersRights rights_;
  Seen& seen_;
};

// The policies of a kind that are bound, by name, with what binds them.
template <class P>
class BoundPolicies {
 public:
  using Bindings = std::vector<std::shared_ptr<const PolicyBinding>>;
  BoundPolicies(registry::ObjectStore& policies, registry::ObjectStore& bindings)
      : policies_(policies.cache(), read_policies), bindings_(bindings.cache(), read_bindings) {}

  // `visit` gets a policy and its bindings, and gives a Result<void>.
  template <class F>
  Result<void> each(F&& visit) {
    auto bindings = bindings_.get();
    if (bindings->empty()) return {};
    auto policies = policies_.get();
    for (const auto& [name, of_policy] : *bindings)
      if (auto policy = policies->find(name); policy != policies->end()) TRY(visit(policy->second, of_policy));
    return {};
  }

 private:
  using ByName = std::map<std::string, std::shared_ptr<const P>, std::less<>>;
  using ByPolicy = std::map<std::string, Bindings, std::less<>>;
  static ByName read_policies(const store::Snapshot& snapshot) {
    ByName policies;
    snapshot.each({}, {}, [&](std::string_view key, const schema::ObjectRef& object) {
      policies.emplace(key, std::make_shared<const P>(*object));
      return true;
    });
    return policies;
  }
  static ByPolicy read_bindings(const store::Snapshot& snapshot) {
    ByPolicy bindings;
    snapshot.each({}, {}, [&](std::string_view, const schema::ObjectRef& object) {
      auto binding = std::make_shared<const PolicyBinding>(*object);
      bindings[binding->policy].push_back(binding);
      return true;
    });
    return bindings;
  }

  Derived<ByName> policies_;
  Derived<ByPolicy> bindings_;
};

}  // namespace sampan::apiserver
