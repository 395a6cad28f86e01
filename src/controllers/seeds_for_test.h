// For tests that run whole scenarios in virtual time: many seeds, each a different run with its own faults.
#pragma once
#include <gtest/gtest.h>

#include <functional>

#include "simulate/seeds.h"
#include "simulate/world.h"

namespace sampan::controllers {

inline constexpr simulate::Faults kFaults{.conflicts = 50, .timeouts = 20, .dropped_watches = 20};

// Stops at the first seed that fails, and says which.
inline void for_seeds(const std::function<void(simulate::World&)>& scenario, uint64_t count = 100) {
  for (uint64_t seed : simulate::seeds(count)) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    simulate::World world(seed, kFaults);
    scenario(world);
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace sampan::controllers
