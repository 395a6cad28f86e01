// Whether the store answers, asked for health checks: never longer than a timeout, and never twice at once.
#pragma once
#include <condition_variable>

#include "base/status.h"
#include "store/store.h"

namespace sampan::cmd {

class StoreProbe {
 public:
  StoreProbe(store::Store& store, int64_t timeout_ns) : store_(store), timeout_(timeout_ns) {}
  ~StoreProbe();
  StoreProbe(const StoreProbe&) = delete;
  StoreProbe& operator=(const StoreProbe&) = delete;

  Result<void> check();  // from any thread

 private:
  store::Store& store_;
  const std::chrono::nanoseconds timeout_;
  std::mutex mutex_;  // guards the rest
  std::condition_variable answered_;
  std::thread asking_;
  bool waiting_ = false;
  uint64_t asked_ = 0;
  Result<void> answer_;
};

}  // namespace sampan::cmd
