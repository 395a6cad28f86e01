#include "store/memory.h"

#include <gtest/gtest.h>

#include "store/testing.h"

namespace sampan::store {

namespace {

// Runs what is due when it is told to.
class ManualExecutor : public Executor {
 public:
  explicit ManualExecutor(Clock& clock) : clock_(clock) {}
  void post(std::function<void()> task) override { after(0, std::move(task)); }
  Timer after(int64_t delay_us, std::function<void()> task) override {
    timers_[++last_] = {clock_.now_us() + delay_us, std::move(task)};
    return last_;
  }
  void cancel(Timer timer) override { timers_.erase(timer); }
  void run_due() {
    auto due = std::exchange(timers_, {});
    for (auto& [id, timer] : due) {
      if (timer.first <= clock_.now_us())
        timer.second();
      else
        timers_.insert({id, std::move(timer)});
    }
  }
  size_t waiting() const { return timers_.size(); }

 private:
  Clock& clock_;
  Timer last_ = 0;
  std::map<Timer, std::pair<int64_t, std::function<void()>>> timers_;
};

TEST(Memory, KeysExpireByTheTimer) {
  SetClock clock;
  ManualExecutor executor(clock);
  auto store = make_memory_store(clock, {.executor = &executor});
  auto sink = std::make_shared<Recorder>();
  auto watch = *store->watch("a", "z", 2, sink);
  ASSERT_TRUE(store->write({.key = "late", .value = "1", .ttl_seconds = 20}));
  ASSERT_TRUE(store->write({.key = "early", .value = "1", .ttl_seconds = 10}));
  EXPECT_EQ(executor.waiting(), 1u);
  clock.advance_seconds(11);
  executor.run_due();
  EXPECT_EQ(sink->lines(3).back(), "-4 early was 1");
  clock.advance_seconds(11);
  executor.run_due();
  EXPECT_EQ(sink->lines(4).back(), "-5 late was 1");
  EXPECT_EQ(executor.waiting(), 0u);
  ASSERT_TRUE(store->write({.key = "later", .value = "1", .ttl_seconds = 10}));
  store.reset();
  EXPECT_EQ(executor.waiting(), 0u);
}

TEST(Memory, HistoryIsBounded) {
  SetClock clock;
  auto store = make_memory_store(clock, {.history = 10});
  for (int i = 0; i < 30; i++) ASSERT_TRUE(store->write({.key = concat("k", i % 3), .value = concat(i)}));
  EXPECT_EQ(*store->oldest_revision(), 22);
  auto size = *store->size_bytes();
  EXPECT_EQ(store->range({.start = "k0", .revision = 22})->entries[0].value, "18");
  auto gone = store->range({.start = "k0", .revision = 21});
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().reason(), Reason::Expired);
  for (int i = 30; i < 60; i++) ASSERT_TRUE(store->write({.key = concat("k", i % 3), .value = concat(i)}));
  EXPECT_EQ(*store->size_bytes(), size);
}

}  // namespace

}  // namespace sampan::store
