#include "apiserver/fairness/work.h"

namespace sampan::apiserver::fairness {

namespace {

// Upstream's figures, of its list and mutating estimators.
constexpr int64_t kBytesPerSeat = 100'000, kListBytesMax = 1'000'000;
constexpr int kListSeatsMax = 100, kChangeSeatsMax = 10;
constexpr int64_t kWatchersPerSeat = 10, kEvent_us = 5'000;

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

int bounded(int seats_max, int most) { return seats_max <= 0 ? most : std::min(seats_max, most); }

}  // namespace

Work list_work(const ObjectStats& stats, int64_t limit, bool names_one, int seats_max) {
  int64_t objects = limit > 0 ? std::min(limit, stats.count) : stats.count;
  if (names_one) objects = 1;
  // All lists are read from memory, and sent as they are made.
  auto bytes = stats.bytes_average > 0 && objects > kListBytesMax / stats.bytes_average ? kListBytesMax : objects * stats.bytes_average;
  auto seats = divide_up(std::min(bytes, kListBytesMax), kBytesPerSeat);
  return {.initial_seats = static_cast<int>(std::clamp<int64_t>(seats, 1, bounded(seats_max, kListSeatsMax)))};
}

Work change_work(int64_t watchers, int seats_max) {
  if (watchers < kWatchersPerSeat) return {};
  auto wide = divide_up(watchers, kWatchersPerSeat);
  // Narrower and longer where it would be too wide: the work stays the same.
  auto seats = std::min<int64_t>(wide, bounded(seats_max, kChangeSeatsMax));
  return {.initial_seats = 1, .final_seats = static_cast<int>(seats), .additional_latency_us = wide * kEvent_us / seats};
}

}  // namespace sampan::apiserver::fairness
