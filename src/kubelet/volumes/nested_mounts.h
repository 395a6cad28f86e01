// Volumes that containers mount inside other volumes.
#pragma once
#include "kubelet/containers.h"
#include "kubelet/failure.h"

namespace sampan::kubelet {

// Makes the folders in `folder`, which is to be mounted read-only as `volume`, on which other volumes of the same container are mounted: the
// runtime could not make them there.
Result<void> make_nested_mount_points(const core_v1::Pod& pod, std::string_view volume, const std::string& folder);

}  // namespace sampan::kubelet
