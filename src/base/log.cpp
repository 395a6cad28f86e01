#include "base/log.h"

#include <sys/time.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>

namespace sampan {

namespace {

std::atomic<int> verbosity{0};
std::atomic<LogFormat> log_format{LogFormat::Text};

std::string text_line(LogLevel level, const char* file, int line, std::string_view message, int64_t now_us) {
  time_t seconds = now_us / 1'000'000;
  tm parts;
  gmtime_r(&seconds, &parts);
  char head[128];
  int size = std::snprintf(head, sizeof head, "%c%02d%02d %02d:%02d:%02d.%06d %7d %s:%d] ", static_cast<char>(level), parts.tm_mon + 1, parts.tm_mday,
                           parts.tm_hour, parts.tm_min, parts.tm_sec, static_cast<int>(now_us % 1'000'000), static_cast<int>(gettid()), file, line);
  return concat(std::string_view(head, size), message, "\n");
}

std::string json_line(LogLevel level, const char* file, int line, std::string_view message, int64_t now_us) {
  char head[160];
  int size = std::snprintf(head, sizeof head, "{\"ts\":%lld.%03d,\"caller\":\"%s:%d\",\"msg\":\"", static_cast<long long>(now_us / 1000), static_cast<int>(now_us % 1000), file, line);
  std::string out(head, size);
  for (char c : message) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      out.append(escaped, std::snprintf(escaped, sizeof escaped, "\\u%04x", c));
    } else {
      out += c;
    }
  }
  return out + (level == LogLevel::Error ? "\"}\n" : "\",\"v\":0}\n");
}

}  // namespace

int log_verbosity() { return verbosity.load(std::memory_order_relaxed); }
void set_log_verbosity(int v) { verbosity.store(v, std::memory_order_relaxed); }
void set_log_format(LogFormat format) { log_format.store(format, std::memory_order_relaxed); }

std::string log_line(LogFormat format, LogLevel level, const char* file, int line, std::string_view message, int64_t now_us) {
  const char* slash = std::strrchr(file, '/');
  return (format == LogFormat::Json ? json_line : text_line)(level, slash ? slash + 1 : file, line, message, now_us);
}

void write_log(LogLevel level, const char* file, int line, std::string_view message) {
  timeval now;
  gettimeofday(&now, nullptr);
  auto text = log_line(log_format.load(std::memory_order_relaxed), level, file, line, message, int64_t{now.tv_sec} * 1'000'000 + now.tv_usec);
  (void)!::write(STDERR_FILENO, text.data(), text.size());  // nowhere to report a lost log line
}

}  // namespace sampan
