// The set of a tree's paths, the removal of paths, and the elements of items. See typed.h.
#include "schema/apply/typed.h"

#include "base/text.h"
#include "schema/apply/path_element.h"
#include "schema/apply/shape.h"
#include "schema/json.h"

namespace sampan::schema {

Value effective(Value value, const Field& field, Arena& arena) {
  const bool always = field.is(Field::Always);
  if (field.is(Field::Nullable)) return value.is_missing() ? (always ? Value::null() : Value()) : value;
  const Type& type = *field.type;
  if (value.is_missing()) {
    if (!always) return {};
    switch (type.kind) {
      case Kind::String:
        return "";
      case Kind::Bool:
        return false;
      case Kind::Int32:
      case Kind::Int64:
      case Kind::Double:
      case Kind::IntOrString:
        return 0;
      case Kind::Duration:
        return "0s";
      case Kind::Quantity:
        return "0";
      case Kind::Struct:
        return Value::object(arena, 0);
      default:
        return Value::null();
    }
  }
  if (always) return value;
  switch (type.kind) {
    case Kind::String:
    case Kind::Bytes:
      return value.is_string() && value.as_string().empty() ? Value() : value;
    case Kind::Bool:
      return value.is_bool() && !value.as_bool() ? Value() : value;
    case Kind::Int32:
    case Kind::Int64:
    case Kind::Double:
      return (value.is_int() || value.is_double()) && value.as_double() == 0 ? Value() : value;
    case Kind::List:
    case Kind::Map:
    case Kind::Struct:
      return value.empty() ? Value() : value;
    default:
      return value;
  }
}

namespace {

Error no_key(std::string text) { return Error(500, Reason::Unknown, std::move(text)); }

// What a key is where an item does not say: its default, or zero where Go always writes the field.
Value default_key(const Field& field, Arena& arena) {
  if (!field.default_json.empty()) {
    auto parsed = parse_json(field.default_json, arena);
    return parsed ? *parsed : Value();
  }
  if (!field.is(Field::Always)) return {};
  switch (field.type->kind) {
    case Kind::String: return "";
    case Kind::Int32:
    case Kind::Int64: return 0;
    case Kind::Bool: return false;
    default: return {};
  }
}

std::string keys_text(const Type& list) {  // Go's %q of a []string
  std::string text = "[";
  for (size_t i = 0; i < list.list_keys.size(); i++) append(text, i ? " " : "", quoted(list.list_keys[i]));
  return text + "]";
}

Result<PathElement> keyed_element(Value item, const Type& list, Reading reading, Arena& arena) {
  if (item.is_missing()) return fail(no_key("associative list with keys may not have a null element"));
  if (!item.is_object()) return fail(no_key("associative list with keys may not have non-map elements"));
  auto keys = arena.allocate_array<KeyField>(list.list_keys.size());
  uint32_t size = 0;
  for (std::string_view name : list.list_keys) {
    const Field* field = list.element->find(name);
    Value value = item[name];
    if (reading == Reading::AsObject && field) value = effective(value, *field, arena);
    if (value.is_absent() && field) value = default_key(*field, arena);
    if (!value.is_absent()) new (&keys[size++]) KeyField{name, value};
  }
  if (size == 0)
    return fail(no_key(concat("associative list with keys has an element that omits all key fields ",
                                      keys_text(list), " (and doesn't have default values for any key fields)")));
  std::sort(keys, keys + size, [](const KeyField& a, const KeyField& b) { return a.name < b.name; });
  return PathElement{.kind = PathElement::Kind::Key, .size = size, .keys = keys};
}

class SetWalker {
 public:
  explicit SetWalker(Arena& arena) : arena_(arena) {}
  // The set below the value; `self`: the value is a leaf.
  Result<const FieldSet*> walk(Value value, Use use, bool& self) {
    switch (shape_of(use.type, value)) {
      case Shape::Scalar:
        self = true;
        return nullptr;
      case Shape::List:
        return list(value, use, self);
      case Shape::Map:
        return map(value, use, self);
    }
    return nullptr;
  }

 private:
  Result<const FieldSet*> list(Value value, Use use, bool& self) {
    if (use.atomic_list()) {
      self = true;
      return nullptr;
    }
    struct Item {
      PathElement element;
      Value value;
    };
    std::vector<Item> items;
    for (Value item : value.items())
      items.push_back({TRY(item_element(item, *use.type, Reading::AsText, arena_)), item});
    auto before = [](const Item& a, const Item& b) { return compare(a.element, b.element) < 0; };
    std::stable_sort(items.begin(), items.end(), before);
    FieldSetBuilder builder;
    for (size_t i = 0, next; i < items.size(); i = next) {
      next = i + 1;
      while (next < items.size() && compare(items[i].element, items[next].element) == 0) next++;
      bool leaf = false;  // an item is a member in any case
      const FieldSet* children = next == i + 1 ? TRY(walk(items[i].value, use.item(), leaf)) : nullptr;
      builder.add(items[i].element, FieldNode::Member, children);
    }
    return builder.finish(arena_);
  }

  Result<const FieldSet*> map(Value value, Use use, bool& self) {
    if (use.atomic_map()) {
      self = true;
      return nullptr;
    }
    FieldSetBuilder builder;
    for (const Member& member : value.members()) {
      bool leaf = false;
      const FieldSet* children = TRY(walk(member.value, use.member(member.name), leaf));
      leaf |= member.value.is_null() || (member.value.is_object() && member.value.empty()) || !use.field(member.name);
      builder.add(PathElement::field(member.name), leaf ? FieldNode::Member : 0, children);
    }
    return builder.finish(arena_);
  }

  Arena& arena_;
};

Value remove_from(Value value, const FieldSet& items, Use use, Arena& arena) {
  Shape shape = shape_of(use.type, value);
  if (shape == Shape::Scalar) return value;
  if (shape == Shape::List) {
    if (!value.is_list() || use.atomic_list()) return Value::null();
    Value kept = Value::list(arena, value.size());
    for (Value item : value.items()) {
      auto element = item_element(item, *use.type, Reading::AsText, arena);
      const FieldNode* node = element ? items.find(*element) : nullptr;
      if (node && node->marks) continue;
      kept.push(node && node->children ? remove_from(item, *node->children, use.item(), arena) : item);
    }
    return kept.empty() ? Value::null() : kept;
  }
  if (!value.is_object() || use.atomic_map()) return Value::null();
  Value kept = Value::object(arena, value.size());
  for (const Member& member : value.members()) {
    const FieldNode* node = items.find(PathElement::field(member.name));
    if (node && node->marks) continue;
    kept.set(member.name, node && node->children
                              ? remove_from(member.value, *node->children, use.member(member.name), arena)
                              : member.value);
  }
  return kept.empty() ? Value::null() : kept;
}

}  // namespace

Result<PathElement> item_element(Value item, const Type& list, Reading reading, Arena& arena) {
  if (!list.list_keys.empty()) return keyed_element(item, list, reading, arena);
  if (item.is_object()) return fail(no_key("associative list without keys has an element that's a map type"));
  if (item.is_list()) return fail(no_key("not supported: associative list with lists as elements"));
  if (item.is_missing())
    return fail(no_key("associative list without keys has an element that's an explicit null"));
  return PathElement{.kind = PathElement::Kind::Value, .value = item};
}

Result<const FieldSet*> to_field_set(Value tree, const Type* type, Arena& arena) {
  bool self = false;
  return SetWalker(arena).walk(tree, Use(type), self);
}

Value remove_items(Value tree, const FieldSet* items, const Type& type, Arena& arena) {
  if (!items) return tree;
  return remove_from(tree, *items, Use(&type), arena);
}

}  // namespace sampan::schema
