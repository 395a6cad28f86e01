#include "simulate/virtual_time.h"

namespace sampan::simulate {

// splitmix64: small, and good enough to shuffle with.
uint64_t SeededRandom::next() {
  uint64_t z = state_ += 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

void VirtualTime::post(std::function<void()> task) { ready_.push_back(std::move(task)); }

Executor::Timer VirtualTime::after(int64_t delay_us, std::function<void()> task) {
  Timer timer = ++last_;
  later_.emplace(std::pair(elapsed_us_ + std::max<int64_t>(delay_us, 0), timer), std::move(task));
  return timer;
}

void VirtualTime::cancel(Timer timer) {
  for (auto it = later_.begin(); it != later_.end(); ++it) {
    if (it->first.second != timer) continue;
    later_.erase(it);
    return;
  }
}

bool VirtualTime::step(int64_t until_us) {
  if (ready_.empty()) {
    if (later_.empty() || later_.begin()->first.first > until_us) return false;
    elapsed_us_ = std::max(elapsed_us_, later_.begin()->first.first);
    ready_.push_back(std::move(later_.begin()->second));
    later_.erase(later_.begin());
  }
  size_t chosen = order_.below(ready_.size());
  auto task = std::move(ready_[chosen]);
  ready_.erase(ready_.begin() + static_cast<ptrdiff_t>(chosen));
  task();
  return true;
}

bool VirtualTime::run_until(const std::function<bool()>& done, int64_t limit_us) {
  int64_t until = elapsed_us_ + limit_us;
  while (!done())
    if (!step(until)) return false;
  return true;
}

void VirtualTime::drop_all() {
  ready_.clear();
  later_.clear();
}

void VirtualTime::run_for(int64_t us) {
  int64_t until = elapsed_us_ + us;
  while (step(until)) {
  }
  elapsed_us_ = until;
}

}  // namespace sampan::simulate
