// Values of CEL while an expression is evaluated. A Value is small and cheap to copy; what it holds is immutable. Lists, maps and structs are
// interfaces, so that an object of the API is read where it lies.
#pragma once
#include <compare>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/shared.h"
#include "cel/type.h"

namespace sampan::cel {

class Value;

// Why an expression has no value. It is a value to CEL: `true || failure` is true.
struct Failure {
  std::string message;         // "no such key: a", in cel-go's words
  bool out_of_budget = false;  // ends the evaluation whatever stands around it
};
template <class T>
using Maybe = std::expected<T, Failure>;

inline std::unexpected<Failure> failed(std::string message) { return std::unexpected(Failure{std::move(message)}); }
std::unexpected<Failure> no_such_overload();
std::unexpected<Failure> no_such_key(const Value& key);

struct List : Shared {
  virtual size_t size() const = 0;
  virtual Value at(size_t index) const = 0;  // index < size()
};

struct Map : Shared {
  virtual size_t size() const = 0;
  virtual std::optional<Value> find(const Value& key) const = 0;
  virtual bool contains(const Value& key) const;  // asked by `in`: unless said otherwise, what is found
  virtual Value key_at(size_t index) const = 0;  // in the order in which macros visit them
};

// An object with declared fields.
struct Struct : Shared {
  virtual Type type() const = 0;
  virtual std::optional<Value> find(std::string_view field) const = 0;  // none: no such field, or not set
  virtual std::vector<std::string_view> fields() const = 0;             // those that are set
  virtual std::optional<Value> unset(std::string_view field) const;        // what one that is not set reads as; none: reading it fails
  virtual Maybe<std::optional<Value>> read(std::string_view field) const;  // what find() says; of fields that are computed when they are asked for, or why not
};

// Something that only functions understand: a quantity, an address, an authorizer.
struct Opaque : Shared {
  virtual Type type() const = 0;
  virtual bool equals(const Opaque& other) const = 0;
};

class Value {
 public:
  enum class Kind : uint8_t { Null, Bool, Int, Uint, Double, String, Bytes, Duration, Timestamp, List, Map, Struct, Opaque, Type, Optional };

  Value() = default;  // null
  static Value boolean(bool value);
  static Value integer(int64_t value);
  static Value uinteger(uint64_t value);
  static Value number(double value);
  static Value string(std::string text);
  static Value borrowed(std::string_view text);  // a string whose characters outlive the value
  Value part(std::string_view text) const;       // a string that lies within this one, and shares its characters
  static Value bytes(std::string bytes);
  static Value duration(int64_t nanoseconds);
  // Since 1970, UTC. The zone, east of Greenwich, is only for showing it: string() gives the time as it was written.
  static Value timestamp(int64_t seconds, uint32_t nanoseconds, int16_t zone_minutes = 0);
  static Value list(Ref<List> list);
  static Value list(std::vector<Value> items);
  static Value map(Ref<Map> map);
  static Value map(std::vector<std::pair<Value, Value>> entries);  // keys must differ from each other
  static Value structure(Ref<Struct> structure);
  static Value opaque(Ref<Opaque> opaque);
  static Value type(Type type);
  static Value optional(std::optional<Value> value);

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool is_true() const { return kind_ == Kind::Bool && bool_; }
  // The content; of another kind the zero value.
  bool as_bool() const { return is(Kind::Bool) && bool_; }
  int64_t as_int() const { return is(Kind::Int) ? int_ : 0; }
  uint64_t as_uint() const { return is(Kind::Uint) ? uint_ : 0; }
  double as_double() const { return is(Kind::Double) ? double_ : 0; }
  std::string_view as_text() const {  // of a string, or bytes
    return is(Kind::String) || is(Kind::Bytes) ? std::string_view(text_, small_) : std::string_view();
  }
  int64_t as_nanoseconds() const { return is(Kind::Duration) ? int_ : 0; }
  int64_t seconds() const { return is(Kind::Timestamp) ? int_ : 0; }
  uint32_t nanoseconds() const { return is(Kind::Timestamp) ? small_ : 0; }
  int16_t zone_minutes() const { return zone_minutes_; }
  // Only of that kind.
  const List& as_list() const;
  const Map& as_map() const;
  const Struct& as_struct() const;
  const Opaque& as_opaque() const;
  const Type& as_type() const;
  const std::optional<Value>& as_optional() const;

  Type type() const;                               // its type at run time: list(dyn), map(dyn, dyn)
  bool equals(const Value& other) const;           // CEL's ==: 1 == 1u == 1.0, NaN differs from itself, maps in any order
  std::optional<std::partial_ordering> compare(const Value& other) const;  // none: such kinds have no order; unordered: NaN
  std::string shown() const;                       // as cel-go's messages show it (Go's %v): "no such key: 1"

 private:
  Kind kind_ = Kind::Null;
  int16_t zone_minutes_ = 0;  // of a Timestamp
  uint32_t small_ = 0;  // of a text its size, of a time its nanoseconds
  union {
    bool bool_;
    int64_t int_ = 0;
    uint64_t uint_;
    double double_;
    const char* text_;
  };
  Ref<Shared> held_;  // the owner of a text; lists, maps and the like
};

}  // namespace sampan::cel
