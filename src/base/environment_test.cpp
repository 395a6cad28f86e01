// Executors: who waits holds up nobody, as far as there are threads.
#include "base/environment.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

namespace sampan {
namespace {

// Passes once `wanted` tasks are in it at the same time.
class Meeting {
 public:
  explicit Meeting(int wanted) : wanted_(wanted) {}
  void attend() {
    std::unique_lock lock(mutex_);
    if (++here_ == wanted_) all_here_.notify_all();
    all_here_.wait(lock, [&] { return here_ >= wanted_; });
  }

 private:
  const int wanted_;
  int here_ = 0;
  std::mutex mutex_;
  std::condition_variable all_here_;
};

TEST(ThreadPool, MoreThreadsComeWhenAllAreBusy) {
  Meeting meeting(5);
  auto pool = make_thread_pool(2, 3);
  for (int i = 0; i < 5; i++) pool->post([&] { meeting.attend(); });
  pool.reset();  // waits for all of them
}

TEST(ThreadPool, TimersFindAThreadToo) {
  Meeting meeting(4);
  auto pool = make_thread_pool(1, 2);
  pool->post([&] { meeting.attend(); });
  for (int i = 0; i < 2; i++) pool->after(1000, [&] { meeting.attend(); });
  meeting.attend();  // a timer that is not due yet would be dropped by the destructor
}

// All meet only if who waits is stood in for, whether the others came before or after.
TEST(ThreadPool, WhoWaitsIsStoodInFor) {
  Meeting meeting(3);
  auto pool = make_thread_pool(1);
  for (int i = 0; i < 3; i++)
    pool->post([&, executor = pool.get()] {
      Waiting waiting(executor);
      meeting.attend();
    });
  pool->post([] {});
  pool.reset();
}

TEST(ThreadPool, NoMoreThanAllowed) {
  std::mutex mutex;
  int running = 0, most = 0, done = 0;
  auto pool = make_thread_pool(1, 2);
  for (int i = 0; i < 200; i++)
    pool->post([&] {
      {
        std::lock_guard lock(mutex);
        most = std::max(most, ++running);
      }
      std::lock_guard lock(mutex);
      running--, done++;
    });
  pool.reset();
  EXPECT_EQ(done, 200);
  EXPECT_LE(most, 3);
}

}  // namespace
}  // namespace sampan
