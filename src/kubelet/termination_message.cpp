// See termination_message.h.
#include "kubelet/termination_message.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "kubelet/files.h"

namespace sampan::kubelet {

namespace {

constexpr size_t kFileBytesMax = 4096, kLogBytesMax = 2048, kLogLinesMax = 80;
constexpr size_t kTailBytes = 64 << 10;

// The end of a file that the container may have made anything of: never follow a link, never wait.
std::optional<std::string> tail_of(const std::string& path, size_t bytes) {
  int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  struct stat info;
  std::optional<std::string> out;
  if (file >= 0 && ::fstat(file, &info) == 0 && S_ISREG(info.st_mode)) {
    out.emplace(bytes, '\0');
    auto from = std::max<off_t>(info.st_size - static_cast<off_t>(bytes), 0);
    auto got = ::pread(file, out->data(), bytes, from);
    out->resize(got < 0 ? 0 : static_cast<size_t>(got));
  }
  if (file >= 0) ::close(file);
  return out;
}

}  // namespace

std::string end_of_log(const std::string& path) {
  auto text = tail_of(path, kTailBytes);
  if (!text) return {};
  auto lines = split(*text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  std::string out;
  size_t first = lines.size() > kLogLinesMax ? lines.size() - kLogLinesMax : 0;
  for (size_t i = first; i < lines.size(); i++) {
    // 2016-10-06T00:17:09.669794202Z stdout F the line
    auto stamp = lines[i].find(' '), stream = lines[i].find(' ', stamp + 1), tag = lines[i].find(' ', stream + 1);
    if (stamp == std::string_view::npos || stream == std::string_view::npos || tag == std::string_view::npos) continue;
    out += lines[i].substr(tag + 1);
    if (lines[i].substr(stream + 1, tag - stream - 1).starts_with("F")) out += '\n';
  }
  if (out.size() > kLogBytesMax) out.erase(0, out.size() - kLogBytesMax);
  return out;
}

void add_termination_message(Container& container) {
  if (container.state != ContainerState::Exited) return;
  auto path = label(container.annotations, kMessagePathAnnotation);
  bool from_log = label(container.annotations, kMessagePolicyAnnotation) == "FallbackToLogsOnError" && container.exit_code != 0 && container.reason != "ContainerCannotRun";
  std::string message;
  if (!path.empty())
    for (auto& mount : container.mounts)
      if (mount.container_path == path) {
        message = tail_of(mount.host_path, kFileBytesMax).value_or("");
        break;
      }
  if (message.empty() && from_log) message = end_of_log(container.log_path);
  // What the runtime says of a container that could not start is told before what the container says.
  if (!message.empty() && !container.message.empty())
    container.message += ": " + message;
  else if (!message.empty())
    container.message = std::move(message);
}

}  // namespace sampan::kubelet
