// Threads for streams that block: a bounded number, each made when it is needed. Seats are taken before a client is promised
// anything, so that what was promised can be kept.
#pragma once
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

namespace sampan::net {

class ThreadSet {
 public:
  explicit ThreadSet(unsigned max) : state_(std::make_shared<State>(max)) {}
  ~ThreadSet();  // waits for all: whoever owns what they read from cancels it first
  ThreadSet(const ThreadSet&) = delete;
  ThreadSet& operator=(const ThreadSet&) = delete;

  // The right to run that many threads.
  class Seats {
   public:
    void run(std::function<void()> task);  // once for each seat
    ~Seats();

   private:
    friend class ThreadSet;
    struct Held;
    std::shared_ptr<Held> held_;
  };
  std::shared_ptr<Seats> take(unsigned count);  // null: too many run already
  bool run(std::function<void()> task);         // false: too many run already
  unsigned running() const;

 private:
  struct State {
    explicit State(unsigned max) : max(max) {}
    const unsigned max;
    std::mutex mutex;
    std::condition_variable changed;
    unsigned taken = 0;  // seats
  };
  static void spawn(std::shared_ptr<State> state, std::function<void()> task);
  static void leave(State& state, unsigned count);
  const std::shared_ptr<State> state_;
};

}  // namespace sampan::net
