// IP addresses and CIDRs as the API takes them: old fields accept any form that Go once parsed (leading zeros, IPv4-mapped IPv6), new ones
// only the canonical text.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/field_errors.h"

namespace sampan::registry {

// An address as 16 bytes; IPv4 is kept as ::ffff:a.b.c.d, so that 10.0.0.1 and ::ffff:10.0.0.1 are equal, as in Go's net.IP.
struct Ip {
  std::array<uint8_t, 16> bytes{};
  bool leading_zeros = false;  // a number of the text had leading zeros that today's parsers refuse
  bool mapped = false;         // written as ::ffff:a.b.c.d

  bool is_v4() const;
  bool is_v6() const { return !is_v4(); }
  std::string text() const;  // canonical (RFC 5952)
  bool same_as(const Ip& other) const { return bytes == other.bytes; }
  bool is_unspecified() const;
  bool is_loopback() const;
  bool is_link_local_unicast() const;
  bool is_link_local_multicast() const;
  bool is_multicast() const;
  bool is_zero_bits_after(int prefix) const;  // counted in the 128 bits
  static Ip v4(uint32_t number);
  uint32_t v4_number() const;
};

struct Cidr {
  Ip address;      // as written, with the bits beyond the prefix
  int prefix = 0;  // as written: 0-32 or 0-128
  bool leading_zeros = false;

  bool is_v4() const { return address.is_v4() && !address.mapped; }
  Ip network() const;       // bits beyond the prefix cleared
  std::string text() const;  // network/prefix
  bool contains(const Ip& ip) const;
  bool overlaps(const Cidr& other) const { return contains(other.network()) || other.contains(network()); }
  int prefix_of_128() const { return is_v4() ? prefix + 96 : prefix; }
};

inline constexpr std::string_view kIpComplaint = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
inline constexpr std::string_view kCidrComplaint = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";

std::optional<Ip> parse_ip(std::string_view text);
std::optional<Cidr> parse_cidr(std::string_view text);

void check_legacy_ip(std::string_view value, std::vector<std::string>& out);
void check_legacy_cidr(std::string_view value, std::vector<std::string>& out);
// Fields that predate strict checks. 1.36 refuses leading zeros and mapped addresses in them, unless `old_values` has the very text.
void require_legacy_ip(FieldErrors& errors, const Path& path, std::string_view value, const schema::AnyView& old_values = {});
void require_legacy_cidr(FieldErrors& errors, const Path& path, std::string_view value, const schema::AnyView& old_values = {});
// New fields: only the canonical form.
void require_canonical_ip(FieldErrors& errors, const Path& path, std::string_view value);
void require_canonical_cidr(FieldErrors& errors, const Path& path, std::string_view value);
// What to tell of a legacy field's odd but accepted form.
void warn_of_ip(const Path& path, std::string_view value, std::vector<std::string>& out);
void warn_of_cidr(const Path& path, std::string_view value, std::vector<std::string>& out);

}  // namespace sampan::registry
