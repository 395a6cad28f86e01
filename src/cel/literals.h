// What literals mean.
#pragma once
#include <expected>
#include <string>
#include <string_view>

#include "cel/value.h"

namespace sampan::cel {

// All take the literal as it stands in the text; the error is a message.
std::expected<Value, std::string> read_int(std::string_view text);    // "-12", "0x1F"
std::expected<Value, std::string> read_uint(std::string_view text);   // "12u"
std::expected<Value, std::string> read_double(std::string_view text);
std::expected<Value, std::string> read_string(std::string_view text);
std::expected<Value, std::string> read_bytes(std::string_view text);

}  // namespace sampan::cel
