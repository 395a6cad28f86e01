// Walks a checked tree. What each step costs is what it costs upstream, where plans are made of trees: names and the ways into what they stand for
// are one step there, literals of literals are made beforehand, and so on.
#include "cel/evaluate.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/text.h"
#include "cel/calls.h"
#include "cel/map_key.h"

namespace sampan::cel {
namespace {

using Kind = Node::Kind;

constexpr uint64_t kCostOfList = 10, kCostOfMap = 30, kCostOfStruct = 40;

// A list that a loop builds. Views of it share the items, so that adding one does not copy those before it.
struct Grown final : Shared {
  explicit Grown(const void* b) : builder(b) {}
  const void* builder;  // the evaluation that adds to it
  mutable std::vector<Value> items;
};
struct GrownView final : List {
  GrownView(Ref<Grown> g, size_t c) : grown(std::move(g)), count(c) {}
  size_t size() const override { return count; }
  Value at(size_t index) const override { return grown->items[index]; }
  Ref<Grown> grown;
  size_t count;
};

// The names of a loop, while it turns.
struct Scope {
  const Scope* outer;
  const Loop& loop;
  std::optional<Maybe<Value>> accumulator;  // made when it is first asked for
  Value first, second;
  bool finished = false;  // only the accumulator is left
};

enum class Access : uint8_t { Get, IfPresent, Test };

std::unexpected<Failure> out_of_budget() { return std::unexpected(Failure{"operation cancelled: actual cost limit exceeded", true}); }

// Where a list is asked for an item: its number, or why there can be none.
Maybe<std::optional<size_t>> list_place(const Value& key, size_t size) {
  double whole = 0;
  switch (key.kind()) {
    case Value::Kind::Int: return key.as_int() < 0 || static_cast<uint64_t>(key.as_int()) >= size ? std::nullopt : std::optional(static_cast<size_t>(key.as_int()));
    case Value::Kind::Uint:
      if (key.as_uint() > INT64_MAX) break;
      return key.as_uint() >= size ? std::nullopt : std::optional(static_cast<size_t>(key.as_uint()));
    case Value::Kind::Double:
      if (std::modf(key.as_double(), &whole) != 0 || std::abs(whole) >= 0x1p63) break;
      return whole < 0 || whole >= static_cast<double>(size) ? std::nullopt : std::optional(static_cast<size_t>(whole));
    default: return failed(concat("unsupported index type '", key.type().name(), "' in list"));
  }
  return failed(concat("unsupported index value ", key.shown(), " in list"));
}

class Evaluator {
 public:
  Evaluator(const Checked& checked, const Activation& variables, uint64_t cost_max) : checked_(checked), variables_(variables), cost_max_(cost_max) {
    constant_.resize(checked.expression.count());
  }
  Maybe<Value> evaluate(const Node& node);
  uint64_t cost() const { return cost_; }

 private:
  enum class Constant : uint8_t { Unknown, No, Yes };

  bool is_attribute(const Node& node) const;
  bool begins_with_choice(const Node& node) const;
  Maybe<Value> resolve(const Node& node);
  Maybe<Value> operand(const Node& node) { return is_attribute(node) ? resolve(node) : evaluate(node); }
  Maybe<Value> identifier(const Node& node, std::string_view name);
  Maybe<Value> into(const Node& target, const Node* key_node, const Value& key, Access access);
  Maybe<std::optional<Value>> qualify(const Value& value, const Value& key, Access access);
  Maybe<Value> choice(const Node& node);
  Maybe<Value> logical(const Node& node, bool decided_by);
  Maybe<Value> optional_or(const Node& node, bool value_of);
  Maybe<Value> call(const Node& node);
  Maybe<Value> strict_call(const Node& node);
  Maybe<Value> dispatch(const Node& node, std::span<const Value> arguments, uint64_t& cost);
  std::string_view function_of(const Node& node) const;
  std::optional<Value> grow(const Node& node, std::span<const Value> arguments);
  Maybe<Value> list(const Node& node);
  Maybe<Value> map(const Node& node);
  Maybe<Value> structure(const Node& node);
  Maybe<Value> loop(const Node& node);
  void turns(Scope& scope, const Value& range);
  bool turn(Scope& scope);
  const Value* constant(const Node& node);
  bool make_constant(const Node& node);
  const Value* constant_set(const Node& node);
  bool is_type_name(const Node& node) const;

  void charge(uint64_t cost) {
    if (exhausted_) return;
    cost_ += cost;
    exhausted_ = cost_ > cost_max_;
  }
  Maybe<Value> paid(Maybe<Value> value) const { return exhausted_ ? Maybe<Value>(out_of_budget()) : std::move(value); }

  const Checked& checked_;
  const Activation& variables_;
  uint64_t cost_max_;
  uint64_t cost_ = 0;
  bool exhausted_ = false;
  const Scope* scope_ = nullptr;
  std::vector<Constant> constant_;  // by node id
  std::unordered_map<uint32_t, Value> constants_;
};

// What upstream keeps as a name and a way from there. It costs 1, and 1 for every step of the way.
bool Evaluator::is_attribute(const Node& node) const {
  if (node.kind == Kind::Select) return true;
  if (node.kind == Kind::Identifier) return !is_type_name(node);
  if (node.kind != Kind::Call || node.target) return false;
  return node.name == op::kConditional || node.name == op::kIndex || node.name == op::kOptionalIndex || node.name == op::kOptionalSelect;
}

// A way from "a ? b : c" has no price for its beginning.
bool Evaluator::begins_with_choice(const Node& node) const {
  const Node* at = &node;
  while (at->kind == Kind::Select ? checked_.names[at->id].empty() : is_attribute(*at) && at->kind == Kind::Call && at->name != op::kConditional)
    at = at->kind == Kind::Select ? at->target : at->arguments[0];
  return at->kind == Kind::Call && !at->target && at->name == op::kConditional;
}

bool Evaluator::is_type_name(const Node& node) const {
  if (!checked_.types[node.id].is(Type::Kind::Type)) return false;
  const std::string& name = checked_.names[node.id];
  for (const Scope* scope = scope_; scope; scope = scope->outer)
    if (name == scope->loop.accumulator || name == scope->loop.variable || name == scope->loop.second_variable) return false;
  return !name.empty();
}

Maybe<Value> Evaluator::evaluate(const Node& node) {
  if (exhausted_) return out_of_budget();
  if (const Value* value = constant(node)) return *value;
  if (is_attribute(node)) {
    Maybe<Value> value = resolve(node);
    if (node.kind == Kind::Select && node.tests_presence) {
      if (begins_with_choice(node) && cost_ > 0) --cost_;
    } else if (!begins_with_choice(node)) {
      charge(1);
    }
    return paid(std::move(value));
  }
  switch (node.kind) {
    case Kind::Call: return paid(call(node));
    case Kind::List: return paid(list(node));
    case Kind::Map: return paid(map(node));
    case Kind::Struct: return paid(structure(node));
    case Kind::Loop: return paid(loop(node));
    case Kind::Literal:
    case Kind::Identifier:
    case Kind::Select: break;
  }
  return node.literal;
}

Maybe<Value> Evaluator::resolve(const Node& node) {
  if (exhausted_) return out_of_budget();
  if (node.kind == Kind::Identifier) return identifier(node, checked_.names[node.id].empty() ? std::string_view(node.name) : checked_.names[node.id]);
  if (node.kind == Kind::Select) {
    if (const std::string& name = checked_.names[node.id]; !name.empty() && !node.tests_presence) return identifier(node, name);
    return into(*node.target, nullptr, Value::borrowed(node.name), node.tests_presence ? Access::Test : Access::Get);
  }
  if (node.name == op::kConditional) return choice(node);
  return into(*node.arguments[0], node.arguments[1], Value(), node.name == op::kIndex ? Access::Get : Access::IfPresent);
}

Maybe<Value> Evaluator::identifier(const Node& node, std::string_view name) {
  for (const Scope* scope = scope_; scope; scope = scope->outer) {
    if (name == scope->loop.accumulator) {
      Scope& own = const_cast<Scope&>(*scope);  // of ours: it lies on the stack of loop()
      if (!own.accumulator) {
        const Scope* inner = std::exchange(scope_, scope->outer);
        Maybe<Value> made = evaluate(*scope->loop.initial);
        scope_ = inner;
        own.accumulator = std::move(made);
      }
      return *own.accumulator;
    }
    if (scope->finished) continue;
    if (name == scope->loop.variable) return scope->first;
    if (!scope->loop.second_variable.empty() && name == scope->loop.second_variable) return scope->second;
  }
  if (auto found = variables_.find(name)) return std::move(*found);
  if (checked_.types[node.id].is(Type::Kind::Type)) return Value::type(checked_.types[node.id].parameter(0));
  return failed(concat("no such attribute(s): ", name));
}

// A field, an entry or an item. Behind an optional everything is optional.
Maybe<Value> Evaluator::into(const Node& target, const Node* key_node, const Value& name, Access access) {
  Maybe<Value> base = operand(target);
  if (!base) return base;
  Value value = std::move(*base);
  bool optional = access == Access::IfPresent;
  if (value.is(Value::Kind::Optional)) {
    if (!value.as_optional()) return access == Access::Test ? Value::boolean(false) : value;
    Value held = *value.as_optional();
    value = std::move(held);
    optional = true;
    if (access == Access::Get) access = Access::IfPresent;
  }
  Value key = name;
  if (key_node) {
    const Value* known = constant(*key_node);
    Maybe<Value> computed = known ? Maybe<Value>(*known) : operand(*key_node);
    if (!computed || !is_key(*computed)) {
      if (access != Access::IfPresent) charge(1);
      return computed ? Maybe<Value>(failed(concat("invalid qualifier type: ", implementation_of(*computed)))) : computed;
    }
    key = std::move(*computed);
  }
  auto found = qualify(value, key, access);
  bool present = found && found->has_value();
  if (present || access != Access::IfPresent) charge(1);
  if (exhausted_) return out_of_budget();
  if (!found) return std::unexpected(found.error());
  if (access == Access::Test) return Value::boolean(present);
  if (optional) return Value::optional(std::move(*found));
  return std::move(**found);
}

// For Get there is a value, or it fails.
Maybe<std::optional<Value>> Evaluator::qualify(const Value& value, const Value& key, Access access) {
  using V = Value::Kind;
  std::optional<Value> found;
  if (value.is(V::Map)) {
    found = value.as_map().find(key);
  } else if (value.is(V::List)) {
    auto place = list_place(key, value.as_list().size());
    if (!place) return std::unexpected(place.error());
    if (*place) found = value.as_list().at(**place);
    else if (access == Access::Get) return failed(concat("index out of bounds: ", key.shown()));
  } else if (value.is(V::Struct) && key.is(V::String)) {
    found = value.as_struct().find(key.as_text());
  }
  if (!found && access == Access::Get) return no_such_key(key);
  return found;
}

Maybe<Value> Evaluator::choice(const Node& node) {
  Maybe<Value> condition = evaluate(*node.arguments[0]);
  if (!condition) return condition;
  if (!condition->is(Value::Kind::Bool)) return no_such_overload();
  return operand(*node.arguments[condition->as_bool() ? 1 : 2]);
}

// Both sides of && and || are alike: what decides wins over a failure of the other.
Maybe<Value> Evaluator::logical(const Node& node, bool decided_by) {
  std::optional<Failure> failure;
  for (const Node* term : node.arguments) {
    Maybe<Value> value = evaluate(*term);
    if (exhausted_) return out_of_budget();
    if (value && value->is(Value::Kind::Bool)) {
      if (value->as_bool() == decided_by) return value;
    } else if (!failure) {
      failure = value ? no_such_overload().error() : std::move(value.error());
    }
  }
  if (failure) return std::unexpected(std::move(*failure));
  return Value::boolean(!decided_by);
}

Maybe<Value> Evaluator::optional_or(const Node& node, bool value_of) {
  Maybe<Value> first = evaluate(*node.target);
  if (!first) return first;
  if (!first->is(Value::Kind::Optional)) return first;
  if (first->as_optional()) return value_of ? Maybe<Value>(*first->as_optional()) : first;
  return evaluate(*node.arguments[0]);
}

Maybe<Value> Evaluator::call(const Node& node) {
  const auto& overloads = checked_.overloads[node.id];
  bool own = !overloads.empty() && !overloads[0]->call;
  if (own && node.name == op::kAnd) return logical(node, false);
  if (own && node.name == op::kOr) return logical(node, true);
  if (own && node.name == op::kNotStrictlyFalse) {
    Maybe<Value> value = evaluate(*node.arguments[0]);
    charge(1);
    return value && value->is(Value::Kind::Bool) ? value : Maybe<Value>(Value::boolean(true));
  }
  if (own && node.target && (node.name == "or" || node.name == "orValue")) return optional_or(node, node.name == "orValue");
  if (node.name == op::kIn) {
    const Value* set = constant_set(node);
    if (set && set->as_list().size() == 0) return Value::boolean(false);
    if (set) {
      Maybe<Value> sought = evaluate(*node.arguments[0]);
      if (!sought) return sought;
      return overloads[0]->call(std::array{*sought, *set});
    }
  }
  return strict_call(node);
}

Maybe<Value> Evaluator::strict_call(const Node& node) {
  std::vector<Value> values;
  bool member = node.target && checked_.names[node.id].empty();  // else the target is a part of the function's name
  size_t count = node.arguments.size() + (member ? 1 : 0);
  values.reserve(count);
  // Of three or more operands, of a pattern that is known, and if the overload is not, none is looked at behind one that fails, and the call is not
  // paid for.
  bool stops = count > 2 || (takes_pattern(function_of(node)) ? constant(*node.arguments.back()) != nullptr
                                                              : checked_.overloads[node.id].size() > 1 && !asks_its_operand(function_of(node)));
  std::optional<Failure> failure;
  for (size_t i = 0; i < count; ++i) {
    Maybe<Value> value = evaluate(!member ? *node.arguments[i] : i == 0 ? *node.target : *node.arguments[i - 1]);
    if (exhausted_) return out_of_budget();
    if (value) {
      values.push_back(std::move(*value));
    } else {
      values.push_back(Value());
      if (!failure) failure = std::move(value.error());
      if (stops && i + 1 < count) return std::unexpected(std::move(*failure));
    }
  }
  if (failure) {
    charge(cost_of_failed_call(checked_.overloads[node.id], values));
    return std::unexpected(std::move(*failure));
  }
  if (auto grown = grow(node, values)) {
    charge(1);
    return std::move(*grown);
  }
  uint64_t cost = 1;
  Maybe<Value> result = dispatch(node, values, cost);
  charge(cost);
  return result;
}

Maybe<Value> Evaluator::dispatch(const Node& node, std::span<const Value> arguments, uint64_t& cost) {
  const auto& overloads = checked_.overloads[node.id];
  for (const Overload* overload : overloads) {
    if (!overload->call || !fits(*overload, arguments)) continue;
    Maybe<Value> result = overload->call(arguments);
    if (overload->cost && (overloads.size() == 1 || !is_priced_by_overload(function_of(node)))) cost = overload->cost(arguments, result ? *result : Value());
    return result;
  }
  cost = cost_of_failed_call(overloads, arguments);
  return no_overload_of(function_of(node), arguments);
}

std::string_view Evaluator::function_of(const Node& node) const {
  const std::string& name = checked_.names[node.id].empty() ? node.name : checked_.names[node.id];
  return std::string_view(name).substr(name.starts_with('.') ? 1 : 0);
}

// Adding to the list that a loop gathers.
std::optional<Value> Evaluator::grow(const Node& node, std::span<const Value> arguments) {
  bool gathers = scope_ && node.name == op::kAdd && arguments.size() == 2 && arguments[0].is(Value::Kind::List) && arguments[1].is(Value::Kind::List) &&
                 node.arguments[0]->kind == Kind::Identifier && node.arguments[0]->name == scope_->loop.accumulator;
  if (!gathers) return std::nullopt;
  const List& before = arguments[0].as_list();
  const List& more = arguments[1].as_list();
  auto* view = dynamic_cast<const GrownView*>(&before);
  Ref<Grown> grown;
  if (view && view->grown->builder == this && view->count == view->grown->items.size()) {
    grown = view->grown;
  } else {
    grown = Ref<Grown>(new Grown(this));
    for (size_t i = 0; i < before.size(); ++i) grown->items.push_back(before.at(i));
  }
  for (size_t i = 0, count = more.size(); i < count; ++i) grown->items.push_back(more.at(i));
  return Value::list(Ref<List>(new GrownView(grown, grown->items.size())));
}

Maybe<Value> Evaluator::list(const Node& node) {
  std::vector<Value> items;
  for (uint32_t i = 0; i < node.arguments.size(); ++i) {
    Maybe<Value> item = evaluate(*node.arguments[i]);
    if (!item) {
      charge(kCostOfList);
      return item;
    }
    bool optional = std::ranges::find(node.optional_items, i) != node.optional_items.end();
    if (optional && !item->is(Value::Kind::Optional)) {
      charge(kCostOfList);
      return failed(concat("cannot initialize optional list element from non-optional value ", item->shown()));
    }
    if (!optional) items.push_back(std::move(*item));
    else if (item->as_optional()) items.push_back(*item->as_optional());
  }
  charge(kCostOfList);
  return Value::list(std::move(items));
}

Maybe<Value> Evaluator::map(const Node& node) {
  std::vector<std::pair<Value, Value>> entries;
  std::unordered_multimap<size_t, size_t> places;
  auto place_of = [&](const Value& key) -> std::optional<size_t> {
    auto [from, to] = places.equal_range(hash_of_key(key));
    for (; from != to; ++from)
      if (entries[from->second].first.kind() == key.kind() && entries[from->second].first.equals(key)) return from->second;
    return std::nullopt;
  };
  std::vector<bool> dropped;
  for (const MapEntry& entry : node.entries) {
    Maybe<Value> key = evaluate(*entry.key);
    Maybe<Value> value = key ? evaluate(*entry.value) : key;
    if (value && entry.optional && !value->is(Value::Kind::Optional))
      value = failed(concat("cannot initialize optional entry '", key->shown(), "' from non-optional value ", value->shown()));
    if (!value) {
      charge(kCostOfMap);
      return value;
    }
    auto place = place_of(*key);
    bool drop = entry.optional && !value->as_optional();
    if (!place && drop) continue;
    if (!place) {
      place = entries.size();
      places.emplace(hash_of_key(*key), *place);
      entries.emplace_back(*key, Value());
      dropped.push_back(false);
    }
    dropped[*place] = drop;
    if (!drop) entries[*place].second = entry.optional ? Value(*value->as_optional()) : std::move(*value);
  }
  charge(kCostOfMap);
  size_t kept = 0;
  for (size_t i = 0; i < entries.size(); ++i)
    if (!dropped[i] && kept++ != i) entries[kept - 1] = std::move(entries[i]);
  entries.resize(kept);
  return Value::map(std::move(entries));
}

Maybe<Value> Evaluator::structure(const Node& node) {
  std::vector<std::pair<std::string, Value>> fields;
  auto set = [&](const std::string& name, std::optional<Value> value) {
    std::erase_if(fields, [&](const auto& field) { return field.first == name; });
    if (value) fields.emplace_back(name, std::move(*value));
  };
  for (const FieldEntry& field : node.fields) {
    Maybe<Value> value = evaluate(*field.value);
    if (value && field.optional && !value->is(Value::Kind::Optional))
      value = failed(concat("cannot initialize optional entry '", field.field, "' from non-optional value ", value->shown()));
    if (!value) {
      charge(kCostOfStruct);
      return value;
    }
    set(field.field, field.optional ? value->as_optional() : std::optional<Value>(std::move(*value)));
  }
  charge(kCostOfStruct);
  return Value::structure(checked_.types[node.id], std::move(fields));
}

bool Evaluator::turn(Scope& scope) {
  Maybe<Value> goes_on = evaluate(*scope.loop.condition);
  if (exhausted_ || (goes_on && goes_on->is(Value::Kind::Bool) && !goes_on->as_bool())) return false;
  Maybe<Value> next = evaluate(*scope.loop.step);
  scope.accumulator = std::move(next);
  return !exhausted_;
}

void Evaluator::turns(Scope& scope, const Value& range) {
  bool two = !scope.loop.second_variable.empty();
  if (range.is(Value::Kind::List)) {
    const List& list = range.as_list();
    for (size_t i = 0, size = list.size(); i < size; ++i) {
      Value item = list.at(i);
      scope.first = two ? Value::integer(static_cast<int64_t>(i)) : item;
      if (two) scope.second = std::move(item);
      if (!turn(scope)) return;
    }
    return;
  }
  const Map& map = range.as_map();
  for (size_t i = 0, size = map.size(); i < size; ++i) {
    scope.first = map.key_at(i);
    if (two) scope.second = map.find(scope.first).value_or(Value());
    if (!turn(scope)) return;
  }
}

Maybe<Value> Evaluator::loop(const Node& node) {
  Maybe<Value> range = evaluate(*node.loop.range);
  if (!range) return range;
  if (!range->is(Value::Kind::List) && !range->is(Value::Kind::Map)) {
    if (!node.loop.second_variable.empty()) return failed(concat("unsupported comprehension range type: ", implementation_of(*range)));
    return failed(concat("got '", implementation_of(*range), "', expected iterable type"));
  }
  Scope scope{scope_, node.loop, {}, {}, {}, false};
  scope_ = &scope;
  turns(scope, *range);
  scope.finished = true;
  Maybe<Value> result = evaluate(*node.loop.result);
  scope_ = scope.outer;
  return result;
}

// What is made before anything is evaluated, and so costs nothing.
const Value* Evaluator::constant(const Node& node) {
  if (node.kind == Kind::Literal) return &node.literal;
  if (node.kind != Kind::List && node.kind != Kind::Map && node.kind != Kind::Call && node.kind != Kind::Identifier) return nullptr;
  Constant& state = constant_[node.id];
  if (state == Constant::Unknown) {
    uint64_t cost = cost_;
    bool made = make_constant(node);
    cost_ = cost;
    constant_[node.id] = made ? Constant::Yes : Constant::No;
  }
  return constant_[node.id] == Constant::Yes ? &constants_.find(node.id)->second : nullptr;
}

bool Evaluator::make_constant(const Node& node) {
  auto all = [&](const auto& nodes) { return std::ranges::all_of(nodes, [&](const Node* part) { return constant(*part) != nullptr; }); };
  Maybe<Value> value;
  if (node.kind == Kind::Identifier) {
    if (!is_type_name(node)) return false;
    value = Value::type(checked_.types[node.id].parameter(0));
  } else if (node.kind == Kind::List) {
    if (!all(node.arguments)) return false;
    value = list(node);
  } else if (node.kind == Kind::Map) {
    if (!std::ranges::all_of(node.entries, [&](const MapEntry& entry) { return constant(*entry.key) && constant(*entry.value); })) return false;
    value = map(node);
  } else {
    if (node.target || node.arguments.size() != 1 || !is_conversion(function_of(node)) || !all(node.arguments)) return false;
    uint64_t cost = 0;
    value = dispatch(node, std::array{*constant(*node.arguments[0])}, cost);
  }
  if (value) constants_.emplace(node.id, std::move(*value));
  return value.has_value();
}

// The list behind "in", if upstream makes a set of it beforehand.
const Value* Evaluator::constant_set(const Node& node) {
  const auto& overloads = checked_.overloads[node.id];
  if (overloads.size() != 1 || overloads[0]->id != "in_list") return nullptr;
  const Value* value = constant(*node.arguments[1]);
  if (!value || !value->is(Value::Kind::List)) return nullptr;
  for (size_t i = 0; i < value->as_list().size(); ++i) {
    using enum Value::Kind;
    Value::Kind kind = value->as_list().at(i).kind();
    if (kind != Bool && kind != Int && kind != Uint && kind != Double && kind != String) return nullptr;
  }
  return value;
}

}  // namespace

Evaluation evaluate(const Checked& checked, const Activation& variables, uint64_t cost_max) {
  Evaluator evaluator(checked, variables, cost_max);
  Maybe<Value> value = evaluator.evaluate(checked.expression.root());
  return {std::move(value), evaluator.cost()};
}

}  // namespace sampan::cel
