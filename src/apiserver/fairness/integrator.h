// The average, deviation and highest value of a number over time.
#pragma once
#include <cstdint>

namespace sampan::apiserver::fairness {

class Integrator {
 public:
  explicit Integrator(int64_t now_us) : since_us_(now_us), last_us_(now_us) {}

  void set(int64_t value, int64_t now_us) {
    integrate(now_us);
    value_ = value;
    if (value > highest_) highest_ = value;
  }

  struct Results {
    double seconds = 0, average = 0, deviation = 0;
    int64_t highest = 0;
  };
  // Since the last reset; the next ones begin now.
  Results reset(int64_t now_us);

 private:
  void integrate(int64_t now_us) {
    auto elapsed = static_cast<double>(now_us - last_us_), value = static_cast<double>(value_);
    sum_ += elapsed * value;
    squares_ += elapsed * value * value;
    last_us_ = now_us;
  }

  int64_t since_us_, last_us_, value_ = 0, highest_ = 0;
  double sum_ = 0, squares_ = 0;
};

}  // namespace sampan::apiserver::fairness
