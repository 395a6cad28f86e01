// What happens in a cluster that may let a pod be placed which could not be before.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "scheduler/pod_info.h"

namespace sampan::scheduler {

enum class EventResource : uint8_t {
  AssignedPod, UnscheduledPod,
  Pod,  // of an interest: either
  Node, PersistentVolume, PersistentVolumeClaim, StorageClass, CsiNode, CsiDriver, CsiStorageCapacity, VolumeAttachment,
  ResourceClaim, ResourceSlice, DeviceClass,
  Any,
};

enum Action : uint32_t {
  kAdd = 1, kDelete = 2,
  kNodeAllocatable = 4, kNodeLabel = 8, kNodeTaint = 16, kNodeCondition = 32, kNodeAnnotation = 64,
  kPodLabel = 128, kPodScaleDown = 256, kPodToleration = 512, kPodGatesEliminated = 1024, kPodGeneratedClaim = 2048,
  kUpdate = 4092,  // any of the updates
  kAll = 4095,
};

struct ClusterEvent {
  EventResource resource = EventResource::Any;
  uint32_t action = kAll;
  const schema::Object* before = nullptr;  // null: it is new
  const schema::Object* after = nullptr;   // null: it is gone
  std::string_view custom_label = {};
  std::string label() const;  // as metrics call it: "NodeAdd"
  bool is_wildcard() const { return resource == EventResource::Any; }
};

// What a plug-in wants to hear of when it has refused a pod.
struct Interest {
  EventResource resource;
  uint32_t actions;
  bool matches(const ClusterEvent& event) const;
};

// What of it concerns scheduling. A change of a pod always gives at least one action, one of a node none where nothing matters.
std::vector<uint32_t> pod_changes(const schema::Object& before, const schema::Object& after);
std::vector<uint32_t> node_changes(const schema::Object& before, const schema::Object& after);

}  // namespace sampan::scheduler
