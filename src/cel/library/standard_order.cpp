// < <= > >=: of two of one type, and of numbers of any types.
#include "cel/expression.h"
#include "cel/library/standard.h"
#include "cel/library/support.h"

namespace sampan::cel {

namespace {

using Kind = Type::Kind;
using library::Arguments;

template <auto holds>
Maybe<Value> ordered(Arguments arguments) {
  const auto order = arguments[0].compare(arguments[1]);
  if (!order) return no_such_overload();
  if (*order == std::partial_ordering::unordered) return failed("NaN values cannot be ordered");
  return Value::boolean(holds(*order));
}

bool is_less(std::partial_ordering order) { return order < 0; }
bool is_less_or_equal(std::partial_ordering order) { return order <= 0; }
bool is_greater(std::partial_ordering order) { return order > 0; }
bool is_greater_or_equal(std::partial_ordering order) { return order >= 0; }

struct Operator {
  std::string_view name;
  Function call;
  std::string_view ids[14];
};

// In the order of kOperands.
constexpr Operator kOperators[] = {
    {op::kLess, ordered<is_less>,
     {"less_bool", "less_int64", "less_int64_double", "less_int64_uint64", "less_uint64", "less_uint64_double", "less_uint64_int64", "less_double",
      "less_double_int64", "less_double_uint64", "less_string", "less_bytes", "less_timestamp", "less_duration"}},
    {op::kLessOrEqual, ordered<is_less_or_equal>,
     {"less_equals_bool", "less_equals_int64", "less_equals_int64_double", "less_equals_int64_uint64", "less_equals_uint64", "less_equals_uint64_double",
      "less_equals_uint64_int64", "less_equals_double", "less_equals_double_int64", "less_equals_double_uint64", "less_equals_string", "less_equals_bytes",
      "less_equals_timestamp", "less_equals_duration"}},
    {op::kGreater, ordered<is_greater>,
     {"greater_bool", "greater_int64", "greater_int64_double", "greater_int64_uint64", "greater_uint64", "greater_uint64_double", "greater_uint64_int64",
      "greater_double", "greater_double_int64", "greater_double_uint64", "greater_string", "greater_bytes", "greater_timestamp", "greater_duration"}},
    {op::kGreaterOrEqual, ordered<is_greater_or_equal>,
     {"greater_equals_bool", "greater_equals_int64", "greater_equals_int64_double", "greater_equals_int64_uint64", "greater_equals_uint64",
      "greater_equals_uint64_double", "greater_equals_uint64_int64", "greater_equals_double", "greater_equals_double_int64", "greater_equals_double_uint64",
      "greater_equals_string", "greater_equals_bytes", "greater_equals_timestamp", "greater_equals_duration"}},
};

constexpr Kind kOperands[][2] = {
    {Kind::Bool, Kind::Bool},     {Kind::Int, Kind::Int},       {Kind::Int, Kind::Double},    {Kind::Int, Kind::Uint},      {Kind::Uint, Kind::Uint},
    {Kind::Uint, Kind::Double},   {Kind::Uint, Kind::Int},      {Kind::Double, Kind::Double}, {Kind::Double, Kind::Int},    {Kind::Double, Kind::Uint},
    {Kind::String, Kind::String}, {Kind::Bytes, Kind::Bytes},   {Kind::Timestamp, Kind::Timestamp}, {Kind::Duration, Kind::Duration},
};

}  // namespace

void add_order(Environment& environment) {
  for (const Operator& each : kOperators) {
    FunctionDeclaration declaration{std::string(each.name), {}};
    for (size_t i = 0; i < std::size(kOperands); ++i) {
      const auto [left, right] = kOperands[i];
      const bool is_text = left == Kind::String || left == Kind::Bytes;
      declaration.overloads.push_back({.id = each.ids[i], .parameters = {left, right}, .result = Kind::Bool, .call = each.call, .cost = is_text ? library::cost_of_shorter : nullptr});
    }
    environment.declare(std::move(declaration));
  }
}

}  // namespace sampan::cel
