#include "base/footprint.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

// Of the linker: where the program's file is mapped, from the first page of constants to the end of the code.
extern "C" const char __executable_start, etext;

namespace sampan {

void leave_startup_behind() {
  auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  auto begin = reinterpret_cast<uintptr_t>(&__executable_start) & ~(page - 1), end = reinterpret_cast<uintptr_t>(&etext) & ~(page - 1);
  // Clean pages of a file: the kernel has them, and maps them again at the next touch.
  ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  ::malloc_trim(0);
}

}  // namespace sampan
