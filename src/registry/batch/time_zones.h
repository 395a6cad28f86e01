// The names of time zones.
#pragma once
#include <string_view>

#include "registry/at.h"

namespace sampan::registry {

bool is_time_zone(std::string_view name);  // "Europe/Berlin"; "" and "UTC", and "Local" for the machine's own
void validate_time_zone(const At& zone);   // absent is fine

}  // namespace sampan::registry
