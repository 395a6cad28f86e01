// Walks a checked tree. What each step costs is what it costs upstream, where plans are made of trees: names and the ways into what they stand for
// are one step there, literals of literals are made beforehand, and so on.
#include "cel/evaluate.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>

#include "base/text.h"
#include "cel/calls.h"
#include "cel/evaluator.h"

namespace sampan::cel {
namespace {

using Kind = Node::Kind;

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

}  // namespace

Evaluator::Evaluator(const Checked& checked, const Activation& variables, uint64_t cost_max) : checked_(checked), variables_(variables), cost_max_(cost_max) {
  static std::atomic<uint64_t> count = 0;
  number_ = ++count;
  constant_.resize(checked.expression.count());
}

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

Maybe<Value> Evaluator::operand(const Node& node) {
  const bool steps = is_attribute(node);
  Maybe<Value> value = steps ? resolve(node) : evaluate(node);
  const bool begins = !steps || node.kind == Kind::Identifier || (node.kind == Kind::Select && !checked_.names[node.id].empty() && !node.tests_presence);
  if (begins) optional_ = value && value->is(Value::Kind::Optional);
  return value;
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

// A field, an entry or an item. Behind an optional everything is optional; but one that is found on the way is a value like others, and has no fields.
Maybe<Value> Evaluator::into(const Node& target, const Node* key_node, const Value& name, Access access) {
  Maybe<Value> base = operand(target);
  if (!base) return base;
  Value value = std::move(*base);
  bool optional = access == Access::IfPresent;
  if (optional_ && value.is(Value::Kind::Optional)) {
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
      if (!optional) charge(1);
      return computed ? Maybe<Value>(failed(concat("invalid qualifier type: ", implementation_of(*computed)))) : computed;
    }
    key = std::move(*computed);
  }
  auto found = qualify(value, key, access);
  bool present = found && found->has_value();
  if (present || !optional) charge(1);
  if (exhausted_) return out_of_budget();
  if (!found) return std::unexpected(found.error());
  optional_ = optional && access != Access::Test;
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
    auto read = value.as_struct().read(key.as_text());
    if (!read) return read;
    found = std::move(*read);
    if (!found && access == Access::Get) found = value.as_struct().unset(key.as_text());
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
  bool stops = count > 2 || (takes_pattern(function_of(node)) && !node.arguments.empty() ? constant(*node.arguments.back()) != nullptr
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

Evaluation evaluate(const Checked& checked, const Activation& variables, uint64_t cost_max) {
  Evaluator evaluator(checked, variables, cost_max);
  Maybe<Value> value = evaluator.evaluate(checked.expression.root());
  return {std::move(value), evaluator.cost()};
}

}  // namespace sampan::cel
