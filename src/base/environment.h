// What the deterministic core is handed instead of reaching for it: time, randomness and execution. The server gives real
// ones, the simulator gives virtual ones, and the same code runs on both.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>

namespace sampan {

// Wall time in microseconds since 1970, and a clock that never goes back.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t now_us() = 0;
  virtual int64_t monotonic_us() = 0;
};

// How long ago by the clock that never goes back.
inline double seconds_since(Clock& clock, int64_t monotonic_us) { return static_cast<double>(clock.monotonic_us() - monotonic_us) / 1e6; }

class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t next() = 0;
  uint64_t below(uint64_t limit);  // uniform in [0, limit)
};

// Runs tasks later. cancel() of a timer that has run is harmless.
class Executor {
 public:
  using Timer = uint64_t;
  virtual ~Executor() = default;
  virtual void post(std::function<void()> task) = 0;
  virtual Timer after(int64_t delay_us, std::function<void()> task) = 0;
  virtual void cancel(Timer timer) = 0;
  // One of its threads waits for somebody else, so another one may take its place.
  virtual void wait_begins() {}
  virtual void wait_ends() {}
};

// While it lives, the thread waits. `executor` may be null.
class Waiting {
 public:
  explicit Waiting(Executor* executor) : executor_(executor) {
    if (executor_) executor_->wait_begins();
  }
  ~Waiting() {
    if (executor_) executor_->wait_ends();
  }
  Waiting(const Waiting&) = delete;

 private:
  Executor* const executor_;
};

Clock& real_clock();
Random& secure_random();  // from the kernel; safe for uids and tokens
// `threads` workers and a timer; `more` come when all of them are busy, and go a while after. The destructor runs what was posted, drops what waits for its
// time, and joins.
std::unique_ptr<Executor> make_thread_pool(unsigned threads, unsigned more = 0);

}  // namespace sampan
