// Trees to YAML as go-yaml v2 prints them, through libyaml's emitter (go-yaml's is a port of it).
#include <yaml.h>

#include "base/check.h"
#include "base/encoding.h"
#include "base/text.h"
#include "schema/scan.h"
#include "schema/yaml.h"

namespace sampan::schema {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80); }

// go-yaml's order of keys: numbers in them by value, other characters before letters.
bool key_less(std::string_view a, std::string_view b) {
  size_t i = 0;
  while (i < a.size() && i < b.size() && a[i] == b[i]) i++;
  if (i == a.size() || i == b.size()) return a.size() < b.size();
  bool a_letter = is_letter(a[i]), b_letter = is_letter(b[i]);
  if (a_letter && b_letter) return static_cast<unsigned char>(a[i]) < static_cast<unsigned char>(b[i]);
  if (a_letter || b_letter) return b_letter;
  uint64_t a_number = 0, b_number = 0;
  if (a[i] == '0' || b[i] == '0')
    for (size_t j = i; j-- > 0 && is_digit(a[j]);)
      if (a[j] != '0') {
        a_number = b_number = 1;
        break;
      }
  size_t a_end = i, b_end = i;
  for (; a_end < a.size() && is_digit(a[a_end]); a_end++) a_number = a_number * 10 + static_cast<uint64_t>(a[a_end] - '0');
  for (; b_end < b.size() && is_digit(b[b_end]); b_end++) b_number = b_number * 10 + static_cast<uint64_t>(b[b_end] - '0');
  if (a_number != b_number) return a_number < b_number;
  if (a_end != b_end) return a_end < b_end;
  return static_cast<unsigned char>(a[i]) < static_cast<unsigned char>(b[i]);
}

// 1:20 and the like, which YAML 1.1 takes for numbers of base 60: [-+]? digit [digit_]* (: [0-5]? digit)+ (. [digit_]*)?
bool is_base60(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  if (text.empty() || !is_digit(text[0])) return false;
  auto digits = [&] { text.remove_prefix(std::min(text.find_first_not_of("0123456789_"), text.size())); };
  digits();
  if (text.empty() || text[0] != ':') return false;
  while (!text.empty() && text[0] == ':') {
    text.remove_prefix(1);
    if (text.size() > 1 && text[0] >= '0' && text[0] <= '5' && is_digit(text[1])) text.remove_prefix(1);
    if (text.empty() || !is_digit(text[0])) return false;
    text.remove_prefix(1);
  }
  if (!text.empty() && text[0] == '.') {
    text.remove_prefix(1);
    digits();
  }
  return text.empty();
}

template <class Float>
void append_float(std::string& out, Float value) {
  char digits[64];
  Float size = value < 0 ? -value : value;
  auto format = size != 0 && (size < Float(1e-4) || size >= Float(1e6)) ? std::chars_format::scientific : std::chars_format::fixed;
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value, format).ptr);
}

class YamlWriter {
 public:
  explicit YamlWriter(std::string& out) : out_(out) {
    yaml_emitter_initialize(&emitter_);
    yaml_emitter_set_output(&emitter_, append_to, this);
    yaml_emitter_set_unicode(&emitter_, 1);
  }
  ~YamlWriter() { yaml_emitter_delete(&emitter_); }
  YamlWriter(const YamlWriter&) = delete;
  YamlWriter& operator=(const YamlWriter&) = delete;

  void document(Value value) {
    yaml_event_t event;
    yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING);
    emit(event);
    yaml_document_start_event_initialize(&event, nullptr, nullptr, nullptr, 1);
    emit(event);
    node(value);
    emitter_.open_ended = 0;  // no "..." behind a block that keeps its line ends
    yaml_document_end_event_initialize(&event, 1);
    emit(event);
    yaml_stream_end_event_initialize(&event);
    emit(event);
  }

 private:
  static int append_to(void* self, unsigned char* text, size_t size) {
    static_cast<YamlWriter*>(self)->out_.append(reinterpret_cast<char*>(text), size);
    return 1;
  }
  void emit(yaml_event_t& event) { check(yaml_emitter_emit(&emitter_, &event)); }

  void node(Value value) {
    yaml_event_t event;
    switch (value.type()) {
      case Value::Type::Absent:
      case Value::Type::Null: return scalar("null", YAML_PLAIN_SCALAR_STYLE);
      case Value::Type::Bool: return scalar(value.as_bool() ? "true" : "false", YAML_PLAIN_SCALAR_STYLE);
      case Value::Type::Int: return scalar(Piece(value.as_int()).text(), YAML_PLAIN_SCALAR_STYLE);
      case Value::Type::Double: {
        std::string digits;
        append_yaml_float(digits, value.as_double());
        return scalar(digits, YAML_PLAIN_SCALAR_STYLE);
      }
      case Value::Type::String: return text(value.as_string());
      case Value::Type::List:
        yaml_sequence_start_event_initialize(&event, nullptr, nullptr, 1, YAML_BLOCK_SEQUENCE_STYLE);
        emit(event);
        for (Value item : value.items()) node(item);
        yaml_sequence_end_event_initialize(&event);
        return emit(event);
      case Value::Type::Object: {
        std::span<Member> members = value.members();
        std::vector<Member> sorted(members.begin(), members.end());
        std::sort(sorted.begin(), sorted.end(), [](const Member& a, const Member& b) { return key_less(a.name, b.name); });
        yaml_mapping_start_event_initialize(&event, nullptr, nullptr, 1, YAML_BLOCK_MAPPING_STYLE);
        emit(event);
        for (const Member& member : sorted) {
          if (member.value.is_absent()) continue;
          text(member.name);
          node(member.value);
        }
        yaml_mapping_end_event_initialize(&event);
        return emit(event);
      }
    }
  }

  void text(std::string_view text) {
    std::string encoded;
    if (!scan::valid_utf8(text.data(), text.data() + text.size())) {
      append_base64(encoded, text);
      return scalar(encoded, YAML_DOUBLE_QUOTED_SCALAR_STYLE, "tag:yaml.org,2002:binary");
    }
    Value meaning;
    bool plain = resolve_yaml(text, meaning) == YamlKind::String && !is_base60(text);
    bool lines = text.find('\n') != std::string_view::npos;
    scalar(text, lines ? YAML_LITERAL_SCALAR_STYLE : plain ? YAML_PLAIN_SCALAR_STYLE : YAML_DOUBLE_QUOTED_SCALAR_STYLE);
  }

  void scalar(std::string_view text, yaml_scalar_style_t style, const char* tag = nullptr) {
    yaml_event_t event;
    bool implicit = tag == nullptr;
    check(yaml_scalar_event_initialize(&event, nullptr, reinterpret_cast<const yaml_char_t*>(tag),
                                       reinterpret_cast<const yaml_char_t*>(text.empty() ? "" : text.data()), static_cast<int>(text.size()), implicit,
                                       implicit, style));
    emit(event);
  }

  yaml_emitter_t emitter_;
  std::string& out_;
};

}  // namespace

void append_yaml_float(std::string& out, double value) { append_float(out, value); }
void append_yaml_float(std::string& out, float value) { append_float(out, value); }

void write_yaml(std::string& out, Value value) { YamlWriter(out).document(value); }

}  // namespace sampan::schema
