// See sub_path.h.
#include "kubelet/sub_path.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.h"
#include "kubelet/files.h"

namespace sampan::kubelet {

namespace {

class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(const File&) = delete;
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const { return descriptor_; }
  explicit operator bool() const { return descriptor_ >= 0; }

 private:
  const int descriptor_;
};

int open_beneath(int folder, const std::string& path) {
  open_how how = {.flags = O_PATH | O_CLOEXEC, .mode = 0, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
  // EAGAIN: somebody renamed while the kernel looked.
  for (int tries = 0; tries < 16; tries++) {
    int opened = static_cast<int>(::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how));
    if (opened >= 0 || errno != EAGAIN) return opened;
  }
  return -1;
}

// Makes the folders that are missing; each step is opened beneath the volume before the next is made in it.
int make_beneath(int volume, std::string_view sub_path, mode_t mode) {
  std::string done;
  for (auto part : split(sub_path, '/')) {
    if (part.empty() || part == ".") continue;
    File parent(open_beneath(volume, done.empty() ? "." : done));
    if (!parent) return -1;
    auto name = std::string(part);
    if (::mkdirat(parent.get(), name.c_str(), mode) == 0) {
      if (::fchmodat(parent.get(), name.c_str(), mode, 0) != 0) return -1;  // whatever the umask
    } else if (errno != EEXIST) {
      return -1;
    }
    append(done, done.empty() ? "" : "/", name);
  }
  return open_beneath(volume, done.empty() ? "." : done);
}

}  // namespace

Result<std::string> hold_sub_path(const std::string& volume, std::string_view sub_path, const std::string& target) {
  File root(::open(volume.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct stat info;
  if (!root || ::fstat(root.get(), &info) != 0) return fail(failure(error_text("open", volume)));
  int opened = open_beneath(root.get(), std::string(sub_path));
  if (opened < 0 && errno == ENOENT) opened = make_beneath(root.get(), sub_path, info.st_mode & 07777);
  File part(opened);
  if (!part || ::fstat(part.get(), &info) != 0) return fail(failure(error_text("open", concat(volume, "/", sub_path))));

  // The last run of the container may have left its mount.
  while (::umount2(target.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
  }
  TRY(make_folders(target.substr(0, target.rfind('/')), 0750));
  if (S_ISDIR(info.st_mode)) {
    if (::mkdir(target.c_str(), 0750) != 0 && errno != EEXIST) return fail(failure(error_text("mkdir", target)));
  } else {
    File made(::open(target.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640));
    if (!made) return fail(failure(error_text("create", target)));
  }
  auto source = concat("/proc/self/fd/", part.get());
  if (::mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0) return fail(failure(error_text("mount", target)));
  return target;
}

}  // namespace sampan::kubelet
