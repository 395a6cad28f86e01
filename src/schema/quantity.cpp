#include "schema/quantity.h"

#include "base/text.h"

namespace sampan::schema {

namespace {

using Limbs = std::vector<uint32_t>;
constexpr uint32_t kBase = 1'000'000'000;
constexpr int kNano = -9;           // nothing smaller is kept
constexpr int32_t kSpreadMax = 4096;  // decimal places between two numbers beyond which the smaller one no longer counts in a sum

constexpr std::string_view kFormatError =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
constexpr std::string_view kNumberError = "unable to parse numeric part of quantity";
constexpr std::string_view kSuffixError = "unable to parse quantity's suffix";

// ---- unsigned numbers of any size ----

void trim_zeros(Limbs& a) {
  while (!a.empty() && a.back() == 0) a.pop_back();
}

Limbs limbs_of(uint64_t value) {
  Limbs limbs;
  for (; value; value /= kBase) limbs.push_back(static_cast<uint32_t>(value % kBase));
  return limbs;
}

void multiply_small(Limbs& a, uint32_t factor) {
  uint64_t carry = 0;
  for (uint32_t& limb : a) {
    carry += uint64_t{limb} * factor;
    limb = static_cast<uint32_t>(carry % kBase);
    carry /= kBase;
  }
  if (carry) a.push_back(static_cast<uint32_t>(carry));
  trim_zeros(a);
}

uint32_t divide_small(Limbs& a, uint32_t divisor) {
  uint64_t rest = 0;
  for (size_t i = a.size(); i-- > 0;) {
    rest = rest * kBase + a[i];
    a[i] = static_cast<uint32_t>(rest / divisor);
    rest %= divisor;
  }
  trim_zeros(a);
  return static_cast<uint32_t>(rest);
}

void multiply_power10(Limbs& a, int32_t power) {
  if (a.empty()) return;
  a.insert(a.begin(), static_cast<size_t>(power / 9), 0u);
  for (int i = 0; i < power % 9; i++) multiply_small(a, 10);
}

// Gives whether anything but zeros was cut off.
bool divide_power10(Limbs& a, int64_t power) {
  bool rest = false;
  for (; power >= 9 && !a.empty(); power -= 9) {
    rest |= a.front() != 0;
    a.erase(a.begin());
  }
  for (; power > 0 && !a.empty(); power--) rest |= divide_small(a, 10) != 0;
  return rest;
}

int compare_limbs(const Limbs& a, const Limbs& b) {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  for (size_t i = a.size(); i-- > 0;)
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  return 0;
}

Limbs add_limbs(const Limbs& a, const Limbs& b) {
  Limbs sum;
  uint32_t carry = 0;
  for (size_t i = 0; i < std::max(a.size(), b.size()) || carry; i++) {
    uint32_t limb = carry + (i < a.size() ? a[i] : 0) + (i < b.size() ? b[i] : 0);
    carry = limb >= kBase;
    sum.push_back(carry ? limb - kBase : limb);
  }
  return sum;
}

Limbs subtract_limbs(const Limbs& a, const Limbs& b) {  // a >= b
  Limbs rest = a;
  uint32_t borrow = 0;
  for (size_t i = 0; i < rest.size(); i++) {
    uint32_t take = borrow + (i < b.size() ? b[i] : 0);
    borrow = rest[i] < take;
    rest[i] = rest[i] + (borrow ? kBase : 0) - take;
  }
  trim_zeros(rest);
  return rest;
}

void append_limbs(std::string& out, const Limbs& a) {
  if (a.empty()) {
    out += '0';
    return;
  }
  append(out, a.back());
  for (size_t i = a.size() - 1; i-- > 0;) {
    std::string digits = std::to_string(a[i]);
    out.append(9 - digits.size(), '0');
    out += digits;
  }
}

int64_t digits_of(const Limbs& a) {
  if (a.empty()) return 0;
  int64_t digits = 9 * (static_cast<int64_t>(a.size()) - 1);
  for (uint32_t top = a.back(); top; top /= 10) digits++;
  return digits;
}

// ---- suffixes ----

struct Suffix {
  std::string_view text;
  int exponent;
};
constexpr Suffix kDecimal[] = {{"n", -9}, {"u", -6}, {"m", -3}, {"", 0}, {"k", 3}, {"M", 6}, {"G", 9}, {"T", 12}, {"P", 15}, {"E", 18}};
constexpr Suffix kBinary[] = {{"Ki", 10}, {"Mi", 20}, {"Gi", 30}, {"Ti", 40}, {"Pi", 50}, {"Ei", 60}};

bool read_suffix(std::string_view text, Quantity::Format& format, int32_t& exponent) {
  for (const Suffix& suffix : kDecimal)
    if (suffix.text == text) {
      format = Quantity::Format::DecimalSi;
      exponent = suffix.exponent;
      return true;
    }
  for (const Suffix& suffix : kBinary)
    if (suffix.text == text) {
      format = Quantity::Format::BinarySi;
      exponent = suffix.exponent;
      return true;
    }
  if (text.size() < 2 || (text[0] != 'e' && text[0] != 'E')) return false;
  std::string_view digits = text.substr(1);
  if (digits[0] == '+') digits.remove_prefix(1);
  int64_t parsed;
  if (digits.empty() || digits[0] == '+' || !parse_int(digits, parsed)) return false;
  format = Quantity::Format::DecimalExponent;
  exponent = static_cast<int32_t>(parsed);
  return true;
}

// Go looks the suffix up and, where there is none for an exponent (10^21), writes none.
std::string_view suffix_of(std::span<const Suffix> suffixes, int64_t exponent) {
  for (const Suffix& suffix : suffixes)
    if (suffix.exponent == exponent) return suffix.text;
  return "";
}

// ---- the parts of the text ----

struct Parts {
  bool negative = false;
  std::string_view number;    // sign, digits and point
  std::string_view whole;     // without leading zeros; "0" if nothing is left
  std::string_view fraction;
  std::string_view suffix;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Any text that has the outer shape of a quantity. The suffix is checked later.
bool split_parts(std::string_view text, Parts& parts) {
  size_t at = 0;
  auto digits = [&] {
    size_t start = at;
    while (at < text.size() && is_digit(text[at])) at++;
    return text.substr(start, at - start);
  };
  if (text[0] == '-' || text[0] == '+') {
    parts.negative = text[0] == '-';
    at++;
  }
  while (at < text.size() && text[at] == '0') at++;
  parts.whole = digits();
  if (parts.whole.empty()) parts.whole = "0";
  if (at < text.size() && text[at] == '.') {
    at++;
    parts.fraction = digits();
  }
  parts.number = text.substr(0, at);
  size_t start = at;
  at = std::min(text.find_first_not_of("eEinumkKMGTP", at), text.size());
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) at++;
  digits();
  parts.suffix = text.substr(start);
  return at == text.size();
}

}  // namespace

Quantity Quantity::milli(int64_t thousandths, Format format) {
  Quantity quantity(thousandths, format);
  quantity.scale_ = -3;
  return quantity;
}

Result<Quantity> Quantity::parse(std::string_view text) {
  Quantity quantity;
  Parts parts;
  if (text.empty() || !split_parts(text, parts)) return fail(bad_request(std::string(kFormatError)));
  int32_t exponent;
  if (!read_suffix(parts.suffix, quantity.format_, exponent)) return fail(bad_request(std::string(kSuffixError)));
  bool binary = quantity.format_ == Format::BinarySi;

  // The usual case fits an int64. What decides is how many digits there are, as upstream: it shows in how the number is rounded and printed.
  int room = 18 - static_cast<int>(std::min<size_t>(parts.whole.size() + parts.fraction.size(), 100));
  if (binary)
    room = parts.fraction.empty() ? 14 - static_cast<int>(std::min<size_t>(parts.whole.size(), 100)) - exponent * 3 / 10 : -1;
  int64_t scale = (binary ? 0 : int64_t{exponent}) - static_cast<int64_t>(parts.fraction.size());
  if (room < 0 || static_cast<int32_t>(scale) < kNano) {
    TRY(quantity.parse_big(parts.number, binary, exponent));
    return quantity;
  }
  std::string digits = concat(parts.whole, parts.fraction);
  int64_t number = 0;
  parse_int(digits, number);  // at most 18 digits
  int64_t product;
  if (__builtin_mul_overflow(number, binary ? int64_t{1} << exponent : 1, &product)) {
    TRY(quantity.parse_big(parts.number, binary, exponent));
    return quantity;
  }
  quantity.value_ = parts.negative ? -product : product;
  quantity.scale_ = static_cast<int32_t>(scale);
  bool as_good = binary ? (number & 7) != 0 : quantity.scale_ % 3 == 0 && !digits.ends_with("000") && digits[0] != '0';
  if (as_good) quantity.verbatim_ = text;
  return quantity;
}

// Numbers that are large, have many digits or a binary fraction.
Result<void> Quantity::parse_big(std::string_view number, bool binary, int32_t exponent) {
  bool negative = number[0] == '-';
  if (negative || number[0] == '+') number.remove_prefix(1);
  size_t point = std::min(number.find('.'), number.size());
  std::string digits(number.substr(0, point));
  int64_t scale = 0;
  if (point < number.size()) {
    digits += number.substr(point + 1);
    scale = -static_cast<int64_t>(number.size() - point - 1);
  }
  if (digits.empty()) return fail(bad_request(std::string(kNumberError)));
  digits.insert(0, (9 - digits.size() % 9) % 9, '0');
  Limbs limbs;
  for (size_t at = digits.size(); at > 0; at -= 9) {
    uint32_t limb = 0;
    parse_int(std::string_view(digits).substr(at - 9, 9), limb);
    limbs.push_back(limb);
  }
  trim_zeros(limbs);
  if (binary)
    for (int i = 0; i < exponent; i += 10) multiply_small(limbs, 1024);
  else
    scale += exponent;
  if (scale < kNano && !limbs.empty()) {  // away from zero: whoever asks for something gets something
    if (divide_power10(limbs, kNano - scale)) limbs = add_limbs(limbs, {1});
    scale = kNano;
  }
  if (binary) {
    Limbs most = limbs_of(INT64_MAX), one = {1};
    multiply_power10(most, static_cast<int32_t>(-scale));
    multiply_power10(one, static_cast<int32_t>(-scale));
    if (compare_limbs(limbs, most) > 0) limbs = std::move(most);
    if (!limbs.empty() && compare_limbs(limbs, one) < 0) format_ = Format::DecimalSi;
  }
  set_big(std::move(limbs), negative, static_cast<int32_t>(scale));
  return {};
}

Quantity Quantity::stored(std::string_view text) {
  if (text.empty()) return {};
  auto quantity = parse(text);
  return quantity ? std::move(*quantity) : Quantity();
}

void Quantity::set_big(Limbs limbs, bool negative, int32_t scale) {
  verbatim_.clear();
  value_ = 0;
  scale_ = limbs.empty() ? 0 : scale;
  negative_ = negative;
  limbs_ = std::move(limbs);
}

Quantity::Limbs Quantity::magnitude() const {
  if (!limbs_.empty()) return limbs_;
  return limbs_of(value_ < 0 ? 0 - static_cast<uint64_t>(value_) : static_cast<uint64_t>(value_));
}

std::optional<int64_t> Quantity::plain_integer() const {
  if (!limbs_.empty() || scale_ < 0) return {};
  int64_t number = value_;
  for (int32_t i = 0; i < scale_ && number != 0; i++)
    if (__builtin_mul_overflow(number, 10, &number)) return {};
  return number;
}

int Quantity::sign() const {
  if (!limbs_.empty()) return negative_ ? -1 : 1;
  return (value_ > 0) - (value_ < 0);
}

int Quantity::compare(const Quantity& other) const {
  int mine = sign(), theirs = other.sign();
  if (mine != theirs) return mine < theirs ? -1 : 1;
  if (mine == 0) return 0;
  if (limbs_.empty() && other.limbs_.empty() && scale_ == other.scale_) return (value_ > other.value_) - (value_ < other.value_);
  Limbs a = magnitude(), b = other.magnitude();
  // Where the leading digits stand decides most cases, and keeps hostile exponents from being written out.
  int64_t a_top = digits_of(a) + scale_, b_top = digits_of(b) + other.scale_;
  if (a_top != b_top) return (a_top < b_top ? -1 : 1) * mine;
  if (scale_ > other.scale_)
    multiply_power10(a, scale_ - other.scale_);
  else
    multiply_power10(b, other.scale_ - scale_);
  return compare_limbs(a, b) * mine;
}

void Quantity::add(const Quantity& other, bool subtract) {
  verbatim_.clear();
  if (is_zero()) format_ = other.format_;
  if (other.is_zero()) return;
  if (is_zero()) {
    value_ = other.value_;
    scale_ = other.scale_;
    limbs_ = other.limbs_;
    negative_ = other.negative_;
    if (subtract) negate();
    return;
  }
  int64_t sum;
  if (limbs_.empty() && other.limbs_.empty() && scale_ == other.scale_ &&
      !(subtract ? __builtin_sub_overflow(value_, other.value_, &sum) : __builtin_add_overflow(value_, other.value_, &sum))) {
    value_ = sum;
    return;
  }
  Limbs a = magnitude(), b = other.magnitude();
  bool a_negative = is_negative(), b_negative = other.is_negative() != subtract;
  int64_t spread = int64_t{scale_} - other.scale_;
  if (spread > kSpreadMax) return;
  if (spread < -kSpreadMax) return set_big(std::move(b), b_negative, other.scale_);
  int32_t scale = std::min(scale_, other.scale_);
  multiply_power10(a, scale_ - scale);
  multiply_power10(b, other.scale_ - scale);
  if (a_negative == b_negative) {
    a = add_limbs(a, b);
  } else if (compare_limbs(a, b) >= 0) {
    a = subtract_limbs(a, b);
  } else {
    a = subtract_limbs(b, a);
    a_negative = b_negative;
  }
  // Back to the small form where it fits, if both came in it: upstream's large form stays large, which its AsInt64 tells.
  unsigned __int128 small = 0;
  if (limbs_.empty() && other.limbs_.empty() && a.size() <= 3) {
    for (size_t i = a.size(); i-- > 0;) small = small * kBase + a[i];
    if (small <= static_cast<unsigned __int128>(INT64_MAX)) {
      value_ = a_negative ? -static_cast<int64_t>(small) : static_cast<int64_t>(small);
      scale_ = scale;
      limbs_.clear();
      return;
    }
  }
  set_big(std::move(a), a_negative, scale);
}

Quantity& Quantity::operator+=(const Quantity& other) {
  add(other, false);
  return *this;
}
Quantity& Quantity::operator-=(const Quantity& other) {
  add(other, true);
  return *this;
}

void Quantity::negate() {
  verbatim_.clear();
  if (!limbs_.empty())
    negative_ = !negative_;
  else if (value_ == INT64_MIN)
    set_big(magnitude(), false, scale_);
  else
    value_ = -value_;
}

void Quantity::multiply(int64_t factor) {
  verbatim_.clear();
  int64_t product;
  if (limbs_.empty() && !__builtin_mul_overflow(value_, factor, &product)) {
    value_ = product;
    return;
  }
  bool negative = is_negative() != (factor < 0);
  Limbs result, a = magnitude();
  Limbs b = limbs_of(factor < 0 ? 0 - static_cast<uint64_t>(factor) : static_cast<uint64_t>(factor));
  for (size_t i = 0; i < b.size(); i++) {
    Limbs part = a;
    multiply_small(part, b[i]);
    if (!part.empty()) part.insert(part.begin(), i, 0u);
    result = add_limbs(result, part);
  }
  set_big(std::move(result), negative, scale_);
}

int64_t Quantity::scaled(int scale) const {
  if (limbs_.empty() && scale_ == scale) return value_;
  bool negative = is_negative();
  const int64_t most = negative ? INT64_MIN : INT64_MAX;
  Limbs limbs = magnitude();
  if (limbs.empty()) return 0;
  int64_t shift = int64_t{scale_} - scale;
  if (digits_of(limbs) + shift > 19) return most;
  if (shift > 0)
    multiply_power10(limbs, static_cast<int32_t>(shift));
  else if (divide_power10(limbs, -shift))
    limbs = add_limbs(limbs, {1});
  unsigned __int128 value = 0;
  for (size_t i = limbs.size(); i-- > 0;) value = value * kBase + limbs[i];
  if (value > static_cast<unsigned __int128>(INT64_MAX)) return most;
  return negative ? -static_cast<int64_t>(value) : static_cast<int64_t>(value);
}

bool Quantity::round_up(int scale) {
  if (scale_ >= scale) return true;
  bool negative = is_negative();
  Limbs limbs = magnitude();
  bool changed = divide_power10(limbs, int64_t{scale} - scale_);
  if (changed) limbs = add_limbs(limbs, {1});
  set_big(std::move(limbs), negative, scale);
  if (limbs_.size() <= 2 && !limbs_.empty()) {  // below 10^18: back to the small form
    int64_t value = limbs_[0] + (limbs_.size() > 1 ? int64_t{limbs_[1]} * kBase : 0);
    limbs_.clear();
    value_ = negative ? -value : value;
  }
  return !changed;
}

// Rounded in the same steps as upstream: the digits, then the power of ten, itself of two factors.
double Quantity::approximate() const {
  auto number = [](const std::string& text) {
    double value = 0;
    auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    return result.ec == std::errc() ? value : std::strtod(text.c_str(), nullptr);
  };
  std::string digits = is_negative() ? "-" : "";
  append_limbs(digits, magnitude());
  int64_t power = std::clamp<int64_t>(scale_, -400, 400);
  if (!limbs_.empty() && power > kNano) {  // the large form counts in billionths
    digits.append(static_cast<size_t>(power - kNano), '0');
    power = kNano;
  }
  double base = number(digits);
  if (power == 0) return base;
  double high = number(concat("1e", power / 32 * 32)), low = number(concat("1e", std::abs(power % 32)));
  return base * (power < 0 ? high / low : high * low);
}

// The exponent is a multiple of three, as large as it can be without a fraction.
void Quantity::canonical_decimal(std::string& out, bool exponent_form) const {
  Limbs limbs = magnitude();
  int64_t exponent = scale_;
  while (!limbs.empty() && limbs.front() % 10 == 0) {
    divide_small(limbs, 10);
    exponent++;
  }
  for (; exponent % 3 != 0; exponent--) multiply_small(limbs, 10);
  if (is_negative()) out += '-';
  append_limbs(out, limbs);
  if (!exponent_form)
    out += suffix_of(kDecimal, exponent);
  else if (exponent != 0)
    append(out, "e", exponent);
}

void Quantity::canonical_binary(std::string& out) const {
  Limbs limbs = magnitude();
  if (scale_ > 0)
    multiply_power10(limbs, scale_);
  else
    divide_power10(limbs, -int64_t{scale_});
  int64_t exponent = 0;
  while (true) {
    Limbs quotient = limbs;
    if (divide_small(quotient, 1024) != 0 || quotient.empty()) break;
    limbs = std::move(quotient);
    exponent += 10;
  }
  if (is_negative()) out += '-';
  append_limbs(out, limbs);
  if (exponent) out += suffix_of(kBinary, exponent);
}

std::string Quantity::text() const {
  if (!verbatim_.empty()) return verbatim_;
  if (is_zero()) return "0";
  std::string out;
  bool binary = format_ == Format::BinarySi;
  if (binary) {  // small or with a fraction, it is shown in decimal rather than rounded
    bool small = compare(Quantity(1024)) < 0 && compare(Quantity(-1024)) > 0;
    Quantity whole = *this;
    binary = !small && whole.round_up(0);
  }
  if (binary)
    canonical_binary(out);
  else
    canonical_decimal(out, format_ == Format::DecimalExponent);
  return out;
}

bool canonical_quantity(std::string_view text, std::string& out, std::string& error) {
  auto quantity = Quantity::parse(text);
  if (!quantity) {
    error = quantity.error().message();
    return false;
  }
  out = quantity->text();
  return true;
}

}  // namespace sampan::schema
