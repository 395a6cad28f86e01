// Booleans, numbers and durations as Go reads and writes them.
#include "cel/library/go_forms.h"

#include <charconv>
#include <cmath>
#include <cstdlib>

#include "base/text.h"

namespace sampan::cel {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex_digit(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }

// Underscores stand between digits, the "0x" counts as one.
bool underscores_good(std::string_view text, bool hex) {
  char before = '^';
  for (const char c : text) {
    if (c == '_') {
      if (before != '0') return false;
      before = '_';
    } else {
      const bool digit = is_digit(c) || (hex && is_hex_digit(c));
      if (!digit && before == '_') return false;
      before = digit ? '0' : '!';
    }
  }
  return before != '_';
}

// Digits with a point, and an exponent: of base 16 with one always.
bool is_number(std::string_view text, bool hex) {
  size_t at = 0;
  bool digits = false, point = false;
  for (; at < text.size(); ++at) {
    if (text[at] == '.') {
      if (point) return false;
      point = true;
    } else if (hex ? is_hex_digit(text[at]) : is_digit(text[at])) {
      digits = true;
    } else {
      break;
    }
  }
  if (!digits) return false;
  if (at == text.size()) return !hex;
  if (text[at++] != (hex ? 'p' : 'e')) return false;
  if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
  if (at == text.size()) return false;
  return std::all_of(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(), is_digit);
}

struct Unit {
  std::string_view name;
  uint64_t nanoseconds;
};
constexpr Unit kUnits[] = {{"ns", 1},
                           {"us", 1'000},
                           {"\xc2\xb5s", 1'000},  // U+00B5, the micro sign
                           {"\xce\xbcs", 1'000},  // U+03BC, the Greek letter
                           {"ms", 1'000'000},
                           {"s", 1'000'000'000},
                           {"m", 60'000'000'000},
                           {"h", 3'600'000'000'000}};

constexpr uint64_t kDurationMax = uint64_t{1} << 63;  // of a negative one; of others one less

// "1.5h" at the front of `text`, which it is taken off.
std::optional<uint64_t> take_quantity(std::string_view& text) {
  uint64_t whole = 0, fraction = 0;
  double scale = 1;
  const size_t start = text.size();
  for (; !text.empty() && is_digit(text[0]); text.remove_prefix(1)) {
    if (whole > kDurationMax / 10) return {};
    whole = whole * 10 + static_cast<uint64_t>(text[0] - '0');
    if (whole > kDurationMax) return {};
  }
  bool digits = text.size() != start;
  if (!text.empty() && text[0] == '.') {
    text.remove_prefix(1);
    bool full = false;  // more digits than can matter
    for (; !text.empty() && is_digit(text[0]); text.remove_prefix(1)) {
      digits = true;
      if (full || fraction > (kDurationMax - 1) / 10) {
        full = true;
        continue;
      }
      const uint64_t next = fraction * 10 + static_cast<uint64_t>(text[0] - '0');
      if (next > kDurationMax) {
        full = true;
        continue;
      }
      fraction = next;
      scale *= 10;
    }
  }
  if (!digits) return {};
  size_t length = 0;
  while (length < text.size() && text[length] != '.' && !is_digit(text[length])) ++length;
  for (const Unit& unit : kUnits) {
    if (unit.name != text.substr(0, length)) continue;
    text.remove_prefix(length);
    if (whole > kDurationMax / unit.nanoseconds) return {};
    uint64_t sum = whole * unit.nanoseconds;
    if (fraction > 0) sum += static_cast<uint64_t>(static_cast<double>(fraction) * (static_cast<double>(unit.nanoseconds) / scale));
    if (sum > kDurationMax) return {};
    return sum;
  }
  return {};
}

}  // namespace

std::optional<bool> parse_bool(std::string_view text) {
  for (const std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"})
    if (text == yes) return true;
  for (const std::string_view no : {"0", "f", "F", "FALSE", "false", "False"})
    if (text == no) return false;
  return {};
}

std::optional<uint64_t> parse_unsigned(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

std::optional<int64_t> parse_signed(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const auto value = parse_unsigned(text);
  if (!value || *value > static_cast<uint64_t>(INT64_MAX) + negative) return {};
  return static_cast<int64_t>(negative ? 0 - *value : *value);
}

std::optional<double> parse_double(std::string_view given) {
  std::string text = to_lower(given);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.erase(0, 1);
  double value;
  if (text == "inf" || text == "infinity") {
    value = HUGE_VAL;
  } else if (text == "nan") {
    if (text.size() != given.size()) return {};
    value = std::nan("");
  } else {
    const bool hex = text.starts_with("0x");
    if (text.find('_') != std::string::npos) {
      // The base's prefix counts as a digit before an underscore.
      if (!underscores_good(hex ? concat("0", std::string_view(text).substr(2)) : text, hex)) return {};
      std::erase(text, '_');
    }
    if (!is_number(hex ? std::string_view(text).substr(2) : text, hex)) return {};
    value = std::strtod(text.c_str(), nullptr);
    if (std::isinf(value)) return {};
  }
  return negative ? -value : value;
}

std::optional<int64_t> parse_duration(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return 0;
  if (text.empty()) return {};
  uint64_t sum = 0;
  while (!text.empty()) {
    const auto quantity = take_quantity(text);
    if (!quantity) return {};
    sum += *quantity;
    if (sum > kDurationMax) return {};
  }
  if (!negative && sum == kDurationMax) return {};
  return static_cast<int64_t>(negative ? 0 - sum : sum);
}

std::string text_of_double(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Inf" : "+Inf";
  char digits[64];
  const auto scientific = std::to_chars(digits, digits + sizeof(digits), value, std::chars_format::scientific);
  const std::string_view text(digits, static_cast<size_t>(scientific.ptr - digits));
  int exponent = 0;
  std::string_view written = text.substr(text.find('e') + 1);
  if (written.starts_with('+')) written.remove_prefix(1);
  parse_int(written, exponent);
  if (exponent < -4 || exponent >= 6) return std::string(text);
  const auto fixed = std::to_chars(digits, digits + sizeof(digits), value, std::chars_format::fixed);
  return std::string(digits, fixed.ptr);
}

std::string text_of_duration(int64_t nanoseconds) {
  constexpr int64_t kSecond = 1'000'000'000;
  const double seconds = static_cast<double>(nanoseconds / kSecond) + static_cast<double>(nanoseconds % kSecond) / 1e9;
  char digits[64];
  const auto fixed = std::to_chars(digits, digits + sizeof(digits), seconds, std::chars_format::fixed);
  return concat(std::string_view(digits, static_cast<size_t>(fixed.ptr - digits)), "s");
}

}  // namespace sampan::cel
