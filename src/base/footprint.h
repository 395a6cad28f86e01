// What a process that stays keeps resident.
#pragma once

namespace sampan {

// Start-up runs through most of the program once: code, tables and blocks of the heap that are not needed again stay resident until memory is scarce.
// This gives them back; whatever is still in use comes back by itself, in microseconds.
void leave_startup_behind();

}  // namespace sampan
