// Times as text.
#pragma once
#include <cstdint>
#include <string>

namespace sampan {

// "2026-01-31T12:00:00Z"; the date alone are its first ten characters.
std::string rfc3339(int64_t seconds_since_1970);

}  // namespace sampan
