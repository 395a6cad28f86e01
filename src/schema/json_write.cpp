// The JSON printer, of trees and of objects. Output is what Go's encoding/json makes of the same content.
#include "base/encoding.h"
#include "base/text.h"
#include "schema/json.h"
#include "schema/scan.h"

namespace sampan::schema {

namespace {

constexpr char kHex[] = "0123456789abcdef";

// Appends to a string through bare pointers: room is asked for once a piece, not once a character.
class Output {
 public:
  Output(std::string& out, size_t expected) : out_(out) {
    const size_t used = out.size();
    resize(used + expected + kSlack);
    at_ = out_.data() + used;
  }
  ~Output() { out_.resize(static_cast<size_t>(at_ - out_.data())); }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void ensure(size_t bytes) {
    if (static_cast<size_t>(limit_ - at_) < bytes) [[unlikely]] grow(bytes);
  }
  // These three expect kSlack bytes of room, which ensure(kSlack) gives for several in a row.
  void put(char c) { *at_++ = c; }
  template <size_t N>
  void put_literal(const char (&text)[N]) {
    std::memcpy(at_, text, N - 1);
    at_ += N - 1;
  }
  void put_int(int64_t value) { at_ = std::to_chars(at_, at_ + 24, value).ptr; }

  void put_text(std::string_view text) {
    ensure(text.size() + kSlack);
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  // A JSON string with its quotes. Leaves kSlack bytes of room.
  void put_string(std::string_view text) {
    ensure(text.size() + 2 * kSlack);
    put('"');
    const char* from = text.data();
    const char* end = from + text.size();
    while (true) {
      const char* plain = scan::plain_end(from, end);
      copy_run(from, static_cast<size_t>(plain - from));
      if (plain == end) break;
      from = put_special(plain, end);
      ensure(static_cast<size_t>(end - from) + 2 * kSlack);
    }
    put('"');
  }
  void put_double(double value);

  static constexpr size_t kSlack = 64;
  char* at() { return at_; }
  void set_at(char* at) { at_ = at; }

 private:
  // Most runs are short, and a call of memcpy costs more than they do: there is always room for a few bytes too many, but
  // the source has no such room.
  void copy_run(const char* from, size_t size) {
    if (size < 16) {
      if (size >= 8) {
        std::memcpy(at_, from, 8);
        std::memcpy(at_ + size - 8, from + size - 8, 8);
      } else if (size >= 4) {
        std::memcpy(at_, from, 4);
        std::memcpy(at_ + size - 4, from + size - 4, 4);
      } else {
        for (size_t i = 0; i < size; i++) at_[i] = from[i];
      }
    } else {
      std::memcpy(at_, from, size);
    }
    at_ += size;
  }
  // Writes the character at `from`, which is not plain, and gives what follows it.
  const char* put_special(const char* from, const char* end) {
    auto c = static_cast<unsigned char>(*from);
    if (c >= 0x80) {
      unsigned length = scan::utf8_length(from, end);
      if (length == 0) {
        put_literal("\\ufffd");
        return from + 1;
      }
      // U+2028 and U+2029 end a line in JavaScript, so Go escapes them.
      if (length == 3 && c == 0xe2 && static_cast<unsigned char>(from[1]) == 0x80 && (static_cast<unsigned char>(from[2]) & 0xfe) == 0xa8) {
        put_literal("\\u202");
        put(from[2] & 1 ? '9' : '8');
      } else {
        std::memcpy(at_, from, length);
        at_ += length;
      }
      return from + length;
    }
    put('\\');
    switch (c) {
      case '"':
      case '\\': put(static_cast<char>(c)); break;
      case '\b': put('b'); break;
      case '\f': put('f'); break;
      case '\n': put('n'); break;
      case '\r': put('r'); break;
      case '\t': put('t'); break;
      default:
        put_literal("u00");
        put(kHex[c >> 4]);
        put(kHex[c & 15]);
    }
    return from + 1;
  }

  void resize(size_t size) {
    size = std::max(size, out_.capacity());
    out_.resize_and_overwrite(size, [](char*, size_t n) { return n; });
    limit_ = out_.data() + out_.size();
  }
  void grow(size_t bytes) {
    size_t used = static_cast<size_t>(at_ - out_.data());
    resize(std::max(used + bytes, 2 * out_.size()));
    at_ = out_.data() + used;
  }

  std::string& out_;
  char* at_ = nullptr;
  char* limit_ = nullptr;
};

// Go prints the shortest digits that give the number back, with an exponent only below 1e-6 and from 1e21 on.
void Output::put_double(double value) {
  ensure(kSlack);
  double size = value < 0 ? -value : value;
  if (value == 0 || (size >= 1e-6 && size < 1e21)) {
    char digits[40];
    auto [end, error] = std::to_chars(digits, digits + sizeof digits, value, std::chars_format::scientific);
    char* mantissa_end = std::find(digits, end, 'e');
    int exponent = 0;
    std::from_chars(mantissa_end[1] == '+' ? mantissa_end + 2 : mantissa_end + 1, end, exponent);
    const char* from = digits;
    if (*from == '-') put(*from++);
    char plain[24];  // the digits without the point
    int count = 0;
    for (; from < mantissa_end; from++)
      if (*from != '.') plain[count++] = *from;
    int whole = exponent + 1;  // digits before the point
    if (whole <= 0) put('0');
    for (int i = 0; i < whole; i++) put(i < count ? plain[i] : '0');
    if (count > whole && !(count == 1 && plain[0] == '0')) {
      put('.');
      for (int i = whole; i < 0; i++) put('0');
      for (int i = std::max(whole, 0); i < count; i++) put(plain[i]);
    }
    return;
  }
  char* start = at_;
  at_ = std::to_chars(at_, at_ + 40, value, std::chars_format::scientific).ptr;
  // C++ writes e-07 where Go's encoder writes e-7; both write e+21.
  if (at_ - start >= 4 && at_[-4] == 'e' && at_[-3] == '-' && at_[-2] == '0') {
    at_[-2] = at_[-1];
    at_--;
  }
}

void put_value(Output& out, Value value) {
  out.ensure(Output::kSlack);
  switch (value.type()) {
    case Value::Type::Absent:
    case Value::Type::Null: out.put_literal("null"); return;
    case Value::Type::Bool: value.as_bool() ? out.put_literal("true") : out.put_literal("false"); return;
    case Value::Type::Int: out.put_int(value.as_int()); return;
    case Value::Type::Double: out.put_double(value.as_double()); return;
    case Value::Type::String: out.put_string(value.as_string()); return;
    case Value::Type::List: {
      char separator = '[';
      for (Value item : value.items()) {
        out.ensure(Output::kSlack);
        out.put(separator);
        separator = ',';
        put_value(out, item);
      }
      out.ensure(Output::kSlack);
      if (separator == '[') out.put('[');
      out.put(']');
      return;
    }
    case Value::Type::Object: {
      char separator = '{';
      for (const Member& member : value.members()) {
        if (member.value.is_absent()) continue;
        out.ensure(Output::kSlack);
        out.put(separator);
        separator = ',';
        out.put_string(member.name);
        out.put(':');
        put_value(out, member.value);
      }
      out.ensure(Output::kSlack);
      if (separator == '{') out.put('{');
      out.put('}');
      return;
    }
  }
}

// Prints straight from a flat buffer.
class ObjectPrinter {
 public:
  ObjectPrinter(Output& out, const char* base) : out_(out), base_(base) {}

  void object(const Object& object, std::string_view api_version, std::string_view kind) {
    separator_ = '{';
    if (!kind.empty()) {
      name("kind");
      out_.put_string(kind);
      name("apiVersion");
      out_.put_string(api_version);
    }
    fields(object.type(), object.root(), true, object.revision());
  }

  void value(const Type& type, uint32_t slot) {
    out_.ensure(Output::kSlack);
    switch (type.kind) {
      case Kind::String: out_.put_string(flat::string_at(base_, slot)); return;
      case Kind::Quantity: {
        std::string_view text = flat::string_at(base_, slot);
        text.empty() ? out_.put_literal("\"0\"") : out_.put_string(text);
        return;
      }
      case Kind::Bool: slot ? out_.put_literal("true") : out_.put_literal("false"); return;
      case Kind::Int32: out_.put_int(static_cast<int32_t>(slot)); return;
      case Kind::Int64: out_.put_int(flat::i64_at(base_, slot)); return;
      case Kind::Double: out_.put_double(flat::double_at(base_, slot)); return;
      case Kind::Bytes: return encoded(append_base64, flat::string_at(base_, slot));
      case Kind::Time:
      case Kind::MicroTime:
        if (slot == 0) return out_.put_literal("null");  // an item of a list or a map that is no time
        return type.kind == Kind::Time ? encoded(append_time, flat::i64_at(base_, slot)) : encoded(append_micro_time, flat::i64_at(base_, slot));
      case Kind::Duration: return encoded(append_duration, flat::i64_at(base_, slot));
      case Kind::IntOrString: {
        IntOrString value = int_or_string_at(base_, slot);
        value.is_string ? out_.put_string(value.text) : out_.put_int(value.number);
        return;
      }
      case Kind::Raw: {
        std::string_view text = flat::string_at(base_, slot);
        out_.put_text(text.empty() ? "null" : text);
        return;
      }
      case Kind::Struct: separator_ = '{'; return fields(type, slot, false, 0);
      case Kind::List: return list(type, slot);
      case Kind::Map: return map(type, slot);
    }
  }

 private:
  void name(std::string_view text) {
    out_.ensure(Output::kSlack);
    out_.put(separator_);
    separator_ = ',';
    out_.put_string(text);
    out_.put(':');
  }

  template <class Append, class Content>
  void encoded(Append append_to, Content content) {
    scratch_.clear();
    append_to(scratch_, content);
    out_.ensure(scratch_.size() + 2 * Output::kSlack);
    out_.put('"');
    out_.put_text(scratch_);
    out_.put('"');
  }

  static bool is_type_meta(const Field& field) { return field.proto == 0 && (field.name == "apiVersion" || field.name == "kind"); }

  // The members of the struct at `at` and the closing brace; `separator_` is '{' if nothing was written before. Of the object itself, `top`
  // leaves out what the caller wrote, and `revision` (not 0) is printed in its metadata.
  void fields(const Type& type, uint32_t at, bool top, int64_t revision) {
    const auto count = static_cast<uint32_t>(type.fields.size());
    const uint32_t words = (count + 31) / 32;
    const char* slots = base_ + at + 4 * words;
    uint32_t present = 0;
    for (uint32_t i = 0; i < count; i++) {
      if (i % 32 == 0) present = at ? flat::u32_at(base_, at + 4 * (i / 32)) : 0;
      const Field& field = type.fields[i];
      if (present & 1) {
        uint32_t slot = flat::u32_at(slots, 0);
        slots += 4;
        present >>= 1;
        if (top) {
          if (is_type_meta(field)) continue;
          if (revision && field.name == "metadata") {
            metadata(field, slot, revision);
            continue;
          }
        }
        name(field.name);
        value(*field.type, slot);
        separator_ = ',';
        continue;
      }
      present >>= 1;
      if (top && revision && field.name == "metadata")
        metadata(field, 0, revision);
      else if (field.is(Field::Always) && !(top && is_type_meta(field)))
        zero(field);
    }
    close('}');
  }

  void close(char bracket) {
    out_.ensure(Output::kSlack);
    if (separator_ != ',') out_.put(separator_);
    out_.put(bracket);
    separator_ = ',';
  }

  void metadata(const Field& of, uint32_t at, int64_t revision) {
    name(of.name);
    separator_ = '{';
    const Type& type = *of.type;
    for (unsigned i = 0; i < type.fields.size(); i++) {
      const Field& field = type.fields[i];
      uint32_t slot;
      if (field.name == "resourceVersion") {
        name(field.name);
        out_.put('"');
        out_.put_int(revision);
        out_.put('"');
      } else if (flat::field_slot(base_, at, i, static_cast<unsigned>(type.fields.size() + 31) / 32, slot)) {
        name(field.name);
        value(*field.type, slot);
        separator_ = ',';
      } else if (field.is(Field::Always)) {
        zero(field);
      }
    }
    close('}');
  }

  void zero(const Field& field) {
    name(field.name);
    if (field.is(Field::Nullable)) {
      out_.put_literal("null");
      return;
    }
    switch (field.type->kind) {
      case Kind::String: out_.put_literal("\"\""); return;
      case Kind::Bool: out_.put_literal("false"); return;
      case Kind::Int32:
      case Kind::Int64:
      case Kind::Double:
      case Kind::IntOrString: out_.put('0'); return;
      case Kind::Duration: out_.put_literal("\"0s\""); return;
      case Kind::Quantity: out_.put_literal("\"0\""); return;
      case Kind::Bytes:
      case Kind::Time:
      case Kind::MicroTime:
      case Kind::Raw:
      case Kind::List:
      case Kind::Map: out_.put_literal("null"); return;
      case Kind::Struct:
        separator_ = '{';
        fields(*field.type, 0, false, 0);
    }
  }

  void list(const Type& type, uint32_t at) {
    if (at == 0) return out_.put_literal("null");  // a null item of a list of lists
    uint32_t count = flat::u32_at(base_, at);
    out_.put('[');
    for (uint32_t i = 0; i < count; i++) {
      if (i) {
        out_.ensure(Output::kSlack);
        out_.put(',');
      }
      value(*type.element, flat::u32_at(base_, at + 4 + 4 * i));
    }
    out_.ensure(Output::kSlack);
    out_.put(']');
  }

  void map(const Type& type, uint32_t at) {
    if (at == 0) return out_.put_literal("null");
    uint32_t count = flat::u32_at(base_, at);
    out_.put('{');
    for (uint32_t i = 0; i < count; i++) {
      out_.ensure(Output::kSlack);
      if (i) out_.put(',');
      out_.put_string(flat::string_at(base_, flat::u32_at(base_, at + 4 + 8 * i)));
      out_.put(':');
      value(*type.element, flat::u32_at(base_, at + 8 + 8 * i));
    }
    out_.ensure(Output::kSlack);
    out_.put('}');
  }

  Output& out_;
  const char* base_;
  char separator_ = ',';
  std::string scratch_;
};

}  // namespace

void write_json(std::string& out, Value value) {
  Output output(out, 256);
  put_value(output, value);
}

void write_json_string(std::string& out, std::string_view text) {
  Output output(out, text.size());
  output.put_string(text);
}

void write_json(std::string& out, const Object& object, std::string_view api_version, std::string_view kind) {
  Output output(out, 2 * object.size());
  ObjectPrinter(output, object.data()).object(object, api_version, kind);
}

void write_json(std::string& out, const AnyView& view) {
  Output output(out, 256);
  if (view.present())
    ObjectPrinter(output, view.base()).value(view.type(), view.slot());
  else
    output.put_literal("null");
}

}  // namespace sampan::schema
