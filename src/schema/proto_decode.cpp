// Protobuf to objects, straight into the flat buffer. Like the generated Go code it takes fields in any order and skips those it does not
// know; what is zero and no pointer is absent afterwards, as after JSON.
#include "base/encoding.h"
#include "base/text.h"
#include "schema/flat_builder.h"
#include "schema/json.h"
#include "schema/proto_plan.h"
#include "schema/protobuf.h"
#include "schema/quantity.h"

namespace sampan::schema {

namespace {

constexpr int kDepthMax = 100;  // of messages within each other

// The bytes of one message.
struct Reader {
  const char* at;
  const char* end;

  explicit Reader(std::string_view bytes) : at(bytes.data()), end(bytes.data() + bytes.size()) {}
  bool empty() const { return at == end; }

  bool varint(uint64_t& value) {
    if (at < end && !(*at & 0x80)) [[likely]] {
      value = static_cast<unsigned char>(*at++);
      return true;
    }
    value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at == end) return false;
      auto byte = static_cast<unsigned char>(*at++);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (!(byte & 0x80)) return true;
    }
    return false;
  }
  bool bytes(std::string_view& value) {
    uint64_t size;
    if (!varint(size) || size > static_cast<uint64_t>(end - at)) return false;
    value = {at, static_cast<size_t>(size)};
    at += size;
    return true;
  }
  bool skip(uint32_t wire) {
    uint64_t unused;
    std::string_view content;
    size_t size = wire == wire::Fixed64 ? 8 : 4;
    switch (wire) {
      case wire::Varint: return varint(unused);
      case wire::Bytes: return bytes(content);
      case wire::Fixed64:
      case wire::Fixed32:
        if (static_cast<size_t>(end - at) < size) return false;
        at += size;
        return true;
      default: return false;
    }
  }
};

struct Item {  // of a repeated field
  uint32_t field, key, slot;
};

class Decoder {
 public:
  Decoder(FlatBuilder& out, std::vector<Item>& items, int depth) : out_(out), items_(items), depth_(depth) {}

  std::string problem;
  int64_t revision = 0;

  enum class Part { Object, Metadata, Other };  // whose fields are read: the object's revision is kept apart

  bool message(std::string_view bytes, const Type& type, Part part, uint32_t& slot, bool& hollow) {
    if (++depth_ > kDepthMax) return bad("proto: messages are nested too deeply");
    Frame frame(type, part, items_.size());
    if (type.fields.size() > FlatBuilder::kFieldsMax) return bad("proto: the type has too many fields");
    if (!fields(bytes, proto_plan(type), frame)) return false;
    if (items_.size() > frame.base) close_repeated(frame);
    hollow = true;
    for (size_t i = 0; i < (type.fields.size() + 31) / 32; i++) hollow &= frame.words[i] == 0;
    slot = out_.structure(type.fields.size(), frame.words, frame.slots);
    depth_--;
    return true;
  }

 private:
  struct Frame {
    const Type& type;
    Part part;
    size_t base;  // of its repeated fields' items
    uint32_t words[FlatBuilder::kFieldsMax / 32] = {};
    uint32_t slots[FlatBuilder::kFieldsMax];  // of those whose bit is set
    Frame(const Type& type, Part part, size_t base) : type(type), part(part), base(base) {}
  };

  bool bad(std::string text) {
    if (problem.empty()) problem = std::move(text);
    return false;
  }
  bool cut_off() { return bad("unexpected EOF"); }

  // Reads the next tag of a message. False: there is an error.
  bool tag(Reader& in, const Type& type, uint32_t& number, uint32_t& wire) {
    uint64_t key;
    if (!in.varint(key)) return cut_off();
    wire = key & 7;
    uint64_t wide = key >> 3;
    if (wire == wire::EndGroup) return bad(concat("proto: ", short_name(type), ": wiretype end group for non-group"));
    if (wide == 0 || wide > 0x1fffffff) return bad(concat("proto: ", short_name(type), ": illegal tag ", wide, " (wire type ", key, ")"));
    number = static_cast<uint32_t>(wide);
    if (wire == wire::StartGroup || wire > wire::Fixed32) return bad(concat("proto: illegal wireType ", wire));
    return true;
  }
  static std::string_view short_name(const Type& type) {
    size_t dot = type.name.rfind('.');
    return type.name.substr(dot == std::string_view::npos ? 0 : dot + 1);
  }
  bool wrong_wire(uint32_t wire, const Field* field) {
    std::string name(field ? field->name : "Raw");
    if (!name.empty() && name[0] >= 'a' && name[0] <= 'z') name[0] -= 'a' - 'A';
    return bad(concat("proto: wrong wireType = ", wire, " for field ", name));
  }

  bool fields(std::string_view bytes, const ProtoPlan& plan, Frame& frame) {
    Reader in(bytes);
    while (!in.empty()) {
      uint32_t number, wire;
      if (!tag(in, frame.type, number, wire)) return false;
      const ProtoPlan::Entry* entry = plan.find(number);
      if (!entry) {
        if (!in.skip(wire)) return cut_off();
        continue;
      }
      if (entry->group) {
        std::string_view content;
        if (wire != wire::Bytes) return wrong_wire(wire, nullptr);
        if (!in.bytes(content)) return cut_off();
        if (!fields(content, *entry->group, frame)) return false;
        continue;
      }
      if (!field(in, wire, entry->field, frame)) return false;
    }
    return true;
  }

  bool field(Reader& in, uint32_t wire, uint32_t index, Frame& frame) {
    const Field& field = frame.type.fields[index];
    const Type& type = *field.type;
    if (type.kind == Kind::List && type.wire != Wire::Items) return list_item(in, wire, field, index);
    if (type.kind == Kind::Map) return map_entry(in, wire, field, index);
    if (frame.part == Part::Metadata && field.name == "resourceVersion") {
      std::string_view text;
      if (wire != wire::Bytes) return wrong_wire(wire, &field);
      if (!in.bytes(text)) return cut_off();
      parse_int(text, revision);
      return true;
    }
    uint32_t slot = 0;
    bool zero = false;
    Part part = frame.part == Part::Object && field.name == "metadata" ? Part::Metadata : Part::Other;
    if (!value(in, wire, type, &field, part, slot, zero)) return false;
    uint32_t bit = uint32_t{1} << (index % 32);
    bool absent = zero && (!field.is(Field::Nullable) || type.kind == Kind::Time || type.kind == Kind::MicroTime);
    if (absent)
      frame.words[index / 32] &= ~bit;
    else
      frame.words[index / 32] |= bit;
    frame.slots[index] = slot;
    return true;
  }

  // `zero`: the value is the zero value of its Go type.
  bool value(Reader& in, uint32_t wire, const Type& type, const Field* field, Part part, uint32_t& slot, bool& zero) {
    uint64_t number;
    std::string_view content;
    switch (type.kind) {
      case Kind::Bool:
      case Kind::Int32:
      case Kind::Int64:
        if (wire != wire::Varint) return wrong_wire(wire, field);
        if (!in.varint(number)) return cut_off();
        zero = (type.kind == Kind::Int32 ? static_cast<uint32_t>(number) : number) == 0;
        if (type.kind == Kind::Int64)
          slot = zero && !(field && field->is(Field::Nullable)) ? 0 : out_.int64(static_cast<int64_t>(number));
        else
          slot = type.kind == Kind::Bool ? number != 0 : static_cast<uint32_t>(number);
        return true;
      case Kind::Double: {
        double real;
        if (wire != wire::Fixed64) return wrong_wire(wire, field);
        if (in.end - in.at < 8) return cut_off();
        std::memcpy(&real, in.at, 8);
        in.at += 8;
        if (real - real != 0) return bad("json: unsupported value: NaN or infinity");
        zero = real == 0;
        slot = out_.real(real);
        return true;
      }
      default: break;
    }
    if (wire != wire::Bytes) return wrong_wire(wire, field);
    if (!in.bytes(content)) return cut_off();
    switch (type.kind) {
      case Kind::Struct: return message(content, type, part, slot, zero);
      case Kind::List: return items_message(content, type, slot);
      case Kind::Time:
      case Kind::MicroTime:
      case Kind::Duration: return time(content, type, slot, zero);
      case Kind::Quantity: return quantity(content, type, slot, zero);
      case Kind::IntOrString: return int_or_string(content, type, slot, zero);
      case Kind::Raw: return raw(content, type, slot);
      default:
        zero = content.empty();
        slot = out_.string(content);
        return true;
    }
  }

  // ---- repeated fields: their items lie on a stack until the message ends ----

  bool list_item(Reader& in, uint32_t wire, const Field& field, uint32_t index) {
    const Type& element = *field.type->element;
    bool packable = element.kind == Kind::Bool || element.kind == Kind::Int32 || element.kind == Kind::Int64 || element.kind == Kind::Double;
    if (packable && wire == wire::Bytes) {
      std::string_view content;
      if (!in.bytes(content)) return cut_off();
      Reader packed(content);
      uint32_t each = element.kind == Kind::Double ? wire::Fixed64 : wire::Varint;
      while (!packed.empty())
        if (!push(packed, each, field, index)) return false;
      return true;
    }
    return push(in, wire, field, index);
  }

  bool push(Reader& in, uint32_t wire, const Field& field, uint32_t index) {
    uint32_t slot = 0;
    bool zero = false;
    if (!item_value(in, wire, field, slot, zero)) return false;
    items_.push_back({index, 0, slot});
    return true;
  }
  // An item is no field: there is no absence, but offset 0 does for the number 0.
  bool item_value(Reader& in, uint32_t wire, const Field& field, uint32_t& slot, bool& zero) {
    const Type& element = *field.type->element;
    if (element.kind == Kind::Map) return bad("proto: a map within a list or a map has no form in protobuf");
    if (!value(in, wire, element, &field, Part::Other, slot, zero)) return false;
    if (zero && (element.kind == Kind::Time || element.kind == Kind::MicroTime)) slot = 0;  // no time, which JSON calls null
    return true;
  }

  bool map_entry(Reader& in, uint32_t wire, const Field& field, uint32_t index) {
    std::string_view content, key;
    if (wire != wire::Bytes) return wrong_wire(wire, &field);
    if (!in.bytes(content)) return cut_off();
    Reader entry(content);
    const Type& element = *field.type->element;
    uint32_t slot = 0;
    bool zero = false, seen = false;
    while (!entry.empty()) {
      uint32_t number, each;
      if (!tag(entry, *field.type, number, each)) return false;
      if (number == 1 && each == wire::Bytes) {
        if (!entry.bytes(key)) return cut_off();
      } else if (number == 2) {
        if (!item_value(entry, each, field, slot, zero)) return false;
        seen = true;
      } else if (!entry.skip(each)) {
        return cut_off();
      }
    }
    if (!seen && element.kind == Kind::Struct) {
      bool hollow;
      if (!message({}, element, Part::Other, slot, hollow)) return false;
    }
    items_.push_back({index, out_.string(key), slot});
    return true;
  }

  bool items_message(std::string_view bytes, const Type& type, uint32_t& slot) {
    if (type.wire != Wire::Items) return bad("proto: a list within a list has no form in protobuf");
    Reader in(bytes);
    size_t base = items_.size();
    while (!in.empty()) {
      uint32_t number, wire;
      if (!tag(in, type, number, wire)) return false;
      if (number != 1) {
        if (!in.skip(wire)) return cut_off();
        continue;
      }
      uint32_t item = 0;
      bool zero = false;
      if (!value(in, wire, *type.element, nullptr, Part::Other, item, zero)) return false;
      items_.push_back({0, 0, item});
    }
    slots_.clear();
    for (size_t i = base; i < items_.size(); i++) slots_.push_back(items_[i].slot);
    items_.resize(base);
    slot = out_.list(slots_);
    return true;
  }

  void close_repeated(Frame& frame) {
    std::span<Item> items = std::span(items_).subspan(frame.base);
    auto by_field = [](const Item& a, const Item& b) { return a.field < b.field; };
    if (!std::is_sorted(items.begin(), items.end(), by_field)) std::stable_sort(items.begin(), items.end(), by_field);
    for (size_t start = 0; start < items.size();) {
      size_t stop = start + 1;
      uint32_t index = items[start].field;
      while (stop < items.size() && items[stop].field == index) stop++;
      std::span<Item> run = items.subspan(start, stop - start);
      frame.slots[index] = frame.type.fields[index].type->kind == Kind::Map ? close_map(run) : close_list(run);
      frame.words[index / 32] |= uint32_t{1} << (index % 32);
      start = stop;
    }
    items_.resize(frame.base);
  }
  uint32_t close_list(std::span<const Item> run) {
    slots_.clear();
    for (const Item& item : run) slots_.push_back(item.slot);
    return out_.list(slots_);
  }
  // Sorted by key; of one key the last entry counts.
  uint32_t close_map(std::span<Item> run) {
    const char* base = out_.bytes().data();
    auto by_key = [&](const Item& a, const Item& b) { return flat::string_at(base, a.key) < flat::string_at(base, b.key); };
    if (!std::is_sorted(run.begin(), run.end(), by_key)) std::stable_sort(run.begin(), run.end(), by_key);
    slots_.clear();
    for (size_t i = 0; i < run.size(); i++) {
      if (i + 1 < run.size() && flat::string_at(base, run[i].key) == flat::string_at(base, run[i + 1].key)) continue;
      slots_.push_back(run[i].key);
      slots_.push_back(run[i].slot);
    }
    return out_.map(slots_);
  }

  // ---- scalars that are messages ----

  // The varints numbered 1 and 2 and the strings numbered 1 and 3 of a small message.
  struct Small {
    int64_t numbers[3] = {};
    std::string_view texts[4];
    bool has_text1 = false;
  };
  bool small(std::string_view bytes, const Type& type, Small& out) {
    Reader in(bytes);
    while (!in.empty()) {
      uint32_t number, wire;
      uint64_t value;
      if (!tag(in, type, number, wire)) return false;
      if (wire == wire::Varint && number <= 2) {
        if (!in.varint(value)) return cut_off();
        out.numbers[number] = static_cast<int64_t>(value);
      } else if (wire == wire::Bytes && number <= 3) {
        if (!in.bytes(out.texts[number])) return cut_off();
        out.has_text1 |= number == 1;
      } else if (!in.skip(wire)) {
        return cut_off();
      }
    }
    return true;
  }

  bool time(std::string_view bytes, const Type& type, uint32_t& slot, bool& zero) {
    Small parts;
    if (!small(bytes, type, parts)) return false;
    int64_t seconds = parts.numbers[1], nanos = static_cast<int32_t>(parts.numbers[2]);
    if (type.kind == Kind::Duration) {
      zero = seconds == 0;
      slot = out_.int64(seconds);
      return true;
    }
    constexpr int64_t kYear1 = -62135596800, kYear10000 = 253402300800;  // what RFC 3339 can say
    zero = bytes.empty() || seconds == kYear1;
    if (seconds < kYear1 || seconds >= kYear10000) return bad("Time.MarshalJSON: year outside of range [0,9999]");
    if (type.kind == Kind::MicroTime) seconds = seconds * 1'000'000 + nanos / 1000;
    slot = out_.int64(seconds);
    return true;
  }

  bool quantity(std::string_view bytes, const Type& type, uint32_t& slot, bool& zero) {
    Small parts;
    std::string error;
    if (!small(bytes, type, parts)) return false;
    if (!parts.has_text1) {
      zero = true;
      slot = out_.string("0");
      return true;
    }
    if (!canonical_quantity(parts.texts[1], scratch_, error)) return bad(std::move(error));
    slot = out_.string(scratch_);
    zero = scratch_ == "0";
    return true;
  }

  bool int_or_string(std::string_view bytes, const Type& type, uint32_t& slot, bool& zero) {
    Small parts;
    if (!small(bytes, type, parts)) return false;
    bool text = parts.numbers[1] == 1;
    auto number = static_cast<int32_t>(parts.numbers[2]);
    zero = !text && number == 0;
    slot = text ? out_.int_or_string(parts.texts[3]) : out_.int_or_string(number);
    return true;
  }

  // ---- JSON inside protobuf ----

  bool raw(std::string_view bytes, const Type& type, uint32_t& slot) {
    scratch_.clear();
    switch (type.wire) {
      case Wire::Plain:
      case Wire::RawMessage:
      case Wire::Items: {
        Small parts;
        if (!small(bytes, type, parts)) return false;
        if (!parts.texts[1].empty() && !compact(parts.texts[1])) return false;
        break;
      }
      case Wire::SchemaOrBool:
      case Wire::SchemaOrArray:
      case Wire::SchemaOrStrings:
        if (!schema_union(bytes, type)) return false;
    }
    slot = out_.string(scratch_);
    return true;
  }
  // What is kept of raw JSON is written out again as it is: so it has to be sound.
  bool compact(std::string_view json) {
    Arena arena;
    auto value = parse_json(json, arena);
    if (!value) return bad(value.error().message());
    write_json(scratch_, *value);
    return true;
  }

  bool schema_union(std::string_view bytes, const Type& type) {
    Reader in(bytes);
    bool allows = false, schemas = false;
    std::string schema, list;
    while (!in.empty()) {
      uint32_t number, wire;
      uint64_t value;
      std::string_view content;
      if (!tag(in, type, number, wire)) return false;
      if (type.wire == Wire::SchemaOrBool && number == 1 && wire == wire::Varint) {
        if (!in.varint(value)) return cut_off();
        allows = value != 0;
      } else if (number <= 2 && wire == wire::Bytes) {
        if (!in.bytes(content)) return cut_off();
        bool single = number == (type.wire == Wire::SchemaOrBool ? 2 : 1);
        std::string& into = single ? schema : list;
        if (!single && schemas) into += ',';
        schemas |= !single;
        if (!single && type.wire == Wire::SchemaOrStrings)
          write_json_string(into, content);
        else if (!nested_schema(content, type, into))
          return false;
      } else if (!in.skip(wire)) {
        return cut_off();
      }
    }
    if (!schema.empty())
      scratch_ = std::move(schema);
    else if (type.wire == Wire::SchemaOrBool)
      scratch_ = allows ? "true" : "false";
    else if (schemas)
      scratch_ = concat("[", list, "]");
    else
      scratch_ = "null";
    return true;
  }
  bool nested_schema(std::string_view bytes, const Type& type, std::string& into) {
    if (!type.element) return bad("proto: the union has no schema type");
    FlatBuilder builder;
    std::vector<Item> items;
    Decoder nested(builder, items, depth_ + 1);
    uint32_t slot;
    bool hollow;
    if (!nested.message(bytes, *type.element, Part::Other, slot, hollow)) return bad(std::move(nested.problem));
    write_json(into, AnyView(type.element, builder.bytes().data(), slot));
    return true;
  }

  FlatBuilder& out_;
  std::vector<Item>& items_;
  std::vector<uint32_t> slots_;
  std::string scratch_;
  int depth_;
};

constexpr std::string_view kEnvelopePrefix("k8s\0", 4);

}  // namespace

Result<ObjectRef> decode_protobuf(std::string_view bytes, const Type& type) {
  thread_local FlatBuilder builder;
  thread_local std::vector<Item> items;
  builder.reset();
  items.clear();
  Decoder decoder(builder, items, 0);
  uint32_t root;
  bool hollow;
  if (!decoder.message(bytes, type, Decoder::Part::Object, root, hollow)) return fail(bad_request(std::move(decoder.problem)));
  return Object::make(type, builder.bytes(), root, decoder.revision);
}

Result<Envelope> open_envelope(std::string_view bytes) {
  if (bytes.empty()) return fail(bad_request("empty data"));
  if (!bytes.starts_with(kEnvelopePrefix))
    return fail(bad_request("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"));
  Envelope envelope;
  Reader in(bytes.substr(kEnvelopePrefix.size()));
  auto strings = [](Reader& in, std::span<std::string_view* const> into) {
    while (!in.empty()) {
      uint64_t key;
      if (!in.varint(key)) return false;
      uint64_t number = key >> 3;
      if ((key & 7) == wire::Bytes && number >= 1 && number <= into.size()) {
        if (!in.bytes(*into[number - 1])) return false;
      } else if (number == 0 || !in.skip(key & 7)) {
        return false;
      }
    }
    return true;
  };
  std::string_view type_meta;
  std::string_view* const outer[] = {&type_meta, &envelope.raw, &envelope.content_encoding, &envelope.content_type};
  if (!strings(in, outer)) return fail(bad_request("unexpected EOF"));
  Reader inner(type_meta);
  std::string_view* const names[] = {&envelope.api_version, &envelope.kind};
  if (!strings(inner, names)) return fail(bad_request("unexpected EOF"));
  return envelope;
}

}  // namespace sampan::schema
