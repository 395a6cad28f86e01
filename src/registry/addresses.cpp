#include "registry/addresses.h"

#include "base/text.h"

namespace sampan::registry {

namespace {

constexpr uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// A decimal number at the start of `text`, which is moved behind it. Any number of leading zeros, as Go once took.
bool take_decimal(std::string_view& text, uint32_t max, uint32_t& number, bool& leading_zeros) {
  size_t i = 0;
  number = 0;
  while (i < text.size() && text[i] >= '0' && text[i] <= '9') {
    number = number * 10 + (text[i] - '0');
    if (number > max) return false;
    i++;
  }
  if (i == 0) return false;
  if (i > 1 && text[0] == '0') leading_zeros = true;
  text.remove_prefix(i);
  return true;
}

bool parse_v4(std::string_view text, uint8_t* out, bool& leading_zeros) {
  for (int i = 0; i < 4; i++) {
    uint32_t number;
    if (i > 0) {
      if (!text.starts_with('.')) return false;
      text.remove_prefix(1);
    }
    if (!take_decimal(text, 255, number, leading_zeros)) return false;
    out[i] = static_cast<uint8_t>(number);
  }
  return text.empty();
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Groups of up to 16 bits from `text` until it ends or a "::" is met; the last may be dotted decimal. Gives the bytes written, -1: bad.
int parse_groups(std::string_view& text, uint8_t* out, int bytes_max, bool& leading_zeros, bool& ellipsis) {
  int written = 0;
  while (written < bytes_max) {
    uint32_t group = 0;
    size_t i = 0;
    while (i < text.size() && hex_digit(text[i]) >= 0) {
      group = group * 16 + hex_digit(text[i]);
      if (group > 0xffff) return -1;
      i++;
    }
    if (i == 0) return -1;
    if (i < text.size() && text[i] == '.') {
      if (written + 4 > bytes_max || !parse_v4(text, out + written, leading_zeros)) return -1;
      text = {};
      return written + 4;
    }
    if (i > 4) leading_zeros = true;
    out[written++] = static_cast<uint8_t>(group >> 8);
    out[written++] = static_cast<uint8_t>(group);
    text.remove_prefix(i);
    if (text.empty()) return written;
    if (!text.starts_with(':') || text.size() == 1) return -1;
    text.remove_prefix(1);
    if (text.starts_with(':')) {
      if (ellipsis) return -1;
      ellipsis = true;
      text.remove_prefix(1);
      return written;
    }
  }
  return -1;  // more text than an address can have
}

bool parse_v6(std::string_view text, Ip& ip) {
  uint8_t head[16] = {}, tail[16] = {};
  int head_size = 0, tail_size = 0;
  bool ellipsis = false;
  if (text.starts_with("::")) {
    ellipsis = true;
    text.remove_prefix(2);
  } else {
    head_size = parse_groups(text, head, 16, ip.leading_zeros, ellipsis);
    if (head_size < 0) return false;
  }
  if (!text.empty()) {
    bool second = true;
    tail_size = parse_groups(text, tail, 16 - head_size, ip.leading_zeros, second);
    if (tail_size < 0 || !text.empty()) return false;
  }
  // "::" stands for one group at least.
  if (ellipsis ? head_size + tail_size > 14 : head_size != 16) return false;
  std::memcpy(ip.bytes.data(), head, head_size);
  std::memcpy(ip.bytes.data() + 16 - tail_size, tail, tail_size);
  return true;
}

void clear_after(std::array<uint8_t, 16>& bytes, int prefix) {
  for (int bit = prefix; bit < 128; bit++) bytes[bit / 8] &= static_cast<uint8_t>(~(0x80 >> (bit % 8)));
}

void append_hex(std::string& out, unsigned group) {
  char digits[8];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, group, 16).ptr);
}

std::string v6_text(const std::array<uint8_t, 16>& bytes) {
  unsigned groups[8];
  for (int i = 0; i < 8; i++) groups[i] = bytes[2 * i] << 8 | bytes[2 * i + 1];
  // The longest run of two zero groups or more becomes "::", the first of equals.
  int start = -1, length = 1;
  for (int i = 0; i < 8; i++) {
    int j = i;
    while (j < 8 && groups[j] == 0) j++;
    if (j - i > length) {
      start = i;
      length = j - i;
    }
    if (j > i) i = j - 1;
  }
  std::string out;
  for (int i = 0; i < 8; i++) {
    if (i == start) {
      out += "::";
      i += length - 1;
      continue;
    }
    if (i > 0 && i != start + length) out += ':';
    append_hex(out, groups[i]);
  }
  return out;
}

}  // namespace

bool Ip::is_v4() const { return std::memcmp(bytes.data(), kMappedPrefix, 12) == 0; }

std::string Ip::text() const {
  if (!is_v4()) return v6_text(bytes);
  return concat(int{bytes[12]}, ".", int{bytes[13]}, ".", int{bytes[14]}, ".", int{bytes[15]});
}

Ip Ip::v4(uint32_t number) {
  Ip ip;
  std::memcpy(ip.bytes.data(), kMappedPrefix, 12);
  for (int i = 0; i < 4; i++) ip.bytes[12 + i] = static_cast<uint8_t>(number >> (24 - 8 * i));
  return ip;
}

uint32_t Ip::v4_number() const {
  return uint32_t{bytes[12]} << 24 | uint32_t{bytes[13]} << 16 | uint32_t{bytes[14]} << 8 | bytes[15];
}

bool Ip::is_unspecified() const { return is_v4() ? v4_number() == 0 : bytes == std::array<uint8_t, 16>{}; }
bool Ip::is_loopback() const {
  if (is_v4()) return bytes[12] == 127;
  std::array<uint8_t, 16> one{};
  one[15] = 1;
  return bytes == one;
}
bool Ip::is_link_local_unicast() const {
  return is_v4() ? bytes[12] == 169 && bytes[13] == 254 : bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}
bool Ip::is_link_local_multicast() const {
  return is_v4() ? bytes[12] == 224 && bytes[13] == 0 && bytes[14] == 0 : bytes[0] == 0xff && (bytes[1] & 0x0f) == 2;
}
bool Ip::is_multicast() const { return is_v4() ? (bytes[12] & 0xf0) == 0xe0 : bytes[0] == 0xff; }

bool Ip::is_zero_bits_after(int prefix) const {
  auto cleared = bytes;
  clear_after(cleared, prefix);
  return cleared == bytes;
}

Ip Cidr::network() const {
  Ip ip = address;
  clear_after(ip.bytes, prefix_of_128());
  return ip;
}

std::string Cidr::text() const {
  return concat(network().text(), "/", address.mapped && prefix >= 96 ? prefix - 96 : prefix);
}

bool Cidr::contains(const Ip& ip) const {
  if (ip.is_v4() != is_v4()) return false;
  auto bytes = ip.bytes;
  clear_after(bytes, prefix_of_128());
  return bytes == network().bytes;
}

std::optional<Ip> parse_ip(std::string_view text) {
  Ip ip;
  if (text.find(':') == std::string_view::npos) {
    std::memcpy(ip.bytes.data(), kMappedPrefix, 12);
    if (!parse_v4(text, ip.bytes.data() + 12, ip.leading_zeros)) return {};
    return ip;
  }
  if (!parse_v6(text, ip)) return {};
  ip.mapped = ip.is_v4();
  return ip;
}

std::optional<Cidr> parse_cidr(std::string_view text) {
  auto slash = text.find('/');
  if (slash == std::string_view::npos) return {};
  auto ip = parse_ip(text.substr(0, slash));
  if (!ip) return {};
  Cidr cidr;
  cidr.address = *ip;
  cidr.leading_zeros = ip->leading_zeros;
  auto rest = text.substr(slash + 1);
  uint32_t number;
  bool v4 = ip->is_v4() && !ip->mapped;
  if (!take_decimal(rest, v4 ? 32 : 128, number, cidr.leading_zeros) || !rest.empty()) return {};
  cidr.prefix = static_cast<int>(number);
  return cidr;
}

void check_legacy_ip(std::string_view value, std::vector<std::string>& out) {
  auto ip = parse_ip(value);
  if (!ip) {
    out.push_back(std::string(kIpComplaint));
    return;
  }
  if (ip->leading_zeros) out.push_back("must not have leading 0s");
  if (ip->mapped && !ip->leading_zeros) out.push_back("must not be an IPv4-mapped IPv6 address");
}

void check_legacy_cidr(std::string_view value, std::vector<std::string>& out) {
  auto cidr = parse_cidr(value);
  if (!cidr)
    out.push_back(std::string(kCidrComplaint));
  else if (cidr->leading_zeros)
    out.push_back("must not have leading 0s in IP or prefix length");
  else if (cidr->address.mapped)
    out.push_back("must not have an IPv4-mapped IPv6 address");
  else if (!cidr->address.is_zero_bits_after(cidr->prefix_of_128()))
    out.push_back("must not have bits set beyond the prefix length");
}

namespace {

bool was_there(const schema::AnyView& old_values, std::string_view value) {
  for (uint32_t i = 0; i < old_values.size(); i++)
    if (old_values.item(i).as_string() == value) return true;
  return false;
}

// Gives whether the value was good.
bool require(FieldErrors& errors, const Path& path, std::string_view value,
             void (*check)(std::string_view, std::vector<std::string>&)) {
  std::vector<std::string> complaints;
  check(value, complaints);
  for (const auto& complaint : complaints) errors.invalid(path, value, complaint);
  return complaints.empty();
}

}  // namespace

void require_legacy_ip(FieldErrors& errors, const Path& path, std::string_view value, const schema::AnyView& old_values) {
  if (!was_there(old_values, value)) require(errors, path, value, check_legacy_ip);
}

void require_legacy_cidr(FieldErrors& errors, const Path& path, std::string_view value, const schema::AnyView& old_values) {
  if (!was_there(old_values, value)) require(errors, path, value, check_legacy_cidr);
}

void require_canonical_ip(FieldErrors& errors, const Path& path, std::string_view value) {
  if (!require(errors, path, value, check_legacy_ip)) return;
  if (auto canonical = parse_ip(value)->text(); canonical != value)
    errors.invalid(path, value, concat("must be in canonical form (", quoted(canonical), ")"));
}

void require_canonical_cidr(FieldErrors& errors, const Path& path, std::string_view value) {
  if (!require(errors, path, value, check_legacy_cidr)) return;
  if (auto canonical = parse_cidr(value)->text(); canonical != value)
    errors.invalid(path, value, concat("must be in canonical form (", quoted(canonical), ")"));
}

void warn_of_ip(const Path& path, std::string_view value, std::vector<std::string>& out) {
  auto ip = parse_ip(value);
  if (!ip) return;
  auto canonical = ip->text();
  if (ip->leading_zeros || ip->mapped)
    out.push_back(concat(path.text(), ": non-standard IP address ", quoted(value), " is invalid: use ", quoted(canonical)));
  else if (ip->is_v6() && canonical != value)
    out.push_back(concat(path.text(), ": IPv6 address ", quoted(value), " should be in RFC 5952 canonical format (", quoted(canonical), ")"));
}

void warn_of_cidr(const Path& path, std::string_view value, std::vector<std::string>& out) {
  auto cidr = parse_cidr(value);
  if (!cidr) return;
  auto canonical = cidr->text();
  size_t before = out.size();
  if (!cidr->address.is_zero_bits_after(cidr->prefix_of_128()))
    out.push_back(concat(path.text(), ": CIDR value ", quoted(value), " is ambiguous in this context (should be ", quoted(canonical), " or ",
                         quoted(concat(cidr->address.text(), cidr->is_v4() ? "/32" : "/128")), "?)"));
  if (cidr->leading_zeros || cidr->address.mapped)
    out.push_back(concat(path.text(), ": non-standard CIDR value ", quoted(value), " is invalid: use ", quoted(canonical)));
  if (out.size() == before && !cidr->is_v4() && canonical != value)
    out.push_back(concat(path.text(), ": IPv6 CIDR value ", quoted(value), " should be in RFC 5952 canonical format (", quoted(canonical), ")"));
}

}  // namespace sampan::registry
