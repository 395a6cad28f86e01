// See logs.h.
#include "kubelet/logs.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <memory>

#include "base/log.h"
#include "base/text.h"
#include "base/time_text.h"
#include "kubelet/files.h"

namespace sampan::kubelet {

namespace {

// "20060102-150405", as it sorts.
std::string stamp(int64_t now_us) {
  std::string out;
  for (char c : rfc3339(now_us / 1'000'000).substr(0, 19))
    if (c == 'T')
      out += '-';
    else if (c >= '0' && c <= '9')
      out += c;
  return out;
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> out;
  std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), ::closedir);
  while (open) {
    auto entry = ::readdir(open.get());
    if (!entry) break;
    out.emplace_back(entry->d_name);
  }
  std::ranges::sort(out);
  return out;
}

Result<void> compress(const std::string& path) {
  int from = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (from < 0) return fail(failure(error_text("open", path)));
  auto temporary = concat(path, ".tmp");
  auto to = ::gzopen(temporary.c_str(), "wb");
  char buffer[65536];
  ssize_t got = 0;
  bool fine = to != nullptr;
  while (fine && (got = ::read(from, buffer, sizeof buffer)) > 0) fine = ::gzwrite(to, buffer, static_cast<unsigned>(got)) == got;
  if (to) fine &= ::gzclose(to) == Z_OK;
  ::close(from);
  if (!fine || got < 0 || ::rename(temporary.c_str(), concat(path, ".gz").c_str()) != 0) {
    ::unlink(temporary.c_str());
    return fail(failure(concat("cannot compress ", path)));
  }
  ::unlink(path.c_str());
  return {};
}

}  // namespace

Result<void> rotate_log(Runtime& runtime, const std::string& container_id, const std::string& path, const LogLimits& limits, int64_t now_us) {
  auto slash = path.rfind('/');
  auto folder = path.substr(0, slash), base = path.substr(slash + 1) + ".";
  std::vector<std::string> old;
  for (auto& name : names_in(folder)) {
    if (!name.starts_with(base)) continue;
    if (name.ends_with(".tmp"))
      ::unlink(concat(folder, "/", name).c_str());
    else
      old.push_back(concat(folder, "/", name));
  }
  // The one being written and the one that was just written are kept beside them.
  while (old.size() + 2 > std::max(limits.files_max, 2u)) {
    ::unlink(old.front().c_str());
    old.erase(old.begin());
  }
  for (auto& file : old)
    if (!file.ends_with(".gz")) TRY(compress(file));
  auto rotated = concat(path, ".", stamp(now_us));
  if (::rename(path.c_str(), rotated.c_str()) != 0) return fail(failure(error_text("rename", path)));
  if (auto reopened = runtime.reopen_log(container_id); !reopened) {
    (void)::rename(rotated.c_str(), path.c_str());  // the runtime writes on into the old file
    return reopened;
  }
  return {};
}

void rotate_logs(Runtime& runtime, const std::vector<KnownPod>& pods, const LogLimits& limits, Clock& clock) {
  for (auto& pod : pods)
    for (auto& container : pod.runtime->containers) {
      struct stat info;
      if (container.state != ContainerState::Running || container.log_path.empty() || ::stat(container.log_path.c_str(), &info) != 0) continue;
      if (info.st_size <= limits.bytes_max) continue;
      if (auto rotated = rotate_log(runtime, container.id, container.log_path, limits, clock.now_us()); !rotated)
        LOG_WARNING("the log ", container.log_path, " cannot be rotated: ", rotated.error().message());
    }
}

void remove_dead_links(const std::string& folder) {
  if (folder.empty()) return;
  for (auto& name : names_in(folder)) {
    struct stat info;
    auto path = concat(folder, "/", name);
    if (name.ends_with(".log") && ::stat(path.c_str(), &info) != 0 && errno == ENOENT) ::unlink(path.c_str());
  }
}

}  // namespace sampan::kubelet
