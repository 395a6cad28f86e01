#include "schema/value.h"

#include "base/check.h"
#include "schema/json.h"
#include "schema/schema.h"

namespace sampan::schema {

namespace detail {

struct ListData {
  Arena* arena;
  Value* items;
  uint32_t size, capacity;
};

// Small objects are searched in order. Above kScanMax members a hash index is kept, so that a map of 100,000 keys from a
// client costs no quadratic time.
struct ObjectData {
  Arena* arena;
  Member* members;
  uint32_t size, capacity;
  uint32_t* index;      // open addressing: position + 1, 0 is free; null while unused
  uint32_t index_mask;
  std::string_view unread;  // the text that the members are still to be made of
};

}  // namespace detail

using detail::ListData;
using detail::ObjectData;

namespace {

constexpr uint32_t kScanMax = 24;

void build_index(ObjectData& object) {
  uint32_t slots = 64;
  while (slots < 2 * object.capacity) slots *= 2;
  object.index = object.arena->allocate_array<uint32_t>(slots);
  std::memset(object.index, 0, slots * sizeof(uint32_t));
  object.index_mask = slots - 1;
  for (uint32_t i = 0; i < object.size; i++) {
    uint32_t at = field_hash(object.members[i].name) & object.index_mask;
    while (object.index[at]) at = (at + 1) & object.index_mask;
    object.index[at] = i + 1;
  }
}

Member* find_member(ObjectData& object, std::string_view name) {
  if (object.size <= kScanMax) {
    for (uint32_t i = 0; i < object.size; i++)
      if (object.members[i].name == name) return &object.members[i];
    return nullptr;
  }
  if (!object.index) build_index(object);
  for (uint32_t at = field_hash(name) & object.index_mask; object.index[at]; at = (at + 1) & object.index_mask) {
    Member& member = object.members[object.index[at] - 1];
    if (member.name == name) return &member;
  }
  return nullptr;
}

template <class T>
void grow(Arena& arena, T*& items, uint32_t size, uint32_t& capacity) {
  uint32_t larger = std::max<uint32_t>(4, capacity * 2);
  T* moved = arena.allocate_array<T>(larger);
  std::copy(items, items + size, moved);
  items = moved;
  capacity = larger;
}

void append_member(ObjectData& object, std::string_view name, Value value) {
  if (object.size == object.capacity) {
    grow(*object.arena, object.members, object.size, object.capacity);
    object.index = nullptr;
  }
  object.members[object.size++] = {name, value};
  if (object.index) {
    uint32_t at = field_hash(name) & object.index_mask;
    while (object.index[at]) at = (at + 1) & object.index_mask;
    object.index[at] = object.size;
  }
}

}  // namespace

Value Value::null() {
  Value value;
  value.type_ = Type::Null;
  return value;
}

Value Value::list(Arena& arena, uint32_t capacity) {
  Value value;
  value.type_ = Type::List;
  value.list_ = arena.allocate_array<ListData>(1);
  *value.list_ = {&arena, arena.allocate_array<Value>(capacity), 0, capacity};
  return value;
}

Value Value::object(Arena& arena, uint32_t capacity) {
  Value value;
  value.type_ = Type::Object;
  value.object_ = arena.allocate_array<ObjectData>(1);
  *value.object_ = {&arena, arena.allocate_array<Member>(capacity), 0, capacity, nullptr, 0, {}};
  return value;
}

Value Value::list_of(Arena& arena, std::span<const Value> items) {
  Value value = list(arena, static_cast<uint32_t>(items.size()));
  std::uninitialized_copy(items.begin(), items.end(), value.list_->items);
  value.list_->size = static_cast<uint32_t>(items.size());
  return value;
}

Value Value::object_of(Arena& arena, std::span<const Member> members) {
  Value value = object(arena, static_cast<uint32_t>(members.size()));
  std::uninitialized_copy(members.begin(), members.end(), value.object_->members);
  value.object_->size = static_cast<uint32_t>(members.size());
  return value;
}

Value Value::unread_object(Arena& arena, std::string_view json) {
  Value value = object(arena);
  value.object_->unread = json;
  return value;
}

std::string_view Value::unread_json() const {
  return is_object() ? object_->unread : std::string_view();
}

// The members of an object, which may have to be read first.
ObjectData& Value::read() const {
  if (!object_->unread.empty()) [[unlikely]] {
    auto text = std::exchange(object_->unread, {});
    auto parsed = parse_json(text, *object_->arena);
    check(parsed && parsed->is_object());
    *object_ = *parsed->object_;
  }
  return *object_;
}

uint32_t Value::size() const {
  if (is_list()) return list_->size;
  if (is_object()) return read().size;
  return 0;
}

Value* Value::find(std::string_view name) const {
  if (!is_object()) return nullptr;
  Member* member = find_member(read(), name);
  return member ? &member->value : nullptr;
}

Value Value::operator[](std::string_view name) const {
  Value* value = find(name);
  return value ? *value : Value();
}

std::span<Member> Value::members() const {
  if (!is_object()) return {};
  ObjectData& object = read();
  return {object.members, object.size};
}

void Value::set(std::string_view name, Value value) const {
  check(is_object());
  if (Member* member = find_member(read(), name))
    member->value = value;
  else
    append_member(*object_, name, value);
}

void Value::set_copy(std::string_view name, Value value) const {
  check(is_object());
  if (Member* member = find_member(read(), name))
    member->value = value;
  else
    append_member(*object_, object_->arena->copy(name), value);
}

void Value::append(std::string_view name, Value value) const {
  check(is_object());
  append_member(read(), name, value);
}

bool Value::remove(std::string_view name) const {
  if (!is_object()) return false;
  Member* member = find_member(read(), name);
  if (!member) return false;
  Member* end = object_->members + object_->size;
  std::copy(member + 1, end, member);
  object_->size--;
  object_->index = nullptr;
  return true;
}

Value Value::ensure_object(std::string_view name) const {
  if (Value* value = find(name); value && value->is_object()) return *value;
  Value made = object(arena());
  set(name, made);
  return made;
}

Value Value::ensure_list(std::string_view name) const {
  if (Value* value = find(name); value && value->is_list()) return *value;
  Value made = list(arena());
  set(name, made);
  return made;
}

std::span<Value> Value::items() const {
  if (!is_list()) return {};
  return {list_->items, list_->size};
}

Value Value::at(uint32_t index) const {
  if (!is_list() || index >= list_->size) return {};
  return list_->items[index];
}

void Value::push(Value value) const {
  check(is_list());
  if (list_->size == list_->capacity) grow(*list_->arena, list_->items, list_->size, list_->capacity);
  list_->items[list_->size++] = value;
}

void Value::insert(uint32_t index, Value value) const {
  check(is_list() && index <= list_->size);
  push(value);
  std::rotate(list_->items + index, list_->items + list_->size - 1, list_->items + list_->size);
}

void Value::erase(uint32_t index) const {
  check(is_list() && index < list_->size);
  std::copy(list_->items + index + 1, list_->items + list_->size, list_->items + index);
  list_->size--;
}

void Value::clear() const {
  if (is_list()) list_->size = 0;
  if (is_object()) {
    ObjectData& object = read();
    object.size = 0;
    object.index = nullptr;
  }
}

void Value::truncate(uint32_t size) const {
  check(size <= this->size());
  if (is_list()) list_->size = size;
  if (is_object()) {
    ObjectData& object = read();
    object.size = size;
    object.index = nullptr;
  }
}

Arena& Value::arena() const {
  check(is_list() || is_object());
  return is_list() ? *list_->arena : *object_->arena;
}

Value Value::clone(Arena& arena) const {
  switch (type_) {
    case Type::String: return Value(arena.copy(as_string()));
    case Type::List: {
      Value copy = list(arena, size());
      for (Value item : items()) copy.push(item.clone(arena));
      return copy;
    }
    case Type::Object: {
      if (auto text = unread_json(); !text.empty()) return unread_object(arena, arena.copy(text));
      Value copy = object(arena, size());
      for (const Member& member : members())
        append_member(*copy.object_, arena.copy(member.name), member.value.clone(arena));
      return copy;
    }
    case Type::Absent:
    case Type::Null:
    case Type::Bool:
    case Type::Int:
    case Type::Double: return *this;
  }
  return *this;
}

bool Value::equals(Value other) const {
  if (type_ != other.type_) {
    bool numbers = (is_int() || is_double()) && (other.is_int() || other.is_double());
    return numbers && as_double() == other.as_double();
  }
  switch (type_) {
    case Type::Absent:
    case Type::Null: return true;
    case Type::Bool: return bool_ == other.bool_;
    case Type::Int: return int_ == other.int_;
    case Type::Double: return double_ == other.double_;
    case Type::String: return as_string() == other.as_string();
    case Type::List: {
      if (size() != other.size()) return false;
      for (uint32_t i = 0; i < size(); i++)
        if (!at(i).equals(other.at(i))) return false;
      return true;
    }
    case Type::Object: {
      if (auto text = unread_json(); !text.empty() && text == other.unread_json()) return true;
      if (size() != other.size()) return false;
      for (const Member& member : members()) {
        Value* theirs = other.find(member.name);
        if (!theirs || !member.value.equals(*theirs)) return false;
      }
      return true;
    }
  }
  return false;
}

}  // namespace sampan::schema
