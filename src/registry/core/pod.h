// What of pods is more than the table of their rules: verbs of their own.
#pragma once
#include <string_view>

#include "base/status.h"
#include "schema/object.h"
#include "schema/value.h"

namespace sampan::registry {

// pods/binding and bindings: what a Binding must be (its target is a node, by name).
Result<void> check_binding(const schema::Object& binding, std::string_view pod_name);

// Assigns `pod` (a tree of the stored pod, changed in place) to the node that the binding names, with the binding's labels and annotations. A Conflict if the pod
// has a node already, is being deleted, or is held back by scheduling gates. uid and resourceVersion of the binding are preconditions that the
// verb checks.
Result<void> bind_pod(schema::Value pod, const schema::Object& binding, int64_t now_seconds);

// pods/eviction: may this pod be deleted without asking any disruption budget? (It is not running yet, or not any more, or has been condemned.)
bool can_ignore_disruption_budgets(const schema::Object& pod);

}  // namespace sampan::registry
