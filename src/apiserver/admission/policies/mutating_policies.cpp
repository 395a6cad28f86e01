// MutatingAdmissionPolicy: policies in CEL that change what is written, one after another.
#include "apiserver/admission/policies/mutating_policy.h"
#include "apiserver/admission/plugin.h"
#include "base/text.h"
#include "schema/conform.h"

namespace sampan::apiserver {

using schema::Object;
using schema::Value;

namespace {

using Bindings = BoundPolicies<MutatingPolicy>::Bindings;

// A policy on its way to the object.
struct Invocation {
  std::shared_ptr<const MutatingPolicy> policy;
  std::shared_ptr<const PolicyBinding> binding;
  Target target;
  Value params;

  std::string id() const {
    Value metadata = params["metadata"];
    return concat(policy->name, "/", binding->name, "/", metadata["namespace"].as_string(), "/", metadata["name"].as_string());
  }
};

class Session {
 public:
  Session(const PolicyParts& parts, const Attributes& attributes, Value object, const Object* old)
      : parts_(parts), attributes_(attributes), object_(object), seen_(attributes, object, old), request_(parts, attributes, seen_) {}

  void add(const std::shared_ptr<const MutatingPolicy>& policy, const Bindings& bindings) {
    auto meant = request_.meant_by(*policy);
    if (!meant) wrong(*policy, nullptr, concat("failed to configure policy: ", meant.error()), "");
    if (!meant || !*meant) return;
    for (const auto& binding : bindings) {
      auto params = request_.params_of(*binding, **meant, arena_);
      if (!params) wrong(*policy, binding.get(), concat("failed to configure binding: ", params.error()), "");
      if (!params) continue;
      for (Value param : *params) invocations_.push_back({policy, binding, (*meant)->target, param});
    }
  }

  Result<void> run() {
    auto& callers = attributes_.mutations->policies;
    bool again = attributes_.mutations->second_round;
    if (!invocations_.empty()) {
      if (again && callers.output != TRY(shown())) callers.make_due();
      for (const auto& invocation : invocations_) TRY(run(invocation, again));
      if (changed_) {
        callers.make_due();
        attributes_.mutations->wants_second_round = true;
      }
      callers.output = TRY(shown());
    }
    return verdict();
  }

 private:
  Result<std::string> shown() { return json_of(TRY(seen_.object()), target_of(attributes_)); }

  Result<void> run(const Invocation& invocation, bool again) {
    const MutatingPolicy& policy = *invocation.policy;
    if (!policy.conditions.empty()) {
      Arena arena;
      auto holds = policy.conditions_hold(TRY(request_.inputs(invocation.target, invocation.params, arena)), parts_, attributes_.operation);
      if (!holds) wrong(policy, invocation.binding.get(), holds.error(), "Invalid");
      if (!holds || !*holds) return {};
    }
    auto& callers = attributes_.mutations->policies;
    if (again && !callers.due.contains(invocation.id())) return {};
    auto before = TRY(shown());
    if (seen_.can_change())
      for (const auto& mutation : policy.mutations()) TRY(mutate(invocation, mutation));
    if (before != TRY(shown())) {
      callers.make_due();
      attributes_.mutations->wants_second_round = true;
    }
    if (policy.looks_again) callers.waiting.insert(invocation.id());
    return {};
  }

  Result<void> mutate(const Invocation& invocation, const MutatingPolicy::Mutation& mutation) {
    Arena arena;
    auto inputs = TRY(request_.inputs(invocation.target, invocation.params, arena));
    auto began_us = parts_.clock.monotonic_us();
    auto result = invocation.policy->mutate(mutation, inputs, invocation.target, arena);
    auto seconds = seconds_since(parts_.clock, began_us);
    parts_.metrics.mutation_checked({invocation.policy->name, invocation.binding->name, result ? std::string_view() : result.error(), seconds});
    if (!result) return wrong(*invocation.policy, invocation.binding.get(), result.error(), "Invalid"), Result<void>();
    const ExpectedKind& kind = invocation.target.kind;
    Value object = result->clone(arena);
    schema::Conformance found;
    if (auto conformed = schema::conform(object, *kind.type, found); !conformed) {
      if (mutation.is_patch) return fail(internal_error(conformed.error().message()));
      return wrong(*invocation.policy, invocation.binding.get(), conformed.error().message(), "Invalid"), Result<void>();
    }
    object.remove("apiVersion");
    object.remove("kind");
    const Served& served = *invocation.target.served;
    if (served.rules->defaults && kind.type == served.resource->type) served.rules->defaults(object, kind.version);
    TRY(seen_.replace(invocation.target, object));
    changed_ = true;
    return {};
  }

  void wrong(const MutatingPolicy& policy, const PolicyBinding* binding, std::string_view why, std::string_view reason) {
    if (policy.fails_open) return;
    problems_.push_back({binding ? concat("policy '", policy.name, "' with binding '", binding->name, "' denied request: ", why)
                                 : concat("policy ", quoted(policy.name), " denied request: ", why),
                         reason});
  }

  Result<void> verdict() const {
    if (problems_.empty()) return {};
    Error error = refusal(attributes_, object_, "admission request denied by policy");
    error.edit().message = problems_.front().message;
    if (!problems_.front().reason.empty()) error.edit().reason = reason_named(problems_.front().reason);  // the code stays
    for (const auto& problem : problems_) error.edit().causes.push_back({"", problem.message, ""});
    return fail(std::move(error));
  }

  struct Problem {
    std::string message;
    std::string_view reason;  // "" = Forbidden
  };

  const PolicyParts& parts_;
  const Attributes& attributes_;
  Value object_;
  Seen seen_;
  PolicyRequest request_;
  Arena arena_;  // of the parameters
  std::vector<Invocation> invocations_;
  std::vector<Problem> problems_;
  bool changed_ = false;
};

class MutatingPolicies final : public AdmissionPlugin {
 public:
  explicit MutatingPolicies(const AdmissionParts& parts) : parts_(parts) {
    auto* policies = parts_.catalog.store_of("admissionregistration.k8s.io", "mutatingadmissionpolicies");
    auto* bindings = parts_.catalog.store_of("admissionregistration.k8s.io", "mutatingadmissionpolicybindings");
    if (policies && bindings) policies_.emplace(*policies, *bindings);
  }
  std::string_view name() const override { return "MutatingAdmissionPolicy"; }

  Result<void> mutate(const Attributes& attributes, Value object, const Object* old) override {
    if (!policies_ || is_beyond_policies(attributes)) return {};
    std::optional<Session> session;
    TRY(policies_->each([&](const auto& policy, const Bindings& bindings) -> Result<void> {
      if (!session) session.emplace(parts_, attributes, object, old);
      session->add(policy, bindings);
      return {};
    }));
    return session ? session->run() : Result<void>();
  }

 private:
  PolicyParts parts_;
  std::optional<BoundPolicies<MutatingPolicy>> policies_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> mutating_policies(const AdmissionParts& parts) { return std::make_unique<MutatingPolicies>(parts); }

}  // namespace sampan::apiserver
