// What is worked out of all objects of a resource, such as who wants to be asked about writes: worked out anew by whoever asks first after a change.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>

#include "store/cache.h"

namespace sampan::apiserver {

template <class T>
class Derived {
 public:
  using Make = std::function<T(const store::Snapshot&)>;
  Derived(store::Cache& cache, Make make) : cache_(cache), make_(std::move(make)) {}

  std::shared_ptr<const T> get() {
    if (!behind_.load(std::memory_order_acquire)) {
      std::lock_guard lock(mutex_);
      return value_;
    }
    std::lock_guard lock(mutex_);
    if (behind_.exchange(false)) follow();
    return value_;
  }

 private:
  void follow() {
    if (!stream_ || stream_->error()) {
      stream_ = cache_.snapshot_and_events().second;
      stream_->on_wake([this] { behind_.store(true, std::memory_order_release); });
    }
    while (stream_->next()) {
    }
    if (stream_->error()) behind_ = true;
    value_ = std::make_shared<const T>(make_(cache_.snapshot()));
  }

  store::Cache& cache_;
  const Make make_;
  std::atomic<bool> behind_{true};
  std::mutex mutex_;  // guards the rest
  std::shared_ptr<const T> value_;
  std::unique_ptr<store::EventStream> stream_;
};

}  // namespace sampan::apiserver
