// Any text: a quantity's canonical text is the same quantity and canonical itself; sums and comparisons agree.
#include "base/check.h"
#include "schema/quantity.h"

using namespace sampan;
using namespace sampan::schema;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  size_t half = text.find(' ');
  auto a = Quantity::parse(text.substr(0, half));
  if (!a) return 0;
  std::string canonical = a->text();
  (void)a->value();
  (void)a->milli_value();
  auto again = Quantity::parse(canonical);
  check(again.has_value());
  if (half == std::string_view::npos) return 0;
  auto b = Quantity::parse(text.substr(half + 1));
  if (!b) return 0;
  check(a->compare(*b) == -b->compare(*a));
  Quantity sum = *a;
  sum += *b;
  sum -= *b;
  Quantity difference = *a;
  difference -= *b;
  // Sums of numbers that are thousands of places apart drop the smaller one; below, they are exact.
  constexpr auto kExponent = Quantity::Format::DecimalExponent;
  if (a->format() != kExponent && b->format() != kExponent) {
    check(sum == *a);
    check(difference.sign() == a->compare(*b));
  }
  return 0;
}
