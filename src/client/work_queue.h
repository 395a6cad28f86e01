// Keys that want work: each is worked on by one worker at a time, and what is added again meanwhile is worked on once more afterwards. Failures
// come again later and later.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/environment.h"

namespace sampan::client {

struct QueueOptions {
  unsigned workers = 5;             // at once
  int64_t backoff_us = 5'000;       // after the first failure; doubles
  int64_t backoff_max_us = 1'000'000'000;
};

class WorkQueue {
 public:
  using Work = std::function<void(const std::string& key)>;
  WorkQueue(Clock& clock, Executor& executor, Work work, QueueOptions options = {});
  ~WorkQueue();  // waits for work that runs; what waits is dropped

  void add(std::string_view key);
  void add_after(std::string_view key, int64_t delay_us);  // the earliest of several wins
  void add_failed(std::string_view key);                   // after its back-off
  void forget(std::string_view key);                       // it went well: the back-off begins anew
  unsigned failures(std::string_view key) const;
  size_t size() const;  // waiting, not counting those with a delay
  bool idle() const;    // nothing waits (but for its time) or runs

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace sampan::client
