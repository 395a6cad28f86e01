// cel-go's functions over lists: slice, flatten, sort, distinct, reverse, lists.range.
#include "base/text.h"
#include "cel/evaluate.h"
#include "cel/libraries.h"
#include "cel/library/support.h"

namespace sampan::cel {

namespace {

using namespace library;

// The whole numbers below a size, without room for them: what a range costs is counted only when it is made.
struct Range final : List {
  explicit Range(size_t s) : size_(s) {}
  size_t size() const override { return size_; }
  Value at(size_t index) const override { return Value::integer(static_cast<int64_t>(index)); }
  size_t size_;
};

Maybe<Value> range(Arguments arguments) {
  return Value::list(Ref<List>(new Range(static_cast<size_t>(std::max<int64_t>(arguments[0].as_int(), 0)))));
}

Maybe<Value> reverse(Arguments arguments) {
  const List& list = arguments[0].as_list();
  std::vector<Value> items;
  items.reserve(list.size());
  for (size_t i = list.size(); i > 0; i--) items.push_back(list.at(i - 1));
  return Value::list(std::move(items));
}

Maybe<Value> slice(Arguments arguments) {
  const List& list = arguments[0].as_list();
  int64_t start = arguments[1].as_int(), end = arguments[2].as_int();
  std::string call = concat("cannot slice(", start, ", ", end, "), ");
  if (start < 0 || end < 0) return failed(call + "negative indexes not supported");
  if (start > end) return failed(call + "start index must be less than or equal to end index");
  if (static_cast<int64_t>(list.size()) < end) return failed(concat(call, "list is length ", list.size()));
  std::vector<Value> items;
  for (int64_t i = start; i < end; i++) items.push_back(list.at(static_cast<size_t>(i)));
  return Value::list(std::move(items));
}

void flatten_into(std::vector<Value>& out, const List& list, int64_t depth) {
  for (size_t i = 0; i < list.size(); i++) {
    Value item = list.at(i);
    if (item.is(Kind::List) && depth > 0)
      flatten_into(out, item.as_list(), depth - 1);
    else
      out.push_back(std::move(item));
  }
}

Maybe<Value> flatten_to(const Value& list, int64_t depth) {
  if (depth < 0) return failed("level must be non-negative");
  std::vector<Value> items;
  flatten_into(items, list.as_list(), depth);
  return Value::list(std::move(items));
}
Maybe<Value> flatten(Arguments arguments) { return flatten_to(arguments[0], 1); }
Maybe<Value> flatten_deep(Arguments arguments) { return flatten_to(arguments[0], arguments[1].as_int()); }

bool is_comparable(const Value& value) {
  switch (value.kind()) {
    case Kind::Bool:
    case Kind::Int:
    case Kind::Uint:
    case Kind::Double:
    case Kind::String:
    case Kind::Bytes:
    case Kind::Duration:
    case Kind::Timestamp: return true;
    default: return false;
  }
}

// As many as can be compared with each other within the budget.
constexpr size_t kComparedMax = 1000;
static_assert(kComparedMax * kComparedMax >= kCostOfOneMax);

Maybe<Value> sort_by_keys(const Value& what, const Value& by) {
  const List &list = what.as_list(), &keys = by.as_list();
  size_t size = list.size();
  if (size != keys.size())
    return failed(concat("@sortByAssociatedKeys() expected a list of the same size as the associated keys list, but got ", size, " and ", keys.size(),
                         " elements respectively"));
  if (size == 0) return what;
  if (size > kComparedMax) return out_of_budget();
  std::vector<std::pair<Value, size_t>> order;
  order.reserve(size);
  for (size_t i = 0; i < size; i++) order.emplace_back(keys.at(i), i);
  if (!is_comparable(order[0].first)) return failed("list elements must be comparable");
  for (auto& [key, index] : order)
    if (key.kind() != order[0].first.kind()) return failed("list elements must have the same type");
  std::stable_sort(order.begin(), order.end(), [](auto& a, auto& b) { return a.first.compare(b.first) == std::partial_ordering::less; });
  std::vector<Value> items;
  items.reserve(size);
  for (auto& [key, index] : order) items.push_back(list.at(index));
  return Value::list(std::move(items));
}
Maybe<Value> sort(Arguments arguments) { return sort_by_keys(arguments[0], arguments[0]); }
Maybe<Value> sort_by(Arguments arguments) { return sort_by_keys(arguments[0], arguments[1]); }

Maybe<Value> distinct(Arguments arguments) {
  const List& list = arguments[0].as_list();
  if (list.size() > kComparedMax) return out_of_budget();
  std::vector<Value> items;
  for (size_t i = 0; i < list.size(); i++) {
    Value item = list.at(i);
    bool seen = std::any_of(items.begin(), items.end(), [&](const Value& other) { return item.equals(other); });
    if (!seen) items.push_back(std::move(item));
  }
  return Value::list(std::move(items));
}

// A call that makes a list.
uint64_t making(double items) {
  constexpr double kMax = 1e18;
  return static_cast<uint64_t>(std::clamp(items, 0.0, kMax)) + 1 + 10;
}

uint64_t cost_of_result(Arguments, const Value& result) { return making(static_cast<double>(size_of(result))); }

uint64_t cost_of_flattening(Arguments arguments, const Value&) {
  double depth = arguments.size() == 2 ? static_cast<double>(arguments[1].as_int()) : 1;
  return making(depth * static_cast<double>(size_of(arguments[0])));
}

// Every item is held against every other.
uint64_t cost_of_comparing(const Value& list) {
  double size = static_cast<double>(size_of(list)), factor = 2;
  if (size > 0) {
    Value first = list.as_list().at(0);
    if (first.is(Kind::String) || first.is(Kind::Bytes)) factor += 0.1;
  }
  return making(size * size * factor);
}
uint64_t cost_of_sorting(Arguments arguments, const Value&) { return cost_of_comparing(arguments[0]); }
uint64_t cost_of_sorting_by(Arguments arguments, const Value&) { return cost_of_comparing(arguments[1]); }

struct Sortable {
  Type::Kind kind;
  std::string_view sort, sort_by;
};
constexpr Sortable kSortable[] = {
    {Type::Kind::Int, "list_int_sort", "list_int_sortByAssociatedKeys"},
    {Type::Kind::Uint, "list_uint_sort", "list_uint_sortByAssociatedKeys"},
    {Type::Kind::Double, "list_double_sort", "list_double_sortByAssociatedKeys"},
    {Type::Kind::Bool, "list_bool_sort", "list_bool_sortByAssociatedKeys"},
    {Type::Kind::Duration, "list_google.protobuf.Duration_sort", "list_google.protobuf.Duration_sortByAssociatedKeys"},
    {Type::Kind::Timestamp, "list_google.protobuf.Timestamp_sort", "list_google.protobuf.Timestamp_sortByAssociatedKeys"},
    {Type::Kind::String, "list_string_sort", "list_string_sortByAssociatedKeys"},
    {Type::Kind::Bytes, "list_bytes_sort", "list_bytes_sortByAssociatedKeys"},
};

}  // namespace

void add_lists(Environment& environment) {
  const Type integer = Type::Kind::Int, list = Type::list(Type::parameter("T")), any = Type::list(Type());
  environment.declare({"slice", {member("list_slice", {list, integer, integer}, list, slice, cost_of_result)}});
  environment.declare({"flatten",
                       {member("list_flatten", {Type::list(list)}, list, flatten, cost_of_flattening),
                        member("list_flatten_int", {any, integer}, any, flatten_deep, cost_of_flattening)}});
  FunctionDeclaration sorts{"sort", {}}, sorts_by{"@sortByAssociatedKeys", {}};
  for (auto& [kind, sort_id, sort_by_id] : kSortable) {
    const Type of = Type::list(kind);
    sorts.overloads.push_back(member(sort_id, {of}, of, sort, cost_of_sorting));
    sorts_by.overloads.push_back(member(sort_by_id, {list, of}, list, sort_by, cost_of_sorting_by));
  }
  environment.declare(std::move(sorts));
  environment.declare(std::move(sorts_by));
  environment.declare({"lists.range", {function("lists_range", {integer}, Type::list(integer), range, cost_of_result)}});
  environment.declare({"reverse", {member("list_reverse", {list}, list, reverse, cost_of_result)}});
  environment.declare({"distinct", {member("list_distinct", {list}, list, distinct, cost_of_sorting)}});
}

}  // namespace sampan::cel
