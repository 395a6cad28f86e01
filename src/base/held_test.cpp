#include "base/held.h"

#include <gtest/gtest.h>

namespace sampan {
namespace {

TEST(Held, StopsAtTheEnds) {
  EXPECT_EQ(add_held<int64_t>(2, -3), -1);
  EXPECT_EQ(add_held<int64_t>(INT64_MAX, 1), INT64_MAX);
  EXPECT_EQ(add_held<int64_t>(INT64_MIN, -1), INT64_MIN);
  EXPECT_EQ(add_held<int32_t>(INT32_MAX, INT32_MAX), INT32_MAX);
  EXPECT_EQ(add_held<int32_t>(INT32_MIN, -1), INT32_MIN);
  EXPECT_EQ(multiply_held(-3, 4), -12);
  EXPECT_EQ(multiply_held(INT64_MAX, 100), INT64_MAX);
  EXPECT_EQ(multiply_held(INT64_MIN, -1), INT64_MAX);
  EXPECT_EQ(multiply_held(INT64_MAX, -2), INT64_MIN);
}

TEST(Held, SecondsLeaveRoom) {
  constexpr int64_t kEndOf9999_us = 253'402'300'799'000'000;
  EXPECT_EQ(microseconds_of(90), 90'000'000);
  EXPECT_EQ(microseconds_of(INT64_MAX), microseconds_of(int64_t{1} << 40));
  EXPECT_GT(kEndOf9999_us + microseconds_of(INT64_MAX), kEndOf9999_us);
  EXPECT_EQ(microseconds_of(INT64_MIN), -microseconds_of(INT64_MAX));
}

}  // namespace
}  // namespace sampan
