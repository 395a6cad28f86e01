// check(condition): an invariant of the program, tested in every build. Never for input: a failed check stops the process.
#pragma once

namespace sampan {
[[noreturn]] void check_failed(const char* expression, const char* file, int line);
}

#define check(condition)                                                        \
  do {                                                                          \
    if (!(condition)) [[unlikely]]                                              \
      ::sampan::check_failed(#condition, __FILE__, __LINE__);                   \
  } while (0)
