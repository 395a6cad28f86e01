#include "base/watchman.h"

#include <gtest/gtest.h>

#include <atomic>
#include <semaphore>

namespace sampan {
namespace {

TEST(Watchman, LooksAtOnceWhenItSaidAndWhenWoken) {
  std::counting_semaphore<> looked(0);
  std::atomic<int> looks = 0, woken_looks = 0;
  Watchman watchman([&](bool woken) {
    woken_looks += woken;
    bool first = looks++ == 0;
    looked.release();
    return first ? 1000 : Watchman::kUntilWoken;
  });
  watchman.start();
  looked.acquire();  // at once
  looked.acquire();  // a millisecond later
  EXPECT_EQ(woken_looks, 1);
  watchman.wake();
  looked.acquire();
  EXPECT_EQ(woken_looks, 2);
}

TEST(Watchman, ALookInThousandsOfYearsIsNotNow) {
  std::counting_semaphore<> looked(0);
  std::atomic<int> woken_looks = 0, other_looks = 0;
  Watchman watchman([&](bool woken) {
    (woken ? woken_looks : other_looks)++;
    looked.release();
    return int64_t{253'402'300'799} * 1'000'000;  // the year 9999, as users write "never"
  });
  watchman.start();
  for (int i = 1; i <= 20; i++) {
    looked.acquire();
    EXPECT_EQ(woken_looks, i);
    watchman.wake();
  }
  watchman.stop();
  EXPECT_EQ(other_looks, 0);
}

TEST(Watchman, AWakeDuringALookIsNotLost) {
  std::counting_semaphore<> looked(0);
  std::atomic<int> looks = 0;
  Watchman watchman([&](bool) {
    if (looks++ == 0) watchman.wake();
    looked.release();
    return Watchman::kUntilWoken;
  });
  watchman.start();
  looked.acquire();
  looked.acquire();
  EXPECT_EQ(looks, 2);
}

TEST(Watchman, EndsWithoutHavingLooked) {
  std::atomic<int> looks = 0;
  {
    Watchman watchman([&](bool) { return looks++, 0; });
    Watchman never([&](bool) { return looks++, 0; });
    watchman.start(3'600'000'000);
  }
  EXPECT_EQ(looks, 0);
}

}  // namespace
}  // namespace sampan
