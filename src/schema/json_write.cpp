// The JSON printer, of trees and of objects. Output is what Go's encoding/json makes of the same content.
#include "base/encoding.h"
#include "base/text.h"
#include "schema/json.h"
#include "schema/json_plan.h"
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

  // A field's name as the plan has it, behind the separator.
  void put_head(const char* head, size_t size, char separator) {
    std::memcpy(at_, head, JsonPlan::kHeadBytes);
    *at_ = separator;
    at_ += size;
  }

  void put_text(std::string_view text) {
    ensure(text.size() + kSlack);
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  // A JSON string with its quotes. Leaves kSlack bytes of room. Memory may be read up to `readable`, if that is beyond the text.
  void put_string(std::string_view text, const char* readable = nullptr) {
    ensure(text.size() + 2 * kSlack);
    put('"');
    const char* from = text.data();
    const char* end = from + text.size();
    while (true) {
      from = copy_plain(from, end, readable);
      if (from == end) break;
      from = put_special(from, end);
      ensure(static_cast<size_t>(end - from) + 2 * kSlack);
    }
    put('"');
  }
  void put_double(double value);

  static constexpr size_t kSlack = 64;
  char* at() { return at_; }
  void set_at(char* at) { at_ = at; }

 private:
  // Copies up to the first character that is not plain, which it gives. Where memory can be read beyond the text, copying and
  // looking are one: a few bytes too many do no harm.
  const char* copy_plain(const char* from, const char* end, const char* readable) {
#ifdef __SSE2__
    while (readable - from >= 16) {
      __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(at_), bytes);
      unsigned special = scan::special_mask(bytes);
      if (end - from <= 16) {
        auto left = static_cast<unsigned>(end - from);
        special |= 1u << left;
        unsigned plain = static_cast<unsigned>(std::countr_zero(special));
        at_ += plain;
        return from + plain;
      }
      if (special) {
        at_ += std::countr_zero(special);
        return from + std::countr_zero(special);
      }
      from += 16;
      at_ += 16;
    }
#endif
    const char* plain = scan::plain_end(from, end);
    copy_run(from, static_cast<size_t>(plain - from));
    return plain;
  }
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
  // `end`: of the buffer, or null if it is not known.
  ObjectPrinter(Output& out, const char* base, const char* end) : out_(out), base_(base), end_(end) {}

  void object(const Object& object, std::string_view api_version, std::string_view kind) {
    separator_ = '{';
    if (!kind.empty()) {
      name("kind");
      out_.put_string(kind);
      name("apiVersion");
      out_.put_string(api_version);
    }
    fields<Place::Top>(object.type(), object.root(), object.revision());
  }

  void value(const Type& type, uint32_t slot) {
    out_.ensure(Output::kSlack);
    switch (type.kind) {
      case Kind::String: out_.put_string(flat::string_at(base_, slot), end_); return;
      case Kind::Quantity: {
        std::string_view text = flat::string_at(base_, slot);
        text.empty() ? out_.put_literal("\"0\"") : out_.put_string(text, end_);
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
      case Kind::Struct: separator_ = '{'; return fields<Place::Inside>(type, slot, 0);
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

  void name(const JsonPlan::Entry& entry) {
    if (entry.head_size == 0) return name(entry.field->name);
    out_.ensure(2 * Output::kSlack);
    out_.put_head(entry.head, entry.head_size, separator_);
    separator_ = ',';
  }

  const JsonPlan& plan_of(const Type& type) {
    if (auto kept = kept_json_plan(type)) [[likely]] return *kept;
    auto& own = own_plans_[&type];
    if (!own) own = make_json_plan(type);
    return *own;
  }

  // Where a struct stands: the object itself leaves out what the caller wrote, and the revision (if not 0) is shown in its metadata.
  enum class Place : uint8_t { Inside, Top, Metadata };

  // The members of the struct at `at` and the closing brace; `separator_` is '{' if nothing was written before.
  template <Place place>
  void fields(const Type& type, uint32_t at, int64_t revision) {
    const JsonPlan& plan = plan_of(type);
    const auto words = static_cast<uint32_t>(plan.always.size());
    const char* slots = base_ + at + 4 * words;
    const uint32_t shown = place == Place::Top && revision ? plan.metadata : place == Place::Metadata ? plan.resource_version : UINT32_MAX;
    for (uint32_t word = 0; word < words; word++) {
      const uint32_t present = at ? flat::u32_at(base_, at + 4 * word) : 0;
      uint32_t wanted = present | plan.always[word];
      if (place != Place::Inside && shown / 32 == word) wanted |= uint32_t{1} << (shown % 32);
      for (; wanted; wanted &= wanted - 1) {
        const auto bit = static_cast<uint32_t>(std::countr_zero(wanted));
        const JsonPlan::Entry& entry = plan.entries[32 * word + bit];
        const bool given = present >> bit & 1;
        uint32_t slot = 0;
        if (given) {
          slot = flat::u32_at(slots, 0);
          slots += 4;
        }
        if (place == Place::Top && entry.type_meta) continue;
        name(entry);
        if (place != Place::Inside && 32 * word + bit == shown)
          place == Place::Top ? metadata(*entry.field->type, slot, revision) : revision_text(revision);
        else
          given ? value(*entry.field->type, slot) : zero(*entry.field);
        separator_ = ',';
      }
    }
    close('}');
  }

  void metadata(const Type& type, uint32_t at, int64_t revision) {
    separator_ = '{';
    fields<Place::Metadata>(type, at, revision);
  }

  void revision_text(int64_t revision) {
    out_.put('"');
    out_.put_int(revision);
    out_.put('"');
  }

  void close(char bracket) {
    out_.ensure(Output::kSlack);
    if (separator_ != ',') out_.put(separator_);
    out_.put(bracket);
    separator_ = ',';
  }

  void zero(const Field& field) {
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
        fields<Place::Inside>(*field.type, 0, 0);
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
      out_.put_string(flat::string_at(base_, flat::u32_at(base_, at + 4 + 8 * i)), end_);
      out_.put(':');
      value(*type.element, flat::u32_at(base_, at + 8 + 8 * i));
    }
    out_.ensure(Output::kSlack);
    out_.put('}');
  }

  Output& out_;
  const char* base_;
  const char* end_;
  char separator_ = ',';
  std::string scratch_;
  std::map<const Type*, std::unique_ptr<const JsonPlan>> own_plans_;  // of types that are not of the tables
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
  ObjectPrinter(output, object.data(), object.data() + object.size()).object(object, api_version, kind);
}

void write_json(std::string& out, const AnyView& view) {
  Output output(out, 256);
  if (view.present())
    ObjectPrinter(output, view.base(), nullptr).value(view.type(), view.slot());
  else
    output.put_literal("null");
}

}  // namespace sampan::schema
