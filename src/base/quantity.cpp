#include "base/quantity.h"

#include "base/text.h"

namespace sampan {

namespace {

constexpr __int128 kValueMax = static_cast<__int128>(INT64_MAX) * 1'000'000'000;
constexpr __int128 kNanosMax = static_cast<__int128>(1'000'000'000'000'000'000) * 1'000'000'000'000'000'000;  // 1e36

bool is_digit(char c) { return c >= '0' && c <= '9'; }

struct Suffix {
  int base = 10, exponent = 0;
  Quantity::Format format = Quantity::Format::Decimal;
};

bool parse_suffix(std::string_view text, Suffix& out) {
  static constexpr std::string_view kDecimal[] = {"n", "u", "m", "", "k", "M", "G", "T", "P", "E"};
  static constexpr std::string_view kBinary[] = {"Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
  for (int i = 0; i < 10; i++)
    if (text == kDecimal[i]) {
      out = {10, 3 * (i - 3), Quantity::Format::Decimal};
      return true;
    }
  for (int i = 0; i < 6; i++)
    if (text == kBinary[i]) {
      out = {2, 10 * (i + 1), Quantity::Format::Binary};
      return true;
    }
  if (text.size() < 2 || (text[0] != 'e' && text[0] != 'E')) return false;
  text.remove_prefix(1);
  if (text[0] == '+') text.remove_prefix(1);
  int exponent;
  if (!parse_int(text, exponent)) return false;
  out = {10, exponent, Quantity::Format::Exponent};
  return true;
}

// Divides away from zero.
__int128 divide_up(__int128 value, __int128 by) { return value / by + (value % by ? (value > 0 ? 1 : -1) : 0); }

std::string decimal(__int128 value) {
  bool negative = value < 0;
  if (negative) value = -value;
  std::string digits;
  do digits += static_cast<char>('0' + static_cast<int>(value % 10));
  while (value /= 10);
  if (negative) digits += '-';
  std::reverse(digits.begin(), digits.end());
  return digits;
}

}  // namespace

bool Quantity::parse(std::string_view text, Quantity& out) {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  size_t end = 0, point = std::string_view::npos, digits = 0;
  for (; end < text.size() && (is_digit(text[end]) || (text[end] == '.' && point == std::string_view::npos)); end++)
    if (text[end] == '.')
      point = end;
    else
      digits++;
  Suffix suffix;
  if (digits == 0 || !parse_suffix(text.substr(end), suffix)) return false;

  // value = mantissa * 10^scale nanos; digits that can no longer matter only round up.
  __int128 mantissa = 0;
  int scale = 9 + (suffix.base == 10 ? suffix.exponent : 0);
  bool rest = false;
  for (size_t i = 0; i < end; i++) {
    if (text[i] == '.') continue;
    int digit = text[i] - '0';
    bool fraction = point != std::string_view::npos && i > point;
    if (mantissa > kNanosMax / 100 || (fraction && scale < -30)) {
      rest |= digit != 0;
      if (!fraction) scale++;
      continue;
    }
    mantissa = mantissa * 10 + digit;
    if (fraction) scale--;
  }
  for (int i = 0; suffix.base == 2 && i < suffix.exponent; i += 10) mantissa = std::min(mantissa, kNanosMax / 1024) * 1024;
  for (; scale > 0 && mantissa && mantissa < kNanosMax / 10; scale--) mantissa *= 10;
  for (; scale < 0 && mantissa; scale++) {
    rest |= mantissa % 10 != 0;
    mantissa /= 10;
  }
  if (rest) mantissa++;
  if (suffix.format == Format::Binary) {
    mantissa = std::min(mantissa, kValueMax);
    if (mantissa > 0 && mantissa < kNano) suffix.format = Format::Decimal;
  }
  out.nanos_ = negative ? -mantissa : mantissa;
  out.format_ = suffix.format;
  return true;
}

Quantity Quantity::of(std::string_view text) {
  Quantity quantity;
  parse(text, quantity);
  return quantity;
}

int64_t Quantity::scaled(int64_t unit) const {
  __int128 value = divide_up(nanos_, unit);
  return value > INT64_MAX ? INT64_MAX : value < INT64_MIN ? INT64_MIN : static_cast<int64_t>(value);
}

void Quantity::round_up_to_milli() { nanos_ = divide_up(nanos_, 1'000'000) * 1'000'000; }

void Quantity::add(const Quantity& other) {
  if (is_zero()) format_ = other.format_;
  nanos_ += other.nanos_;
}
void Quantity::subtract(const Quantity& other) {
  if (is_zero()) format_ = other.format_;
  nanos_ -= other.nanos_;
}

std::string Quantity::text() const {
  if (is_zero()) return "0";
  Format format = format_;
  if (format == Format::Binary) {
    __int128 limit = static_cast<__int128>(1024) * kNano;
    if ((nanos_ > -limit && nanos_ < limit) || !is_whole()) format = Format::Decimal;
  }
  if (format == Format::Binary) {
    static constexpr std::string_view kSuffixes[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
    __int128 value = nanos_ / kNano;
    int power = 0;
    for (; power < 6 && value % 1024 == 0; power++) value /= 1024;
    return concat(decimal(value), kSuffixes[power]);
  }
  static constexpr std::string_view kSuffixes[] = {"n", "u", "m", "", "k", "M", "G", "T", "P", "E"};
  __int128 value = nanos_;
  int power = 0;
  for (; (power < 9 || format == Format::Exponent) && value % 1000 == 0; power++) value /= 1000;
  if (format == Format::Decimal) return concat(decimal(value), kSuffixes[power]);
  return power == 3 ? decimal(value) : concat(decimal(value), "e", 3 * (power - 3));
}

}  // namespace sampan
