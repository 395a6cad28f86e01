// Reads the log files that container runtimes write (CRI's format, and Docker's JSON lines): from the end, from a time on, and on as
// they grow, over rotation.
#pragma once
#include <optional>

#include "net/relay.h"

namespace sampan::kubelet {

struct LogOptions {
  std::optional<int64_t> tail_lines, limit_bytes;
  int64_t since_us = 0;  // since 1970
  bool follow = false, timestamps = false;
};

struct LogLine {
  std::string_view timestamp;  // as written
  int64_t time_us = 0;
  bool is_stderr = false;
  std::string content;  // with its line end, unless the line goes on
};
bool parse_log_line(std::string_view line, LogLine& out);

// Wakes whoever waits at the end of a log. Any thread.
class LogBell {
 public:
  LogBell();
  ~LogBell();
  LogBell(const LogBell&) = delete;
  LogBell& operator=(const LogBell&) = delete;
  void container_stopped();  // read what is there, then end
  void nobody_reads();
  bool stopped() const { return stopped_; }
  bool abandoned() const { return abandoned_; }
  int fd() const { return fd_; }

 private:
  void ring();
  const int fd_;
  std::atomic<bool> stopped_ = false, abandoned_ = false;
};

class LogFile {
 public:
  static Result<std::unique_ptr<LogFile>> open(const std::string& path);
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;
  // Until the end, the limit, or (following) until the bell says so. An error leaves the answer incomplete.
  Result<void> copy(const LogOptions& options, LogBell& bell, net::BodySink& sink);

 private:
  LogFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  Result<void> seek_tail(int64_t lines);
  Result<bool> read_line(std::string& line);  // false: the end, with an incomplete line perhaps
  bool write(const LogOptions& options, std::string_view line, net::BodySink& sink);
  bool flush(net::BodySink& sink);
  Result<bool> wait(LogBell& bell);  // false: the directory cannot be watched any more
  Result<void> watch();
  bool reopen();
  Error problem(const char* what, int number) const;

  const std::string path_;
  int fd_, watch_ = -1;
  int64_t offset_ = 0;        // of what input_ begins with
  std::string input_;
  size_t input_at_ = 0;
  std::string output_;
  int64_t remain_ = INT64_MAX;
  bool at_line_start_ = true;
  bool rotated_ = false;      // another file has come under this name
};

}  // namespace sampan::kubelet
