#include "images/tasks.h"

#include <condition_variable>
#include <deque>

namespace sampan::images {

size_t Tasks::add(std::function<Result<void>()> work, std::vector<size_t> after) {
  auto number = tasks_.size();
  for (size_t one : after) tasks_[one].then.push_back(number);
  tasks_.push_back({std::move(work), after.size(), {}});
  return number;
}

Result<void> Tasks::run(unsigned threads) {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<size_t> ready;
  size_t left = tasks_.size();
  std::optional<Error> first_error;
  for (size_t i = 0; i < tasks_.size(); i++)
    if (tasks_[i].waits_for == 0) ready.push_back(i);
  auto work = [&] {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [&] { return !ready.empty() || left == 0 || first_error; });
      if (left == 0 || first_error) return;
      auto& task = tasks_[ready.front()];
      ready.pop_front();
      lock.unlock();
      auto result = task.work();
      lock.lock();
      left--;
      if (!result && !first_error) first_error = std::move(result).error();
      for (size_t next : task.then)
        if (--tasks_[next].waits_for == 0) ready.push_back(next);
      changed.notify_all();
    }
  };
  std::vector<std::thread> others;
  for (unsigned i = 1; i < std::min<size_t>(threads, tasks_.size()); i++) others.emplace_back(work);
  work();
  for (auto& thread : others) thread.join();
  if (first_error) return fail(std::move(*first_error));
  return {};
}

}  // namespace sampan::images
