#include "scheduler/cluster_event.h"

#include "base/text.h"

namespace sampan::scheduler {

namespace {

std::string_view name_of(EventResource resource) {
  switch (resource) {
    case EventResource::AssignedPod: return "AssignedPod";
    case EventResource::UnscheduledPod: return "UnschedulablePod";
    case EventResource::Pod: return "Pod";
    case EventResource::Node: return "Node";
    case EventResource::PersistentVolume: return "PersistentVolume";
    case EventResource::PersistentVolumeClaim: return "PersistentVolumeClaim";
    case EventResource::StorageClass: return "storage.k8s.io/StorageClass";
    case EventResource::CsiNode: return "storage.k8s.io/CSINode";
    case EventResource::CsiDriver: return "storage.k8s.io/CSIDriver";
    case EventResource::CsiStorageCapacity: return "storage.k8s.io/CSIStorageCapacity";
    case EventResource::VolumeAttachment: return "storage.k8s.io/VolumeAttachment";
    case EventResource::ResourceClaim: return "resource.k8s.io/ResourceClaim";
    case EventResource::ResourceSlice: return "resource.k8s.io/ResourceSlice";
    case EventResource::DeviceClass: return "resource.k8s.io/DeviceClass";
    case EventResource::Any: return "*";
  }
  return "";
}

std::string_view name_of(uint32_t action) {
  switch (action) {
    case kAdd: return "Add";
    case kDelete: return "Delete";
    case kNodeAllocatable: return "UpdateNodeAllocatable";
    case kNodeLabel: return "UpdateNodeLabel";
    case kNodeTaint: return "UpdateNodeTaint";
    case kNodeCondition: return "UpdateNodeCondition";
    case kNodeAnnotation: return "UpdateNodeAnnotation";
    case kPodLabel: return "UpdatePodLabel";
    case kPodScaleDown: return "UpdatePodScaleDown";
    case kPodToleration: return "UpdatePodToleration";
    case kPodGatesEliminated: return "UpdatePodSchedulingGatesEliminated";
    case kPodGeneratedClaim: return "UpdatePodGeneratedResourceClaim";
    case kAll: return "All";
    default: return "Update";
  }
}

bool scaled_down(const Amounts& before, const Amounts& after) {
  if (before.milli_cpu > after.milli_cpu || before.memory > after.memory || before.ephemeral_storage > after.ephemeral_storage) return true;
  return std::any_of(before.scalars.begin(), before.scalars.end(), [&](auto& entry) { return entry.second > after.scalar(entry.first); });
}

bool same_conditions(const core_v1::NodeStatus& before, const core_v1::NodeStatus& after) {
  if (before.conditions().size() != after.conditions().size()) return false;
  for (auto old : before.conditions()) {
    bool same = false;
    for (auto now : after.conditions()) same |= now.type() == old.type() && now.status() == old.status();
    if (!same) return false;
  }
  return true;
}

}  // namespace

std::string ClusterEvent::label() const {
  return custom_label.empty() ? concat(name_of(resource), name_of(action)) : std::string(custom_label);
}

bool Interest::matches(const ClusterEvent& event) const {
  bool pod = event.resource == EventResource::AssignedPod || event.resource == EventResource::UnscheduledPod;
  bool same = resource == event.resource || (resource == EventResource::Pod && pod);
  return same && (actions & event.action) != 0;
}

std::vector<uint32_t> pod_changes(const schema::Object& before, const schema::Object& after) {
  std::vector<uint32_t> changes;
  auto old = before.as<core_v1::Pod>(), now = after.as<core_v1::Pod>();
  if (!before["metadata"]["labels"].equals(after["metadata"]["labels"])) changes.push_back(kPodLabel);
  if (scaled_down(amounts_of(old).requests, amounts_of(now).requests)) changes.push_back(kPodScaleDown);
  if (!old.spec().scheduling_gates().empty() && now.spec().scheduling_gates().empty()) changes.push_back(kPodGatesEliminated);
  if (old.spec().tolerations().size() != now.spec().tolerations().size()) changes.push_back(kPodToleration);
  if (!before["status"]["resourceClaimStatuses"].equals(after["status"]["resourceClaimStatuses"])) changes.push_back(kPodGeneratedClaim);
  if (changes.empty()) changes.push_back(kUpdate);
  return changes;
}

std::vector<uint32_t> node_changes(const schema::Object& before, const schema::Object& after) {
  std::vector<uint32_t> changes;
  auto old = before.as<core_v1::Node>(), now = after.as<core_v1::Node>();
  if (old.spec().unschedulable() && !now.spec().unschedulable()) changes.push_back(kNodeTaint);
  if (!before["status"]["allocatable"].equals(after["status"]["allocatable"])) changes.push_back(kNodeAllocatable);
  if (!before["metadata"]["labels"].equals(after["metadata"]["labels"])) changes.push_back(kNodeLabel);
  if (!before["spec"]["taints"].equals(after["spec"]["taints"])) changes.push_back(kNodeTaint);
  if (!same_conditions(old.status(), now.status())) changes.push_back(kNodeCondition);
  if (!before["metadata"]["annotations"].equals(after["metadata"]["annotations"])) changes.push_back(kNodeAnnotation);
  return changes;
}

}  // namespace sampan::scheduler
