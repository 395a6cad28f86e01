// Volumes that the cluster's own provisioner has made: folders of this node, one for each volume, below one folder.
#pragma once
#include "kubelet/containers.h"
#include "kubelet/paths.h"

namespace sampan::kubelet {

// Names shared with the provisioner, which is a controller: an annotation of persistent volumes with its name, and one of nodes with the names
// of the volumes, separated by commas, whose folders are to go.
inline constexpr std::string_view kProvisionedBy = "pv.kubernetes.io/provisioned-by", kLocalPathProvisioner = "sampan.io/local-path";
inline constexpr std::string_view kLocalPathReclaim = "sampan.io/local-path-reclaim";

// The folder of such a volume, when a pod of this node uses it. Where it is gets written down, so that it can be removed when the volume's object is
// gone: ROOT/plugins/sampan.io~local-path/NAME. Does nothing for others.
Result<void> make_local_volume(const Paths& paths, const core_v1::PersistentVolume& volume);

// Removes the folders of the volumes named in the node's annotation kLocalPathReclaim. Gives what the annotation is to say now: those that could not
// be removed yet, because a pod still has them mounted; "" where nothing is left to do.
std::string reclaim_local_volumes(const Paths& paths, std::string_view names);

}  // namespace sampan::kubelet
