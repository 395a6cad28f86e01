// Wakes the one thread that waits for it, once. std::atomic::wait yields the processor some times before it sleeps, which costs more than the sleep
// where a hundred threads wait for one disk.
#pragma once
#include <atomic>

namespace sampan {

class Doorbell {
 public:
  void wait();
  // The waiter may be gone, and the bell with it, before this returns.
  void ring();

 private:
  std::atomic<int> rung_ = 0;
};

}  // namespace sampan
