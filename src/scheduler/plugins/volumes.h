// What the plug-ins about volumes share.
#pragma once
#include "base/text.h"
#include "scheduler/node_match.h"
#include "scheduler/plugins/makers.h"

namespace sampan::scheduler {

inline std::string not_found_claim(std::string_view name) { return concat("persistentvolumeclaim ", quoted(name), " not found"); }

// The storage class of a claim: the old annotation counts before the field. "" if there is none.
inline std::string_view class_of(const core_v1::PersistentVolumeClaim& claim) {
  if (auto old = claim.metadata().annotations().get("volume.beta.kubernetes.io/storage-class")) return *old;
  return claim.spec().storage_class_name().value_or("");
}
inline std::string_view class_of(const core_v1::PersistentVolume& volume) {
  if (auto old = volume.metadata().annotations().get("volume.beta.kubernetes.io/storage-class")) return *old;
  return volume.spec().storage_class_name();
}

// "" if the claim was made for the ephemeral volume of this very pod, else what is wrong.
inline std::string wrong_owner(const PodInfo& pod, const core_v1::PersistentVolumeClaim& claim) {
  for (auto owner : claim.metadata().owner_references())
    if (owner.controller() == true && owner.uid() == pod.uid) return {};
  return concat("PVC ", claim.metadata().namespace_(), "/", claim.metadata().name(), " was not created for pod ", pod.key, " (pod is not owner)");
}

// Does the pod use the claim that the event is about?
inline bool uses_claim_of(const PodInfo& pod, const ClusterEvent& event) {
  auto claim = (event.after ? event.after : event.before)->as<core_v1::PersistentVolumeClaim>();
  auto key = concat(claim.metadata().namespace_(), "/", claim.metadata().name());
  return std::find(pod.claims.begin(), pod.claims.end(), key) != pod.claims.end();
}

inline bool waits_for_first_consumer(const ObjectRef& storage_class) {
  return storage_class && (*storage_class)["volumeBindingMode"].as_string() == "WaitForFirstConsumer";
}

}  // namespace sampan::scheduler
