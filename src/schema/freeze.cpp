// Value -> Object and back.
#include "base/encoding.h"
#include "base/text.h"
#include "schema/flat_builder.h"
#include "schema/json.h"
#include "schema/object.h"

namespace sampan::schema {

namespace {

constexpr size_t kFewFields = 128;  // no built-in type has more

// Writes children before their parents: a struct's slots are known once its fields are written.
class Freezer {
 public:
  explicit Freezer(FlatBuilder& out, std::vector<uint32_t>& slots) : out_(out), slots_(slots) {}

  // What does not conform: the path, innermost first, and why. Empty: all is well.
  std::string problem;

  // Writes a value and gives its slot. False: it is not what the type wants.
  bool write(Value value, const Type& type, uint32_t& slot) {
    switch (type.kind) {
      case Kind::String:
      case Kind::Quantity: slot = out_.string(value.as_string()); return value.is_string() || wrong("a string");
      case Kind::Bool: slot = value.as_bool(); return value.is_bool() || wrong("a boolean");
      case Kind::Int32: slot = static_cast<uint32_t>(value.as_int()); return value.is_int() || wrong("an integer");
      case Kind::Int64: slot = out_.int64(value.as_int()); return value.is_int() || wrong("an integer");
      case Kind::Double: slot = out_.real(value.as_double()); return value.is_int() || value.is_double() || wrong("a number");
      case Kind::Bytes: return put_bytes(value, slot);
      case Kind::Time:
      case Kind::MicroTime: return put_time(value, type.kind, slot);
      case Kind::Duration: return put_duration(value, slot);
      case Kind::IntOrString:
        slot = value.is_string() ? out_.int_or_string(value.as_string()) : out_.int_or_string(static_cast<int32_t>(value.as_int()));
        return value.is_string() || value.is_int() || wrong("an integer or a string");
      case Kind::Raw:
        if (auto text = value.unread_json(); !text.empty()) {
          slot = out_.string(text);
          return true;
        }
        scratch_.clear();
        write_json(scratch_, value);
        slot = out_.string(scratch_);
        return true;
      case Kind::Struct: {
        bool empty;
        return put_struct(value, type, slot, empty, nullptr);
      }
      case Kind::List: return put_list(value, type, slot);
      case Kind::Map: return put_map(value, type, slot);
    }
    return false;
  }

  // `skip(field)` leaves fields of this struct out.
  bool put_struct(Value value, const Type& type, uint32_t& slot, bool& empty, bool (*skip)(const Field&)) {
    if (!value.is_object()) return wrong("an object");
    uint32_t few_slots[kFewFields], few_words[kFewFields / 32] = {};
    uint32_t *slots = few_slots, *words = few_words;
    std::vector<uint32_t> many;  // custom resources may have as many fields as they like
    if (size_t count = type.fields.size(); count > kFewFields) [[unlikely]] {
      many.resize(count + (count + 31) / 32);
      slots = many.data();
      words = slots + count;
    }
    empty = true;
    const Field* guess = type.fields.data();  // members mostly come in the order of the fields
    const Field* end = guess + type.fields.size();
    for (const Member& member : value.members()) {
      if (member.value.is_missing()) continue;
      const Field* field = guess != end && guess->name == member.name ? guess : type.find(member.name);
      if (!field) {
        problem = concat(".", member.name, ": no such field");
        return false;
      }
      guess = field + 1;
      if ((skip && skip(*field)) || is_zero(member.value, *field)) continue;
      unsigned index = static_cast<unsigned>(field - type.fields.data());
      bool hollow = false, good = field->type->kind == Kind::Struct
                                      ? put_struct(member.value, *field->type, slots[index], hollow, nullptr)
                                      : write(member.value, *field->type, slots[index]);
      if (!good) {
        problem.insert(0, concat(".", field->name));
        return false;
      }
      if (hollow && !field->is(Field::Nullable)) continue;  // a struct by value that says nothing
      words[index / 32] |= uint32_t{1} << (index % 32);
      empty = false;
    }
    slot = out_.structure(type.fields.size(), words, slots);
    return true;
  }

 private:
  bool wrong(std::string_view expected) {
    problem = concat(": expected ", expected);
    return false;
  }

  // Go's omitempty, seen after a round trip: zero and absent are the same unless the field is a pointer. An empty list is absent too,
  // as after a round trip through protobuf: [] that a client sends is answered as null where the field is printed anyway.
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
      case Kind::Map: return value.empty();
      case Kind::Struct: return value.is_object() && value.empty();
      case Kind::Quantity: return value.as_string() == "0";  // what is printed of an absent one by value
      case Kind::Duration: return value.as_string() == "0s";
      case Kind::IntOrString: return value.is_int() && value.as_int() == 0;
      case Kind::Time:
      case Kind::MicroTime:
      case Kind::Raw: return false;
    }
    return false;
  }

  bool put_bytes(Value value, uint32_t& slot) {
    if (!value.is_string() || !decode_base64(value.as_string(), scratch_)) return wrong("base64 text");
    slot = out_.string(scratch_);
    return true;
  }
  bool put_time(Value value, Kind kind, uint32_t& slot) {
    int64_t us;
    if (!value.is_string() || !parse_time(value.as_string(), us)) return wrong("a time in RFC 3339");
    slot = out_.int64(kind == Kind::MicroTime ? us : us >= 0 || us % 1'000'000 == 0 ? us / 1'000'000 : us / 1'000'000 - 1);
    return true;
  }
  bool put_duration(Value value, uint32_t& slot) {
    int64_t ns;
    if (!value.is_string() || !parse_duration(value.as_string(), ns)) return wrong("a duration");
    slot = out_.int64(ns);
    return true;
  }

  // The slots of what is being written are a stack: an item's own lists lie above it.
  bool put_list(Value value, const Type& type, uint32_t& slot) {
    if (!value.is_list()) return wrong("a list");
    size_t base = slots_.size();
    for (uint32_t i = 0; i < value.size(); i++) {
      Value item = value.at(i);
      uint32_t item_slot = 0;  // null in a list is the element's zero value, as in Go
      if (!item.is_missing() && !write(item, *type.element, item_slot)) {
        problem.insert(0, concat("[", i, "]"));
        return false;
      }
      slots_.push_back(item_slot);
    }
    slot = out_.list(std::span(slots_).subspan(base));
    slots_.resize(base);
    return true;
  }

  bool put_map(Value value, const Type& type, uint32_t& slot) {
    if (!value.is_object()) return wrong("an object");
    std::span<Member> members = value.members();
    auto by_name = [](const Member& a, const Member& b) { return a.name < b.name; };
    if (std::is_sorted(members.begin(), members.end(), by_name)) return put_sorted(members, type, slot);
    std::vector<Member> sorted(members.begin(), members.end());
    std::sort(sorted.begin(), sorted.end(), by_name);
    return put_sorted(sorted, type, slot);
  }
  bool put_sorted(std::span<const Member> members, const Type& type, uint32_t& slot) {
    size_t base = slots_.size();
    for (const Member& member : members) {
      uint32_t value_slot = 0;
      if (!member.value.is_missing() && !write(member.value, *type.element, value_slot)) {
        problem.insert(0, concat("[", member.name, "]"));
        return false;
      }
      slots_.push_back(out_.string(member.name));
      slots_.push_back(value_slot);
    }
    slot = out_.map(std::span(slots_).subspan(base));
    slots_.resize(base);
    return true;
  }

  FlatBuilder& out_;
  std::vector<uint32_t>& slots_;
  std::string scratch_;
};

bool is_type_meta(const Field& field) { return field.proto == 0 && (field.name == "apiVersion" || field.name == "kind"); }

}  // namespace

Result<ObjectRef> freeze(Value value, const Type& type) {
  thread_local FlatBuilder builder;
  thread_local std::vector<uint32_t> slots;
  builder.reset();
  slots.clear();
  int64_t revision = 0;
  Value* version = value["metadata"].find("resourceVersion");
  Value kept = version ? *version : Value();
  if (version) {
    parse_int(version->as_string(), revision);
    *version = Value();
  }
  Freezer freezer(builder, slots);
  uint32_t root = 0;
  bool empty, good = freezer.put_struct(value, type, root, empty, is_type_meta);
  if (version) *version = kept;
  if (!good) return fail(internal_error(concat("object of type ", type.name, " cannot be stored: ", freezer.problem)));
  return Object::make(type, builder.bytes(), root, revision);
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
      object.append(field.name, thaw(value, arena));
    else if (field.is(Field::Always) && !(top && is_type_meta(field)))
      object.append(field.name, zero_value(field, arena));
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
    case Kind::Time:
    case Kind::MicroTime:
      if (view.slot() == 0) return Value::null();  // an item of a list or a map that is no time
      if (view.kind() == Kind::MicroTime) return text_value(arena, append_micro_time, view.as_int());
      return text_value(arena, append_time, view.as_int());
    case Kind::Duration: return text_value(arena, append_duration, view.as_int());
    case Kind::IntOrString: {
      IntOrString value = view.as_int_or_string();
      return value.is_string ? Value(value.text) : Value(static_cast<int64_t>(value.number));
    }
    case Kind::Raw: {
      if (view.as_string().empty()) return Value::null();
      if (view.as_string().starts_with('{')) return Value::unread_object(arena, view.as_string());
      auto parsed = parse_json(view.as_string(), arena);
      return parsed ? *parsed : Value::null();  // it was written by write_json, so it parses
    }
    case Kind::Struct: return thaw_struct(view, view.type(), arena, false);
    case Kind::List: {
      if (view.slot() == 0) return Value::null();  // an item of a list of lists
      Value list = Value::list(arena, view.size());
      for (uint32_t i = 0; i < view.size(); i++) list.push(thaw(view.item(i), arena));
      return list;
    }
    case Kind::Map: {
      if (view.slot() == 0) return Value::null();
      Value map = Value::object(arena, view.size());
      for (uint32_t i = 0; i < view.size(); i++) map.append(view.key(i), thaw(view.value(i), arena));
      return map;
    }
  }
  return {};
}

namespace {

// The metadata with the version where its field is: people see the order in what is said of their patches.
Value with_version(Value metadata, std::string_view version, Arena& arena) {
  constexpr std::string_view kBefore[] = {"name", "generateName", "namespace", "selfLink", "uid"};
  Value ordered = Value::object(arena, metadata.size() + 1);
  bool placed = false;
  for (const auto& member : metadata.members()) {
    if (!placed && std::find(std::begin(kBefore), std::end(kBefore), member.name) == std::end(kBefore)) {
      ordered.append("resourceVersion", version);
      placed = true;
    }
    ordered.append(member.name, member.value);
  }
  if (!placed) ordered.append("resourceVersion", version);
  return ordered;
}

}  // namespace

Value thaw(const Object& object, Arena& arena) {
  Value value = thaw_struct(object.view(), object.type(), arena, true);
  if (object.revision() != 0)
    if (Value metadata = value["metadata"]; metadata.is_object())
      value.set("metadata", with_version(metadata, arena.copy(concat(object.revision())), arena));
  return value;
}

}  // namespace sampan::schema
