// Arithmetic for numbers that users write: it stops at the ends of its range instead of running over them.
#pragma once
#include <algorithm>
#include <concepts>
#include <cstdint>
#include <limits>

namespace sampan {

template <std::signed_integral Integer>
constexpr Integer add_held(Integer a, Integer b) {
  Integer sum;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b > 0 ? std::numeric_limits<Integer>::max() : std::numeric_limits<Integer>::min();
}

constexpr int64_t multiply_held(int64_t a, int64_t b) {
  int64_t product;
  if (!__builtin_mul_overflow(a, b, &product)) return product;
  return (a < 0) == (b < 0) ? INT64_MAX : INT64_MIN;
}

// A hundred years: what waits in the standard library, which counts nanoseconds, must wait no longer, or it does not wait at all.
inline constexpr int64_t kLongestWait_us = int64_t{100} * 366 * 24 * 3600 * 1'000'000;

// Seconds in microseconds; longer than a hundred years is as long, so that there is room to add it to any time, and to wait for it.
constexpr int64_t microseconds_of(int64_t seconds) {
  constexpr int64_t kLongest = kLongestWait_us / 1'000'000;
  return std::clamp(seconds, -kLongest, kLongest) * 1'000'000;
}

}  // namespace sampan
