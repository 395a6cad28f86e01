#include "apiserver/read_ahead.h"

#include <deque>
#include <mutex>

namespace sampan::apiserver {

namespace {

constexpr size_t kPieceBytes = 128 * 1024;
constexpr size_t kPiecesMax = 4;

// Shared by the answer and the task that makes more of it, whichever lives longer. Pieces are passed back and forth and keep their memory: fresh
// memory for each would cost more than what is written into it.
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
    auto end = out.size() + want;
    while (out.size() < end) {
      if (taken_ == current_.size()) {
        std::lock_guard lock(mutex_);
        bool is_over = state_ != Pull::More;
        if (made_.empty() && is_over) return state_;
        turn();
        waits_ = current_.empty();
        if (waits_) return Pull::Wait;
      }
      auto size = std::min(end - out.size(), current_.size() - taken_);
      out.append(current_, taken_, size);
      taken_ += size;
    }
    return Pull::More;
  }

  // Nobody reads it any more; no waker is called from here on.
  void abandon() {
    std::lock_guard lock(mutex_);
    waker_ = nullptr;
    if (state_ == Pull::More) state_ = Pull::Abort;
  }

 private:
  // With the mutex held, both.
  void turn() {
    current_.clear();
    taken_ = 0;
    if (!made_.empty()) {
      std::swap(current_, made_.front());
      spare_.push_back(std::move(made_.front()));
      made_.pop_front();
    }
    go_on();
  }
  void go_on() {
    if (making_ || state_ != Pull::More || made_.size() >= kPiecesMax) return;
    making_ = true;
    makers_.post([self = shared_from_this()] { self->make(); });
  }

  // Some pieces, then it is another answer's turn.
  void make() {
    std::unique_ptr<net::BodySource> done;
    std::unique_lock lock(mutex_);
    for (size_t i = 0; i < kPiecesMax && state_ == Pull::More && made_.size() < kPiecesMax; i++) {
      std::string piece;
      if (!spare_.empty()) {
        piece = std::move(spare_.back());
        spare_.pop_back();
      }
      lock.unlock();
      piece.reserve(kPieceBytes + kPieceBytes / 8);
      auto state = source_->pull(piece, kPieceBytes);  // by this task alone
      lock.lock();
      if (state_ != Pull::More) break;  // abandoned
      made_.push_back(std::move(piece));
      state_ = state == Pull::Wait ? Pull::Abort : state;
      if (std::exchange(waits_, false) && waker_) waker_();
    }
    making_ = false;
    if (state_ != Pull::More) done = std::move(source_);
    go_on();
  }

  Executor& makers_;
  std::unique_ptr<net::BodySource> source_;
  std::string current_;  // the reader's: what it is reading
  size_t taken_ = 0;
  std::mutex mutex_;  // guards the rest
  std::function<void()> waker_;
  std::deque<std::string> made_;
  std::vector<std::string> spare_;
  Pull state_ = Pull::More;
  bool making_ = false, waits_ = true;  // waits_: the reader, for a piece
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
