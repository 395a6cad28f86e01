// Objects to protobuf, as gogo/protobuf's generated code writes them: fields by number, maps by key, zero values of what is no pointer.
#include "base/check.h"
#include "base/text.h"
#include "schema/conform.h"
#include "schema/json.h"
#include "schema/proto_plan.h"
#include "schema/protobuf.h"

namespace sampan::schema {

namespace {

// Writes from the end to the start: when a message's length is due, its content is there.
class BackwardWriter {
 public:
  void byte(uint8_t c) {
    ensure(1);
    *--at_ = static_cast<char>(c);
  }
  void varint(uint64_t value) {
    ensure(10);
    if (value < 0x80) {
      *--at_ = static_cast<char>(value);
      return;
    }
    unsigned bytes = (static_cast<unsigned>(std::bit_width(value)) + 6) / 7;
    at_ -= bytes;
    char* to = at_;
    for (; value >= 0x80; value >>= 7) *to++ = static_cast<char>(value | 0x80);
    *to = static_cast<char>(value);
  }
  void fixed64(double value) {
    ensure(8);
    at_ -= 8;
    std::memcpy(at_, &value, 8);
  }
  void text(std::string_view text) {
    if (text.empty()) return;
    ensure(text.size());
    at_ -= text.size();
    std::memcpy(at_, text.data(), text.size());
  }
  void tag(uint32_t number, uint32_t wire) { varint(number << 3 | wire); }
  void bytes_field(uint32_t number, std::string_view content) {
    text(content);
    varint(content.size());
    tag(number, wire::Bytes);
  }
  void varint_field(uint32_t number, uint64_t value) {
    varint(value);
    tag(number, wire::Varint);
  }

  size_t size() const { return static_cast<size_t>(end_ - at_); }
  // The length and the tag of the message that was written since `before`.
  void close(uint32_t number, size_t before) {
    varint(size() - before);
    tag(number, wire::Bytes);
  }
  std::string_view written() const { return {at_, size()}; }
  void reset() {
    if (buffer_.size() > 1 << 20) std::vector<char>().swap(buffer_);  // one huge object must not pin its size for good
    at_ = end_ = buffer_.data() + buffer_.size();
  }

 private:
  void ensure(size_t bytes) {
    if (static_cast<size_t>(at_ - buffer_.data()) < bytes) [[unlikely]] grow(bytes);
  }
  void grow(size_t bytes) {
    size_t used = size();
    std::vector<char> larger(std::max<size_t>({4096, 2 * buffer_.size(), 2 * (used + bytes)}));
    if (used) std::memcpy(larger.data() + larger.size() - used, at_, used);
    buffer_.swap(larger);
    end_ = buffer_.data() + buffer_.size();
    at_ = end_ - used;
  }
  std::vector<char> buffer_;
  char* at_ = nullptr;
  char* end_ = nullptr;
};

constexpr int kUnionDepthMax = 64;  // of JSON schemas within each other

class Encoder {
 public:
  Encoder(BackwardWriter& out, const char* base, int depth = 0) : out_(out), base_(base), depth_(depth) {}

  void fields(const Type& type, uint32_t at) { fields(type, at, proto_plan(type), 0, 0); }

  // Of the object itself: `revision` (not 0) is written in its metadata.
  void object(const Type& type, uint32_t at, int64_t revision) { fields(type, at, proto_plan(type), revision, 0); }

  // The content of a message type, or of a scalar without its tag.
  void bare(const Type& type, uint32_t slot) {
    if (type.kind == Kind::Struct)
      fields(type, slot);
    else
      value(type, slot, 1);
  }

 private:
  void fields(const Type& type, uint32_t at, const ProtoPlan& plan, int64_t object_revision, int64_t metadata_revision) {
    const auto words = static_cast<unsigned>(type.fields.size() + 31) / 32;
    for (size_t i = plan.entries.size(); i-- > 0;) {
      const ProtoPlan::Entry& entry = plan.entries[i];
      if (entry.group) {
        size_t before = out_.size();
        fields(type, at, *entry.group, 0, 0);
        out_.close(entry.number, before);
        continue;
      }
      const Field& field = type.fields[entry.field];
      uint32_t slot;
      bool present = flat::field_slot(base_, at, entry.field, words, slot);
      if (object_revision && field.name == "metadata") {
        size_t before = out_.size();
        fields(*field.type, present ? slot : 0, proto_plan(*field.type), 0, object_revision);
        out_.close(entry.number, before);
      } else if (metadata_revision && field.name == "resourceVersion") {
        out_.bytes_field(entry.number, Piece(metadata_revision).text());
      } else if (present) {
        value(*field.type, slot, entry.number);
      } else if (field.is(Field::ProtoAlways)) {
        zero(*field.type, entry.number);
      }
    }
  }

  void value(const Type& type, uint32_t slot, uint32_t number) {
    switch (type.kind) {
      case Kind::String:
      case Kind::Bytes: out_.bytes_field(number, flat::string_at(base_, slot)); return;
      case Kind::Bool: out_.varint_field(number, slot != 0); return;
      case Kind::Int32: out_.varint_field(number, static_cast<uint64_t>(int64_t{static_cast<int32_t>(slot)})); return;
      case Kind::Int64: out_.varint_field(number, static_cast<uint64_t>(flat::i64_at(base_, slot))); return;
      case Kind::Double:
        out_.fixed64(flat::double_at(base_, slot));
        out_.tag(number, wire::Fixed64);
        return;
      case Kind::Time:
        if (slot == 0) return out_.bytes_field(number, {});  // an item of a list or a map that is no time
        return timestamp(flat::i64_at(base_, slot), 0, number);
      case Kind::MicroTime: {
        if (slot == 0) return out_.bytes_field(number, {});
        int64_t us = flat::i64_at(base_, slot), rest = us % 1'000'000;
        if (rest < 0) rest += 1'000'000;
        return timestamp((us - rest) / 1'000'000, rest * 1000, number);
      }
      case Kind::Duration: return duration(flat::i64_at(base_, slot), number);
      case Kind::Quantity: return quantity(flat::string_at(base_, slot), number);
      case Kind::IntOrString: return int_or_string(int_or_string_at(base_, slot), number);
      case Kind::Raw: return raw(type, flat::string_at(base_, slot), number);
      case Kind::Struct: {
        size_t before = out_.size();
        fields(type, slot);
        out_.close(number, before);
        return;
      }
      case Kind::List: return list(type, slot, number);
      case Kind::Map: return map(type, slot, number);
    }
  }

  void zero(const Type& type, uint32_t number) {
    switch (type.kind) {
      case Kind::String: out_.bytes_field(number, {}); return;
      case Kind::Bool:
      case Kind::Int32:
      case Kind::Int64: out_.varint_field(number, 0); return;
      case Kind::Double:
        out_.fixed64(0);
        out_.tag(number, wire::Fixed64);
        return;
      case Kind::Time:
      case Kind::MicroTime:
      case Kind::Raw: out_.bytes_field(number, {}); return;  // an empty message
      case Kind::Duration: return duration(0, number);
      case Kind::Quantity: return quantity({}, number);
      case Kind::IntOrString: return int_or_string({}, number);
      case Kind::Struct: {
        size_t before = out_.size();
        fields(type, 0);
        out_.close(number, before);
        return;
      }
      case Kind::Bytes:
      case Kind::List:
      case Kind::Map: return;
    }
  }

  void timestamp(int64_t seconds, int64_t nanos, uint32_t number) {
    size_t before = out_.size();
    out_.varint_field(2, static_cast<uint64_t>(nanos));
    out_.varint_field(1, static_cast<uint64_t>(seconds));
    out_.close(number, before);
  }
  void duration(int64_t nanoseconds, uint32_t number) {
    size_t before = out_.size();
    out_.varint_field(1, static_cast<uint64_t>(nanoseconds));
    out_.close(number, before);
  }
  void quantity(std::string_view text, uint32_t number) {
    size_t before = out_.size();
    out_.bytes_field(1, text.empty() ? "0" : text);
    out_.close(number, before);
  }
  void int_or_string(const IntOrString& value, uint32_t number) {
    size_t before = out_.size();
    out_.bytes_field(3, value.text);
    out_.varint_field(2, static_cast<uint64_t>(int64_t{value.number}));
    out_.varint_field(1, value.is_string);
    out_.close(number, before);
  }

  void list(const Type& type, uint32_t at, uint32_t number) {
    bool message = type.wire == Wire::Items;
    size_t before = out_.size();
    uint32_t count = at ? flat::u32_at(base_, at) : 0;
    for (uint32_t i = count; i-- > 0;) value(*type.element, flat::u32_at(base_, at + 4 + 4 * i), message ? 1 : number);
    if (message) out_.close(number, before);
  }

  void map(const Type& type, uint32_t at, uint32_t number) {
    uint32_t count = at ? flat::u32_at(base_, at) : 0;
    for (uint32_t i = count; i-- > 0;) {
      size_t before = out_.size();
      value(*type.element, flat::u32_at(base_, at + 8 + 8 * i), 2);
      out_.bytes_field(1, flat::string_at(base_, flat::u32_at(base_, at + 4 + 8 * i)));
      out_.close(number, before);
    }
  }

  // ---- JSON inside protobuf ----

  void raw(const Type& type, std::string_view json, uint32_t number) {
    size_t before = out_.size();
    switch (type.wire) {
      case Wire::Plain:
      case Wire::RawMessage:
      case Wire::Items:
        if (!json.empty()) out_.bytes_field(1, json);
        break;
      case Wire::SchemaOrBool:
      case Wire::SchemaOrArray:
      case Wire::SchemaOrStrings: schema_union(type, json); break;
    }
    out_.close(number, before);
  }

  void schema_union(const Type& type, std::string_view json) {
    Arena arena;
    auto parsed = parse_json(json, arena);
    Value value = parsed ? *parsed : Value();  // it was written by write_json, so it parses
    if (type.wire == Wire::SchemaOrBool) {
      if (value.is_object()) schema(type, value, 2);
      out_.varint_field(1, value.is_object() || value.as_bool());
    } else if (value.is_object()) {
      schema(type, value, 1);
    } else {
      std::span<Value> items = value.items();
      for (size_t i = items.size(); i-- > 0;) {
        if (type.wire == Wire::SchemaOrArray)
          schema(type, items[i], 2);
        else
          out_.bytes_field(2, items[i].as_string());
      }
    }
  }

  void schema(const Type& type, Value value, uint32_t number) {
    size_t before = out_.size();
    Conformance ignored;
    if (type.element && depth_ < kUnionDepthMax && conform(value, *type.element, ignored)) {
      if (auto object = freeze(value, *type.element)) Encoder(out_, (*object)->data(), depth_ + 1).fields(*type.element, (*object)->root());
    }
    out_.close(number, before);
  }

  BackwardWriter& out_;
  const char* base_;
  int depth_;
};

BackwardWriter& writer() {
  thread_local BackwardWriter writer;
  writer.reset();
  return writer;
}

}  // namespace

void encode_protobuf(std::string& out, const Object& object) {
  BackwardWriter& to = writer();
  Encoder(to, object.data()).object(object.type(), object.root(), object.revision());
  out += to.written();
}

void encode_protobuf(std::string& out, const AnyView& view) {
  if (!view.present()) return;
  BackwardWriter& to = writer();
  Encoder(to, view.base()).bare(view.type(), view.slot());
  out += to.written();
}

// runtime.Unknown: typeMeta = 1 { apiVersion = 1, kind = 2 }, raw = 2, contentEncoding = 3, contentType = 4.
void append_envelope(std::string& out, std::string_view raw, std::string_view api_version, std::string_view kind) {
  BackwardWriter& to = writer();
  to.bytes_field(2, kind);
  to.bytes_field(1, api_version);
  to.close(1, 0);
  out.append("k8s\0", 4);
  out += to.written();
  to.reset();
  to.varint(raw.size());
  to.tag(2, wire::Bytes);
  out += to.written();
  out += raw;
  out.append("\x1a\0\x22\0", 4);
}

void encode_envelope(std::string& out, const Object& object, std::string_view api_version, std::string_view kind) {
  BackwardWriter& to = writer();
  to.bytes_field(4, {});
  to.bytes_field(3, {});
  size_t before = to.size();
  Encoder(to, object.data()).object(object.type(), object.root(), object.revision());
  to.close(2, before);
  before = to.size();
  to.bytes_field(2, kind);
  to.bytes_field(1, api_version);
  to.close(1, before);
  out.append("k8s\0", 4);
  out += to.written();
}

}  // namespace sampan::schema
