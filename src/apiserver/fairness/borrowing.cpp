#include "apiserver/fairness/borrowing.h"

#include <algorithm>
#include <cmath>

namespace sampan::apiserver::fairness {

namespace {

constexpr double kSmoothing = 0.977;   // each ten seconds
constexpr double kTargetMin = 0.001;   // who wants nothing must not be divided by
constexpr double kClose = 0.0000001;

}  // namespace

void Demand::update(const Integrator::Results& lately) {
  highest = lately.highest;
  if (lately.seconds <= 0) return;
  average = lately.average;
  deviation = lately.deviation;
  double envelope = average + deviation;
  smoothed = std::max(envelope, kSmoothing * smoothed + (1 - kSmoothing) * envelope);
}

std::optional<Allocation> allocate(double sum, std::span<const Claim> claims) {
  auto target_of = [](const Claim& claim) { return std::max(claim.target, kTargetMin); };
  auto given = [&](const Claim& claim, double fraction) { return std::clamp(fraction * target_of(claim), claim.lower, claim.upper); };
  auto total = [&](double fraction) {
    double all = 0;
    for (const Claim& claim : claims) all += given(claim, fraction);
    return all;
  };
  double lowest = 0, highest = 0;
  std::vector<double> bends;  // between two of them the total is a straight line
  for (const Claim& claim : claims) {
    if (claim.lower < 0 || claim.upper < claim.lower) return std::nullopt;
    lowest += claim.lower;
    highest += claim.upper;
    bends.push_back(claim.lower / target_of(claim));
    bends.push_back(claim.upper / target_of(claim));
  }
  if (lowest - sum > kClose || sum - highest > kClose) return std::nullopt;
  std::sort(bends.begin(), bends.end());
  double before = bends.empty() ? 0 : bends.front();
  double fraction = before;
  for (double bend : bends) {
    fraction = bend;
    double reached = total(bend);
    if (reached >= sum - kClose) {
      double left = total(before);
      if (reached - left > kClose) fraction = before + (bend - before) * (sum - left) / (reached - left);
      break;
    }
    before = bend;
  }
  Allocation allocation{.fair_fraction = fraction};
  for (const Claim& claim : claims) allocation.seats.push_back(given(claim, fraction));
  return allocation;
}

double adjust(std::span<Share> shares) {
  // Exempt levels take what they used; the others divide the rest.
  int remaining = 0, sum = 0, least = 0, least_now = 0;
  std::vector<Claim> claims;
  auto wanted_at_least = [](const Share& share) {
    int highest = static_cast<int>(share.demand.highest);
    return std::max(share.minimum, share.exempt ? highest : std::min(share.nominal, highest));
  };
  for (const Share& share : shares) sum += share.nominal;
  remaining = sum;
  for (Share& share : shares) {
    int lower = wanted_at_least(share);
    share.target = std::max<double>(lower, share.demand.smoothed);
    if (share.exempt) {
      share.current = lower;
      remaining -= lower;
      continue;
    }
    least += share.minimum;
    least_now += lower;
    claims.push_back({static_cast<double>(lower), static_cast<double>(share.maximum), share.target});
  }
  double fraction = 0;
  std::optional<Allocation> allocation;
  if (remaining > least && remaining > least_now) {
    allocation = allocate(sum, claims);
    if (!allocation) return 0;  // all keep what they have
    fraction = allocation->fair_fraction;
  }
  size_t next = 0;
  for (Share& share : shares) {
    if (share.exempt) continue;
    double above = static_cast<double>(wanted_at_least(share) - share.minimum);
    if (allocation)
      share.current = static_cast<int>(std::lround(allocation->seats[next++]));
    else if (remaining <= least)
      share.current = share.minimum;
    else
      share.current = share.minimum + static_cast<int>(std::lround(above * (remaining - least) / (least_now - least)));
  }
  return fraction;
}

}  // namespace sampan::apiserver::fairness
