// Small files and folders.
#pragma once
#include <sys/types.h>

#include <string>
#include <string_view>

#include "kubelet/failure.h"

namespace sampan::kubelet {

Result<std::string> read_file(const std::string& path, size_t bytes_max = 16 << 20);
// Whole or not at all: through a file beside it.
Result<void> write_file(const std::string& path, std::string_view content, mode_t mode = 0644);
Result<void> make_folders(const std::string& path, mode_t mode = 0755);  // with all above it
bool exists(const std::string& path);
// Everything below, too; stops at what something else is mounted on. Not an error if it is not there.
Result<void> remove_tree(const std::string& path);
std::string error_text(std::string_view what, const std::string& path);  // of errno

}  // namespace sampan::kubelet
