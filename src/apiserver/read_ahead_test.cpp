#include "apiserver/read_ahead.h"

#include <gtest/gtest.h>

#include <deque>

namespace sampan::apiserver {
namespace {

class Numbers final : public net::BodySource {
 public:
  Numbers(int count, Pull end, int* pulls, bool* gone) : count_(count), end_(end), pulls_(pulls), gone_(gone) {}
  ~Numbers() override { *gone_ = true; }
  Pull pull(std::string& out, size_t want) override {
    ++*pulls_;
    for (size_t end = out.size() + want; out.size() < end && next_ < count_;) out += std::to_string(next_++) + ",";
    return next_ < count_ ? Pull::More : end_;
  }

 private:
  int next_ = 0;
  const int count_;
  const Pull end_;
  int* const pulls_;
  bool* const gone_;
};

// Runs what is posted when it is told to.
class Later final : public Executor {
 public:
  void post(std::function<void()> task) override { tasks.push_back(std::move(task)); }
  Timer after(int64_t, std::function<void()>) override { return 0; }
  void cancel(Timer) override {}
  void run() {
    while (!tasks.empty()) {
      auto task = std::move(tasks.front());
      tasks.pop_front();
      task();
    }
  }
  std::deque<std::function<void()>> tasks;
};

using Pull = net::BodySource::Pull;

struct Answer {
  explicit Answer(int count, Pull end = Pull::End) : source(read_ahead(std::make_unique<Numbers>(count, end, &pulls, &gone), later)) {
    source->start([this] { woken++; });
  }
  Later later;
  int pulls = 0, woken = 0;
  bool gone = false;
  std::unique_ptr<net::BodySource> source;
};

TEST(ReadAhead, GivesAllInOrder) {
  constexpr int kCount = 300'000;  // 2 MB
  Answer answer(kCount);
  std::string all;
  for (auto state = Pull::More; state != Pull::End;) {
    state = answer.source->pull(all, 64 * 1024);
    ASSERT_NE(state, Pull::Abort);
    if (state == Pull::Wait) {
      ASSERT_FALSE(answer.later.tasks.empty());
      answer.later.run();
    }
  }
  std::string want;
  for (int i = 0; i < kCount; i++) want += std::to_string(i) + ",";
  EXPECT_TRUE(all == want);
  EXPECT_TRUE(answer.gone);
  EXPECT_GT(answer.woken, 0);
}

TEST(ReadAhead, GoesNotFarAhead) {
  Answer answer(10'000'000);
  answer.later.run();
  EXPECT_LT(answer.pulls, 7);  // half a megabyte of it
  auto before = answer.pulls;
  std::string some;
  EXPECT_EQ(answer.source->pull(some, 300'000), Pull::More);
  EXPECT_EQ(some.size(), 300'000u);
  answer.later.run();
  EXPECT_GT(answer.pulls, before);
}

TEST(ReadAhead, IsGivenUp) {
  Answer answer(10'000'000);
  auto woken = answer.woken;
  answer.source = nullptr;
  answer.later.run();  // the task that was under way finds nobody
  EXPECT_EQ(answer.woken, woken);
  EXPECT_TRUE(answer.gone);
  EXPECT_LE(answer.pulls, 1);
}

TEST(ReadAhead, BreaksOffWithItsSource) {
  Answer answer(10, Pull::Abort);
  answer.later.run();
  std::string all;
  auto state = answer.source->pull(all, 1000);
  while (state == Pull::More) state = answer.source->pull(all, 1000);
  EXPECT_EQ(state, Pull::Abort);
  EXPECT_EQ(all, "0,1,2,3,4,5,6,7,8,9,");
}

}  // namespace
}  // namespace sampan::apiserver
