// What calls cost.
#include "cel/library/costs.h"

#include <cmath>

namespace sampan::cel {

namespace {

constexpr double kStringTraversalFactor = 0.1;
constexpr double kPatternLengthFactor = 0.25;  // a step of a pattern is about four characters of it

uint64_t rounded_up(double cost) { return static_cast<uint64_t>(std::ceil(cost)); }

}  // namespace

uint64_t size_for_cost(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::String: {
      const std::string_view text = value.as_text();
      return static_cast<uint64_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
    }
    case Value::Kind::Bytes: return value.as_text().size();
    case Value::Kind::List: return value.as_list().size();
    case Value::Kind::Map: return value.as_map().size();
    case Value::Kind::Optional: return value.as_optional() ? size_for_cost(*value.as_optional()) : 1;
    default: return 1;
  }
}

uint64_t traversal_cost(uint64_t size) { return rounded_up(static_cast<double>(size) * kStringTraversalFactor); }

uint64_t cost_of_first_argument(std::span<const Value> arguments, const Value&) { return traversal_cost(size_for_cost(arguments[0])); }

uint64_t cost_of_shorter_argument(std::span<const Value> arguments, const Value&) {
  return traversal_cost(std::min(size_for_cost(arguments[0]), size_for_cost(arguments[1])));
}

uint64_t cost_of_both_arguments(std::span<const Value> arguments, const Value&) {
  return traversal_cost(size_for_cost(arguments[0]) + size_for_cost(arguments[1]));
}

// One more character than the text has: an empty text costs the pattern too.
uint64_t cost_of_pattern(std::span<const Value> arguments, const Value&) {
  const double text = static_cast<double>(size_for_cost(arguments[0])), pattern = static_cast<double>(size_for_cost(arguments[1]));
  return rounded_up((1 + text) * kStringTraversalFactor) * rounded_up(pattern * kPatternLengthFactor);
}

}  // namespace sampan::cel
