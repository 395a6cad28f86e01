#include "apiserver/long_running.h"

namespace sampan::apiserver {

class LongRunning::Tracked : public net::BodySource {
 public:
  Tracked(std::shared_ptr<LongRunning> all, std::unique_ptr<net::BodySource> source, Series& gauge)
      : all_(std::move(all)), source_(std::move(source)), gauge_(gauge) {
    gauge_.add(1);
  }
  ~Tracked() override {
    {
      std::lock_guard lock(all_->mutex_);
      all_->running_.erase(this);
    }
    gauge_.add(-1);
  }

  void start(std::function<void()> waker) override {
    {
      std::lock_guard lock(all_->mutex_);
      waker_ = waker;
      all_->running_.insert(this);
    }
    source_->start(std::move(waker));
  }
  Pull pull(std::string& out, size_t want) override { return source_->pull(out, want); }

  const std::function<void()>& waker() const { return waker_; }

 private:
  const std::shared_ptr<LongRunning> all_;
  const std::unique_ptr<net::BodySource> source_;
  Series& gauge_;
  std::function<void()> waker_;  // set before it is among the running
};

std::unique_ptr<net::BodySource> LongRunning::track(std::unique_ptr<net::BodySource> source, Series& gauge) {
  return std::make_unique<Tracked>(shared_from_this(), std::move(source), gauge);
}

void LongRunning::wake_all() {
  std::lock_guard lock(mutex_);
  for (Tracked* tracked : running_) tracked->waker()();
}

}  // namespace sampan::apiserver
