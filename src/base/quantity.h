// Kubernetes quantities ("100m", "1Gi", "1e3"): exact numbers with a preferred way to be written. Values are kept in nano units and, as
// upstream's, are never finer than that nor larger than 2^63-1.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace sampan {

class Quantity {
 public:
  enum class Format : uint8_t { Decimal, Binary, Exponent };

  Quantity() = default;
  explicit Quantity(int64_t value, Format format = Format::Decimal)
      : nanos_(static_cast<__int128>(value) * kNano), format_(format) {}
  // False if the text is no quantity. The text need not be canonical.
  static bool parse(std::string_view text, Quantity& out);
  // Of what has been checked before: what is no quantity is 0.
  static Quantity of(std::string_view text);

  Format format() const { return format_; }
  int sign() const { return nanos_ > 0 ? 1 : nanos_ < 0 ? -1 : 0; }
  bool is_zero() const { return nanos_ == 0; }
  int compare(const Quantity& other) const { return nanos_ < other.nanos_ ? -1 : nanos_ > other.nanos_ ? 1 : 0; }
  bool operator==(const Quantity& other) const { return nanos_ == other.nanos_; }
  bool operator<(const Quantity& other) const { return nanos_ < other.nanos_; }

  int64_t value() const { return scaled(kNano); }  // whole units and thousandths, fractions rounded away from zero, saturating
  int64_t milli_value() const { return scaled(1'000'000); }
  bool is_whole() const { return nanos_ % kNano == 0; }
  void round_up_to_milli();

  // A zero takes the format of what is added to it.
  void add(const Quantity& other);
  void subtract(const Quantity& other);

  std::string text() const;  // canonical

 private:
  static constexpr int64_t kNano = 1'000'000'000;
  int64_t scaled(int64_t unit) const;
  __int128 nanos_ = 0;
  Format format_ = Format::Decimal;
};

}  // namespace sampan
