// How many seats each priority level has for now: what one does not need it lends, within its limits, to those that do.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "apiserver/fairness/integrator.h"

namespace sampan::apiserver::fairness {

// What a level wanted lately. The smoothed figure goes up at once and halves in five minutes.
struct Demand {
  double average = 0, deviation = 0, smoothed = 0;
  int64_t highest = 0;
  void update(const Integrator::Results& lately);
};

struct Claim {
  double lower, upper, target;  // 0 <= lower <= target, lower <= upper
};
struct Allocation {
  std::vector<double> seats;
  double fair_fraction = 0;  // of its target that each gets who is not at a limit
};
// Gives out exactly `sum`: each its target times one fraction, or the limit that this would break. Nothing if the limits do not allow that sum.
std::optional<Allocation> allocate(double sum, std::span<const Claim> claims);

struct Share {
  bool exempt = false;
  int nominal = 0, minimum = 0, maximum = 0;
  Demand demand = {};
  int current = 0;    // what it has; adjust() changes it
  double target = 0;  // and this
};
// Divides the seats of all levels anew. Gives the fair fraction.
double adjust(std::span<Share> shares);

}  // namespace sampan::apiserver::fairness
