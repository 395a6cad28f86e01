// One line a message, on standard error: klog's shape, so that tools which read Kubernetes logs read ours.
//
//   I0421 12:00:01.123456    4711 server.cpp:42] listening on 127.0.0.1:6443
//
// or, for collectors, one JSON object: {"ts":1777777777123.456,"caller":"server.cpp:42","msg":"listening on 127.0.0.1:6443","v":0}; an error has no "v".
//
// Libraries return errors; only the top level logs. Never log a request body, a token or a secret.
#pragma once
#include "base/text.h"

namespace sampan {

enum class LogLevel : char { Info = 'I', Warning = 'W', Error = 'E' };

enum class LogFormat { Text, Json };

void write_log(LogLevel level, const char* file, int line, std::string_view message);
int log_verbosity();           // -v
void set_log_verbosity(int v);
void set_log_format(LogFormat format);
std::string log_line(LogFormat format, LogLevel level, const char* file, int line, std::string_view message, int64_t now_us);

}  // namespace sampan

#define LOG_INFO(...) ::sampan::write_log(::sampan::LogLevel::Info, __FILE__, __LINE__, ::sampan::concat(__VA_ARGS__))
#define LOG_WARNING(...) ::sampan::write_log(::sampan::LogLevel::Warning, __FILE__, __LINE__, ::sampan::concat(__VA_ARGS__))
#define LOG_ERROR(...) ::sampan::write_log(::sampan::LogLevel::Error, __FILE__, __LINE__, ::sampan::concat(__VA_ARGS__))
#define LOG_V(level, ...)                                              \
  do {                                                                 \
    if (::sampan::log_verbosity() >= (level)) LOG_INFO(__VA_ARGS__);   \
  } while (0)
