// Regular expressions as Go's regexp package has them, over RE2 (which is the same language but for a few corners).
#pragma once
#include <re2/re2.h>

#include <expected>
#include <string>
#include <string_view>

namespace sampan::cel::library {

// The compiled pattern, which is kept by the thread for the next calls: use it at once. The error is Go's: "error parsing regexp: missing closing ): `(`".
std::expected<const RE2*, std::string> compiled(std::string_view pattern);

}  // namespace sampan::cel::library
