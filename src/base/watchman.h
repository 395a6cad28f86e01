// A thread that looks after something for as long as it lives: now and then, and when somebody wakes it.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

namespace sampan {

class Watchman {
 public:
  static constexpr int64_t kUntilWoken = INT64_MAX;
  // Gives how long to wait for the next look, in microseconds. `woken`: somebody did, since the look before; the first look counts as that.
  using Look = std::function<int64_t(bool woken)>;

  explicit Watchman(Look look) : look_(std::move(look)) {}
  ~Watchman() { stop(); }  // to be the last member of whoever it looks after
  Watchman(const Watchman&) = delete;
  Watchman& operator=(const Watchman&) = delete;

  void start(int64_t first_us = 0);  // once, when all that the look needs is there
  void wake();                       // from any thread, from its own as well
  void stop();                       // waits for a look that goes on

 private:
  void run(int64_t wait_us);

  const Look look_;
  std::mutex mutex_;  // guards the rest
  std::condition_variable changed_;
  bool woken_ = false, ending_ = false;
  std::thread thread_;
};

}  // namespace sampan
