// Time that stands still until a test moves it.
#pragma once
#include <deque>
#include <functional>
#include <map>

#include "base/environment.h"

namespace sampan::client {

class ManualTime final : public Clock, public Executor {
 public:
  int64_t now_us() override { return 1'767'225'600'000'000 + now_; }
  int64_t monotonic_us() override { return now_; }
  void post(std::function<void()> task) override { ready_.push_back(std::move(task)); }
  Timer after(int64_t delay_us, std::function<void()> task) override {
    later_.emplace(std::pair(now_ + delay_us, ++last_), std::move(task));
    return last_;
  }
  void cancel(Timer timer) override {
    for (auto it = later_.begin(); it != later_.end(); ++it)
      if (it->first.second == timer) return void(later_.erase(it));
  }
  void run() {
    while (!ready_.empty()) {
      auto task = std::move(ready_.front());
      ready_.pop_front();
      task();
    }
  }
  void advance(int64_t us) {
    int64_t until = now_ + us;
    run();
    while (!later_.empty() && later_.begin()->first.first <= until) {
      now_ = later_.begin()->first.first;
      ready_.push_back(std::move(later_.begin()->second));
      later_.erase(later_.begin());
      run();
    }
    now_ = until;
  }

 private:
  int64_t now_ = 1;
  Timer last_ = 0;
  std::deque<std::function<void()>> ready_;
  std::map<std::pair<int64_t, Timer>, std::function<void()>> later_;
};

}  // namespace sampan::client
