#include "scheduler/writer.h"

#include <condition_variable>

namespace sampan::scheduler {

Writer::Writer(Clock& clock, Executor& executor, unsigned at_once)
    : queue_(clock, executor, [this](const std::string& key) { work(key); }, {.workers = at_once}) {}

void Writer::post(std::string_view key, std::function<void()> write) {
  {
    std::lock_guard lock(mutex_);
    auto at = waiting_.find(key);
    if (at == waiting_.end()) at = waiting_.emplace(std::string(key), std::deque<std::function<void()>>()).first;
    at->second.push_back(std::move(write));
  }
  queue_.add(key);
}

void Writer::work(const std::string& key) {
  while (true) {
    std::function<void()> write;
    {
      std::lock_guard lock(mutex_);
      auto at = waiting_.find(key);
      if (at == waiting_.end()) return;
      if (at->second.empty()) {
        waiting_.erase(at);
        return;
      }
      write = std::move(at->second.front());
      at->second.pop_front();
    }
    write();
  }
}

struct Scope::State {
  std::mutex mutex;
  std::condition_variable done;
  bool closed = false;
  unsigned running = 0;
};

Scope::Scope() : state_(std::make_shared<State>()) {}

std::function<void()> Scope::guard(std::function<void()> task) const {
  return [state = state_, task = std::move(task)] {
    {
      std::lock_guard lock(state->mutex);
      if (state->closed) return;
      state->running++;
    }
    task();
    std::lock_guard lock(state->mutex);
    if (--state->running == 0) state->done.notify_all();
  };
}

void Scope::close() {
  std::unique_lock lock(state_->mutex);
  state_->closed = true;
  state_->done.wait(lock, [&] { return state_->running == 0; });
}

}  // namespace sampan::scheduler
