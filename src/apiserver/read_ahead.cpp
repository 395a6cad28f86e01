#include "apiserver/read_ahead.h"

#include <mutex>

namespace sampan::apiserver {

namespace {

constexpr size_t kPiece = 128 * 1024;
constexpr size_t kAheadMax = 512 * 1024;

// Shared by the answer and the task that makes more of it, whichever lives longer.
class Making : public std::enable_shared_from_this<Making> {
 public:
  using Pull = net::BodySource::Pull;

  Making(std::unique_ptr<net::BodySource> source, Executor& makers) : makers_(makers), source_(std::move(source)) {}

  void start(std::function<void()> waker) {
    std::lock_guard lock(mutex_);
    waker_ = std::move(waker);
    go_on();
  }

  Pull take(std::string& out, size_t want) {
    std::lock_guard lock(mutex_);
    auto size = std::min(want, made_.size() - taken_);
    out.append(made_, taken_, size);
    taken_ += size;
    if (taken_ == made_.size()) {
      made_.clear();
      taken_ = 0;
    }
    if (state_ != Pull::More) return made_.empty() ? state_ : Pull::More;
    go_on();
    return made_.empty() ? Pull::Wait : Pull::More;
  }

  // Nobody reads it any more; no waker is called from here on.
  void abandon() {
    std::lock_guard lock(mutex_);
    waker_ = nullptr;
    if (state_ == Pull::More) state_ = Pull::Abort;
  }

 private:
  // With the mutex held.
  void go_on() {
    if (making_ || state_ != Pull::More || made_.size() - taken_ >= kAheadMax) return;
    making_ = true;
    makers_.post([self = shared_from_this()] { self->make(); });
  }

  void make() {
    std::string piece;
    piece.reserve(kPiece + kPiece / 8);
    auto state = source_->pull(piece, kPiece);  // by this task alone
    std::unique_ptr<net::BodySource> done;
    std::lock_guard lock(mutex_);
    making_ = false;
    if (state_ != Pull::More) return;  // abandoned
    if (made_.empty())
      made_.swap(piece);
    else
      made_.append(piece);
    state_ = state == Pull::Wait ? Pull::Abort : state;
    if (state_ != Pull::More) done = std::move(source_);
    go_on();
    if (waker_) waker_();
  }

  Executor& makers_;
  std::unique_ptr<net::BodySource> source_;
  std::mutex mutex_;  // guards the rest
  std::function<void()> waker_;
  std::string made_;
  size_t taken_ = 0;
  Pull state_ = Pull::More;
  bool making_ = false;
};

class ReadAhead final : public net::BodySource {
 public:
  ReadAhead(std::unique_ptr<net::BodySource> source, Executor& makers) : making_(std::make_shared<Making>(std::move(source), makers)) {}
  ~ReadAhead() override { making_->abandon(); }
  void start(std::function<void()> waker) override { making_->start(std::move(waker)); }
  Pull pull(std::string& out, size_t want) override { return making_->take(out, want); }

 private:
  const std::shared_ptr<Making> making_;
};

}  // namespace

std::unique_ptr<net::BodySource> read_ahead(std::unique_ptr<net::BodySource> source, Executor& makers) {
  return std::make_unique<ReadAhead>(std::move(source), makers);
}

}  // namespace sampan::apiserver
