// See workers.h.
#include "kubelet/workers.h"

#include <chrono>
#include <thread>

namespace sampan::kubelet {

namespace {
constexpr auto kIdleFor = std::chrono::seconds(5);
}

void Workers::post(std::function<void()> task) {
  std::unique_lock lock(mutex_);
  tasks_.push_back(std::move(task));
  if (idle_ >= tasks_.size() || threads_ == threads_max_) {
    work_.notify_one();
    return;
  }
  threads_++;
  lock.unlock();
  std::thread([this] { run(); }).detach();
}

void Workers::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    if (tasks_.empty()) {
      idle_++;
      bool worked = work_.wait_for(lock, kIdleFor, [&] { return !tasks_.empty() || stopping_; });
      idle_--;
      if (!worked || tasks_.empty()) break;
    }
    auto task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    task = nullptr;  // what it holds goes before the lock is taken
    lock.lock();
  }
  threads_--;
  gone_.notify_all();
}

Workers::~Workers() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  work_.notify_all();
  gone_.wait(lock, [&] { return threads_ == 0; });
}

}  // namespace sampan::kubelet
