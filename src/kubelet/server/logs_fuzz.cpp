// Any line as a line of a log.
#include "base/check.h"
#include "kubelet/server/logs.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sampan::kubelet::LogLine line;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (sampan::kubelet::parse_log_line(text, line)) check(line.content.size() <= 3 * size);
  return 0;
}
