// The mutable form of an object: a tree in JSON's model, made by decoders, changed by defaulting, patches and admission, and
// frozen into an Object (object.h) when it is done.
//
// A Value is a handle of 16 bytes. Lists and objects are shared by handles: copying a Value of one aliases it, like in Python; clone()
// makes a deep copy. Everything lives in an Arena and is freed with it; strings are views, of the arena's memory or of anything that
// outlives it (the request's body, a literal).
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "base/arena.h"

namespace sampan::schema {

class Value;
struct Member;

namespace detail {
struct ListData;
struct ObjectData;
}  // namespace detail

class Value {
 public:
  enum class Type : uint8_t { Absent, Null, Bool, Int, Double, String, List, Object };

  Value() = default;  // absent: no such member
  Value(bool v) : type_(Type::Bool) { bool_ = v; }
  Value(int v) : type_(Type::Int) { int_ = v; }
  Value(int64_t v) : type_(Type::Int) { int_ = v; }
  Value(double v) : type_(Type::Double) { double_ = v; }
  // The characters are not copied: they must outlive the tree (a literal, the body, Arena::copy).
  Value(std::string_view v) : size_(static_cast<uint32_t>(v.size())), type_(Type::String) { text_ = v.data(); }
  Value(const char* v) : Value(std::string_view(v)) {}
  static Value null();
  static Value list(Arena& arena, uint32_t capacity = 0);
  static Value object(Arena& arena, uint32_t capacity = 0);
  // Of just these items; the members' names must differ from each other.
  static Value list_of(Arena& arena, std::span<const Value> items);
  static Value object_of(Arena& arena, std::span<const Member> members);
  // Of the compact JSON text of an object, which must be good and outlive the tree: it is read when somebody looks inside.
  static Value unread_object(Arena& arena, std::string_view json);

  Type type() const { return type_; }
  bool is_absent() const { return type_ == Type::Absent; }
  bool is_null() const { return type_ == Type::Null; }
  bool is_bool() const { return type_ == Type::Bool; }
  bool is_int() const { return type_ == Type::Int; }
  bool is_double() const { return type_ == Type::Double; }
  bool is_string() const { return type_ == Type::String; }
  bool is_list() const { return type_ == Type::List; }
  bool is_object() const { return type_ == Type::Object; }
  bool is_missing() const { return type_ <= Type::Null; }  // absent or null

  // The content, or the zero value if the type is another.
  bool as_bool() const { return is_bool() && bool_; }
  int64_t as_int() const { return is_int() ? int_ : 0; }
  double as_double() const { return is_double() ? double_ : is_int() ? static_cast<double>(int_) : 0; }
  std::string_view as_string() const { return is_string() ? std::string_view(text_, size_) : std::string_view(); }

  uint32_t size() const;  // items or members; 0 for anything else
  bool empty() const { return size() == 0; }

  // Objects. Reading a member of anything that is no object gives an absent value, so chains need no tests between.
  Value operator[](std::string_view name) const;
  Value* find(std::string_view name) const;   // null if absent; until the object's next change
  bool has(std::string_view name) const { return find(name) != nullptr; }
  std::span<Member> members() const;          // in insertion order
  void set(std::string_view name, Value value) const;       // `name` must outlive the tree, like strings
  void set_copy(std::string_view name, Value value) const;  // copies the name into the arena
  void append(std::string_view name, Value value) const;    // a set of a name that is known to be new
  bool remove(std::string_view name) const;
  Value ensure_object(std::string_view name) const;  // the member, made if missing
  Value ensure_list(std::string_view name) const;

  // Lists
  std::span<Value> items() const;
  Value at(uint32_t index) const;
  void push(Value value) const;
  void insert(uint32_t index, Value value) const;
  void erase(uint32_t index) const;
  void clear() const;  // lists and objects
  void truncate(uint32_t size) const;  // keeps the first `size` items or members

  std::string_view unread_json() const;  // of an object that nobody has looked into; else ""

  Arena& arena() const;  // of a list or an object
  Value clone(Arena& arena) const;
  // Same content; members in any order, 1 equals 1.0.
  bool equals(Value other) const;

 private:
  detail::ObjectData& read() const;

  union {
    bool bool_;
    int64_t int_ = 0;
    double double_;
    const char* text_;
    detail::ListData* list_;
    detail::ObjectData* object_;
  };
  uint32_t size_ = 0;
  Type type_ = Type::Absent;
};

struct Member {
  std::string_view name;
  Value value;
};

}  // namespace sampan::schema
