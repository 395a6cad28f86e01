// Optional values: optional.of(x), x.orValue(y) and their like. What `.?`, `[?]`, or() and orValue() do is the evaluator's: it need not look at their second half.
#include "base/text.h"
#include "cel/expression.h"
#include "cel/libraries.h"
#include "cel/library/support.h"

namespace sampan::cel {

namespace {

using namespace library;

constexpr int64_t kYearOne = -62135596800;  // Go's zero time

bool is_zero(const Value& value) {
  switch (value.kind()) {
    case Kind::Null: return true;
    case Kind::Bool: return !value.as_bool();
    case Kind::Int: return value.as_int() == 0;
    case Kind::Uint: return value.as_uint() == 0;
    case Kind::Double: return value.as_double() == 0;
    case Kind::String:
    case Kind::Bytes: return value.as_text().empty();
    case Kind::Duration: return value.as_nanoseconds() == 0;
    case Kind::Timestamp: return value.seconds() == kYearOne && value.nanoseconds() == 0;
    case Kind::List: return value.as_list().size() == 0;
    case Kind::Map: return value.as_map().size() == 0;
    case Kind::Struct: return value.as_struct().fields().empty();
    case Kind::Opaque:
    case Kind::Type:
    case Kind::Optional: return false;
  }
  return false;
}

Maybe<Value> of(Arguments arguments) { return Value::optional(arguments[0]); }

Maybe<Value> of_non_zero(Arguments arguments) {
  if (is_zero(arguments[0])) return Value::optional({});
  return Value::optional(arguments[0]);
}

Maybe<Value> none(Arguments) { return Value::optional({}); }

Maybe<Value> value(Arguments arguments) {
  if (!arguments[0].is(Kind::Optional)) return no_such_overload();
  if (auto& held = arguments[0].as_optional()) return *held;
  return failed("optional.none() dereference");
}

Maybe<Value> has_value(Arguments arguments) {
  if (!arguments[0].is(Kind::Optional)) return no_such_overload();
  return Value::boolean(arguments[0].as_optional().has_value());
}

Maybe<Value> end_of(Arguments arguments, bool last) {
  const List& list = arguments[0].as_list();
  if (list.size() == 0) return Value::optional({});
  return Value::optional(list.at(last ? list.size() - 1 : 0));
}
Maybe<Value> first(Arguments arguments) { return end_of(arguments, false); }
Maybe<Value> last(Arguments arguments) { return end_of(arguments, true); }

Maybe<Value> unwrap(Arguments arguments) {
  const List& list = arguments[0].as_list();
  std::vector<Value> items;
  for (size_t i = 0; i < list.size(); i++) {
    Value item = list.at(i);
    if (!item.is(Kind::Optional)) return failed(concat("value ", item.shown(), " is not optional"));
    if (auto& held = item.as_optional()) items.push_back(*held);
  }
  return Value::list(std::move(items));
}

}  // namespace

void add_optionals(Environment& environment) {
  const Type k = Type::parameter("K"), v = Type::parameter("V"), optional = Type::optional(v), list = Type::list(v), map = Type::map(k, v);
  environment.declare("optional_type", Type::type_of(optional));
  environment.declare({"optional.of", {function("optional_of", {v}, optional, of)}});
  environment.declare({"optional.ofNonZeroValue", {function("optional_ofNonZeroValue", {v}, optional, of_non_zero)}});
  environment.declare({"optional.none", {function("optional_none", {}, optional, none)}});
  environment.declare({"value", {member("optional_value", {optional}, v, value)}});
  environment.declare({"hasValue", {member("optional_hasValue", {optional}, Type::Kind::Bool, has_value)}});
  environment.declare({"or", {member("optional_or_optional", {optional, optional}, optional, nullptr)}});
  environment.declare({"orValue", {member("optional_orValue_value", {optional, v}, v, nullptr)}});
  environment.declare({std::string(op::kOptionalSelect), {function("select_optional_field", {Type(), Type::Kind::String}, optional, nullptr)}});
  environment.declare({std::string(op::kOptionalIndex),
                       {function("list_optindex_optional_int", {list, Type::Kind::Int}, optional, nullptr),
                        function("optional_list_optindex_optional_int", {Type::optional(list), Type::Kind::Int}, optional, nullptr),
                        function("map_optindex_optional_value", {map, k}, optional, nullptr),
                        function("optional_map_optindex_optional_value", {Type::optional(map), k}, optional, nullptr)}});
  environment.declare({std::string(op::kIndex),
                       {function("optional_list_index_int", {Type::optional(list), Type::Kind::Int}, optional, nullptr),
                        function("optional_map_index_value", {Type::optional(map), k}, optional, nullptr)}});
  environment.declare({"last", {member("list_last", {list}, optional, last)}});
  environment.declare({"first", {member("list_first", {list}, optional, first)}});
  environment.declare({"optional.unwrap", {function("optional_unwrap", {Type::list(optional)}, list, unwrap)}});
  environment.declare({"unwrapOpt", {member("optional_unwrapOpt", {Type::list(optional)}, list, unwrap)}});
}

}  // namespace sampan::cel
