// How a long-running command hears that it is to end.
#pragma once
#include <cstdint>

namespace sampan::cmd {

// Before any thread starts, so that only wait_for_signal() gets them.
void block_signals();
// Blocks until the process is told to end. Told again, it ends at once.
void wait_for_signal();
bool pause_unless_signal(int64_t ms);  // false: a signal came; it is kept for wait_for_signal

}  // namespace sampan::cmd
