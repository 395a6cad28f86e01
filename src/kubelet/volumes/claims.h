// From a pod's claim to the volume that it is bound to.
#pragma once
#include "kubelet/cluster.h"
#include "kubelet/containers.h"

namespace sampan::kubelet {

struct BoundClaim {
  schema::ObjectRef claim, volume;
  bool read_only = false;  // as the pod wants it
  core_v1::PersistentVolume view() const { return volume->as<core_v1::PersistentVolume>(); }
};

bool has_claim(const core_v1::Volume& volume);  // of a name, or one made for this pod alone
std::string claim_name(const core_v1::Pod& pod, const core_v1::Volume& volume);
// An error is in upstream's words: error processing PVC default/data: PVC is not bound.
Result<BoundClaim> bound_claim(Cluster& cluster, const core_v1::Pod& pod, const core_v1::Volume& volume);

// Whether the volume can be reached from the node. "no matching NodeSelectorTerms" if not.
Result<void> check_node_affinity(Cluster& cluster, const core_v1::PersistentVolume& volume, std::string_view node);

}  // namespace sampan::kubelet
