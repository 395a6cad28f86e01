// How wide a request is: seats, and for how long. A seat is the right to run one ordinary request.
#pragma once
#include <algorithm>
#include <cstdint>

namespace sampan::apiserver::fairness {

// Work, and the progress of a set of queues: seats times time, in tenths of a seat-microsecond. It lasts for decades.
using SeatTime = int64_t;
constexpr SeatTime seat_time(int64_t seats, int64_t duration_us) { return seats * duration_us * 10; }

struct Work {
  int initial_seats = 1;            // while it is served
  int final_seats = 0;              // afterwards, for what it has caused: watchers are told of a change
  int64_t additional_latency_us = 0;  // ... for so long; nobody waits for that
  int seats() const { return std::max(initial_seats, final_seats); }
};

// Lists: by how much memory they fill at once.
struct ObjectStats {
  int64_t count = 0, bytes_average = 0;
};
Work list_work(const ObjectStats& stats, int64_t limit, bool names_one, int seats_max);
// Changes: by how many watch.
Work change_work(int64_t watchers, int seats_max);

}  // namespace sampan::apiserver::fairness
