// How the holder of a lease is chosen among candidates.
#pragma once
#include "base/text.h"
#include "registry/at.h"

namespace sampan::registry {

inline constexpr std::string_view kOldestEmulationVersion = "OldestEmulationVersion";

// Complains at `strategy` below the field, as upstream does.
inline void validate_lease_strategy(const At& strategy) {
  At below = strategy.under("strategy");
  if (strategy.text().find('/') == std::string_view::npos)
    below.one_of({kOldestEmulationVersion});
  else
    below.must_be(check_qualified_name);
}

}  // namespace sampan::registry
