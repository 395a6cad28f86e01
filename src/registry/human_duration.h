// How long ago, as kubectl says it: 45s, 5m30s, 3h, 2d4h, 1y30d.
#pragma once
#include <cstdint>
#include <string>

namespace sampan::registry {

std::string human_duration(int64_t seconds);

}  // namespace sampan::registry
