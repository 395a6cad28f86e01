// emptyDir: an empty folder of the node's disk, or of memory. Volumes that show objects of the API are made of one, too.
#pragma once
#include "kubelet/containers.h"
#include "kubelet/paths.h"
#include "kubelet/resources.h"

namespace sampan::kubelet {

struct EmptyDir {
  std::string uid;      // of the pod
  std::string plugin;   // whose folder it is in: kubernetes.io/empty-dir
  std::string name;     // of the volume
  std::string_view medium;  // "", "Memory", "HugePages", "HugePages-2Mi"
  int64_t size = 0;     // of memory, in bytes; 0: as the kernel likes
};

// pods/UID/volumes/PLUGIN/NAME, empty and open only to root so far.
Result<std::string> make_volume_folder(const Paths& paths, std::string_view uid, std::string_view plugin, std::string_view name);

// Made once: a file beside the pod's volumes says that it is done, so that what containers changed in it later stays.
Result<std::string> make_empty_dir(const Paths& paths, const core_v1::Pod& pod, const EmptyDir& wish);

// The least of what the node can give, what the pod may use, and `limit`.
int64_t memory_size(const core_v1::Pod& pod, const Quantities& allocatable, std::optional<std::string_view> limit);

}  // namespace sampan::kubelet
