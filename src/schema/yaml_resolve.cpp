// What an unquoted word means in YAML 1.1, by go-yaml's rules.
#include "base/text.h"
#include "schema/yaml.h"

namespace sampan::schema {

namespace {

struct Word {
  std::string_view text;
  YamlKind kind;
  bool value;
};
constexpr Word kWords[] = {
    {"y", YamlKind::Bool, true},       {"Y", YamlKind::Bool, true},       {"yes", YamlKind::Bool, true},    {"Yes", YamlKind::Bool, true},
    {"YES", YamlKind::Bool, true},     {"true", YamlKind::Bool, true},    {"True", YamlKind::Bool, true},   {"TRUE", YamlKind::Bool, true},
    {"on", YamlKind::Bool, true},      {"On", YamlKind::Bool, true},      {"ON", YamlKind::Bool, true},     {"n", YamlKind::Bool, false},
    {"N", YamlKind::Bool, false},      {"no", YamlKind::Bool, false},     {"No", YamlKind::Bool, false},    {"NO", YamlKind::Bool, false},
    {"false", YamlKind::Bool, false},  {"False", YamlKind::Bool, false},  {"FALSE", YamlKind::Bool, false}, {"off", YamlKind::Bool, false},
    {"Off", YamlKind::Bool, false},    {"OFF", YamlKind::Bool, false},    {"", YamlKind::Null, false},      {"~", YamlKind::Null, false},
    {"null", YamlKind::Null, false},   {"Null", YamlKind::Null, false},   {"NULL", YamlKind::Null, false},
};
constexpr std::string_view kInfinite[] = {".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF"};
constexpr std::string_view kNotANumber[] = {".nan", ".NaN", ".NAN"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Go's ParseInt with base 0: 0x, 0o, 0b and a leading 0 say the base. `negative` and the magnitude; false: no integer of 64 bits.
bool read_integer(std::string_view text, bool& negative, uint64_t& magnitude) {
  negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    char mark = static_cast<char>(text[1] | 0x20);
    base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
    text.remove_prefix(mark == 'x' || mark == 'b' || mark == 'o' ? 2 : 1);
  }
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), magnitude, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return false;
  return !negative || magnitude <= uint64_t{1} << 63;
}

// [-+]? ( .digits | digits [.digits] ) [ e [-+] digits ]
bool read_float(std::string_view text, double& value) {
  std::string_view rest = text;
  auto digits = [&] {
    size_t count = std::min(rest.find_first_not_of("0123456789"), rest.size());
    rest.remove_prefix(count);
    return count;
  };
  if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) rest.remove_prefix(1);
  size_t whole = digits();
  if (!rest.empty() && rest[0] == '.') {
    rest.remove_prefix(1);
    if (digits() == 0 && whole == 0) return false;
  } else if (whole == 0) {
    return false;
  }
  if (!rest.empty() && (rest[0] | 0x20) == 'e') {
    rest.remove_prefix(1);
    if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) rest.remove_prefix(1);
    if (digits() == 0) return false;
  }
  if (!rest.empty()) return false;
  value = std::strtod(std::string(text).c_str(), nullptr);
  return value - value == 0;  // beyond double's range Go refuses it
}

// Years of four digits, then what go-yaml takes for a time: 2006-1-2, with T15:4:5.9Z07:00 or " 15:4:5.9" behind it.
bool is_timestamp(std::string_view text) {
  auto number = [&](size_t least, size_t most, unsigned low, unsigned high) {
    size_t count = 0;
    unsigned value = 0;
    for (; count < text.size() && count < most && is_digit(text[count]); count++) value = value * 10 + static_cast<unsigned>(text[count] - '0');
    text.remove_prefix(count);
    return count >= least && value >= low && value <= high;
  };
  auto take = [&](char c) {
    if (text.empty() || text[0] != c) return false;
    text.remove_prefix(1);
    return true;
  };
  if (!number(4, 4, 0, 9999) || !take('-') || !number(1, 2, 1, 12) || !take('-') || !number(1, 2, 1, 31)) return false;
  if (text.empty()) return true;
  bool spaced = text[0] == ' ';
  if (!spaced && text[0] != 'T' && text[0] != 't') return false;
  text.remove_prefix(1);
  if (!number(1, 2, 0, 23) || !take(':') || !number(1, 2, 0, 59) || !take(':') || !number(1, 2, 0, 59)) return false;
  if (take('.') && !number(1, 9, 0, 999999999)) return false;
  if (spaced) return text.empty();
  if (take('Z')) return text.empty();
  if (!take('+') && !take('-')) return false;
  return number(2, 2, 0, 24) && take(':') && number(2, 2, 0, 60) && text.empty();
}

// As JSON carries it: without a fraction it is an integer, if it fits one.
Value number_value(double value) {
  if (value >= -9.2e18 && value <= 9.2e18 && value == static_cast<double>(static_cast<int64_t>(value))) return static_cast<int64_t>(value);
  return value;
}

}  // namespace

YamlKind resolve_yaml(std::string_view text, Value& value) {
  value = Value(text);
  char first = text.empty() ? '~' : text[0];
  bool number = is_digit(first) || first == '+' || first == '-';
  if (!number && first != '.' && std::string_view("yYnNtTfFoO~").find(first) == std::string_view::npos) return YamlKind::String;
  for (const Word& word : kWords)
    if (word.text == text) {
      if (word.kind == YamlKind::Null) value = Value::null();
      if (word.kind == YamlKind::Bool) value = word.value;
      return word.kind;
    }
  for (std::string_view word : kInfinite)
    if (word == text) {
      value = text[0] == '-' ? -__builtin_inf() : __builtin_inf();
      return YamlKind::Float;
    }
  for (std::string_view word : kNotANumber)
    if (word == text) {
      value = __builtin_nan("");
      return YamlKind::Float;
    }
  double real;
  if (first == '.') {
    if (!read_float(text, real)) return YamlKind::String;
    value = number_value(real);
    return YamlKind::Float;
  }
  if (!number) return YamlKind::String;
  if (is_timestamp(text)) return YamlKind::Timestamp;
  std::string plain(text);
  std::erase(plain, '_');
  bool negative;
  uint64_t magnitude;
  if (read_integer(plain, negative, magnitude)) {
    if (negative)
      value = static_cast<int64_t>(0 - magnitude);
    else if (magnitude <= INT64_MAX)
      value = static_cast<int64_t>(magnitude);
    else if (plain[0] != '+')  // Go reads no sign here
      value = static_cast<double>(magnitude);
    return value.is_string() ? YamlKind::String : YamlKind::Int;
  }
  if (!read_float(plain, real)) return YamlKind::String;
  value = number_value(real);
  return YamlKind::Float;
}

}  // namespace sampan::schema
