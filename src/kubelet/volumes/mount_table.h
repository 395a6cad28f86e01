// What is mounted on this node, and the few ways in which volumes are mounted and unmounted.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "kubelet/failure.h"

namespace sampan::kubelet {

struct MountPoint {
  std::string path;
  std::string device;  // major:minor of the file system
  std::string root;    // which part of the file system it shows
  std::string type;
};

std::vector<MountPoint> parse_mount_table(std::string_view text);  // of /proc/self/mountinfo, oldest first
Result<std::vector<MountPoint>> mount_table();

bool is_at_or_below(std::string_view path, std::string_view folder);
const MountPoint* find_mount(const std::vector<MountPoint>& table, std::string_view path);  // the one on top; null: none
// With every link on the way followed, as the mount table has it; the path itself if it does not exist.
std::string real_path(const std::string& path);

Result<void> mount_file_system(const std::string& source, const std::string& target, const std::string& type, const std::string& options);
Result<void> bind_mount(const std::string& source, const std::string& target, bool read_only);
// All that is mounted at or below `folder`, innermost first.
Result<void> unmount_all(const std::string& folder);

}  // namespace sampan::kubelet
