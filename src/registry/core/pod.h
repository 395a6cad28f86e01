// What of pods is more than the table of their rules: verbs of their own.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "schema/object.h"
#include "schema/value.h"

namespace sampan::registry {

// pods/binding and bindings: what a Binding must be (its target is a node, by name).
Result<void> check_binding(const schema::Object& binding, std::string_view pod_name);

// Assigns `pod` (a tree of the stored pod, changed in place) to the node that the binding names, with the binding's labels and
// annotations. A Conflict if the pod has a node already, is being deleted, or is held back by scheduling gates. uid and resourceVersion of
// the binding are preconditions that the verb checks.
Result<void> bind_pod(schema::Value pod, const schema::Object& binding, int64_t now_seconds);

// ---- pods/eviction ----

// The verb reads the pod and the disruption budgets of its namespace, decides, takes from the budget, marks the pod, and deletes it with the
// grace period and preconditions that the Eviction asks for.
Result<void> check_eviction(const schema::Object& eviction, std::string_view pod_name);

struct EvictionPlan {
  schema::ObjectRef budget;      // to take one disruption from, or null
  std::string budget_name;       // of the budget that matched, if any
  bool only_this_version = false;  // delete only if the pod is still as it was read, so that it has not become healthy since
};
Result<EvictionPlan> plan_eviction(const schema::Object& pod, std::span<const schema::ObjectRef> budgets);

// Takes one disruption from the budget (a tree of the stored one, changed in place) for this pod: an update of its status to be stored.
// TooManyRequests if there is none to take.
Result<void> take_disruption(schema::Value budget, std::string_view pod_name, int64_t now_seconds);
// What is answered when the pod changed while its eviction was decided (see only_this_version).
Error eviction_must_wait(std::string_view budget_name);

// Says in the pod's status why it goes.
void mark_evicted(schema::Value pod, int64_t now_seconds);

}  // namespace sampan::registry
