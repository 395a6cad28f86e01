// Texts as Go reads and writes them: what a conversion of CEL accepts and gives is what Go's strconv and time packages accept and give.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sampan::cel {

// The years 1 to 9999, in seconds since 1970.
inline constexpr int64_t kTimestampMin = -62'135'596'800, kTimestampMax = 253'402'300'799;

struct Instant {
  int64_t seconds = 0;
  uint32_t nanoseconds = 0;
  int16_t zone_minutes = 0;  // east of Greenwich, as it was written
};

std::optional<bool> parse_bool(std::string_view text);                 // strconv.ParseBool
std::optional<int64_t> parse_signed(std::string_view text);            // strconv.ParseInt in base 10
std::optional<uint64_t> parse_unsigned(std::string_view text);         // strconv.ParseUint in base 10
std::optional<double> parse_double(std::string_view text);             // strconv.ParseFloat
std::optional<int64_t> parse_duration(std::string_view text);          // time.ParseDuration, in nanoseconds
std::optional<Instant> parse_timestamp(std::string_view text);         // time.Parse of RFC 3339, with its laxities; of any year

std::string text_of_double(double value);                              // %g: "1e+06", "NaN", "+Inf"
std::string text_of_duration(int64_t nanoseconds);                     // in seconds: "3600.001s"
std::string text_of_timestamp(int64_t seconds, uint32_t nanoseconds, int zone_minutes = 0);  // time.RFC3339Nano

}  // namespace sampan::cel
