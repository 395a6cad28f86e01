// Objects of the API as values, and values as objects of the API.
#include "cel/json_value.h"

#include "base/text.h"

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

}  // namespace

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
