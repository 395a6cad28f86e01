// The object: immutable, reference-counted, one allocation. Everybody who looks at a Pod looks at the same buffer.
//
// Layout. A buffer is addressed by 32-bit offsets from its start; numbers are little-endian and unaligned. What a slot means is known
// from the schema, so no tags are stored:
//
//   Struct  presence bitmap (one u32 for every 32 fields of the type), then one u32 slot for each present field, in field order
//   List    u32 count, then one slot an item          Map   u32 count, then (key slot, value slot) pairs, sorted by key
//   Bool, Int32                        the slot is the value
//   Int64, Time, MicroTime, Duration   the slot is the offset of an i64       Double   ... of a double
//   String, Bytes, Quantity, Raw       the slot is the offset of a varint length and the bytes
//   IntOrString                        the slot is the offset of a byte: 0 then i32, or 1 then a string
//
// Offset 0 holds a zero byte: the empty string, and "absent" for everything else. A field that is not Nullable is absent when it is
// zero, as after a round trip through Go's omitempty; what the JSON form shows of absent fields is the printer's business.
//
// `resourceVersion` is not in the buffer: it is known only once the object is stored, and lives in revision(). Nor are the apiVersion
// and kind of the object itself, which the resource it is served as decides.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/shared.h"
#include "base/status.h"
#include "schema/schema.h"
#include "schema/value.h"

namespace sampan::schema {

namespace flat {

inline uint32_t u32_at(const char* base, uint32_t at) {
  uint32_t v;
  std::memcpy(&v, base + at, 4);
  return v;
}
inline int64_t i64_at(const char* base, uint32_t at) {
  if (at == 0) return 0;
  int64_t v;
  std::memcpy(&v, base + at, 8);
  return v;
}
inline double double_at(const char* base, uint32_t at) {
  if (at == 0) return 0;
  double v;
  std::memcpy(&v, base + at, 8);
  return v;
}
inline std::string_view string_at(const char* base, uint32_t at) {
  const unsigned char* p = reinterpret_cast<const unsigned char*>(base) + at;
  uint32_t size = *p++;
  if (size & 0x80) [[unlikely]] {
    size &= 0x7f;
    for (unsigned shift = 7;; shift += 7) {
      size |= static_cast<uint32_t>(*p & 0x7f) << shift;
      if (!(*p++ & 0x80)) break;
    }
  }
  return {reinterpret_cast<const char*>(p), size};
}

// The slot of field `index` in the struct at `at`, or false. `words` is the number of bitmap words of the type.
inline bool field_slot(const char* base, uint32_t at, unsigned index, unsigned words, uint32_t& slot) {
  if (at == 0) return false;
  uint32_t word = u32_at(base, at + 4 * (index / 32));
  uint32_t bit = uint32_t{1} << (index % 32);
  if (!(word & bit)) return false;
  unsigned before = std::popcount(word & (bit - 1));
  for (unsigned i = 0; i < index / 32; i++) before += std::popcount(u32_at(base, at + 4 * i));
  slot = u32_at(base, at + 4 * (words + before));
  return true;
}

}  // namespace flat

struct IntOrString {
  bool is_string = false;
  int32_t number = 0;
  std::string_view text;
  bool operator==(const IntOrString&) const = default;
};

// A struct inside an object. The generated views derive from this; absent structs read as zero all the way down.
// Views borrow: the object must outlive them.
struct StructView {
  const char* base = nullptr;
  uint32_t at = 0;

  bool present() const { return at != 0; }
  explicit operator bool() const { return at != 0; }

 protected:
  friend class AnyView;
  bool has_field(unsigned i, unsigned words) const {
    uint32_t slot;
    return flat::field_slot(base, at, i, words, slot);
  }
  uint32_t slot(unsigned i, unsigned words) const {
    uint32_t slot = 0;
    flat::field_slot(base, at, i, words, slot);
    return slot;
  }
  std::string_view string_field(unsigned i, unsigned words) const {
    uint32_t s = slot(i, words);
    return s ? flat::string_at(base, s) : std::string_view();
  }
  bool bool_field(unsigned i, unsigned words) const { return slot(i, words); }
  int32_t int32_field(unsigned i, unsigned words) const { return static_cast<int32_t>(slot(i, words)); }
  int64_t int64_field(unsigned i, unsigned words) const { return flat::i64_at(base, slot(i, words)); }
  double double_field(unsigned i, unsigned words) const { return flat::double_at(base, slot(i, words)); }
  IntOrString int_or_string_field(unsigned i, unsigned words) const;
};

IntOrString int_or_string_at(const char* base, uint32_t at);
inline IntOrString StructView::int_or_string_field(unsigned i, unsigned words) const {
  return int_or_string_at(base, slot(i, words));
}

// How an element of a list or map is read from its slot.
template <class T>
T read_slot(const char* base, uint32_t slot) {
  if constexpr (std::is_same_v<T, std::string_view>) return flat::string_at(base, slot);
  else if constexpr (std::is_same_v<T, bool>) return slot != 0;
  else if constexpr (std::is_same_v<T, int32_t>) return static_cast<int32_t>(slot);
  else if constexpr (std::is_same_v<T, int64_t>) return flat::i64_at(base, slot);
  else if constexpr (std::is_same_v<T, double>) return flat::double_at(base, slot);
  else if constexpr (std::is_same_v<T, IntOrString>) return int_or_string_at(base, slot);
  else {
    T view;  // a struct view or another list or map
    view.base = base;
    view.at = slot;
    return view;
  }
}

template <class T>
struct ListView {
  const char* base = nullptr;
  uint32_t at = 0;
  uint32_t size() const { return at ? flat::u32_at(base, at) : 0; }
  bool empty() const { return size() == 0; }
  bool present() const { return at != 0; }
  T operator[](uint32_t i) const { return read_slot<T>(base, flat::u32_at(base, at + 4 + 4 * i)); }
  struct Iterator {
    const ListView* list;
    uint32_t i;
    T operator*() const { return (*list)[i]; }
    Iterator& operator++() {
      i++;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return i != other.i; }
  };
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size()}; }
};

uint32_t find_key(const char* base, uint32_t at, std::string_view key, bool& found);  // the value's slot in a map

template <class T>
struct MapView {
  const char* base = nullptr;
  uint32_t at = 0;
  struct Entry {
    std::string_view key;
    T value;
  };
  uint32_t size() const { return at ? flat::u32_at(base, at) : 0; }
  bool empty() const { return size() == 0; }
  bool present() const { return at != 0; }
  Entry operator[](uint32_t i) const {
    return {flat::string_at(base, flat::u32_at(base, at + 4 + 8 * i)),
            read_slot<T>(base, flat::u32_at(base, at + 8 + 8 * i))};
  }
  bool has(std::string_view key) const {
    bool found;
    find_key(base, at, key, found);
    return found;
  }
  std::optional<T> get(std::string_view key) const {
    bool found;
    uint32_t slot = find_key(base, at, key, found);
    if (!found) return {};
    return read_slot<T>(base, slot);
  }
  struct Iterator {
    const MapView* map;
    uint32_t i;
    Entry operator*() const { return (*map)[i]; }
    Iterator& operator++() {
      i++;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return i != other.i; }
  };
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size()}; }
};

// A value of an object with its schema at hand: how codecs, selectors and tables read what they know only by name.
class AnyView {
 public:
  AnyView() = default;
  AnyView(const Type* type, const char* base, uint32_t slot) : type_(type), base_(base), slot_(slot), present_(true) {}

  bool present() const { return present_; }
  const Type& type() const { return *type_; }
  Kind kind() const { return type_->kind; }

  bool as_bool() const { return slot_; }
  int64_t as_int() const;  // Int32, Int64, and the times' and durations' numbers
  double as_double() const { return flat::double_at(base_, slot_); }
  std::string_view as_string() const { return present_ ? flat::string_at(base_, slot_) : std::string_view(); }
  IntOrString as_int_or_string() const { return int_or_string_at(base_, slot_); }

  // Structs and maps by name; absent if there is none. A chain of names needs no tests between.
  AnyView operator[](std::string_view name) const;
  AnyView field(unsigned index) const { return field_of(*type_, index); }  // of a struct
  // As field(), for a view that may itself be absent and so knows no type.
  AnyView field_of(const Type& type, unsigned index) const;
  uint32_t size() const;                // of lists and maps
  AnyView item(uint32_t index) const;   // of a list
  std::string_view key(uint32_t index) const;    // of a map
  AnyView value(uint32_t index) const;           // of a map
  template <class T>
  T as() const {  // the generated view of this struct; the caller knows the type
    T view;
    view.base = base_;
    view.at = present_ ? slot_ : 0;
    return view;
  }
  const char* base() const { return base_; }
  uint32_t slot() const { return slot_; }
  // The same content, whatever the layout.
  bool equals(const AnyView& other) const;

 private:
  const Type* type_ = nullptr;
  const char* base_ = nullptr;
  uint32_t slot_ = 0;
  bool present_ = false;
};

// Metadata is read from every object of every kind; its type is the same for all.
struct Metadata;

class Object final : public Shared {
 public:
  // `data` is a whole buffer as described above, `root` the offset of its struct (0: an object with no field at all).
  static Ref<Object> make(const Type& type, std::string_view data, uint32_t root, int64_t revision);

  const Type& type() const { return *type_; }
  const char* data() const { return reinterpret_cast<const char*>(this + 1); }
  uint32_t size() const { return size_; }  // of the buffer
  uint32_t root() const { return root_; }
  AnyView view() const { return AnyView(type_, data(), root_); }
  AnyView operator[](std::string_view name) const { return view()[name]; }
  template <class T>
  T as() const {
    T v;
    v.base = data();
    v.at = root_;
    return v;
  }

  int64_t revision() const { return revision_; }
  // Once, by the store, before anybody else sees the object.
  void set_revision(int64_t revision) const { revision_ = revision; }
  Ref<Object> with_revision(int64_t revision) const;  // a copy

 private:
  Object() = default;
  ~Object() override = default;
  void dispose() const override;
  const Type* type_ = nullptr;
  mutable int64_t revision_ = 0;
  uint32_t size_ = 0, root_ = 0;
};

using ObjectRef = Ref<Object>;

// Value -> Object. The tree must conform to the type (see conform.h); where it does not, the error says at which path. Top-level
// apiVersion, kind and metadata.resourceVersion are left out, the last one becoming revision() if it is a number.
Result<ObjectRef> freeze(Value value, const Type& type);

// Object -> Value: exactly the tree that parsing its JSON form would give (absent `Always` fields included), without apiVersion and kind;
// with metadata.resourceVersion if revision() is set. Strings point into the object, which must outlive the arena's use.
Value thaw(const Object& object, Arena& arena);
Value thaw(const AnyView& view, Arena& arena);

}  // namespace sampan::schema
