// One function a plug-in, for the list in plugins.cpp; and what several plug-ins share.
#pragma once
#include <memory>
#include <string>

#include "scheduler/plugin.h"
#include "schema/value.h"

namespace sampan::scheduler {

using MadePlugin = Result<std::unique_ptr<Plugin>>;

MadePlugin make_scheduling_gates(Environment&, schema::Value);
MadePlugin make_priority_sort(Environment&, schema::Value);
MadePlugin make_node_unschedulable(Environment&, schema::Value);
MadePlugin make_node_name(Environment&, schema::Value);
MadePlugin make_taint_toleration(Environment&, schema::Value);
MadePlugin make_node_affinity(Environment&, schema::Value);
MadePlugin make_node_ports(Environment&, schema::Value);
MadePlugin make_node_resources_fit(Environment&, schema::Value);
MadePlugin make_volume_restrictions(Environment&, schema::Value);
MadePlugin make_node_volume_limits(Environment&, schema::Value);
MadePlugin make_volume_binding(Environment&, schema::Value);
MadePlugin make_volume_zone(Environment&, schema::Value);
MadePlugin make_pod_topology_spread(Environment&, schema::Value);
MadePlugin make_inter_pod_affinity(Environment&, schema::Value);
MadePlugin make_dynamic_resources(Environment&, schema::Value);
MadePlugin make_default_preemption(Environment&, schema::Value);
MadePlugin make_node_resources_balanced_allocation(Environment&, schema::Value);
MadePlugin make_image_locality(Environment&, schema::Value);
MadePlugin make_default_binder(Environment&, schema::Value);

// 1 where the node matches the pod's node selector and required affinity. Null: the pod requires nothing.
std::shared_ptr<const NodeColumn> required_nodes(State& state, const PodInfo& pod);
// 1 where the node has a taint (NoSchedule, NoExecute) that the pod does not tolerate.
std::shared_ptr<const NodeColumn> untolerated_nodes(State& state, const PodInfo& pod);
std::string key_of(std::string_view what, const schema::AnyView& view);

// The event's objects, where it is one of pods or nodes.
inline core_v1::Pod pod_before(const ClusterEvent& event) { return event.before ? event.before->as<core_v1::Pod>() : core_v1::Pod(); }
inline core_v1::Pod pod_after(const ClusterEvent& event) { return event.after ? event.after->as<core_v1::Pod>() : core_v1::Pod(); }
inline core_v1::Node node_before(const ClusterEvent& event) { return event.before ? event.before->as<core_v1::Node>() : core_v1::Node(); }
inline core_v1::Node node_after(const ClusterEvent& event) { return event.after ? event.after->as<core_v1::Node>() : core_v1::Node(); }
inline bool is_pod(const ClusterEvent& event) {
  return event.resource == EventResource::AssignedPod || event.resource == EventResource::UnscheduledPod;
}
// Neither placed nor promised a place: takes room from nobody.
inline bool is_nowhere(const core_v1::Pod& pod) { return pod.spec().node_name().empty() && pod.status().nominated_node_name().empty(); }

// An argument of a plug-in as an object of the API, so that it reads like one of a pod. Null for an absent value.
Result<ObjectRef> typed(schema::Value value, const schema::Type& type);

// A line through points (utilization, score), flat before the first and after the last.
struct Shape {
  std::vector<std::pair<int64_t, int64_t>> points;
  static Result<Shape> read(schema::Value shape, std::string_view field);  // scores of 0 to 10 become 0 to kScoreMax
  int64_t at(int64_t utilization) const;
};

// What services and owners of the pod select it by.
schema::LabelSelector default_selector(const Lister& lister, const PodInfo& pod);

}  // namespace sampan::scheduler
