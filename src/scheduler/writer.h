// Writes beside the deciding: many at once, those of one pod one after the other, in order. So the disk is never waited for, and the store's group
// commit has many to take together.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "client/work_queue.h"

namespace sampan::scheduler {

class Writer {
 public:
  Writer(Clock& clock, Executor& executor, unsigned at_once);
  void post(std::string_view key, std::function<void()> write);
  bool idle() const { return queue_.idle(); }

 private:
  void work(const std::string& key);
  std::mutex mutex_;
  std::map<std::string, std::deque<std::function<void()>>, std::less<>> waiting_;
  client::WorkQueue queue_;  // last: its work needs the others
};

// Tasks of an object that may be gone by the time they run.
class Scope {
 public:
  Scope();
  ~Scope() { close(); }
  // The task, which does nothing once the scope is closed.
  std::function<void()> guard(std::function<void()> task) const;
  void close();  // waits for what runs

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace sampan::scheduler
