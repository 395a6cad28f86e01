// Text forms of binary and time values, as Go writes and reads them.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace sampan {

void append_base64(std::string& out, std::string_view bytes);   // standard alphabet, padded
bool decode_base64(std::string_view text, std::string& out);    // strict; line ends are skipped, as in Go

// RFC 3339. Seconds and microseconds count from 1970 in UTC.
void append_time(std::string& out, int64_t seconds);            // 2006-01-02T15:04:05Z
void append_micro_time(std::string& out, int64_t microseconds); // 2006-01-02T15:04:05.000000Z
// Any zone and fraction; the fraction beyond microseconds is dropped.
bool parse_time(std::string_view text, int64_t& microseconds);

void append_duration(std::string& out, int64_t nanoseconds);    // Go's Duration.String: 1h0m0s, 1.5s, 100ms
bool parse_duration(std::string_view text, int64_t& nanoseconds);

std::string hex(std::string_view bytes);

}  // namespace sampan
