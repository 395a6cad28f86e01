#include "base/log.h"

#include <sys/time.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>

namespace sampan {

namespace {
std::atomic<int> verbosity{0};
}

int log_verbosity() { return verbosity.load(std::memory_order_relaxed); }
void set_log_verbosity(int v) { verbosity.store(v, std::memory_order_relaxed); }

void write_log(LogLevel level, const char* file, int line, std::string_view message) {
  timeval now;
  gettimeofday(&now, nullptr);
  tm parts;
  gmtime_r(&now.tv_sec, &parts);
  const char* base = std::strrchr(file, '/');
  char head[128];
  int size = std::snprintf(head, sizeof head, "%c%02d%02d %02d:%02d:%02d.%06ld %7d %s:%d] ", static_cast<char>(level),
                           parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                           static_cast<long>(now.tv_usec), static_cast<int>(gettid()), base ? base + 1 : file, line);
  std::string text = concat(std::string_view(head, size), message, "\n");
  (void)!::write(STDERR_FILENO, text.data(), text.size());  // nowhere to report a lost log line
}

}  // namespace sampan
