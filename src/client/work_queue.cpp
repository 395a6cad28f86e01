#include "client/work_queue.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <unordered_map>

namespace sampan::client {

struct WorkQueue::State : std::enable_shared_from_this<State> {
  struct Entry {
    bool waiting = false;   // in `queue`
    bool running = false;
    bool again = false;     // added while it ran
    unsigned failures = 0;
    Executor::Timer timer = 0;
    int64_t due = 0;           // of the timer
    uint64_t timer_number = 0;  // a timer that was replaced may run all the same, and finds here that it is not meant
  };

  State(Clock& c, Executor& e, Work w, QueueOptions o) : clock(c), executor(e), work(std::move(w)), options(o) {}

  Clock& clock;
  Executor& executor;
  const Work work;
  const QueueOptions options;
  mutable std::mutex mutex;
  std::condition_variable quiet;
  std::unordered_map<std::string, Entry> entries;
  std::deque<std::string> queue;
  unsigned posted = 0;   // tasks on the executor, running ones too
  unsigned running = 0;
  uint64_t timers = 0;
  bool closed = false;

  void add(std::string_view key) {
    std::lock_guard lock(mutex);
    add_locked(std::string(key));
  }

  void add_locked(std::string key) {
    if (closed) return;
    Entry& entry = entries[key];
    if (entry.timer) {
      executor.cancel(entry.timer);
      entry.timer = 0;
    }
    if (entry.waiting || entry.again) return;
    if (entry.running) {
      entry.again = true;
      return;
    }
    entry.waiting = true;
    queue.push_back(std::move(key));
    if (posted < options.workers) post();
  }

  void post() {
    posted++;
    executor.post([self = shared_from_this()] { self->work_one(); });
  }

  void work_one() {
    std::string key;
    {
      std::lock_guard lock(mutex);
      if (closed || queue.empty()) {
        posted--;
        return;
      }
      key = std::move(queue.front());
      queue.pop_front();
      Entry& entry = entries[key];
      entry.waiting = false;
      entry.running = true;
      running++;
    }
    work(key);
    std::lock_guard lock(mutex);
    running--;
    posted--;
    auto it = entries.find(key);
    it->second.running = false;
    bool again = std::exchange(it->second.again, false);
    tidy(it);
    if (again) add_locked(key);
    if (!queue.empty() && !closed && posted < options.workers) post();
    if (running == 0) quiet.notify_all();
  }

  void add_after(std::string key, int64_t delay_us) {
    if (delay_us <= 0) return add(key);
    std::lock_guard lock(mutex);
    if (closed) return;
    Entry& entry = entries[key];
    if (entry.waiting) return;
    int64_t due = clock.monotonic_us() + delay_us;
    if (entry.timer) {
      if (entry.due <= due) return;
      executor.cancel(entry.timer);
    }
    entry.due = due;
    entry.timer_number = ++timers;
    entry.timer = executor.after(delay_us, [self = shared_from_this(), key, number = timers] {
      std::lock_guard relock(self->mutex);
      auto it = self->entries.find(key);
      if (it == self->entries.end() || !it->second.timer || it->second.timer_number != number) return;
      it->second.timer = 0;
      self->add_locked(key);
    });
  }

  // Nothing is kept of a key that waits for nothing and has not failed.
  void tidy(std::unordered_map<std::string, Entry>::iterator it) {
    const Entry& entry = it->second;
    if (entry.waiting || entry.running || entry.again || entry.failures || entry.timer) return;
    entries.erase(it);
  }
};

WorkQueue::WorkQueue(Clock& clock, Executor& executor, Work work, QueueOptions options)
    : state_(std::make_shared<State>(clock, executor, std::move(work), options)) {}

WorkQueue::~WorkQueue() {
  std::unique_lock lock(state_->mutex);
  state_->closed = true;
  for (auto& [key, entry] : state_->entries)
    if (entry.timer) state_->executor.cancel(entry.timer);
  state_->quiet.wait(lock, [&] { return state_->running == 0; });
  state_->entries.clear();
}

void WorkQueue::add(std::string_view key) { state_->add(key); }

void WorkQueue::add_after(std::string_view key, int64_t delay_us) { state_->add_after(std::string(key), delay_us); }

void WorkQueue::add_failed(std::string_view key) {
  int64_t delay;
  {
    std::lock_guard lock(state_->mutex);
    unsigned failures = state_->entries[std::string(key)].failures++;
    delay = std::min(state_->options.backoff_max_us, state_->options.backoff_us << std::min(failures, 30u));
  }
  state_->add_after(std::string(key), delay);
}

void WorkQueue::forget(std::string_view key) {
  std::lock_guard lock(state_->mutex);
  auto it = state_->entries.find(std::string(key));
  if (it == state_->entries.end()) return;
  it->second.failures = 0;
  state_->tidy(it);
}

unsigned WorkQueue::failures(std::string_view key) const {
  std::lock_guard lock(state_->mutex);
  auto it = state_->entries.find(std::string(key));
  return it == state_->entries.end() ? 0 : it->second.failures;
}

size_t WorkQueue::size() const {
  std::lock_guard lock(state_->mutex);
  return state_->queue.size();
}

bool WorkQueue::idle() const {
  std::lock_guard lock(state_->mutex);
  return state_->queue.empty() && state_->running == 0;
}

}  // namespace sampan::client
