// Events as lines of a file or of standard output.
#include <unistd.h>

#include "apiserver/audit/backend.h"
#include "apiserver/audit/log_file.h"
#include "base/text.h"

namespace sampan::apiserver {

namespace {

class Log final : public AuditBackend {
 public:
  // `file` null: standard output.
  Log(std::unique_ptr<LogFile> file, bool legacy, AuditCounts& counts) : file_(std::move(file)), legacy_(legacy), counts_(counts) {}

  bool process(std::span<const AuditEventRef> events) override {
    bool good = true;
    for (const auto& event : events) {
      auto line = legacy_ ? event->legacy() : event->json();
      line += '\n';
      auto written = file_ ? file_->write(line) : print(line);
      if (written) continue;
      counts_.lost("log", written.error().message(), {&event, 1});
      good = false;
    }
    return good;
  }
  // A file's lines go to the kernel's memory; a pipe may be full.
  bool waits() const override { return !file_; }

 private:
  Result<void> print(std::string_view line) {
    std::lock_guard lock(mutex_);  // lines whole, also where a pipe takes them in parts
    while (!line.empty()) {
      auto written = ::write(STDOUT_FILENO, line.data(), line.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return fail(internal_error(concat("write /dev/stdout: ", strerror(errno))));
      line.remove_prefix(static_cast<size_t>(written));
    }
    return {};
  }

  const std::unique_ptr<LogFile> file_;
  const bool legacy_;
  AuditCounts& counts_;
  std::mutex mutex_;
};

}  // namespace

Result<std::unique_ptr<AuditBackend>> audit_log(const AuditLogConfig& config, Clock& clock, AuditCounts& counts) {
  std::unique_ptr<LogFile> file;
  LogFileLimits limits{config.file_bytes_max, config.files_max, config.age_days_max, config.compress};
  if (config.path != "-") file = TRY(LogFile::open(config.path, limits, clock));
  return std::make_unique<Log>(std::move(file), config.legacy, counts);
}

}  // namespace sampan::apiserver
