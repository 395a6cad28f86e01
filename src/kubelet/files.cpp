// See files.h.
#include "kubelet/files.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

namespace sampan::kubelet {

std::string error_text(std::string_view what, const std::string& path) { return concat(what, " ", path, ": ", strerror(errno)); }

Result<std::string> read_file(const std::string& path, size_t bytes_max) {
  int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return fail(Error(errno == ENOENT ? Reason::NotFound : Reason::InternalError, error_text("open", path)));
  std::string content;
  char buffer[16384];
  ssize_t got = 0;
  while (content.size() < bytes_max && (got = ::read(file, buffer, std::min(sizeof buffer, bytes_max - content.size()))) > 0)
    content.append(buffer, static_cast<size_t>(got));
  auto error = got < 0 ? error_text("read", path) : std::string();
  ::close(file);
  if (got < 0) return fail(failure(std::move(error)));
  return content;
}

Result<void> write_file(const std::string& path, std::string_view content, mode_t mode) {
  auto temporary = concat(path, ".new");
  int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
  if (file < 0) return fail(failure(error_text("open", temporary)));
  bool written = ::fchmod(file, mode) == 0;
  while (written && !content.empty()) {
    auto put = ::write(file, content.data(), content.size());
    written = put > 0;
    if (written) content.remove_prefix(static_cast<size_t>(put));
  }
  auto error = written ? std::string() : error_text("write", temporary);
  ::close(file);
  if (written && ::rename(temporary.c_str(), path.c_str()) != 0) error = error_text("rename", temporary);
  if (error.empty()) return {};
  ::unlink(temporary.c_str());
  return fail(failure(std::move(error)));
}

Result<void> make_folders(const std::string& path, mode_t mode) {
  for (size_t at = 1; at != std::string::npos && at < path.size();) {
    at = path.find('/', at + 1);
    auto part = path.substr(0, at);
    if (::mkdir(part.c_str(), mode) != 0 && errno != EEXIST) return fail(failure(error_text("mkdir", part)));
  }
  return {};
}

bool exists(const std::string& path) {
  struct stat info;
  return ::lstat(path.c_str(), &info) == 0;
}

Result<void> remove_tree(const std::string& path) {
  auto remove = [](const char* name, const struct stat*, int, struct FTW*) { return ::remove(name) == 0 || errno == ENOENT ? 0 : errno; };
  // FTW_MOUNT: what is mounted below is somebody's data, never to be deleted here.
  int result = ::nftw(path.c_str(), remove, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
  if (result > 0) {
    errno = result;
    return fail(failure(error_text("remove", path)));
  }
  if (result < 0 && errno != ENOENT) return fail(failure(error_text("remove", path)));
  return {};
}

}  // namespace sampan::kubelet
