// Kubernetes' functions over lists: isSorted, sum, min, max, indexOf, lastIndexOf.
#include "base/text.h"
#include "cel/libraries.h"
#include "cel/library/support.h"

namespace sampan::cel {

namespace {

using namespace library;

Maybe<Value> is_sorted(Arguments arguments) {
  const List& list = arguments[0].as_list();
  for (size_t i = 1; i < list.size(); i++)
    if (list.at(i - 1).compare(list.at(i)) == std::partial_ordering::greater) return Value::boolean(false);
  return Value::boolean(true);
}

// The checker does not look into lists of dyn: an item may be of another kind than the first.
Maybe<Value> sum_of_ints(Arguments arguments) {
  const List& list = arguments[0].as_list();
  int64_t sum = 0;
  for (size_t i = 0; i < list.size(); i++) {
    Value item = list.at(i);
    if (!item.is(Kind::Int)) return no_such_overload();
    if (__builtin_add_overflow(sum, item.as_int(), &sum)) return failed("integer overflow");
  }
  return Value::integer(sum);
}

Maybe<Value> sum_of_uints(Arguments arguments) {
  const List& list = arguments[0].as_list();
  uint64_t sum = 0;
  for (size_t i = 0; i < list.size(); i++) {
    Value item = list.at(i);
    if (!item.is(Kind::Uint)) return no_such_overload();
    if (__builtin_add_overflow(sum, item.as_uint(), &sum)) return failed("unsigned integer overflow");
  }
  return Value::uinteger(sum);
}

Maybe<Value> sum_of_doubles(Arguments arguments) {
  const List& list = arguments[0].as_list();
  double sum = 0;
  for (size_t i = 0; i < list.size(); i++) {
    Value item = list.at(i);
    if (!item.is(Kind::Double)) return no_such_overload();
    sum += item.as_double();
  }
  return Value::number(sum);
}

Maybe<Value> sum_of_durations(Arguments arguments) {
  const List& list = arguments[0].as_list();
  int64_t sum = 0;
  for (size_t i = 0; i < list.size(); i++) {
    Value item = list.at(i);
    if (!item.is(Kind::Duration)) return no_such_overload();
    if (__builtin_add_overflow(sum, item.as_nanoseconds(), &sum)) return failed("duration overflow");
  }
  return Value::duration(sum);
}

// The first of the least, or of the greatest.
Maybe<Value> extreme(const Value& what, std::partial_ordering replaces, std::string_view name) {
  const List& list = what.as_list();
  if (list.size() == 0) return failed(concat(name, " called on empty list"));
  Value best = list.at(0);
  for (size_t i = 1; i < list.size(); i++) {
    Value next = list.at(i);
    if (best.compare(next) == replaces) best = std::move(next);
  }
  return best;
}
Maybe<Value> min(Arguments arguments) { return extreme(arguments[0], std::partial_ordering::greater, "min"); }
Maybe<Value> max(Arguments arguments) { return extreme(arguments[0], std::partial_ordering::less, "max"); }

Maybe<Value> index_of(Arguments arguments) {
  const List& list = arguments[0].as_list();
  for (size_t i = 0; i < list.size(); i++)
    if (list.at(i).equals(arguments[1])) return Value::integer(static_cast<int64_t>(i));
  return Value::integer(-1);
}

Maybe<Value> last_index_of(Arguments arguments) {
  const List& list = arguments[0].as_list();
  for (size_t i = list.size(); i > 0; i--)
    if (list.at(i - 1).equals(arguments[1])) return Value::integer(static_cast<int64_t>(i - 1));
  return Value::integer(-1);
}

struct Comparable {
  Type::Kind kind;
  std::string_view is_sorted, max, min;
};
constexpr Comparable kComparable[] = {
    {Type::Kind::Int, "list_int_is_sorted_bool", "list_int_max_int", "list_int_min_int"},
    {Type::Kind::Uint, "list_uint_is_sorted_bool", "list_uint_max_uint", "list_uint_min_uint"},
    {Type::Kind::Double, "list_double_is_sorted_bool", "list_double_max_double", "list_double_min_double"},
    {Type::Kind::Bool, "list_bool_is_sorted_bool", "list_bool_max_bool", "list_bool_min_bool"},
    {Type::Kind::Duration, "list_duration_is_sorted_bool", "list_duration_max_duration", "list_duration_min_duration"},
    {Type::Kind::Timestamp, "list_timestamp_is_sorted_bool", "list_timestamp_max_timestamp", "list_timestamp_min_timestamp"},
    {Type::Kind::String, "list_string_is_sorted_bool", "list_string_max_string", "list_string_min_string"},
    {Type::Kind::Bytes, "list_bytes_is_sorted_bool", "list_bytes_max_bytes", "list_bytes_min_bytes"},
};

}  // namespace

void add_kubernetes_lists(Environment& environment) {
  FunctionDeclaration sorted{"isSorted", {}}, most{"max", {}}, least{"min", {}};
  for (auto& [kind, sorted_id, max_id, min_id] : kComparable) {
    const Type of = Type::list(kind);
    sorted.overloads.push_back(member(sorted_id, {of}, Type::Kind::Bool, is_sorted, cost_of_tree));
    most.overloads.push_back(member(max_id, {of}, kind, max, cost_of_tree));
    least.overloads.push_back(member(min_id, {of}, kind, min, cost_of_tree));
  }
  environment.declare(std::move(sorted));
  environment.declare(std::move(most));
  environment.declare(std::move(least));
  using K = Type::Kind;
  environment.declare({"sum",
                       {member("list_int_sum_int", {Type::list(K::Int)}, K::Int, sum_of_ints, cost_of_tree),
                        member("list_uint_sum_uint", {Type::list(K::Uint)}, K::Uint, sum_of_uints, cost_of_tree),
                        member("list_double_sum_double", {Type::list(K::Double)}, K::Double, sum_of_doubles, cost_of_tree),
                        member("list_duration_sum_duration", {Type::list(K::Duration)}, K::Duration, sum_of_durations, cost_of_tree)}});
  const Type item = Type::parameter("A"), list = Type::list(item);
  environment.declare({"indexOf", {member("list_a_index_of_int", {list, item}, K::Int, index_of, cost_of_tree)}});
  environment.declare({"lastIndexOf", {member("list_a_last_index_of_int", {list, item}, K::Int, last_index_of, cost_of_tree)}});
}

}  // namespace sampan::cel
