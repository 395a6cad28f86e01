// Parsing and printing of addresses and networks.
#include "network/address.h"

#include <arpa/inet.h>

#include "base/text.h"

namespace sampan::network {

std::optional<Address> parse_address(std::string_view text) {
  char copy[64];
  if (text.empty() || text.size() >= sizeof copy) return {};
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = 0;
  Address address;
  address.v6 = text.find(':') != text.npos;
  if (inet_pton(address.v6 ? AF_INET6 : AF_INET, copy, address.bytes.data()) != 1) return {};
  return address;
}

std::optional<Address> address_of(std::string_view bytes) {
  if (bytes.size() != 4 && bytes.size() != 16) return {};
  Address address{.v6 = bytes.size() == 16};
  std::memcpy(address.bytes.data(), bytes.data(), bytes.size());
  return address;
}

std::string Address::text() const {
  char out[64];
  return inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), out, sizeof out) ? out : "";
}

bool Address::is_loopback() const {
  if (!v6) return bytes[0] == 127;
  Address one{.v6 = true};
  one.bytes[15] = 1;
  return *this == one;
}

bool Address::is_link_local() const {
  if (!v6) return bytes[0] == 169 && bytes[1] == 254;
  return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

bool Address::is_unspecified() const { return *this == Address{.v6 = v6}; }

Address Address::next() const {
  Address result = *this;
  for (size_t i = size(); i-- > 0;)
    if (++result.bytes[i] != 0) break;
  return result;
}

Address Network::mask() const {
  Address mask{.v6 = address.v6};
  for (int bit = 0; bit < prefix; ++bit) mask.bytes[bit / 8] |= 0x80 >> (bit % 8);
  return mask;
}

Address Network::last() const {
  Address result = address, ones = mask();
  for (size_t i = 0; i < result.size(); ++i) result.bytes[i] |= static_cast<uint8_t>(~ones.bytes[i]);
  return result;
}

bool Network::contains(const Address& other) const {
  return other.v6 == address.v6 && network_of(other, prefix).address == address;
}

std::string Network::text() const { return concat(address.text(), "/", prefix); }

Network network_of(const Address& address, int prefix) {
  Network network{address, prefix};
  Address mask = network.mask();
  for (size_t i = 0; i < address.size(); ++i) network.address.bytes[i] &= mask.bytes[i];
  return network;
}

std::optional<Network> parse_network(std::string_view text) {
  size_t slash = text.find('/');
  if (slash == text.npos) return {};
  std::optional<Address> address = parse_address(text.substr(0, slash));
  int prefix;
  if (!address || !parse_int(text.substr(slash + 1), prefix) || prefix < 0 || prefix > static_cast<int>(address->size()) * 8) return {};
  return network_of(*address, prefix);
}

}  // namespace sampan::network
