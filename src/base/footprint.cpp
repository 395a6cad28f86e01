#include "base/footprint.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

namespace sampan {

namespace {

// The program itself is told of first. What it may write to is its own; the rest is pages of a file: the kernel has them, and maps them again at the next touch.
int give_back_program(dl_phdr_info* program, size_t, void*) {
  auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  for (int i = 0; i < program->dlpi_phnum; i++) {
    const auto& part = program->dlpi_phdr[i];
    if (part.p_type != PT_LOAD || (part.p_flags & PF_W)) continue;
    uintptr_t begin = (program->dlpi_addr + part.p_vaddr + page - 1) & ~(page - 1), end = (program->dlpi_addr + part.p_vaddr + part.p_memsz) & ~(page - 1);
    if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
  return 1;
}

}  // namespace

void leave_startup_behind() {
  ::dl_iterate_phdr(give_back_program, nullptr);
  ::malloc_trim(0);
}

}  // namespace sampan
