#include "kubelet/server/logs.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/encoding.h"
#include "base/log.h"
#include "base/text.h"
#include "kubelet/failure.h"
#include "net/address.h"
#include "schema/json.h"

namespace sampan::kubelet {

namespace {

constexpr size_t kReadBytes = 32 * 1024;
constexpr size_t kOutputBytes = 32 * 1024;
constexpr size_t kLineBytesMax = 4 * 1024 * 1024;  // of a log file; runtimes cut lines at 16 KB

bool parse_cri(std::string_view line, LogLine& out) {
  auto word = [&](std::string_view& part) {
    auto space = line.find(' ');
    if (space == std::string_view::npos) return false;
    part = line.substr(0, space);
    line.remove_prefix(space + 1);
    return true;
  };
  std::string_view stream, tags;
  if (!word(out.timestamp) || !parse_time(out.timestamp, out.time_us) || !word(stream) || !word(tags)) return false;
  if (stream != "stdout" && stream != "stderr") return false;
  out.is_stderr = stream == "stderr";
  bool partial = tags.substr(0, tags.find(':')) == "P";
  if (partial && line.ends_with('\n')) line.remove_suffix(1);
  out.content = line;
  return true;
}

bool parse_docker(std::string_view line, LogLine& out) {
  Arena arena;
  auto parsed = schema::parse_json(arena.copy(line), arena);
  if (!parsed || !parsed->is_object()) return false;
  auto time = (*parsed)["time"].as_string();
  if (!parse_time(time, out.time_us)) return false;
  out.timestamp = line.substr(0, 0);
  if (auto at = line.find(time); at != std::string_view::npos) out.timestamp = line.substr(at, time.size());
  out.is_stderr = (*parsed)["stream"].as_string() == "stderr";
  out.content = (*parsed)["log"].as_string();
  return true;
}

// With nine digits of a second, however many were written.
void append_timestamp(std::string& out, std::string_view timestamp) {
  constexpr size_t kSecondsEnd = 19, kDigits = 9;
  size_t at = std::min(kSecondsEnd, timestamp.size());
  out += timestamp.substr(0, at);
  out += '.';
  size_t digits = 0;
  if (at < timestamp.size() && timestamp[at] == '.')
    for (at++; at < timestamp.size() && timestamp[at] >= '0' && timestamp[at] <= '9'; at++)
      if (digits < kDigits) out += timestamp[at], digits++;
  out.append(kDigits - digits, '0');
  out += timestamp.substr(at);
}

}  // namespace

bool parse_log_line(std::string_view line, LogLine& out) { return parse_cri(line, out) || parse_docker(line, out); }

LogBell::LogBell() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { check(fd_ >= 0); }
LogBell::~LogBell() { close(fd_); }
void LogBell::ring() {
  uint64_t one = 1;
  (void)!::write(fd_, &one, sizeof one);  // full: it rings already
}
void LogBell::container_stopped() {
  stopped_ = true;
  ring();
}
void LogBell::nobody_reads() {
  abandoned_ = true;
  ring();
}

Result<std::unique_ptr<LogFile>> LogFile::open(const std::string& path) {
  std::unique_ptr<char, decltype(&free)> real(realpath(path.c_str(), nullptr), free);
  if (!real) return fail(failure(concat("failed to try resolving symlinks in path ", quoted(path), ": lstat ", path, ": ", net::error_words(errno))));
  int fd = ::open(real.get(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(failure(concat("failed to open log file ", quoted(real.get()), ": open ", real.get(), ": ", net::error_words(errno))));
  return std::unique_ptr<LogFile>(new LogFile(real.get(), fd));
}

LogFile::~LogFile() {
  close(fd_);
  if (watch_ >= 0) close(watch_);
}

Error LogFile::problem(const char* what, int number) const {
  return failure(concat("failed to ", what, " log file ", quoted(path_), ": ", net::error_words(number)));
}

// Goes back from the end until so many lines lie ahead.
Result<void> LogFile::seek_tail(int64_t lines) {
  int64_t end = lseek(fd_, 0, SEEK_END);
  if (end < 0) return fail(problem("seek in", errno));
  offset_ = end;
  if (lines <= 0 || end == 0) return {};
  auto block = std::make_unique_for_overwrite<char[]>(kReadBytes);
  int64_t at = end, found = 0;
  bool last_byte = true;  // a line end there ends the last line; it begins none
  while (at > 0) {
    int64_t size = std::min<int64_t>(at, kReadBytes);
    at -= size;
    if (pread(fd_, block.get(), size, at) != size) return fail(problem("read", errno));
    for (int64_t i = size - 1; i >= 0; i--) {
      bool ends_last = std::exchange(last_byte, false);
      if (block[i] != '\n' || ends_last) continue;
      if (++found == lines) {
        offset_ = at + i + 1;
        return {};
      }
    }
  }
  offset_ = 0;
  return {};
}

Result<bool> LogFile::read_line(std::string& line) {
  while (true) {
    auto end = input_.find('\n', input_at_);
    if (end != std::string::npos) {
      line.assign(input_, input_at_, end + 1 - input_at_);
      input_at_ = end + 1;
      return true;
    }
    offset_ += static_cast<int64_t>(input_at_);
    input_.erase(0, std::exchange(input_at_, 0));
    if (input_.size() > kLineBytesMax) return fail(failure(concat("failed to read log file ", quoted(path_), ": a line is too long")));
    size_t before = input_.size();
    input_.resize(before + kReadBytes);
    auto size = pread(fd_, input_.data() + before, kReadBytes, offset_ + static_cast<int64_t>(before));
    input_.resize(before + std::max<ssize_t>(size, 0));
    if (size < 0 && errno != EINTR) return fail(problem("read", errno));
    if (size == 0) return false;
  }
}

bool LogFile::flush(net::BodySink& sink) {
  bool written = output_.empty() || sink.write(output_);
  output_.clear();
  return written;
}

// False: enough.
bool LogFile::write(const LogOptions& options, std::string_view text, net::BodySink& sink) {
  LogLine line;
  if (!parse_log_line(text, line)) {
    LOG_V(2, "a line of ", path_, " is no log line");
    return true;
  }
  if (line.time_us < options.since_us) return true;
  size_t before = output_.size();
  if (options.timestamps && at_line_start_) {
    append_timestamp(output_, line.timestamp);
    output_ += ' ';
  }
  output_ += line.content;
  at_line_start_ = line.content.empty() || line.content.back() == '\n';
  auto size = static_cast<int64_t>(output_.size() - before);
  if (size > remain_) output_.resize(before + remain_);
  remain_ -= std::min(size, remain_);
  if (output_.size() >= kOutputBytes && !flush(sink)) return false;
  return remain_ > 0;
}

Result<void> LogFile::watch() {
  watch_ = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (watch_ < 0) return fail(failure(concat("failed to create fsnotify watcher: ", net::error_words(errno))));
  auto folder = path_.substr(0, path_.rfind('/'));
  if (inotify_add_watch(watch_, folder.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR) < 0)
    return fail(failure(concat("failed to watch directory ", quoted(folder), ": ", net::error_words(errno))));
  struct stat own, named;  // it may have been rotated before anybody watched
  rotated_ = stat(path_.c_str(), &named) == 0 && fstat(fd_, &own) == 0 && (own.st_ino != named.st_ino || own.st_dev != named.st_dev);
  return {};
}

// Until something happens in the directory, or the bell rings.
Result<bool> LogFile::wait(LogBell& bell) {
  pollfd waiting[] = {{.fd = watch_, .events = POLLIN, .revents = 0}, {.fd = bell.fd(), .events = POLLIN, .revents = 0}};
  int ready = poll(waiting, 2, -1);
  if (ready < 0 && errno != EINTR) return fail(problem("wait for", errno));
  uint64_t rings;
  if (waiting[1].revents) (void)!read(bell.fd(), &rings, sizeof rings);
  alignas(inotify_event) char buffer[4096];
  auto base = std::string_view(path_).substr(path_.rfind('/') + 1);
  for (ssize_t size; (size = read(watch_, buffer, sizeof buffer)) > 0;) {
    for (char* at = buffer; at < buffer + size;) {
      auto event = reinterpret_cast<inotify_event*>(at);
      bool ours = event->len > 0 && base == event->name;
      if (event->mask & IN_Q_OVERFLOW || (ours && event->mask & (IN_CREATE | IN_MOVED_TO))) rotated_ = true;
      if (event->mask & IN_IGNORED) return false;
      at += sizeof(inotify_event) + event->len;
    }
  }
  return true;
}

// The file that has come under the name of ours, which was read to its end. False: there is none, or it is the same.
bool LogFile::reopen() {
  rotated_ = false;
  int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  close(std::exchange(fd_, fd));
  offset_ = 0;
  input_.clear();
  input_at_ = 0;
  return true;
}

Result<void> LogFile::copy(const LogOptions& options, LogBell& bell, net::BodySink& sink) {
  if (options.limit_bytes) remain_ = *options.limit_bytes;
  if (options.tail_lines) TRY(seek_tail(*options.tail_lines));
  bool limited = options.tail_lines && !options.follow;
  int64_t lines_left = limited ? *options.tail_lines : INT64_MAX;
  std::string line;
  bool last_round = !options.follow;
  while (remain_ > 0 && lines_left > 0 && !bell.abandoned()) {
    if (TRY(read_line(line))) {
      lines_left--;
      if (!write(options, line, sink)) break;
      continue;
    }
    if (!flush(sink)) return {};
    if (rotated_ && reopen()) continue;
    if (last_round) {
      if (!options.follow && input_at_ < input_.size()) write(options, std::string_view(input_).substr(input_at_), sink);  // it has no end yet
      break;
    }
    if (watch_ < 0) {
      TRY(watch());
      continue;  // what came meanwhile is read first
    }
    if (bell.stopped())
      last_round = true;  // what it said last is read, and that is all
    else if (!TRY(wait(bell)))
      last_round = true;
  }
  flush(sink);
  return {};
}

}  // namespace sampan::kubelet
