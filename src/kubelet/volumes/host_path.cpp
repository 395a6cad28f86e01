// See host_path.h.
#include "kubelet/volumes/host_path.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/text.h"
#include "kubelet/volumes/beneath.h"

namespace sampan::kubelet {

namespace {

struct HostPathType {
  std::string_view name;
  mode_t format;
  std::string_view words;
  bool create;
};
constexpr HostPathType kTypes[] = {
    {"Directory", S_IFDIR, "directory", false},   {"DirectoryOrCreate", S_IFDIR, "directory", true},   {"File", S_IFREG, "file", false},
    {"FileOrCreate", S_IFREG, "file", true},      {"Socket", S_IFSOCK, "socket file", false},          {"CharDevice", S_IFCHR, "character device", false},
    {"BlockDevice", S_IFBLK, "block device", false},
};

Result<void> make_all(const std::string& path) {
  for (size_t at = 0; at != std::string::npos;) {
    at = path.find('/', at + 1);
    auto part = path.substr(0, at);
    if (::mkdir(part.c_str(), 0755) != 0 && errno != EEXIST) return fail(failure(system_error("mkdir", part)));
  }
  return {};
}

}  // namespace

Result<void> check_no_steps_back(std::string_view path) {
  for (auto part : split(path, '/'))
    if (part == "..") return fail(failure("must not contain '..'"));
  return {};
}

Result<void> check_host_path(const std::string& path, std::string_view type) {
  if (auto good = check_no_steps_back(path); !good) return fail(failure(concat("invalid HostPath `", path, "`: ", good.error().message())));
  if (type.empty()) return {};
  auto known = std::ranges::find(kTypes, type, &HostPathType::name);
  if (known == std::end(kTypes)) return fail(failure(concat(type, " is an invalid volume type")));
  struct stat info;
  bool there = ::stat(path.c_str(), &info) == 0;
  if (!there && known->create) {
    if (known->format == S_IFDIR) return make_all(path);
    Descriptor made(::open(path.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0644));
    if (!made) return fail(failure(system_error("open", path)));
    return {};
  }
  if (!there || (info.st_mode & S_IFMT) != known->format) return fail(failure(concat("hostPath type check failed: ", path, " is not a ", known->words)));
  return {};
}

}  // namespace sampan::kubelet
