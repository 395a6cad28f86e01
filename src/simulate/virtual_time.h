// Time, randomness and execution for a whole cluster on one thread: nothing waits, the clock jumps to the next task. The order in which tasks that
// are ready at once run is drawn from the seed, so that a seed is a run.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "base/environment.h"

namespace sampan::simulate {

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}
  uint64_t next() override;

 private:
  uint64_t state_;
};

class VirtualTime final : public Clock, public Executor {
 public:
  explicit VirtualTime(uint64_t seed) : order_(seed) {}
  int64_t now_us() override { return kEpochUs + elapsed_us_; }
  int64_t monotonic_us() override { return elapsed_us_; }
  void post(std::function<void()> task) override;
  Timer after(int64_t delay_us, std::function<void()> task) override;
  void cancel(Timer timer) override;

  // Runs tasks until `done` is true; false if `limit_us` of virtual time passed first or nothing was left to do.
  bool run_until(const std::function<bool()>& done, int64_t limit_us);
  void run_for(int64_t us);
  void drop_all();  // what waits is not run

 private:
  static constexpr int64_t kEpochUs = 1'767'225'600'000'000;  // 2026-01-01
  bool step(int64_t until_us);

  SeededRandom order_;
  int64_t elapsed_us_ = 0;
  Timer last_ = 0;
  std::vector<std::function<void()>> ready_;
  std::map<std::pair<int64_t, Timer>, std::function<void()>> later_;
};

}  // namespace sampan::simulate
