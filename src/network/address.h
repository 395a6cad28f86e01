// IP addresses and networks as the kernel wants them: plain bytes. Parsing is strict (inet_pton); the API has validated the odd forms.
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace sampan::network {

struct Address {
  bool v6 = false;
  std::array<uint8_t, 16> bytes{};  // IPv4 takes the first four

  size_t size() const { return v6 ? 16 : 4; }
  std::string_view view() const { return {reinterpret_cast<const char*>(bytes.data()), size()}; }
  std::string text() const;
  bool is_loopback() const;
  bool is_link_local() const;
  bool is_unspecified() const;
  auto operator<=>(const Address&) const = default;
  Address next() const;  // the one after it, wrapping around
};

std::optional<Address> parse_address(std::string_view text);
// From 4 or 16 raw bytes.
std::optional<Address> address_of(std::string_view bytes);

struct Network {
  Address address;  // bits beyond the prefix are zero
  int prefix = 0;

  bool v6() const { return address.v6; }
  bool contains(const Address& other) const;
  Address mask() const;
  Address last() const;  // its highest address
  std::string text() const;
  bool operator==(const Network&) const = default;
};

std::optional<Network> parse_network(std::string_view text);  // "10.0.0.0/8"; host bits are dropped
Network network_of(const Address& address, int prefix);

}  // namespace sampan::network
