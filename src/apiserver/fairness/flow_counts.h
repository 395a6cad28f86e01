// What is counted of the requests of one flow schema in one level. Plain numbers under the level's lock: a request takes that anyway.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>

namespace sampan::apiserver::fairness {

// Observations by upper bounds; the last bucket is for what is beyond them.
template <size_t N>
struct Histogram {
  std::array<uint64_t, N + 1> buckets{};
  uint64_t count = 0;
  double sum = 0;
  void observe(const std::array<double, N>& bounds, double value) {
    size_t at = 0;
    while (at < N && value > bounds[at]) at++;
    buckets[at]++;
    count++;
    sum += value;
  }
};

inline constexpr std::array<double, 13> kDurationBounds = {0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30};
inline constexpr std::array<double, 8> kSeatBounds = {1, 2, 4, 8, 16, 32, 64, 100};
inline constexpr std::array<double, 8> kLengthBounds = {0, 10, 25, 50, 100, 250, 500, 1000};
inline constexpr std::array<double, 6> kWatcherBounds = {0, 1, 10, 100, 1000, 10000};

struct FlowCounts {
  explicit FlowCounts(std::string schema) : schema(std::move(schema)) {}
  const std::string schema;
  uint64_t dispatched = 0, queue_full = 0, no_seats = 0, timed_out = 0, not_accommodated = 0;
  int64_t executing = 0, executing_seats = 0, waiting = 0, waiting_seats = 0;
  Histogram<13> waited_and_ran, waited_in_vain, ran, watch_began;
  Histogram<8> seats;
  Histogram<8> queue_length;
  Histogram<6> watchers;
  bool idle() const { return executing == 0 && executing_seats == 0 && waiting == 0; }
};

}  // namespace sampan::apiserver::fairness
