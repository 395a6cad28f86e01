// Objects of the API as values, and values as objects of the API.
#include "cel/json_value.h"

#include <cmath>

#include "base/encoding.h"
#include "base/text.h"
#include "cel/library/go_forms.h"

namespace sampan::cel {

namespace {

struct JsonList final : List {
  explicit JsonList(schema::Value t) : tree(t) {}
  size_t size() const override { return tree.size(); }
  Value at(size_t index) const override { return value_of(tree.at(static_cast<uint32_t>(index))); }
  schema::Value tree;
};

struct JsonMap final : Map {
  explicit JsonMap(schema::Value t) : tree(t) {}
  size_t size() const override { return tree.size(); }
  Value key_at(size_t index) const override {
    if (names.empty()) {  // most maps are only asked for a member
      for (auto& member : tree.members()) names.push_back(member.name);
      std::sort(names.begin(), names.end());
    }
    return Value::borrowed(names[index]);
  }
  std::optional<Value> find(const Value& key) const override {
    if (!key.is(Value::Kind::String)) return {};
    auto* found = tree.find(key.as_text());
    if (!found) return {};
    return value_of(*found);
  }
  schema::Value tree;
  mutable std::vector<std::string_view> names;  // sorted; an evaluation is one thread
};

Maybe<schema::Value> no_tree(const Value& value) { return failed(concat("type conversion error from '", value.type().name(), "' to JSON")); }

Maybe<schema::Value> tree_of_number(double number) {
  constexpr double kExactMax = 9007199254740992;  // 2^53
  if (!std::isfinite(number)) return no_tree(Value::number(number));
  // JSON does not tell 2.0 from 2.
  if (number == std::trunc(number) && std::abs(number) <= kExactMax) return schema::Value(static_cast<int64_t>(number));
  return schema::Value(number);
}

Maybe<schema::Value> tree_of_list(const List& list, Arena& arena) {
  auto out = schema::Value::list(arena, static_cast<uint32_t>(list.size()));
  for (size_t i = 0; i < list.size(); i++) {
    auto item = tree_of(list.at(i), arena);
    if (!item) return item;
    out.push(*item);
  }
  return out;
}

Maybe<schema::Value> tree_of_map(const Map& map, Arena& arena) {
  auto out = schema::Value::object(arena, static_cast<uint32_t>(map.size()));
  for (size_t i = 0; i < map.size(); i++) {
    Value key = map.key_at(i);
    if (!key.is(Value::Kind::String)) return failed(concat("unsupported type conversion from '", key.type().name(), "' to string"));
    auto value = tree_of(map.find(key).value_or(Value()), arena);
    if (!value) return value;
    out.set_copy(key.as_text(), *value);
  }
  return out;
}

Maybe<schema::Value> tree_of_struct(const Struct& structure, Arena& arena) {
  auto out = schema::Value::object(arena);
  for (auto field : structure.fields()) {
    auto value = tree_of(structure.find(field).value_or(Value()), arena);
    if (!value) return value;
    out.set_copy(field, *value);
  }
  return out;
}

}  // namespace

Maybe<schema::Value> tree_of(const Value& value, Arena& arena) {
  auto text = [&](std::string_view of) { return schema::Value(arena.copy(of)); };
  switch (value.kind()) {
    case Value::Kind::Null: return schema::Value::null();
    case Value::Kind::Bool: return schema::Value(value.as_bool());
    case Value::Kind::Int: return schema::Value(value.as_int());
    case Value::Kind::Uint:
      if (value.as_uint() > INT64_MAX) return text(concat(value.as_uint()));  // as protobuf writes what a double cannot hold
      return schema::Value(static_cast<int64_t>(value.as_uint()));
    case Value::Kind::Double: return tree_of_number(value.as_double());
    case Value::Kind::String: return text(value.as_text());
    case Value::Kind::Bytes: {
      std::string encoded;
      append_base64(encoded, value.as_text());
      return text(encoded);
    }
    case Value::Kind::Duration: return text(text_of_duration(value.as_nanoseconds()));
    case Value::Kind::Timestamp: return text(text_of_timestamp(value.seconds(), value.nanoseconds(), value.zone_minutes()));
    case Value::Kind::List: return tree_of_list(value.as_list(), arena);
    case Value::Kind::Map: return tree_of_map(value.as_map(), arena);
    case Value::Kind::Struct: return tree_of_struct(value.as_struct(), arena);
    case Value::Kind::Optional:
      if (auto& held = value.as_optional()) return tree_of(*held, arena);
      return failed("optional.none() dereference");
    case Value::Kind::Type:
    case Value::Kind::Opaque: return no_tree(value);
  }
  return no_tree(value);
}

Value value_of(const schema::Value& tree) {
  switch (tree.type()) {
    case schema::Value::Type::Absent:
    case schema::Value::Type::Null: return Value();
    case schema::Value::Type::Bool: return Value::boolean(tree.as_bool());
    case schema::Value::Type::Int: return Value::integer(tree.as_int());
    case schema::Value::Type::Double: return Value::number(tree.as_double());
    case schema::Value::Type::String: return Value::borrowed(tree.as_string());
    case schema::Value::Type::List: return Value::list(Ref<List>(new JsonList(tree)));
    case schema::Value::Type::Object: return Value::map(Ref<Map>(new JsonMap(tree)));
  }
  return Value();
}

}  // namespace sampan::cel
