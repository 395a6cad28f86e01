// Kubernetes' functions over quantities: quantity("1.5Gi").
#include "cel/libraries.h"
#include "cel/library/support.h"
#include "schema/quantity.h"

namespace sampan::cel {

namespace {

using namespace library;
using schema::Quantity;

struct QuantityValue final : Opaque {
  explicit QuantityValue(Quantity q) : quantity(std::move(q)) {}
  Type type() const override { return Type::structure("kubernetes.Quantity"); }
  bool equals(const Opaque& other) const override { return quantity == static_cast<const QuantityValue&>(other).quantity; }
  Quantity quantity;
};

const Quantity& quantity_of(const Value& value) { return opaque_as<QuantityValue>(value).quantity; }
Value value_of(Quantity quantity) { return Value::opaque(Ref<QuantityValue>(new QuantityValue(std::move(quantity)))); }

Maybe<Value> quantity(Arguments arguments) {
  auto parsed = Quantity::parse(arguments[0].as_text());
  if (!parsed) return failed(parsed.error().message());
  return value_of(*std::move(parsed));
}
Maybe<Value> is_quantity(Arguments arguments) { return Value::boolean(Quantity::parse(arguments[0].as_text()).has_value()); }

Maybe<Value> sign(Arguments arguments) { return Value::integer(quantity_of(arguments[0]).sign()); }
int order_of(Arguments arguments) { return quantity_of(arguments[0]).compare(quantity_of(arguments[1])); }
Maybe<Value> is_greater(Arguments arguments) { return Value::boolean(order_of(arguments) > 0); }
Maybe<Value> is_less(Arguments arguments) { return Value::boolean(order_of(arguments) < 0); }
Maybe<Value> compare(Arguments arguments) { return Value::integer(order_of(arguments)); }

Maybe<Value> as_approximate_float(Arguments arguments) { return Value::number(quantity_of(arguments[0]).approximate()); }
Maybe<Value> is_integer(Arguments arguments) { return Value::boolean(quantity_of(arguments[0]).plain_integer().has_value()); }
Maybe<Value> as_integer(Arguments arguments) {
  auto integer = quantity_of(arguments[0]).plain_integer();
  if (!integer) return failed("cannot convert value to integer");
  return Value::integer(*integer);
}

Quantity operand(const Value& value) {
  return value.is(Kind::Int) ? Quantity(value.as_int(), Quantity::Format::DecimalExponent) : quantity_of(value);
}
Maybe<Value> add(Arguments arguments) {
  Quantity sum = quantity_of(arguments[0]);
  sum += operand(arguments[1]);
  return value_of(std::move(sum));
}
Maybe<Value> subtract(Arguments arguments) {
  Quantity rest = quantity_of(arguments[0]);
  rest -= operand(arguments[1]);
  return value_of(std::move(rest));
}

}  // namespace

void add_quantities(Environment& environment) {
  const Type text = Type::Kind::String, boolean = Type::Kind::Bool, integer = Type::Kind::Int, of = Type::structure("kubernetes.Quantity");
  environment.declare({"quantity", {function("string_to_quantity", {text}, of, quantity, cost_of_text)}});
  environment.declare({"isQuantity", {function("is_quantity_string", {text}, boolean, is_quantity, cost_of_text)}});
  environment.declare({"sign", {function("quantity_sign", {of}, integer, sign)}});  // upstream declares it as no method
  environment.declare({"isGreaterThan", {member("quantity_is_greater_than", {of, of}, boolean, is_greater)}});
  environment.declare({"isLessThan", {member("quantity_is_less_than", {of, of}, boolean, is_less)}});
  environment.declare({"compareTo", {member("quantity_compare_to", {of, of}, integer, compare)}});
  environment.declare({"asApproximateFloat", {member("quantity_get_float", {of}, Type::Kind::Double, as_approximate_float)}});
  environment.declare({"asInteger", {member("quantity_get_int", {of}, integer, as_integer)}});
  environment.declare({"isInteger", {member("quantity_is_integer", {of}, boolean, is_integer)}});
  environment.declare({"add", {member("quantity_add", {of, of}, of, add), member("quantity_add_int", {of, integer}, of, add)}});
  environment.declare({"sub", {member("quantity_sub", {of, of}, of, subtract), member("quantity_sub_int", {of, integer}, of, subtract)}});
}

}  // namespace sampan::cel
