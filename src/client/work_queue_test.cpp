#include "client/work_queue.h"

#include <gtest/gtest.h>

#include "client/testing.h"

namespace sampan::client {
namespace {

struct Fixture : ::testing::Test {
  ManualTime time;
  std::vector<std::string> done;
};

TEST_F(Fixture, AKeyAddedTwiceIsWorkedOnOnce) {
  WorkQueue queue(time, time, [&](const std::string& key) { done.push_back(key); });
  queue.add("a");
  queue.add("b");
  queue.add("a");
  time.run();
  EXPECT_EQ(done, (std::vector<std::string>{"a", "b"}));
  queue.add("a");
  time.run();
  EXPECT_EQ(done.size(), 3u);
}

TEST_F(Fixture, WhatIsAddedWhileItRunsRunsAgain) {
  WorkQueue* self = nullptr;
  WorkQueue queue(time, time, [&](const std::string& key) {
    done.push_back(key);
    if (done.size() < 3) self->add(key), self->add(key);
  });
  self = &queue;
  queue.add("a");
  time.run();
  EXPECT_EQ(done.size(), 3u);
}

TEST_F(Fixture, TheEarliestOfSeveralDelaysWins) {
  WorkQueue queue(time, time, [&](const std::string& key) { done.push_back(key); });
  queue.add_after("a", 5'000'000);
  queue.add_after("a", 1'000'000);
  queue.add_after("a", 9'000'000);
  time.advance(999'999);
  EXPECT_TRUE(done.empty());
  time.advance(1);
  EXPECT_EQ(done.size(), 1u);
  time.advance(20'000'000);
  EXPECT_EQ(done.size(), 1u);
}

TEST_F(Fixture, AnAddOvertakesADelay) {
  WorkQueue queue(time, time, [&](const std::string& key) { done.push_back(key); });
  queue.add_after("a", 5'000'000);
  queue.add("a");
  time.run();
  EXPECT_EQ(done.size(), 1u);
  time.advance(10'000'000);
  EXPECT_EQ(done.size(), 1u);
}

TEST_F(Fixture, FailuresComeLaterAndLaterUntilForgotten) {
  std::vector<int64_t> at;
  WorkQueue* self = nullptr;
  WorkQueue queue(time, time, [&](const std::string& key) {
    at.push_back(time.monotonic_us());
    if (at.size() < 4) self->add_failed(key);
  }, {.backoff_us = 1000});
  self = &queue;
  queue.add("a");
  time.advance(100'000);
  ASSERT_EQ(at.size(), 4u);
  EXPECT_EQ(at[1] - at[0], 1000);
  EXPECT_EQ(at[2] - at[1], 2000);
  EXPECT_EQ(at[3] - at[2], 4000);
  EXPECT_EQ(queue.failures("a"), 3u);
  queue.forget("a");
  EXPECT_EQ(queue.failures("a"), 0u);
}

TEST_F(Fixture, NothingRunsAfterTheEnd) {
  {
    WorkQueue queue(time, time, [&](const std::string& key) { done.push_back(key); });
    queue.add("a");
    queue.add_after("b", 10);
  }
  time.advance(1000);
  EXPECT_TRUE(done.empty());
}

TEST(WorkQueueOnThreads, OneKeyIsNeverWorkedOnTwiceAtOnce) {
  auto pool = make_thread_pool(4);
  std::atomic<int> running{0}, worked{0}, together{0};
  {
    WorkQueue queue(real_clock(), *pool, [&](const std::string&) {
      if (running.fetch_add(1)) together++;
      worked++;
      running.fetch_sub(1);
    }, {.workers = 4});
    for (int i = 0; i < 2000; i++) queue.add("only");
    while (!queue.idle()) std::this_thread::yield();
  }
  EXPECT_EQ(together, 0);
  EXPECT_GT(worked, 0);
}

}  // namespace
}  // namespace sampan::client
