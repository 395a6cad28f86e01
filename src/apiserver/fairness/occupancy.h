// How full a level is over time: histograms of ratios in which each nanosecond counts once.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace sampan::apiserver::fairness {

template <size_t N>
class TimedRatio {
 public:
  explicit constexpr TimedRatio(const std::array<double, N>& bounds) : bounds_(bounds) {}
  void pass(int64_t us) {
    spent_us_[at_] += us;
    sum_ += ratio_ * static_cast<double>(us);
  }
  void set(double ratio) {
    if (ratio == ratio_) return;
    ratio_ = ratio;
    for (at_ = 0; at_ < N && ratio > bounds_[at_];) at_++;
  }
  const std::array<double, N>& bounds() const { return bounds_; }
  int64_t spent_us(size_t bucket) const { return spent_us_[bucket]; }  // the last one is for what is beyond the bounds
  double sum() const { return sum_; }                                  // of ratios, for each microsecond

 private:
  const std::array<double, N>& bounds_;
  std::array<int64_t, N + 1> spent_us_{};
  double sum_ = 0, ratio_ = 0;
  size_t at_ = 0;
};

inline constexpr std::array<double, 12> kDemandBounds = {0.2, 0.4, 0.6, 0.8, 1, 1.2, 1.4, 1.7, 2, 2.8, 4, 6};
inline constexpr std::array<double, 13> kSeatUseBounds = {0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1};
inline constexpr std::array<double, 10> kRequestBounds = {0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.25, 0.5, 0.75, 1};

class Occupancy {
 public:
  explicit Occupancy(int64_t now_us) : last_us_(now_us) {}

  struct Numbers {
    int seats_wanted = 0, seats = 0, executing = 0, waiting = 0;
  };
  // What the numbers are parts of.
  void measure_by(int seats, int places, int64_t now_us) {
    pass(now_us);
    seats_ = seats;
    places_ = places;
    show();
  }
  void set(const Numbers& numbers, int64_t now_us) {
    pass(now_us);
    numbers_ = numbers;
    show();
  }

  TimedRatio<12> demand{kDemandBounds};          // seats that are wanted
  TimedRatio<13> seat_use{kSeatUseBounds};       // seats that are taken
  TimedRatio<10> executing{kRequestBounds};      // requests, of the seats
  TimedRatio<10> waiting{kRequestBounds};        // requests, of the places in the queues

 private:
  void pass(int64_t now_us) {
    auto elapsed = now_us - last_us_;
    if (elapsed <= 0) return;
    last_us_ = now_us;
    demand.pass(elapsed);
    seat_use.pass(elapsed);
    executing.pass(elapsed);
    waiting.pass(elapsed);
  }
  void show() {
    demand.set(numbers_.seats_wanted / seats_);
    seat_use.set(numbers_.seats / seats_);
    executing.set(numbers_.executing / seats_);
    waiting.set(numbers_.waiting / places_);
  }

  int64_t last_us_;
  Numbers numbers_;
  double seats_ = 1, places_ = 1;
};

}  // namespace sampan::apiserver::fairness
