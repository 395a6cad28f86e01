// How one volume of a pod is made, kind by kind.
#pragma once
#include <expected>

#include "kubelet/volumes/claims.h"
#include "kubelet/volumes/tokens.h"
#include "kubelet/volumes/volumes.h"

namespace sampan::kubelet {

struct SetUpFailure {
  std::string message;
  std::string_view reason = "FailedMount";
  bool unprocessed = false;  // it could not even be found out what is to be mounted; the message is only the reason for that
};
using SetUp = std::expected<MountedVolume, SetUpFailure>;

// MountVolume.SetUp failed for volume "x" : why
SetUpFailure set_up_failure(std::string_view volume, std::string_view why, std::string_view step = "MountVolume.SetUp");

struct SetUpParts {
  Cluster& cluster;
  const VolumesOptions& options;
  const core_v1::Pod& pod;
};

// A volume that outlives pods.
SetUp set_up_claim(const SetUpParts& parts, const core_v1::Volume& volume);
SetUp set_up_nfs(const SetUpParts& parts, std::string_view name, const core_v1::NFSVolumeSource& source, bool read_only, const std::string& options);

// On a device that holds no file system yet one is made. `device_folder` is where the whole node has it mounted.
Result<void> mount_device(const std::string& device, const std::string& device_folder, const std::string& type, bool read_only, const std::string& options);
// Unmounts what mount_device() mounted for volumes that no pod has any more.
void unmount_unused_devices(const Paths& paths);
std::string device_folder(const Paths& paths, std::string_view volume);

}  // namespace sampan::kubelet
