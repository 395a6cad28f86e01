// What controllers ask of pods: whether they count, whether they are ready, and which of them to give up first.
#pragma once
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "api/core_v1.h"
#include "schema/object.h"

namespace sampan::controllers {

using Pod = api::core_v1::Pod;
using Objects = std::vector<schema::ObjectRef>;

// A view that borrows: the object must be held as long.
inline Pod pod_of(const schema::Object& object) { return object.as<Pod>(); }

// The condition of this type in a list of conditions; absent (and false) if there is none.
template <class List>
auto find_condition(const List& conditions, std::string_view type) -> decltype(conditions[0]) {
  for (auto condition : conditions)
    if (condition.type() == type) return condition;
  return {};
}

bool is_ready(Pod pod);
int64_t ready_since(Pod pod);  // seconds; 0 if it is not ready
// Ready for at least so long.
bool is_available(Pod pod, int32_t min_ready_seconds, int64_t now_us);
// How long until that changes by time alone; <0: it does not.
int64_t available_in_us(Pod pod, int32_t min_ready_seconds, int64_t now_us);
// The soonest of all.
int64_t next_available_us(std::span<const schema::ObjectRef> pods, int32_t min_ready_seconds, int64_t now_us);

bool is_finished(Pod pod);     // Succeeded or Failed
bool is_active(Pod pod);       // neither finished nor being deleted
bool is_terminating(Pod pod);  // being deleted, and not finished
inline bool is_deleted(Pod pod) { return pod.metadata().deletion_timestamp().has_value(); }

// The first `count` to be given up come first: unassigned, pending, not ready, cheap to delete, crowded together (`ranks`: how many
// related pods share the pod's node), young, often restarted. Ages count by their logarithm, so that not always the same goes.
void sort_by_deletion(std::vector<std::pair<schema::ObjectRef, int>>& pods_and_ranks, int64_t now_us);
// The same without ranks, costs and logarithms.
void sort_by_activity(Objects& pods);
// Annotation controller.kubernetes.io/pod-deletion-cost; 0 where there is none or a bad one.
int32_t deletion_cost(Pod pod);

}  // namespace sampan::controllers
