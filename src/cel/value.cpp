// Values: what they hold, when they are equal, and their order.
#include "cel/value.h"

#include <cmath>

#include "base/check.h"
#include "base/encoding.h"
#include "base/text.h"
#include "base/time_text.h"
#include "cel/library/go_forms.h"
#include "cel/map_key.h"

namespace sampan::cel {

namespace {

struct OwnedText : Shared {
  explicit OwnedText(std::string t) : text(std::move(t)) {}
  std::string text;
};

struct OwnedList final : List {
  explicit OwnedList(std::vector<Value> i) : items(std::move(i)) {}
  size_t size() const override { return items.size(); }
  Value at(size_t index) const override { return items[index]; }
  std::vector<Value> items;
};

constexpr double kTwoTo63 = 9223372036854775808.0, kTwoTo64 = 18446744073709551616.0;

struct OwnedMap final : Map {
  explicit OwnedMap(std::vector<std::pair<Value, Value>> e) : entries(std::move(e)) {
    if (entries.size() <= kFewMax) return;
    for (uint32_t i = 0; i < entries.size(); i++) by_hash.emplace_back(hash_of_key(entries[i].first), i);
    std::sort(by_hash.begin(), by_hash.end());
  }
  size_t size() const override { return entries.size(); }
  Value key_at(size_t index) const override { return entries[index].first; }
  std::optional<Value> find(const Value& key) const override {
    if (by_hash.empty()) {
      for (auto& [stored, value] : entries)
        if (key_means(stored, key)) return value;
      return {};
    }
    size_t hash = hash_of_key(key);
    auto at = std::lower_bound(by_hash.begin(), by_hash.end(), std::pair<size_t, uint32_t>(hash, 0));
    for (; at != by_hash.end() && at->first == hash; ++at)
      if (key_means(entries[at->second].first, key)) return entries[at->second].second;
    return {};
  }

  static constexpr size_t kFewMax = 8;
  std::vector<std::pair<Value, Value>> entries;
  std::vector<std::pair<size_t, uint32_t>> by_hash;  // only of many
};

struct HeldType : Shared {
  explicit HeldType(Type t) : type(std::move(t)) {}
  Type type;
};

struct HeldOptional : Shared {
  explicit HeldOptional(std::optional<Value> v) : value(std::move(v)) {}
  std::optional<Value> value;
};

template <class T>
std::partial_ordering order(T a, T b) {
  return a < b ? std::partial_ordering::less : a > b ? std::partial_ordering::greater : std::partial_ordering::equivalent;
}

std::partial_ordering reversed(std::partial_ordering order) {
  return order < 0 ? std::partial_ordering::greater : order > 0 ? std::partial_ordering::less : order;
}

// Whole numbers beyond what a double holds exactly are rounded before they are compared.
std::partial_ordering order_with_int(double a, int64_t b) {
  if (std::isnan(a)) return std::partial_ordering::unordered;
  if (a < -kTwoTo63) return std::partial_ordering::less;
  if (a > kTwoTo63) return std::partial_ordering::greater;
  return order(a, static_cast<double>(b));
}
std::partial_ordering order_with_uint(double a, uint64_t b) {
  if (std::isnan(a)) return std::partial_ordering::unordered;
  if (a < 0) return std::partial_ordering::less;
  if (a > kTwoTo64) return std::partial_ordering::greater;
  return order(a, static_cast<double>(b));
}
std::partial_ordering order_with_uint(int64_t a, uint64_t b) {
  return a < 0 ? std::partial_ordering::less : order(static_cast<uint64_t>(a), b);
}

std::partial_ordering order_of_numbers(const Value& a, const Value& b) {
  using Kind = Value::Kind;
  switch (a.kind()) {
    case Kind::Int:
      if (b.is(Kind::Int)) return order(a.as_int(), b.as_int());
      if (b.is(Kind::Uint)) return order_with_uint(a.as_int(), b.as_uint());
      return reversed(order_with_int(b.as_double(), a.as_int()));
    case Kind::Uint:
      if (b.is(Kind::Uint)) return order(a.as_uint(), b.as_uint());
      if (b.is(Kind::Int)) return reversed(order_with_uint(b.as_int(), a.as_uint()));
      return reversed(order_with_uint(b.as_double(), a.as_uint()));
    default:
      if (b.is(Kind::Int)) return order_with_int(a.as_double(), b.as_int());
      if (b.is(Kind::Uint)) return order_with_uint(a.as_double(), b.as_uint());
      return a.as_double() <=> b.as_double();
  }
}

bool is_number(const Value& value) { return value.is(Value::Kind::Int) || value.is(Value::Kind::Uint) || value.is(Value::Kind::Double); }

bool equal_lists(const List& a, const List& b) {
  size_t size = a.size();
  if (size != b.size()) return false;
  for (size_t i = 0; i < size; i++)
    if (!a.at(i).equals(b.at(i))) return false;
  return true;
}

bool equal_maps(const Map& a, const Map& b) {
  size_t size = a.size();
  if (size != b.size()) return false;
  for (size_t i = 0; i < size; i++) {
    Value key = a.key_at(i);
    auto ours = a.find(key), theirs = b.find(key);
    if (!ours || !theirs || !ours->equals(*theirs)) return false;
  }
  return true;
}

bool equal_structs(const Struct& a, const Struct& b) {
  auto fields = a.fields();
  if (a.type() != b.type() || fields.size() != b.fields().size()) return false;
  for (auto field : fields) {
    auto ours = a.find(field), theirs = b.find(field);
    if (!ours || !theirs || !ours->equals(*theirs)) return false;
  }
  return true;
}

std::string shown_time(int64_t seconds, uint32_t nanoseconds) {
  std::string text = rfc3339(seconds);
  text[10] = ' ';
  text.pop_back();
  if (nanoseconds > 0) {
    std::string digits = concat(1'000'000'000ull + nanoseconds).substr(1);
    while (digits.back() == '0') digits.pop_back();
    append(text, ".", digits);
  }
  return text + " +0000 UTC";
}

std::string shown_map(const Map& map) {
  std::string text = "{";
  for (size_t i = 0; i < map.size(); i++) {
    Value key = map.key_at(i);
    append(text, i ? ", " : "", key.shown(), ": ", map.find(key).value_or(Value()).shown());
  }
  return text + "}";
}

}  // namespace

bool Map::contains(const Value& key) const { return find(key).has_value(); }

std::unexpected<Failure> no_such_overload() { return failed("no such overload"); }
std::unexpected<Failure> no_such_key(const Value& key) { return failed(concat("no such key: ", key.shown())); }

std::optional<Value> Struct::unset(std::string_view) const { return {}; }
Maybe<std::optional<Value>> Struct::read(std::string_view field) const { return find(field); }

Value Value::boolean(bool value) {
  Value made;
  made.kind_ = Kind::Bool;
  made.bool_ = value;
  return made;
}
Value Value::integer(int64_t value) {
  Value made;
  made.kind_ = Kind::Int;
  made.int_ = value;
  return made;
}
Value Value::uinteger(uint64_t value) {
  Value made;
  made.kind_ = Kind::Uint;
  made.uint_ = value;
  return made;
}
Value Value::number(double value) {
  Value made;
  made.kind_ = Kind::Double;
  made.double_ = value;
  return made;
}
Value Value::borrowed(std::string_view text) {
  Value made;
  made.kind_ = Kind::String;
  made.text_ = text.data();
  made.small_ = static_cast<uint32_t>(text.size());
  return made;
}
Value Value::part(std::string_view text) const {
  Value made = borrowed(text);
  made.held_ = held_;
  return made;
}
Value Value::string(std::string text) {
  if (text.empty()) return borrowed("");
  Ref<OwnedText> owner(new OwnedText(std::move(text)));
  Value made = borrowed(owner->text);
  made.held_ = owner;
  return made;
}
Value Value::bytes(std::string bytes) {
  Value made = string(std::move(bytes));
  made.kind_ = Kind::Bytes;
  return made;
}
Value Value::duration(int64_t nanoseconds) {
  Value made = integer(nanoseconds);
  made.kind_ = Kind::Duration;
  return made;
}
Value Value::timestamp(int64_t seconds, uint32_t nanoseconds, int16_t zone_minutes) {
  Value made = integer(seconds);
  made.kind_ = Kind::Timestamp;
  made.zone_minutes_ = zone_minutes;
  made.small_ = nanoseconds;
  return made;
}
Value Value::list(Ref<List> list) {
  Value made;
  made.kind_ = Kind::List;
  made.held_ = list;
  return made;
}
Value Value::list(std::vector<Value> items) { return list(Ref<List>(new OwnedList(std::move(items)))); }
Value Value::map(Ref<Map> map) {
  Value made;
  made.kind_ = Kind::Map;
  made.held_ = map;
  return made;
}
Value Value::map(std::vector<std::pair<Value, Value>> entries) { return map(Ref<Map>(new OwnedMap(std::move(entries)))); }
Value Value::structure(Ref<Struct> structure) {
  Value made;
  made.kind_ = Kind::Struct;
  made.held_ = structure;
  return made;
}
Value Value::opaque(Ref<Opaque> opaque) {
  Value made;
  made.kind_ = Kind::Opaque;
  made.held_ = opaque;
  return made;
}
Value Value::type(Type type) {
  Value made;
  made.kind_ = Kind::Type;
  made.held_ = Ref<HeldType>(new HeldType(std::move(type)));
  return made;
}
Value Value::optional(std::optional<Value> value) {
  Value made;
  made.kind_ = Kind::Optional;
  made.held_ = Ref<HeldOptional>(new HeldOptional(std::move(value)));
  return made;
}

const List& Value::as_list() const {
  check(is(Kind::List));
  return static_cast<const List&>(*held_);
}
const Map& Value::as_map() const {
  check(is(Kind::Map));
  return static_cast<const Map&>(*held_);
}
const Struct& Value::as_struct() const {
  check(is(Kind::Struct));
  return static_cast<const Struct&>(*held_);
}
const Opaque& Value::as_opaque() const {
  check(is(Kind::Opaque));
  return static_cast<const Opaque&>(*held_);
}
const Type& Value::as_type() const {
  check(is(Kind::Type));
  return static_cast<const HeldType&>(*held_).type;
}
const std::optional<Value>& Value::as_optional() const {
  check(is(Kind::Optional));
  return static_cast<const HeldOptional&>(*held_).value;
}

Type Value::type() const {
  switch (kind_) {
    case Kind::Null: return Type::Kind::Null;
    case Kind::Bool: return Type::Kind::Bool;
    case Kind::Int: return Type::Kind::Int;
    case Kind::Uint: return Type::Kind::Uint;
    case Kind::Double: return Type::Kind::Double;
    case Kind::String: return Type::Kind::String;
    case Kind::Bytes: return Type::Kind::Bytes;
    case Kind::Duration: return Type::Kind::Duration;
    case Kind::Timestamp: return Type::Kind::Timestamp;
    case Kind::List: return Type::list(Type());
    case Kind::Map: return Type::map(Type(), Type());
    case Kind::Struct: return as_struct().type();
    case Kind::Opaque: return as_opaque().type();
    case Kind::Type: return Type::type_of(Type());
    case Kind::Optional: return Type::optional(Type());
  }
  return Type();
}

bool Value::equals(const Value& other) const {
  if (is_number(*this) && is_number(other)) return order_of_numbers(*this, other) == 0;
  if (kind_ != other.kind_) return false;
  switch (kind_) {
    case Kind::Null: return true;
    case Kind::Bool: return bool_ == other.bool_;
    case Kind::String:
    case Kind::Bytes: return as_text() == other.as_text();
    case Kind::Duration: return int_ == other.int_;
    case Kind::Timestamp: return int_ == other.int_ && small_ == other.small_;
    case Kind::List: return equal_lists(as_list(), other.as_list());
    case Kind::Map: return equal_maps(as_map(), other.as_map());
    case Kind::Struct: return equal_structs(as_struct(), other.as_struct());
    case Kind::Opaque: return as_opaque().type() == other.as_opaque().type() && as_opaque().equals(other.as_opaque());
    case Kind::Type: return as_type().name() == other.as_type().name();  // without parameters: list(int) is list(string) at run time
    case Kind::Optional: {
      auto &ours = as_optional(), &theirs = other.as_optional();
      return ours && theirs ? ours->equals(*theirs) : !ours && !theirs;
    }
    default: return false;
  }
}

std::optional<std::partial_ordering> Value::compare(const Value& other) const {
  if (is_number(*this) && is_number(other)) return order_of_numbers(*this, other);
  if (kind_ != other.kind_) return {};
  switch (kind_) {
    case Kind::Bool: return order<int>(bool_, other.bool_);
    case Kind::String:
    case Kind::Bytes: return order(as_text(), other.as_text());
    case Kind::Duration: return order(int_, other.int_);
    case Kind::Timestamp: return int_ == other.int_ ? order(small_, other.small_) : order(int_, other.int_);
    default: return {};
  }
}

std::string Value::shown() const {
  switch (kind_) {
    case Kind::Null: return "0";
    case Kind::Bool: return bool_ ? "true" : "false";
    case Kind::Int: return concat(int_);
    case Kind::Uint: return concat(uint_);
    case Kind::Double: return text_of_double(double_);
    case Kind::String: return std::string(as_text());
    case Kind::Bytes: {
      std::string text = "[";
      for (unsigned char byte : as_text()) append(text, text.size() > 1 ? " " : "", static_cast<uint32_t>(byte));
      return text + "]";
    }
    case Kind::Duration: {
      std::string text;
      append_duration(text, int_);
      return text;
    }
    case Kind::Timestamp: return shown_time(int_, small_);
    case Kind::List: {
      std::string text = "[";
      for (size_t i = 0; i < as_list().size(); i++) append(text, i ? ", " : "", as_list().at(i).shown());
      return text + "]";
    }
    case Kind::Map: return shown_map(as_map());
    case Kind::Optional: return as_optional() ? concat("optional(", as_optional()->shown(), ")") : "optional.none()";
    case Kind::Type: return as_type().text();
    case Kind::Struct:
    case Kind::Opaque: return std::string(type().name());
  }
  return {};
}

}  // namespace sampan::cel
