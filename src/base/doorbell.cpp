#include "base/doorbell.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sampan {

static_assert(sizeof(std::atomic<int>) == sizeof(int), "the kernel waits on the number itself");

void Doorbell::wait() {
  while (rung_.load(std::memory_order_acquire) == 0) syscall(SYS_futex, &rung_, FUTEX_WAIT_PRIVATE, 0, nullptr, nullptr, 0);
}

void Doorbell::ring() {
  auto* address = &rung_;
  address->store(1, std::memory_order_release);
  syscall(SYS_futex, address, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

}  // namespace sampan
