// Lists, maps and structs as expressions make them, and what of it is made beforehand.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "cel/calls.h"
#include "cel/evaluator.h"
#include "cel/map_key.h"
#include "cel/struct_literal.h"

namespace sampan::cel {
namespace {

using Kind = Node::Kind;

constexpr uint64_t kCostOfList = 10, kCostOfMap = 30, kCostOfStruct = 40;

// A list that a loop builds. Views of it share the items, so that adding one does not copy those before it.
struct Grown final : Shared {
  explicit Grown(uint64_t b) : builder(b) {}
  uint64_t builder;  // the evaluation that adds to it
  mutable std::vector<Value> items;
};
struct GrownView final : List {
  GrownView(Ref<Grown> g, size_t c) : grown(std::move(g)), count(c) {}
  size_t size() const override { return count; }
  Value at(size_t index) const override { return grown->items[index]; }
  Ref<Grown> grown;
  size_t count;
};

}  // namespace

// Adding to the list that a loop gathers.
std::optional<Value> Evaluator::grow(const Node& node, std::span<const Value> arguments) {
  bool gathers = scope_ && node.name == op::kAdd && arguments.size() == 2 && arguments[0].is(Value::Kind::List) && arguments[1].is(Value::Kind::List) &&
                 node.arguments[0]->kind == Kind::Identifier && node.arguments[0]->name == scope_->loop.accumulator;
  if (!gathers) return std::nullopt;
  const List& before = arguments[0].as_list();
  const List& more = arguments[1].as_list();
  auto* view = dynamic_cast<const GrownView*>(&before);
  Ref<Grown> grown;
  if (view && view->grown->builder == number_ && view->count == view->grown->items.size()) {
    grown = view->grown;
  } else {
    grown = Ref<Grown>(new Grown(number_));
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
    bool optional = std::ranges::binary_search(node.optional_items, i);
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
  return struct_of(checked_.types[node.id], std::move(fields));
}

// What is made before anything is evaluated, and so costs nothing.
const Value* Evaluator::constant(const Node& node) {
  if (node.kind == Kind::Literal) return &node.literal;
  if (node.kind == Kind::Select ? checked_.names[node.id].empty() || node.tests_presence : node.kind == Kind::Struct || node.kind == Kind::Loop) return nullptr;
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
  if (node.kind == Kind::Identifier || node.kind == Kind::Select) {  // "int", "net.IP"
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

}  // namespace sampan::cel
