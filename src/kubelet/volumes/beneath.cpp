// See beneath.h.
#include "kubelet/volumes/beneath.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/text.h"

namespace sampan::kubelet {

namespace {

constexpr int kFolder = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

// Deeper folders are moved to the top before they are emptied, so that a tree of any depth costs few descriptors.
constexpr unsigned kDepthMax = 64;

Result<void> empty(const Descriptor& top, const Descriptor& folder, std::string_view path, unsigned depth, unsigned& moved);

Result<void> remove_one(const Descriptor& top, const Descriptor& folder, const std::string& name, unsigned depth, unsigned& moved) {
  if (::unlinkat(folder.get(), name.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return fail(failure(system_error("unlinkat", name)));
  if (depth >= kDepthMax) {
    do {
      auto shallow = concat("..deep.", moved++);  // who wrote the tree may have taken the name
      if (::renameat2(folder.get(), name.c_str(), top.get(), shallow.c_str(), RENAME_NOREPLACE) == 0) return {};
    } while (errno == EEXIST);
    return fail(failure(system_error("rename", name)));
  }
  auto inner = open_beneath(folder.get(), name, kFolder, RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
  if (!inner) return fail(failure(errno == EXDEV ? concat("unlinkat ", name, ": something is mounted there") : system_error("open", name)));
  TRY(empty(depth == 0 ? inner : top, inner, name, depth + 1, moved));
  if (::unlinkat(folder.get(), name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) return fail(failure(system_error("unlinkat", name)));
  return {};
}

Result<void> empty(const Descriptor& top, const Descriptor& folder, std::string_view path, unsigned depth, unsigned& moved) {
  for (bool again = true; again;) {
    auto before = moved;
    for (auto& name : TRY(names_in(folder, path))) TRY(remove_one(top, folder, name, depth, moved));
    again = top.get() == folder.get() && moved != before;
  }
  return {};
}

}  // namespace

std::string Descriptor::path() const { return concat("/proc/self/fd/", number_); }

std::string system_error(std::string_view call, std::string_view path) {
  std::string reason = ::strerror(errno);
  if (!reason.empty()) reason[0] = static_cast<char>(::tolower(static_cast<unsigned char>(reason[0])));
  return concat(call, " ", path, ": ", reason);
}

Descriptor open_folder(const std::string& path) { return Descriptor(::open(path.c_str(), kFolder)); }

Descriptor open_beneath(int folder, const std::string& path, int flags, uint64_t resolve, mode_t mode) {
  open_how how = {.flags = static_cast<uint64_t>(flags | O_CLOEXEC), .mode = mode, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | resolve};
  // EAGAIN: somebody renamed while the kernel looked.
  for (int tries = 0; tries < 16; tries++) {
    int opened = static_cast<int>(::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how));
    if (opened >= 0 || errno != EAGAIN) return Descriptor(opened);
  }
  return Descriptor();
}

Result<Descriptor> make_folders_beneath(int folder, std::string_view path, mode_t mode) {
  auto at = open_beneath(folder, ".", kFolder);
  if (!at) return fail(failure(system_error("open", path)));
  for (auto part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    auto name = std::string(part);
    bool made = ::mkdirat(at.get(), name.c_str(), mode) == 0;
    if (!made && errno != EEXIST) return fail(failure(system_error("mkdir", path)));
    auto next = open_beneath(at.get(), name, kFolder);
    if (!next) return fail(failure(system_error("open", path)));
    if (made && ::fchmod(next.get(), mode) != 0) return fail(failure(system_error("chmod", path)));  // whatever the umask
    at = std::move(next);
  }
  return at;
}

Result<void> remove_beneath(int folder, const std::string& name) {
  auto parent = open_beneath(folder, ".", kFolder);
  if (!parent) return fail(failure(system_error("open", name)));
  unsigned moved = 0;
  return remove_one(parent, parent, name, 0, moved);
}

Result<void> remove_empty(const std::string& path) {
  if (::rmdir(path.c_str()) == 0 || errno == ENOENT) return {};
  return fail(failure(system_error("remove", path)));
}

Result<std::vector<std::string>> names_in(const Descriptor& folder, std::string_view path) {
  auto own = open_beneath(folder.get(), ".", kFolder);  // with a reading position of its own
  DIR* entries = own ? ::fdopendir(own.get()) : nullptr;
  if (!entries) return fail(failure(system_error("open", path)));
  (void)own.release();
  std::vector<std::string> names;
  while (auto* entry = ::readdir(entries)) {
    std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  (void)::closedir(entries);
  return names;
}

Result<std::vector<std::string>> names_in(const std::string& path) {
  auto folder = open_folder(path);
  if (!folder) return fail(failure(system_error("open", path)));
  return names_in(folder, path);
}

}  // namespace sampan::kubelet
