// A log file that begins anew when it is full: what was written goes aside under a name with the time in it, is compressed if wanted, and
// taken away when there are too many or they are too old. Names are those of upstream's logs: audit-2026-01-31T12-00-00.000.log.gz.
#pragma once
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/environment.h"
#include "base/status.h"

namespace sampan::apiserver {

struct LogFileLimits {
  int64_t bytes_max = 0;     // of one file; 0: it only grows
  int64_t files_max = 0;     // of old ones; 0: any number
  int64_t age_days_max = 0;  // of old ones; 0: any age
  bool compress = false;
};

class LogFile {
 public:
  // Makes the file, readable by nobody else, and the folders above it.
  static Result<std::unique_ptr<LogFile>> open(std::string path, LogFileLimits limits, Clock& clock);
  ~LogFile();  // waits for what is being compressed
  // The whole text or nothing of it, at the end of the file. From any thread.
  Result<void> write(std::string_view text);

 private:
  LogFile(std::string path, LogFileLimits limits, Clock& clock);
  Result<void> open_file(unsigned mode);
  Result<void> rotate();
  void tidy_when_asked();
  void tidy() const;

  const std::string path_, folder_, stem_, suffix_;  // folder, "audit-", ".log"
  const LogFileLimits limits_;
  Clock& clock_;
  std::mutex mutex_;  // guards the file
  int fd_ = -1;
  int64_t bytes_ = 0;

  std::mutex tidy_mutex_;  // guards what follows
  std::condition_variable asked_;
  bool tidy_asked_ = false, stopping_ = false;
  std::thread tidier_;
};

}  // namespace sampan::apiserver
