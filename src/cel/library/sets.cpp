// Lists taken as sets: sets.contains(), sets.equivalent(), sets.intersects().
#include "cel/evaluate.h"
#include "cel/libraries.h"
#include "cel/library/support.h"

namespace sampan::cel {

namespace {

using namespace library;

bool has(const List& list, const Value& item) {
  for (size_t i = 0; i < list.size(); i++)
    if (item.equals(list.at(i))) return true;
  return false;
}

bool has_all(const List& list, const List& items) {
  for (size_t i = 0; i < items.size(); i++)
    if (!has(list, items.at(i))) return false;
  return true;
}

bool are_too_many(Arguments arguments) {
  return static_cast<double>(arguments[0].as_list().size()) * static_cast<double>(arguments[1].as_list().size()) > static_cast<double>(kCostOfOneMax);
}

Maybe<Value> contains(Arguments arguments) {
  if (are_too_many(arguments)) return out_of_budget();
  return Value::boolean(has_all(arguments[0].as_list(), arguments[1].as_list()));
}

Maybe<Value> equivalent(Arguments arguments) {
  if (are_too_many(arguments)) return out_of_budget();
  auto &a = arguments[0].as_list(), &b = arguments[1].as_list();
  return Value::boolean(has_all(a, b) && has_all(b, a));
}

Maybe<Value> intersects(Arguments arguments) {
  if (are_too_many(arguments)) return out_of_budget();
  auto &a = arguments[0].as_list(), &b = arguments[1].as_list();
  for (size_t i = 0; i < a.size(); i++)
    if (has(b, a.at(i))) return Value::boolean(true);
  return Value::boolean(false);
}

uint64_t cost_of_one(Arguments arguments, const Value&) { return 1 + size_of(arguments[0]) * size_of(arguments[1]); }
uint64_t cost_of_both(Arguments arguments, const Value&) { return 1 + size_of(arguments[0]) * size_of(arguments[1]) * 2; }

}  // namespace

void add_sets(Environment& environment) {
  const Type list = Type::list(Type::parameter("T"));
  environment.declare({"sets.contains", {function("list_sets_contains_list", {list, list}, Type::Kind::Bool, contains, cost_of_one)}});
  environment.declare({"sets.equivalent", {function("list_sets_equivalent_list", {list, list}, Type::Kind::Bool, equivalent, cost_of_both)}});
  environment.declare({"sets.intersects", {function("list_sets_intersects_list", {list, list}, Type::Kind::Bool, intersects, cost_of_one)}});
}

}  // namespace sampan::cel
