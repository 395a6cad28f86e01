#include "apiserver/fairness/integrator.h"

#include <algorithm>
#include <cmath>

namespace sampan::apiserver::fairness {

Integrator::Results Integrator::reset(int64_t now_us) {
  integrate(now_us);
  Results results{.highest = highest_};
  if (auto elapsed = static_cast<double>(now_us - since_us_); elapsed > 0) {
    results.seconds = elapsed / 1e6;
    results.average = sum_ / elapsed;
    results.deviation = std::sqrt(std::max(0.0, squares_ / elapsed - results.average * results.average));
  }
  since_us_ = now_us;
  sum_ = squares_ = 0;
  highest_ = value_;
  return results;
}

}  // namespace sampan::apiserver::fairness
