// Threads that take the processor that others leave.
#pragma once
#include <sys/resource.h>

#include <memory>

#include "base/environment.h"

namespace sampan::apiserver {

// That one long list takes a little longer hurts less than a hundred short answers that come late.
class StandingBack final : public Executor {
 public:
  explicit StandingBack(unsigned threads) : threads_(make_thread_pool(threads)) {}

  void post(std::function<void()> task) override {
    threads_->post([task = std::move(task)] {
      stand_back();
      task();
    });
  }
  Timer after(int64_t delay_us, std::function<void()> task) override { return threads_->after(delay_us, std::move(task)); }
  void cancel(Timer timer) override { threads_->cancel(timer); }

 private:
  static void stand_back() {
    constexpr int kNice = 10;
    thread_local bool done = false;
    if (!std::exchange(done, true)) (void)setpriority(PRIO_PROCESS, 0, kNice);  // Linux: of this thread. Where it is not allowed it is only not as good.
  }

  std::unique_ptr<Executor> threads_;
};

}  // namespace sampan::apiserver
