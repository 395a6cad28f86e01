// See mount_table.h.
#include "kubelet/volumes/mount_table.h"

#include <sys/mount.h>
#include <sys/statvfs.h>

#include "base/text.h"
#include "kubelet/files.h"
#include "kubelet/volumes/beneath.h"

namespace sampan::kubelet {

namespace {

constexpr size_t kTableBytesMax = 64 << 20;

// Spaces, tabs, line ends and backslashes are written as \040.
std::string unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); i++) {
    auto digit = [&](size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '7' ? text[at] - '0' : -1; };
    if (text[i] == '\\' && digit(i + 1) >= 0 && digit(i + 2) >= 0 && digit(i + 3) >= 0) {
      out += static_cast<char>(digit(i + 1) * 64 + digit(i + 2) * 8 + digit(i + 3));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

std::vector<MountPoint> parse_mount_table(std::string_view text) {
  std::vector<MountPoint> out;
  for (auto line : split(text, '\n')) {
    // 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw
    auto words = split(line, ' ');
    if (words.size() < 7) continue;
    MountPoint point{unescaped(words[4]), std::string(words[2]), unescaped(words[3]), {}};
    for (size_t i = 6; i + 1 < words.size(); i++)
      if (words[i] == "-") {
        point.type = words[i + 1];
        break;
      }
    out.push_back(std::move(point));
  }
  return out;
}

Result<std::vector<MountPoint>> mount_table() { return parse_mount_table(TRY(read_file("/proc/self/mountinfo", kTableBytesMax))); }

bool is_at_or_below(std::string_view path, std::string_view folder) {
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

const MountPoint* find_mount(const std::vector<MountPoint>& table, std::string_view path) {
  for (size_t i = table.size(); i-- > 0;)
    if (table[i].path == path) return &table[i];
  return nullptr;
}

std::string real_path(const std::string& path) {
  std::unique_ptr<char, decltype(&::free)> real(::realpath(path.c_str(), nullptr), ::free);
  return real ? std::string(real.get()) : path;
}

Result<void> mount_file_system(const std::string& source, const std::string& target, const std::string& type, const std::string& options) {
  if (::mount(source.c_str(), target.c_str(), type.c_str(), 0, options.c_str()) == 0) return {};
  return fail(failure(system_error("mount", target)));
}

Result<void> bind_mount(const std::string& source, const std::string& target, bool read_only) {
  if (::mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0) return fail(failure(system_error("mount", target)));
  if (!read_only) return {};
  // A bind mount takes its flags only in a second step, and loses those of the source that are not named again.
  struct statvfs info = {};
  unsigned long flags = MS_BIND | MS_REMOUNT | MS_RDONLY;
  if (::statvfs(target.c_str(), &info) == 0)
    for (auto [has, flag] : {std::pair<unsigned long, unsigned long>{ST_NOSUID, MS_NOSUID}, {ST_NODEV, MS_NODEV}, {ST_NOEXEC, MS_NOEXEC}, {ST_NOATIME, MS_NOATIME}})
      if (info.f_flag & has) flags |= flag;
  if (::mount(nullptr, target.c_str(), nullptr, flags, nullptr) == 0) return {};
  auto error = failure(system_error("remount", target));
  (void)::umount2(target.c_str(), UMOUNT_NOFOLLOW);
  return fail(std::move(error));
}

Result<void> unmount_all(const std::string& folder) {
  auto real = real_path(folder);
  auto table = TRY(mount_table());
  for (size_t i = table.size(); i-- > 0;) {
    if (!is_at_or_below(table[i].path, real)) continue;
    // EINVAL: it went with another one.
    if (::umount2(table[i].path.c_str(), UMOUNT_NOFOLLOW) != 0 && errno != EINVAL && errno != ENOENT)
      return fail(failure(system_error("unmount", table[i].path)));
  }
  return {};
}

}  // namespace sampan::kubelet
