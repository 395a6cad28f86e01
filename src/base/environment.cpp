#include "base/environment.h"

#include <sys/random.h>

#include <condition_variable>
#include <deque>
#include <system_error>

#include "base/check.h"
#include "base/held.h"

namespace sampan {

uint64_t Random::below(uint64_t limit) {
  check(limit > 0);
  // Rejection keeps it uniform: values of the last, incomplete stretch are drawn again.
  uint64_t excess = (UINT64_MAX % limit + 1) % limit;
  uint64_t value;
  do value = next();
  while (excess != 0 && value > UINT64_MAX - excess);
  return value % limit;
}

namespace {

int64_t read_clock(clockid_t id) {
  timespec t;
  clock_gettime(id, &t);
  return t.tv_sec * 1'000'000 + t.tv_nsec / 1000;
}

class RealClock : public Clock {
 public:
  int64_t now_us() override { return read_clock(CLOCK_REALTIME); }
  int64_t monotonic_us() override { return read_clock(CLOCK_MONOTONIC); }
};

class KernelRandom : public Random {
 public:
  uint64_t next() override {
    // A small buffer a thread: one system call for 32 numbers.
    thread_local uint64_t buffer[32];
    thread_local size_t left = 0;
    if (left == 0) {
      check(getrandom(buffer, sizeof buffer, 0) == sizeof buffer);
      left = 32;
    }
    return buffer[--left];
  }
};

class ThreadPool : public Executor {
 public:
  ThreadPool(unsigned threads, unsigned more) : more_max_(more) {
    for (unsigned i = 0; i < threads; i++) workers_.emplace_back([this] { work(true); });
    timer_thread_ = std::thread([this] { run_timers(); });
  }

  ~ThreadPool() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_workers_.notify_all();
    wake_timer_.notify_all();
    timer_thread_.join();
    for (auto& worker : workers_) worker.join();
    std::unique_lock lock(mutex_);
    gone_.wait(lock, [this] { return more_ == 0; });
  }

  void wait_begins() override {
    std::lock_guard lock(mutex_);
    waiting_++;
    if (tasks_.size() > idle_) reinforce();
  }
  void wait_ends() override {
    std::lock_guard lock(mutex_);
    waiting_--;
  }

  void post(std::function<void()> task) override {
    std::lock_guard lock(mutex_);
    post_locked(std::move(task));
  }

  Timer after(int64_t delay_us, std::function<void()> task) override {
    std::lock_guard lock(mutex_);
    Timer id = ++last_timer_;
    auto due = real_clock().monotonic_us() + std::max<int64_t>(delay_us, 0);
    bool first = timers_.empty() || due < timers_.begin()->first.first;
    timers_.emplace(std::pair(due, id), std::move(task));
    due_of_.emplace(id, due);
    if (first) wake_timer_.notify_one();
    return id;
  }

  void cancel(Timer timer) override {
    std::function<void()> dropped;  // destroyed outside the lock: it may own anything
    std::lock_guard lock(mutex_);
    auto found = due_of_.find(timer);
    if (found == due_of_.end()) return;
    auto entry = timers_.find({found->second, timer});
    dropped = std::move(entry->second);
    timers_.erase(entry);
    due_of_.erase(found);
  }

 private:
  static constexpr auto kIdleFor = std::chrono::seconds(5);
  static constexpr unsigned kStandInsMax = 1000;  // for threads that wait; what comes beyond waits, too

  void post_locked(std::function<void()> task) {
    tasks_.push_back(std::move(task));
    if (tasks_.size() <= idle_ || !reinforce()) wake_workers_.notify_one();
  }

  bool reinforce() {
    if (more_ >= more_max_ + std::min(waiting_, kStandInsMax)) return false;
    try {
      std::thread([this] { work(false); }).detach();
    } catch (const std::system_error&) {
      return false;  // the machine has no more threads for us: those that are there will come to it
    }
    more_++;  // it waits for the lock
    return true;
  }

  void work(bool stays) {
    std::unique_lock lock(mutex_);
    while (true) {
      auto has_news = [this] { return stopping_ || !tasks_.empty(); };
      idle_++;
      if (stays)
        wake_workers_.wait(lock, has_news);
      else
        wake_workers_.wait_for(lock, kIdleFor, has_news);
      idle_--;
      if (tasks_.empty()) break;
      auto task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
      task = nullptr;
      lock.lock();
    }
    if (stays) return;
    more_--;
    gone_.notify_all();
  }

  void run_timers() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      if (timers_.empty()) {
        wake_timer_.wait(lock);
        continue;
      }
      auto wait_us = timers_.begin()->first.first - real_clock().monotonic_us();
      if (wait_us > 0) {
        wake_timer_.wait_for(lock, std::chrono::microseconds(std::min(wait_us, kLongestWait_us)));
        continue;
      }
      auto node = timers_.extract(timers_.begin());
      due_of_.erase(node.key().second);
      post_locked(std::move(node.mapped()));
    }
  }

  const unsigned more_max_;
  std::mutex mutex_;  // guards everything below
  std::condition_variable wake_workers_, wake_timer_, gone_;
  size_t idle_ = 0;
  unsigned more_ = 0;
  unsigned waiting_ = 0;  // threads that wait for somebody else
  std::deque<std::function<void()>> tasks_;
  std::map<std::pair<int64_t, Timer>, std::function<void()>> timers_;
  std::unordered_map<Timer, int64_t> due_of_;
  Timer last_timer_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> workers_;
  std::thread timer_thread_;
};

}  // namespace

Clock& real_clock() {
  static RealClock clock;
  return clock;
}

Random& secure_random() {
  static KernelRandom random;
  return random;
}

std::unique_ptr<Executor> make_thread_pool(unsigned threads, unsigned more) { return std::make_unique<ThreadPool>(threads, more); }

}  // namespace sampan
