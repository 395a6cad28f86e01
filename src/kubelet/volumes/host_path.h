// hostPath: a place of the node, and what it must be.
#pragma once
#include <string>
#include <string_view>

#include "kubelet/failure.h"

namespace sampan::kubelet {

// Makes it for the types ...OrCreate. `type` as in the API: "", "Directory", "FileOrCreate", ...
Result<void> check_host_path(const std::string& path, std::string_view type);

Result<void> check_no_steps_back(std::string_view path);  // "must not contain '..'"

}  // namespace sampan::kubelet
