// Compacts an etcd, as kube-apiserver does and together with it: whoever of all API servers is the first to say so in a key of its own compacts what was there an
// interval ago; the others see that it is done.
#pragma once
#include <condition_variable>
#include <mutex>
#include <thread>

#include "store/store.h"

namespace sampan::store {

class EtcdCompactor {
 public:
  explicit EtcdCompactor(Store& store) : store_(store) {}
  ~EtcdCompactor();
  void start(int64_t interval_ms);

  // What is done once an interval.
  Result<void> step();
  // Nothing before it can be read, as far as is known here.
  Revision compacted() const { return compacted_.load(std::memory_order_relaxed); }

 private:
  void run(int64_t interval_ms);

  Store& store_;
  Revision seen_ = 0;    // of the key
  Revision before_ = 0;  // where the store was an interval ago
  std::atomic<Revision> compacted_ = 0;
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace sampan::store
