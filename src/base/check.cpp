#include "base/check.h"

#include <execinfo.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace sampan {

void check_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "sampan: check failed: %s (%s:%d)\n", expression, file, line);
  void* frames[64];
  backtrace_symbols_fd(frames, backtrace(frames, 64), STDERR_FILENO);
  std::abort();
}

}  // namespace sampan
