// How full volumes are.
#pragma once
#include "kubelet/volumes/volumes.h"

namespace sampan::kubelet {

// Of a folder that shares its file system with others: what is in it is counted.
std::optional<Volumes::Usage> usage_of_folder(const std::string& path);
// Of a whole file system.
std::optional<Volumes::Usage> usage_of_file_system(const std::string& path);

}  // namespace sampan::kubelet
