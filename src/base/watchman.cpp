#include "base/watchman.h"

#include <chrono>
#include <utility>

#include "base/held.h"

namespace sampan {

void Watchman::start(int64_t first_us) {
  woken_ |= first_us == 0;
  thread_ = std::thread([this, first_us] { run(first_us); });
}

void Watchman::stop() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Watchman::wake() {
  std::lock_guard lock(mutex_);
  woken_ = true;
  changed_.notify_all();
}

void Watchman::run(int64_t wait_us) {
  std::unique_lock lock(mutex_);
  while (true) {
    auto called = [this] { return woken_ || ending_; };
    if (wait_us == kUntilWoken)
      changed_.wait(lock, called);
    else
      changed_.wait_for(lock, std::chrono::microseconds(std::min(wait_us, kLongestWait_us)), called);
    if (ending_) return;
    bool woken = std::exchange(woken_, false);
    lock.unlock();
    wait_us = look_(woken);
    lock.lock();
  }
}

}  // namespace sampan
