// See usage.h.
#include "kubelet/volumes/usage.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <set>

#include "kubelet/volumes/beneath.h"

namespace sampan::kubelet {

namespace {

constexpr unsigned kDepthMax = 500;  // each level holds a descriptor
constexpr uint64_t kBlock = 512;     // of st_blocks

struct Count {
  uint64_t bytes = 0, inodes = 0;
  std::set<ino_t> linked;  // what has several names counts once
};

void count(const Descriptor& folder, dev_t device, Count& out, unsigned depth) {
  auto names = names_in(folder, "");
  if (!names) return;
  for (auto& name : *names) {
    struct stat info;
    if (::fstatat(folder.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0 || info.st_dev != device) continue;
    if (info.st_nlink > 1 && !S_ISDIR(info.st_mode) && !out.linked.insert(info.st_ino).second) continue;
    out.bytes += static_cast<uint64_t>(info.st_blocks) * kBlock;
    out.inodes++;
    if (!S_ISDIR(info.st_mode) || depth == kDepthMax) continue;
    if (auto inner = open_beneath(folder.get(), name, O_RDONLY | O_DIRECTORY, RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV)) count(inner, device, out, depth + 1);
  }
}

}  // namespace

std::optional<Volumes::Usage> usage_of_file_system(const std::string& path) {
  struct statfs info = {};
  if (::statfs(path.c_str(), &info) != 0) return {};
  auto block = static_cast<uint64_t>(info.f_frsize ? info.f_frsize : info.f_bsize);
  Volumes::Usage out;
  out.used_bytes = (info.f_blocks - info.f_bfree) * block;
  out.capacity_bytes = info.f_blocks * block;
  out.available_bytes = info.f_bavail * block;
  out.inodes = info.f_files;
  out.inodes_free = info.f_ffree;
  out.inodes_used = info.f_files - info.f_ffree;
  return out;
}

std::optional<Volumes::Usage> usage_of_folder(const std::string& path) {
  auto out = usage_of_file_system(path);
  auto folder = open_folder(path);
  struct stat info;
  if (!out || !folder || ::fstat(folder.get(), &info) != 0) return {};
  Count counted{static_cast<uint64_t>(info.st_blocks) * kBlock, 1, {}};
  count(folder, info.st_dev, counted, 0);
  out->used_bytes = counted.bytes;
  out->inodes_used = counted.inodes;
  return out;
}

}  // namespace sampan::kubelet
