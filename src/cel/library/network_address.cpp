// Addresses of the internet as Go's netip package reads and writes them.
#include "cel/library/network_address.h"

#include "base/text.h"

namespace sampan::cel::library {

namespace {

constexpr std::array<uint8_t, 12> kV4InV6{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct Complaint {
  std::string_view message, at;
};
using Parsed = std::expected<void, Complaint>;

std::unexpected<Complaint> wrong(std::string_view message, std::string_view at = "") { return std::unexpected(Complaint{message, at}); }

Parsed parse_v4(std::string_view text, uint8_t* out) {
  int value = 0, position = 0, digits = 0;
  for (size_t i = 0; i < text.size(); i++) {
    char c = text[i];
    if (c >= '0' && c <= '9') {
      if (digits == 1 && value == 0) return wrong("IPv4 field has octet with leading zero");
      value = value * 10 + (c - '0');
      digits++;
      if (value > 255) return wrong("IPv4 field has value >255");
    } else if (c == '.') {
      if (i == 0 || i == text.size() - 1 || text[i - 1] == '.') return wrong("IPv4 field must have at least one digit", text.substr(i));
      if (position == 3) return wrong("IPv4 address too long");
      out[position++] = static_cast<uint8_t>(value);
      value = digits = 0;
    } else {
      return wrong("unexpected character", text.substr(i));
    }
  }
  if (position < 3) return wrong("IPv4 address too short");
  out[3] = static_cast<uint8_t>(value);
  return {};
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The groups of a version 6 address, without its zone, into 16 bytes.
Parsed parse_groups(std::string_view text, uint8_t* out) {
  int ellipsis = -1;
  if (text.starts_with("::")) {
    ellipsis = 0;
    text.remove_prefix(2);
    if (text.empty()) return {};
  }
  int filled = 0;
  while (filled < 16) {
    size_t size = 0;
    uint32_t value = 0;
    for (; size < text.size() && hex_digit(text[size]) >= 0; size++) {
      if (size > 3) return wrong("each group must have 4 or less digits", text);
      value = value << 4 | static_cast<uint32_t>(hex_digit(text[size]));
    }
    if (size == 0) return wrong("each colon-separated field must have at least one digit", text);
    if (size < text.size() && text[size] == '.') {
      if (ellipsis < 0 && filled != 12) return wrong("embedded IPv4 address must replace the final 2 fields of the address", text);
      if (filled + 4 > 16) return wrong("too many hex fields to fit an embedded IPv4 at the end of the address", text);
      if (auto parsed = parse_v4(text, out + filled); !parsed) return parsed;
      filled += 4;
      text = {};
      break;
    }
    out[filled++] = static_cast<uint8_t>(value >> 8);
    out[filled++] = static_cast<uint8_t>(value);
    text.remove_prefix(size);
    if (text.empty()) break;
    if (text[0] != ':') return wrong("unexpected character, want colon", text);
    if (text.size() == 1) return wrong("colon must be followed by more characters", text);
    text.remove_prefix(1);
    if (text[0] == ':') {
      if (ellipsis >= 0) return wrong("multiple :: in address", text);
      ellipsis = filled;
      text.remove_prefix(1);
      if (text.empty()) break;
    }
  }
  if (!text.empty()) return wrong("trailing garbage after address", text);
  if (filled == 16) return ellipsis >= 0 ? Parsed(wrong("the :: must expand to at least one field of zeros")) : Parsed();
  if (ellipsis < 0) return wrong("address string too short");
  std::rotate(out + ellipsis, out + filled, out + 16);
  return {};
}

Parsed parse_v6(std::string_view text, NetworkAddress& out) {
  size_t percent = text.find('%');
  if (percent != text.npos) {
    out.zone = text.substr(percent + 1);
    if (out.zone.empty()) return wrong("zone must be a non-empty string");
  }
  out.is_v6 = true;
  return parse_groups(text.substr(0, percent), out.bytes.data());
}

}  // namespace

bool NetworkAddress::is_v4_in_v6() const { return is_v6 && std::equal(kV4InV6.begin(), kV4InV6.end(), bytes.begin()); }

bool NetworkAddress::is_multicast() const { return is_v6 ? bytes[0] == 0xff : (bytes[0] & 0xf0) == 0xe0; }

std::string NetworkAddress::text() const {
  auto v4 = [](const uint8_t* b) { return concat(uint32_t{b[0]}, ".", uint32_t{b[1]}, ".", uint32_t{b[2]}, ".", uint32_t{b[3]}); };
  if (!is_v6) return v4(bytes.data());
  auto group = [&](int i) { return static_cast<uint32_t>(bytes[static_cast<size_t>(2 * i)] << 8 | bytes[static_cast<size_t>(2 * i + 1)]); };
  std::string out;
  if (is_v4_in_v6()) {
    out = "::ffff:" + v4(bytes.data() + 12);
  } else {
    int zeros = 8, end_of_zeros = 8;  // the longest row of two or more
    for (int i = 0, longest = 1; i < 8; i++) {
      int end = i;
      while (end < 8 && group(end) == 0) end++;
      if (end - i > longest) longest = end - i, zeros = i, end_of_zeros = end;
    }
    char digits[8];
    for (int i = 0; i < 8; i++) {
      if (i == zeros) {
        out += "::";
        i = end_of_zeros;
        if (i >= 8) break;
      } else if (i > 0) {
        out += ':';
      }
      out.append(digits, std::to_chars(digits, digits + sizeof digits, group(i), 16).ptr);
    }
  }
  if (!zone.empty()) append(out, "%", zone);
  return out;
}

NetworkAddress NetworkAddress::masked(int prefix) const {
  NetworkAddress out = *this;
  for (int bit = prefix; bit < 128; bit++) out.bytes[static_cast<size_t>(bit / 8)] &= static_cast<uint8_t>(~(0x80 >> bit % 8));
  return out;
}

std::expected<NetworkAddress, std::string> parse_address(std::string_view text) {
  NetworkAddress out;
  Parsed parsed = wrong("unable to parse IP");
  if (size_t first = text.find_first_of(".:%"); first != text.npos)
    parsed = text[first] == '.' ? parse_v4(text, out.bytes.data()) : text[first] == ':' ? parse_v6(text, out) : Parsed(wrong("missing IPv6 address"));
  if (parsed) return out;
  std::string error = concat("ParseAddr(", quoted(text), "): ", parsed.error().message);
  if (!parsed.error().at.empty()) append(error, " (at ", quoted(parsed.error().at), ")");
  return std::unexpected(std::move(error));
}

std::string NetworkPrefix::text() const { return concat(address.text(), "/", length); }

bool NetworkPrefix::contains(const NetworkAddress& other) const {
  return other.is_v6 == address.is_v6 && other.masked(length).bytes == address.masked(length).bytes;
}

std::expected<NetworkPrefix, std::string> parse_prefix(std::string_view text) {
  auto wrong_prefix = [&](std::string_view why) { return std::unexpected(concat("netip.ParsePrefix(", quoted(text), "): ", why)); };
  size_t slash = text.rfind('/');
  if (slash == text.npos) return wrong_prefix("no '/'");
  auto address = parse_address(text.substr(0, slash));
  if (!address) return wrong_prefix(address.error());
  if (!address->zone.empty()) return wrong_prefix("IPv6 zones cannot be present in a prefix");
  auto bits = text.substr(slash + 1);
  int64_t length = 0;
  auto digits = bits.starts_with('+') && bits.size() == 1 ? std::string_view() : bits;
  if ((bits.size() > 1 && (bits[0] < '1' || bits[0] > '9')) || !parse_int(digits, length)) return wrong_prefix(concat("bad bits after slash: ", quoted(bits)));
  if (length < 0 || length > address->bits()) return wrong_prefix("prefix length out of range");
  return NetworkPrefix{*std::move(address), static_cast<int>(length)};
}

}  // namespace sampan::cel::library
