// Threads for blocking work, made when there is work and gone a while after it: a pod that takes half a minute to stop holds up no other, and an
// idle node keeps none.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

namespace sampan::kubelet {

class Workers {
 public:
  explicit Workers(unsigned threads_max) : threads_max_(threads_max) {}
  ~Workers();  // runs what was posted
  void post(std::function<void()> task);

 private:
  void run();
  const unsigned threads_max_;
  std::mutex mutex_;
  std::condition_variable work_, gone_;
  std::deque<std::function<void()>> tasks_;
  unsigned threads_ = 0, idle_ = 0;
  bool stopping_ = false;
};

}  // namespace sampan::kubelet
