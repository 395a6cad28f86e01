// A quantity of a resource ("100m", "1.5Gi", "12e6"): an exact decimal number that remembers how it was written. Parsing, the
// canonical text and arithmetic are those of apimachinery's resource.Quantity.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace sampan::schema {

class Quantity {
 public:
  enum class Format : uint8_t { DecimalSi, BinarySi, DecimalExponent };

  Quantity() = default;  // 0
  explicit Quantity(int64_t value, Format format = Format::DecimalSi) : value_(value), format_(format) {}
  static Quantity milli(int64_t thousandths, Format format = Format::DecimalSi);
  // The error carries upstream's words ("quantities must match the regular expression ...") as a BadRequest.
  static Result<Quantity> parse(std::string_view text);
  // Of a text that was checked when it was stored; 0 if it is none after all.
  static Quantity stored(std::string_view text);

  std::string text() const;
  Format format() const { return format_; }

  int sign() const;
  bool is_zero() const { return sign() == 0; }
  int compare(const Quantity& other) const;
  bool operator==(const Quantity& other) const { return compare(other) == 0; }
  bool operator<(const Quantity& other) const { return compare(other) < 0; }
  bool operator>(const Quantity& other) const { return compare(other) > 0; }
  bool operator<=(const Quantity& other) const { return compare(other) <= 0; }
  bool operator>=(const Quantity& other) const { return compare(other) >= 0; }

  // A zero takes the format of what is added to it or taken from it.
  Quantity& operator+=(const Quantity& other);
  Quantity& operator-=(const Quantity& other);
  void negate();
  void multiply(int64_t factor);

  // In units of 10^scale, rounded away from zero; held at the ends of int64.
  int64_t scaled(int scale) const;
  int64_t value() const { return scaled(0); }
  int64_t milli_value() const { return scaled(-3); }
  // Rounds away from zero to a multiple of 10^scale; false if that changed the value.
  bool round_up(int scale);
  double approximate() const;
  // The number, if it is written as a whole one that fits: upstream's AsInt64, to which "1000m" and "0.5Gi" are none.
  std::optional<int64_t> plain_integer() const;

 private:
  using Limbs = std::vector<uint32_t>;  // base 10^9, lowest first, no zero at the top

  Result<void> parse_big(std::string_view number, bool binary, int32_t exponent);
  Limbs magnitude() const;
  bool is_negative() const { return limbs_.empty() ? value_ < 0 : negative_; }
  void set_big(Limbs limbs, bool negative, int32_t scale);
  void add(const Quantity& other, bool subtract);
  void canonical_decimal(std::string& out, bool exponent_form) const;
  void canonical_binary(std::string& out) const;

  // The number is value_ * 10^scale_ or, if limbs_ is not empty, +-limbs_ * 10^scale_.
  int64_t value_ = 0;
  int32_t scale_ = 0;
  Format format_ = Format::DecimalSi;
  bool negative_ = false;
  Limbs limbs_;
  std::string verbatim_;  // the text as it was parsed, where that is as good as canonical
};

// What a field of this type holds after decoding `text`: the canonical text. False: `error` says why, as upstream.
bool canonical_quantity(std::string_view text, std::string& out, std::string& error);

}  // namespace sampan::schema
