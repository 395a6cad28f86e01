// Evicting pods: what their disruption budgets allow.
#include "base/encoding.h"
#include "base/text.h"
#include "registry/core/pod.h"
#include "registry/core/pod_conditions.h"
#include "registry/core/pod_rules.h"
#include "registry/selectors.h"

namespace sampan::registry {

namespace {

constexpr std::string_view kCannotEvict = "Cannot evict pod as it would violate the pod's disruption budget.";
constexpr std::string_view kCause = "DisruptionBudget";

// What is not running yet, not any more, or condemned, disrupts nothing when it goes.
bool needs_no_budget(const schema::Object& pod) {
  auto phase = pod["status"]["phase"].as_string();
  return phase == "Succeeded" || phase == "Failed" || phase == "Pending" || pod["metadata"]["deletionTimestamp"].present();
}

bool is_ready(const schema::Object& pod) {
  AnyView conditions = pod["status"]["conditions"];
  for (uint32_t i = 0; i < conditions.size(); i++)
    if (conditions.item(i)["type"].as_string() == "Ready") return conditions.item(i)["status"].as_string() == "True";
  return false;
}

Value condition_of(Value status) {
  for (Value condition : status["conditions"].items())
    if (condition["type"].as_string() == "DisruptionAllowed") return condition;
  return {};
}

// Why the budget has nothing to give, in upstream's words.
std::string why_none(Value budget) {
  Value status = budget["status"], condition = condition_of(status);
  auto name = budget["metadata"]["name"].as_string(), message = condition["message"].as_string(), reason = condition["reason"].as_string();
  bool refused = condition["status"].as_string() == "False" && !message.empty();
  int64_t needs = status["desiredHealthy"].as_int(), has = status["currentHealthy"].as_int();
  if (refused && reason == "SyncFailed")
    return concat("The disruption budget ", name, " does not allow evicting pods currently because it failed sync: ", message);
  if (has <= needs) return concat("The disruption budget ", name, " needs ", needs, " healthy pods and has ", has, " currently");
  if (refused) return concat("The disruption budget ", name, " does not allow evicting pods currently (", reason, "): ", message);
  return concat("The disruption budget ", name, " does not allow evicting pods currently");
}

Error refuse(std::string_view name, std::string_view why) {
  return Error(Reason::Forbidden, concat("poddisruptionbudget.policy ", quoted(name), " is forbidden: ", why))
      .about("policy", "poddisruptionbudget", name);
}

void say_insufficient(Value status, std::string_view now) {
  Value condition = condition_of(status);
  if (condition.is_absent()) {
    condition = Value::object(status.arena());
    condition.set("type", "DisruptionAllowed");
    condition.set("message", "");
    status.ensure_list("conditions").push(condition);
  }
  if (condition["status"].as_string() != "False") condition.set("lastTransitionTime", now);
  condition.set("status", "False");
  condition.set("reason", "InsufficientPods");
  condition.set("message", "");
  condition.set("observedGeneration", status["observedGeneration"].as_int());
}

}  // namespace

Result<void> check_eviction(const schema::Object& eviction, std::string_view pod_name) {
  if (eviction["metadata"]["name"].as_string() != pod_name)
    return fail(bad_request("name in URL does not match name in Eviction object"));
  AnyView ignore = eviction["deleteOptions"]["ignoreStoreReadErrorWithClusterBreakingPotential"];
  if (!ignore.present() || !ignore.as_bool()) return {};
  FieldErrors errors;
  errors.invalid(Path("deleteOptions").child("ignoreStoreReadErrorWithClusterBreakingPotential"), true,
                 "can not be set for pod eviction, try after removing the option");
  return fail(std::move(errors).to_error("policy", "Eviction", pod_name));
}

Result<EvictionPlan> plan_eviction(const schema::Object& pod, std::span<const schema::ObjectRef> budgets) {
  EvictionPlan plan;
  if (needs_no_budget(pod)) {
    plan.only_this_version = pod["status"]["phase"].as_string() == "Pending" && !pod["metadata"]["deletionTimestamp"].present();
    return plan;
  }
  for (auto& budget : budgets) {
    auto selector = LabelSelector::from((*budget)["spec"]["selector"]);
    if (!selector || !selector->matches(pod["metadata"]["labels"])) continue;
    if (plan.budget)
      return fail(Error(500, Reason::Unknown,
                        "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."));
    plan.budget = budget;
    plan.budget_name = (*budget)["metadata"]["name"].as_string();
  }
  if (!plan.budget || is_ready(pod)) return plan;
  // A pod that is not healthy does not count, so its going costs nothing; if the others are enough, or if the budget does not mind.
  AnyView status = (*plan.budget)["status"];
  int64_t needs = status["desiredHealthy"].as_int();
  if ((*plan.budget)["spec"]["unhealthyPodEvictionPolicy"].as_string() == "AlwaysAllow" ||
      (needs > 0 && status["currentHealthy"].as_int() >= needs)) {
    plan.budget = nullptr;
    plan.only_this_version = true;
  }
  return plan;
}

Result<void> take_disruption(Value budget, std::string_view pod_name, int64_t now_seconds) {
  constexpr uint32_t kDisruptedPodsMax = 2000;
  auto name = budget["metadata"]["name"].as_string();
  Value status = budget.ensure_object("status");
  int64_t allowed = status["disruptionsAllowed"].as_int();
  if (status["observedGeneration"].as_int() < budget["metadata"]["generation"].as_int()) return fail(eviction_must_wait(name));
  if (allowed < 0) return fail(refuse(name, "pdb disruptions allowed is negative"));
  if (status["disruptedPods"].size() > kDisruptedPodsMax)
    return fail(refuse(name, "DisruptedPods map too big - too many evictions not confirmed by PDB controller"));
  if (allowed == 0)
    return fail(Error(Reason::TooManyRequests, std::string(kCannotEvict)).about("", "", "").cause(kCause, why_none(budget), ""));

  std::string text;
  append_time(text, now_seconds);
  auto now = budget.arena().copy(text);
  status.set("disruptionsAllowed", allowed - 1);
  if (allowed == 1) say_insufficient(status, now);
  // The controller of budgets must not count this pod as available from now on.
  status.ensure_object("disruptedPods").set_copy(pod_name, now);
  return {};
}

Error eviction_must_wait(std::string_view budget_name) {
  return Error(Reason::TooManyRequests, std::string(kCannotEvict))
      .about("", "", "")
      .cause(kCause, concat("The disruption budget ", budget_name, " is still being processed by the server."), "")
      .retry_after(10);
}

void mark_evicted(Value pod, int64_t now_seconds) {
  set_pod_condition(pod.ensure_object("status"), "DisruptionTarget", "EvictionByEvictionAPI", "Eviction API: evicting", now_seconds);
}

}  // namespace sampan::registry
