// Addresses of the internet as Go's netip package reads and writes them.
#pragma once
#include <array>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace sampan::cel::library {

struct NetworkAddress {
  std::array<uint8_t, 16> bytes{};  // of version 4 the first four
  bool is_v6 = false;
  std::string zone;

  bool operator==(const NetworkAddress&) const = default;
  int bits() const { return is_v6 ? 128 : 32; }
  bool is_v4_in_v6() const;  // ::ffff:1.2.3.4
  bool is_multicast() const;
  std::string text() const;
  NetworkAddress masked(int prefix) const;
};

// The error is Go's: `ParseAddr("1.2.3"): IPv4 address too short`.
std::expected<NetworkAddress, std::string> parse_address(std::string_view text);

struct NetworkPrefix {
  NetworkAddress address;
  int length = 0;

  bool operator==(const NetworkPrefix&) const = default;
  std::string text() const;
  bool contains(const NetworkAddress& other) const;
};

// The error is Go's: `netip.ParsePrefix("10.0.0.0"): no '/'`.
std::expected<NetworkPrefix, std::string> parse_prefix(std::string_view text);

}  // namespace sampan::cel::library
