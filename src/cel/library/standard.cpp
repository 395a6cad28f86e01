// The standard library: names of types, logic, equality, what is in a collection and how large it is.
#include "cel/library/standard.h"

#include "cel/expression.h"
#include "cel/libraries.h"
#include "cel/library/support.h"

namespace sampan::cel {

namespace {

using Kind = Type::Kind;
using library::Arguments;

Maybe<Value> negation(Arguments arguments) { return Value::boolean(!arguments[0].as_bool()); }
// What only functions understand cannot be held against something else.
Maybe<Value> equals(Arguments arguments) {
  const Value &one = arguments[0], &other = arguments[1];
  const bool alike = other.is(Value::Kind::Null) || (other.is(Value::Kind::Opaque) && other.as_opaque().type() == one.type());
  if (one.is(Value::Kind::Opaque) && !alike) return no_such_overload();
  return Value::boolean(one.equals(other));
}
Maybe<Value> differs(Arguments arguments) { return Value::boolean(!arguments[0].equals(arguments[1])); }
Maybe<Value> same(Arguments arguments) { return arguments[0]; }
Maybe<Value> type_of(Arguments arguments) { return Value::type(arguments[0].type()); }

Maybe<Value> in_list(Arguments arguments) {
  const List& list = arguments[1].as_list();
  for (size_t i = 0; i < list.size(); ++i)
    if (arguments[0].equals(list.at(i))) return Value::boolean(true);
  return Value::boolean(false);
}
uint64_t in_list_cost(Arguments arguments, const Value&) { return arguments[1].as_list().size(); }

Maybe<Value> in_map(Arguments arguments) { return Value::boolean(arguments[1].as_map().contains(arguments[0])); }

Maybe<Value> size(Arguments arguments) { return Value::integer(static_cast<int64_t>(library::size_of(arguments[0]))); }

void add_types(Environment& environment) {
  const Type a = Type::parameter("A"), b = Type::parameter("B");
  for (const Type& type : {Type(Kind::Bool), Type(Kind::Bytes), Type(Kind::Double), Type(Kind::Duration), Type(Kind::Int), Type::list(a), Type::map(a, b), Type(Kind::Null),
                           Type(Kind::String), Type(Kind::Timestamp), Type(Kind::Type), Type(Kind::Uint)})
    environment.declare(type.name(), Type::type_of(type));
}

// What has no function here the evaluator does itself: it need not look at all operands.
void add_logic(Environment& environment) {
  const Type a = Type::parameter("A"), boolean = Kind::Bool;
  environment.declare({std::string(op::kConditional), {{.id = "conditional", .parameters = {boolean, a, a}, .result = a}}});
  environment.declare({std::string(op::kAnd), {{.id = "logical_and", .parameters = {boolean, boolean}, .result = boolean}}});
  environment.declare({std::string(op::kOr), {{.id = "logical_or", .parameters = {boolean, boolean}, .result = boolean}}});
  environment.declare({std::string(op::kNot), {{.id = "logical_not", .parameters = {boolean}, .result = boolean, .call = negation}}});
  environment.declare({std::string(op::kNotStrictlyFalse), {{.id = "not_strictly_false", .parameters = {boolean}, .result = boolean}}});
}

void add_equality(Environment& environment) {
  const Type a = Type::parameter("A"), boolean = Kind::Bool;
  environment.declare(
      {std::string(op::kEquals), {{.id = "equals", .parameters = {a, a}, .result = boolean, .call = equals, .cost = library::cost_of_shorter}}});
  environment.declare(
      {std::string(op::kDiffers), {{.id = "not_equals", .parameters = {a, a}, .result = boolean, .call = differs, .cost = library::cost_of_shorter}}});
}

void add_collections(Environment& environment) {
  const Type a = Type::parameter("A"), b = Type::parameter("B"), list = Type::list(a), map = Type::map(a, b), boolean = Kind::Bool, integer = Kind::Int;
  environment.declare({std::string(op::kIndex),
                       {{.id = "index_list", .parameters = {list, integer}, .result = a}, {.id = "index_map", .parameters = {map, a}, .result = b}}});
  environment.declare({std::string(op::kIn),
                       {{.id = "in_list", .parameters = {a, list}, .result = boolean, .call = in_list, .cost = in_list_cost},
                        {.id = "in_map", .parameters = {a, map}, .result = boolean, .call = in_map}}});
  struct Sized {
    std::string_view function, method;
    Type type;
  };
  FunctionDeclaration sizes{"size", {}};
  for (const Sized& of : {Sized{"size_bytes", "bytes_size", Kind::Bytes}, {"size_list", "list_size", list}, {"size_map", "map_size", map}, {"size_string", "string_size", Kind::String}}) {
    sizes.overloads.push_back({.id = of.function, .parameters = {of.type}, .result = integer, .call = size});
    sizes.overloads.push_back({.id = of.method, .parameters = {of.type}, .result = integer, .member = true, .call = size});
  }
  environment.declare(std::move(sizes));
}

}  // namespace

void add_standard(Environment& environment) {
  const Type a = Type::parameter("A");
  add_types(environment);
  add_logic(environment);
  add_equality(environment);
  add_collections(environment);
  environment.declare({"type", {{.id = "type", .parameters = {a}, .result = Type::type_of(a), .call = type_of}}});
  environment.declare({"dyn", {{.id = "to_dyn", .parameters = {a}, .result = Type(), .call = same}}});
  add_arithmetic(environment);
  add_order(environment);
  add_text(environment);
  add_conversions(environment);
  add_times(environment);
}

}  // namespace sampan::cel
