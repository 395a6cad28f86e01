// What many threads read while somebody may put another in its place: each keeps what it has read. GCC 12's std::atomic<std::shared_ptr> is not for that:
// its readers look at the pointer without ordering that before a writer's change of it.
#pragma once
#include <memory>
#include <mutex>
#include <utility>

namespace sampan {

template <class T>
class Replaced {
 public:
  Replaced() = default;
  explicit Replaced(std::shared_ptr<const T> first) : current_(std::move(first)) {}

  std::shared_ptr<const T> get() const {
    std::lock_guard lock(mutex_);
    return current_;
  }
  void replace(std::shared_ptr<const T> next) {
    std::lock_guard lock(mutex_);
    current_.swap(next);  // the old one ends, if it does, outside of the lock
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> current_;
};

}  // namespace sampan
