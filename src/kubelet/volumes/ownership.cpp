// See ownership.h.
#include "kubelet/volumes/ownership.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/text.h"
#include "kubelet/volumes/beneath.h"

namespace sampan::kubelet {

namespace {

constexpr unsigned kDepthMax = 500;  // each level holds a descriptor

mode_t wanted(bool is_folder, Access access) {
  mode_t mode = access == Access::ReadOnly ? 0440 : 0660;
  return is_folder ? mode | S_ISGID | 0110 : mode;
}

// `entry` is open with O_PATH. What cannot be changed stays as it is: a file system may know no owners.
void give(const Descriptor& entry, const struct stat& info, gid_t group, Access access) {
  (void)!::fchownat(entry.get(), "", static_cast<uid_t>(-1), group, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
  if (S_ISLNK(info.st_mode)) return;
  (void)!::chmod(entry.path().c_str(), (info.st_mode & 07777) | wanted(S_ISDIR(info.st_mode), access));
}

Result<void> walk(const Descriptor& entry, const std::string& path, gid_t group, Access access, unsigned depth) {
  struct stat info;
  if (::fstat(entry.get(), &info) != 0) return fail(failure(system_error("lstat", path)));
  if (S_ISDIR(info.st_mode)) {
    if (depth > kDepthMax) return fail(failure(concat("open ", path, ": folders are nested too deeply")));
    auto folder = open_beneath(entry.get(), ".", O_RDONLY | O_DIRECTORY);
    if (!folder) return fail(failure(system_error("open", path)));
    for (auto& name : TRY(names_in(folder, path))) {
      auto inner = open_beneath(folder.get(), name, O_PATH | O_NOFOLLOW, 0);
      if (!inner && errno == ENOENT) continue;  // somebody else uses the volume
      auto inner_path = concat(path, "/", name);
      if (!inner) return fail(failure(system_error("lstat", inner_path)));
      TRY(walk(inner, inner_path, group, access, depth + 1));
    }
  }
  give(entry, info, group, access);
  return {};
}

}  // namespace

Result<void> give_to_group(const std::string& folder, int64_t group, Access access) {
  Descriptor root(::open(folder.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!root) return fail(failure(system_error("lstat", folder)));
  return walk(root, folder, static_cast<gid_t>(group), access, 0);
}

bool belongs_to_group(const std::string& folder, int64_t group, Access access) {
  struct stat info;
  if (::stat(folder.c_str(), &info) != 0 || !S_ISDIR(info.st_mode) || info.st_gid != static_cast<gid_t>(group)) return false;
  auto mode = wanted(true, access);
  return (info.st_mode & mode) == mode;
}

}  // namespace sampan::kubelet
