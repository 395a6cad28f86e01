// Value -> Object and back.
#include "base/encoding.h"
#include "base/text.h"
#include "schema/json.h"
#include "schema/object.h"

namespace sampan::schema {

namespace {

// Builds the buffer children first: a struct's slots are known once its fields are written.
class Freezer {
 public:
  explicit Freezer(std::string& out) : out_(out) {
    out_.clear();
    out_ += '\0';
  }

  // What does not conform: the path, innermost first, and why. Empty: all is well.
  std::string problem;

  // Writes a value and gives its slot. False: it is not what the type wants.
  bool write(Value value, const Type& type, uint32_t& slot) {
    switch (type.kind) {
      case Kind::String:
      case Kind::Quantity: return value.is_string() ? put_string(value.as_string(), slot) : wrong("a string");
      case Kind::Bool: slot = value.as_bool(); return value.is_bool() || wrong("a boolean");
      case Kind::Int32: slot = static_cast<uint32_t>(value.as_int()); return value.is_int() || wrong("an integer");
      case Kind::Int64: return value.is_int() ? put_i64(value.as_int(), slot) : wrong("an integer");
      case Kind::Double: return value.is_int() || value.is_double() ? put_double(value.as_double(), slot) : wrong("a number");
      case Kind::Bytes: return put_bytes(value, slot);
      case Kind::Time:
      case Kind::MicroTime: return put_time(value, type.kind, slot);
      case Kind::Duration: return put_duration(value, slot);
      case Kind::IntOrString: return put_int_or_string(value, slot);
      case Kind::Raw: return put_raw(value, slot);
      case Kind::Struct: return put_struct(value, type, slot, nullptr);
      case Kind::List: return put_list(value, type, slot);
      case Kind::Map: return put_map(value, type, slot);
    }
    return false;
  }

  // `skip(field)` leaves fields of this struct out.
  bool put_struct(Value value, const Type& type, uint32_t& slot, bool (*skip)(const Field&)) {
    if (!value.is_object()) return wrong("an object");
    constexpr size_t kFieldsMax = 128;
    uint32_t slots[kFieldsMax];
    uint32_t words[kFieldsMax / 32] = {};
    if (type.fields.size() > kFieldsMax) return wrong("of a type with fewer fields");
    for (const Member& member : value.members()) {
      if (member.value.is_missing()) continue;
      const Field* field = type.find(member.name);
      if (!field) {
        problem = concat(".", member.name, ": no such field");
        return false;
      }
      if ((skip && skip(*field)) || is_zero(member.value, *field)) continue;
      unsigned index = static_cast<unsigned>(field - type.fields.data());
      if (!write(member.value, *field->type, slots[index])) {
        problem.insert(0, concat(".", field->name));
        return false;
      }
      words[index / 32] |= uint32_t{1} << (index % 32);
    }
    size_t word_count = (type.fields.size() + 31) / 32;
    slot = static_cast<uint32_t>(out_.size());
    out_.append(reinterpret_cast<const char*>(words), 4 * word_count);
    for (size_t i = 0; i < type.fields.size(); i++)
      if (words[i / 32] >> (i % 32) & 1) out_.append(reinterpret_cast<const char*>(&slots[i]), 4);
    return true;
  }

 private:
  bool wrong(std::string_view expected) {
    problem = concat(": expected ", expected);
    return false;
  }

  // Go's omitempty, seen after a round trip: zero and absent are the same unless the field is a pointer. A list or a struct that is
  // printed anyway keeps its presence, since [] and null differ.
  static bool is_zero(Value value, const Field& field) {
    if (field.is(Field::Nullable)) return false;
    switch (field.type->kind) {
      case Kind::String:
      case Kind::Bytes: return value.is_string() && value.as_string().empty();
      case Kind::Bool: return value.is_bool() && !value.as_bool();
      case Kind::Int32:
      case Kind::Int64: return value.is_int() && value.as_int() == 0;
      case Kind::Double: return value.as_double() == 0;
      case Kind::List:
      case Kind::Map: return value.empty() && !field.is(Field::Always);
      case Kind::Struct: return value.is_object() && value.empty();
      case Kind::Time:
      case Kind::MicroTime:
      case Kind::Duration:
      case Kind::Quantity:
      case Kind::IntOrString:
      case Kind::Raw: return false;
    }
    return false;
  }

  bool put_string(std::string_view text, uint32_t& slot) {
    if (text.empty()) {
      slot = 0;
      return true;
    }
    slot = static_cast<uint32_t>(out_.size());
    size_t size = text.size();
    for (; size >= 0x80; size >>= 7) out_ += static_cast<char>(size | 0x80);
    out_ += static_cast<char>(size);
    out_.append(text);
    return true;
  }
  bool put_i64(int64_t value, uint32_t& slot) {
    slot = static_cast<uint32_t>(out_.size());
    out_.append(reinterpret_cast<const char*>(&value), 8);
    return true;
  }
  bool put_double(double value, uint32_t& slot) {
    slot = static_cast<uint32_t>(out_.size());
    out_.append(reinterpret_cast<const char*>(&value), 8);
    return true;
  }
  bool put_bytes(Value value, uint32_t& slot) {
    if (!value.is_string() || !decode_base64(value.as_string(), scratch_)) return wrong("base64 text");
    return put_string(scratch_, slot);
  }
  bool put_time(Value value, Kind kind, uint32_t& slot) {
    int64_t us;
    if (!value.is_string() || !parse_time(value.as_string(), us)) return wrong("a time in RFC 3339");
    if (kind == Kind::MicroTime) return put_i64(us, slot);
    return put_i64(us >= 0 || us % 1'000'000 == 0 ? us / 1'000'000 : us / 1'000'000 - 1, slot);
  }
  bool put_duration(Value value, uint32_t& slot) {
    int64_t ns;
    if (!value.is_string() || !parse_duration(value.as_string(), ns)) return wrong("a duration");
    return put_i64(ns, slot);
  }
  bool put_int_or_string(Value value, uint32_t& slot) {
    slot = static_cast<uint32_t>(out_.size());
    if (value.is_int()) {
      auto number = static_cast<int32_t>(value.as_int());
      out_ += '\0';
      out_.append(reinterpret_cast<const char*>(&number), 4);
      return true;
    }
    if (!value.is_string()) return wrong("an integer or a string");
    out_ += '\1';
    if (value.as_string().empty()) {
      out_ += '\0';
      return true;
    }
    uint32_t unused;
    return put_string(value.as_string(), unused);  // right behind the tag
  }
  bool put_raw(Value value, uint32_t& slot) {
    scratch_.clear();
    write_json(scratch_, value);
    return put_string(scratch_, slot);
  }

  bool put_list(Value value, const Type& type, uint32_t& slot) {
    if (!value.is_list()) return wrong("a list");
    std::vector<uint32_t> slots(value.size());
    for (uint32_t i = 0; i < value.size(); i++) {
      Value item = value.at(i);
      if (item.is_missing()) {  // null in a list is the element's zero value, as in Go
        slots[i] = 0;
        continue;
      }
      if (!write(item, *type.element, slots[i])) {
        problem.insert(0, concat("[", i, "]"));
        return false;
      }
    }
    slot = static_cast<uint32_t>(out_.size());
    auto count = static_cast<uint32_t>(slots.size());
    out_.append(reinterpret_cast<const char*>(&count), 4);
    out_.append(reinterpret_cast<const char*>(slots.data()), 4 * slots.size());
    return true;
  }

  bool put_map(Value value, const Type& type, uint32_t& slot) {
    if (!value.is_object()) return wrong("an object");
    std::vector<const Member*> sorted;
    sorted.reserve(value.size());
    for (const Member& member : value.members()) sorted.push_back(&member);
    std::sort(sorted.begin(), sorted.end(), [](const Member* a, const Member* b) { return a->name < b->name; });
    std::vector<uint32_t> pairs(2 * sorted.size());
    for (size_t i = 0; i < sorted.size(); i++) {
      put_string(sorted[i]->name, pairs[2 * i]);
      pairs[2 * i + 1] = 0;
      if (!sorted[i]->value.is_missing() && !write(sorted[i]->value, *type.element, pairs[2 * i + 1])) {
        problem.insert(0, concat("[", sorted[i]->name, "]"));
        return false;
      }
    }
    slot = static_cast<uint32_t>(out_.size());
    auto count = static_cast<uint32_t>(sorted.size());
    out_.append(reinterpret_cast<const char*>(&count), 4);
    out_.append(reinterpret_cast<const char*>(pairs.data()), 4 * pairs.size());
    return true;
  }

  std::string& out_;
  std::string scratch_;
};

bool is_type_meta(const Field& field) { return field.proto == 0 && (field.name == "apiVersion" || field.name == "kind"); }

}  // namespace

Result<ObjectRef> freeze(Value value, const Type& type) {
  thread_local std::string buffer;
  if (buffer.capacity() > 1 << 20) std::string().swap(buffer);  // one huge object must not pin its size for good
  int64_t revision = 0;
  Value* version = value["metadata"].find("resourceVersion");
  Value kept = version ? *version : Value();
  if (version) {
    parse_int(version->as_string(), revision);
    *version = Value();
  }
  Freezer freezer(buffer);
  uint32_t root = 0;
  bool good = freezer.put_struct(value, type, root, is_type_meta);
  if (version) *version = kept;
  if (!good) return fail(internal_error(concat("object of type ", type.name, " cannot be stored: ", freezer.problem)));
  return Object::make(type, buffer, root, revision);
}

namespace {

Value thaw_struct(const AnyView& view, const Type& type, Arena& arena, bool top);

template <class Append, class Number>
Value text_value(Arena& arena, Append append, Number number) {
  std::string text;
  append(text, number);
  return Value(arena.copy(text));
}

Value zero_value(const Field& field, Arena& arena) {
  if (field.is(Field::Nullable)) return Value::null();
  switch (field.type->kind) {
    case Kind::String: return "";
    case Kind::Bool: return false;
    case Kind::Int32:
    case Kind::Int64:
    case Kind::Double:
    case Kind::IntOrString: return 0;
    case Kind::Duration: return "0s";
    case Kind::Quantity: return "0";
    case Kind::Bytes:
    case Kind::Time:
    case Kind::MicroTime:
    case Kind::Raw:
    case Kind::List:
    case Kind::Map: return Value::null();
    case Kind::Struct: return thaw_struct(AnyView(), *field.type, arena, false);
  }
  return {};
}

Value thaw_struct(const AnyView& view, const Type& type, Arena& arena, bool top) {
  Value object = Value::object(arena, 8);
  for (unsigned i = 0; i < type.fields.size(); i++) {
    const Field& field = type.fields[i];
    AnyView value = view.field_of(type, i);
    if (value.present())
      object.set(field.name, thaw(value, arena));
    else if (field.is(Field::Always) && !(top && is_type_meta(field)))
      object.set(field.name, zero_value(field, arena));
  }
  return object;
}

}  // namespace

Value thaw(const AnyView& view, Arena& arena) {
  if (!view.present()) return {};
  switch (view.kind()) {
    case Kind::String: return view.as_string();
    case Kind::Quantity: return view.as_string().empty() ? Value("0") : Value(view.as_string());
    case Kind::Bool: return view.as_bool();
    case Kind::Int32:
    case Kind::Int64: return view.as_int();
    case Kind::Double: return view.as_double();
    case Kind::Bytes: return text_value(arena, append_base64, view.as_string());
    case Kind::Time: return text_value(arena, append_time, view.as_int());
    case Kind::MicroTime: return text_value(arena, append_micro_time, view.as_int());
    case Kind::Duration: return text_value(arena, append_duration, view.as_int());
    case Kind::IntOrString: {
      IntOrString value = view.as_int_or_string();
      return value.is_string ? Value(value.text) : Value(static_cast<int64_t>(value.number));
    }
    case Kind::Raw: {
      if (view.as_string().empty()) return Value::null();
      auto parsed = parse_json(view.as_string(), arena);
      return parsed ? *parsed : Value::null();  // it was written by write_json, so it parses
    }
    case Kind::Struct: return thaw_struct(view, view.type(), arena, false);
    case Kind::List: {
      Value list = Value::list(arena, view.size());
      for (uint32_t i = 0; i < view.size(); i++) list.push(thaw(view.item(i), arena));
      return list;
    }
    case Kind::Map: {
      Value map = Value::object(arena, view.size());
      for (uint32_t i = 0; i < view.size(); i++) map.set(view.key(i), thaw(view.value(i), arena));
      return map;
    }
  }
  return {};
}

Value thaw(const Object& object, Arena& arena) {
  Value value = thaw_struct(object.view(), object.type(), arena, true);
  if (object.revision() != 0) {
    std::string text = concat(object.revision());
    if (Value metadata = value["metadata"]; metadata.is_object()) metadata.set("resourceVersion", arena.copy(text));
  }
  return value;
}

}  // namespace sampan::schema
