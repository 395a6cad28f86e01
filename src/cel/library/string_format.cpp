// "%s is %d".format([name, 3]): clauses s d f e b x X o, and a precision for f and e.
#include "cel/library/string_format.h"

#include <cmath>

#include "base/text.h"
#include "cel/library/go_forms.h"
#include "cel/library/support.h"

namespace sampan::cel::library {

namespace {

constexpr uint64_t kDefaultPrecision = 6;
using Text = Maybe<std::string>;

std::string_view name_of(const Value& value, std::string& room) {
  room = value.type().name();
  return room;
}

std::unexpected<Failure> not_for(std::string_view clause, const Value& value) {
  std::string room;
  return failed(concat("error during formatting: ", clause, ", was given ", name_of(value, room)));
}

Text format_in_list(const Value& value);

Text format_list(const List& list) {
  std::string out = "[";
  for (size_t i = 0; i < list.size(); i++) {
    auto text = format_in_list(list.at(i));
    if (!text) return text;
    append(out, i ? ", " : "", *text);
  }
  return out + "]";
}

Text format_map(const Map& map) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (size_t i = 0; i < map.size(); i++) {
    Value key = map.key_at(i);
    if (!key.is(Kind::String) && !key.is(Kind::Bool) && !key.is(Kind::Int) && !key.is(Kind::Uint)) {
      std::string room;
      return failed(concat("error during formatting: no formatting function for map key of type ", name_of(key, room)));
    }
    auto name = format_in_list(key), value = format_in_list(map.find(key).value_or(Value()));
    if (!name) return name;
    if (!value) return value;
    pairs.emplace_back(*std::move(name), *std::move(value));
  }
  std::stable_sort(pairs.begin(), pairs.end(), [](auto& a, auto& b) { return a.first < b.first; });
  std::string out = "{";
  for (auto& [name, value] : pairs) append(out, out.size() > 1 ? ", " : "", name, ":", value);
  return out + "}";
}

std::string fixed(double value, uint64_t precision) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::string out(400 + precision, ' ');
  auto end = std::to_chars(out.data(), out.data() + out.size(), value, std::chars_format::fixed, static_cast<int>(precision)).ptr;
  out.resize(static_cast<size_t>(end - out.data()));
  return out;
}

// As a literal of CEL in a list or a map.
Text format_in_list(const Value& value) {
  switch (value.kind()) {
    case Kind::Int:
    case Kind::Uint:
    case Kind::Bool: return value.shown();
    case Kind::String: return quoted(value.as_text());
    case Kind::Bytes: return concat("b", quoted(value.as_text()));
    case Kind::Null: return "null";
    case Kind::Type: return std::string(value.as_type().name());
    case Kind::Timestamp: return concat("timestamp(", quoted(text_of_timestamp(value.seconds(), value.nanoseconds(), value.zone_minutes())), ")");
    case Kind::Duration: return concat("duration(", quoted(text_of_duration(value.as_nanoseconds())), ")");
    case Kind::List: return format_list(value.as_list());
    case Kind::Map: return format_map(value.as_map());
    case Kind::Double: {
      std::string text = fixed(value.as_double(), kDefaultPrecision);
      return std::isfinite(value.as_double()) ? text : quoted(text);
    }
    default: {
      std::string room;
      return failed(concat("error during formatting: no formatting function for ", name_of(value, room)));
    }
  }
}

Text format_s(const Value& value) {
  switch (value.kind()) {
    case Kind::List: return format_list(value.as_list());
    case Kind::Map: return format_map(value.as_map());
    case Kind::Int:
    case Kind::Uint:
    case Kind::Bool: return value.shown();
    case Kind::Double: return text_of_double(value.as_double());
    case Kind::String: return std::string(value.as_text());
    case Kind::Bytes: return std::string(value.as_text());
    case Kind::Timestamp: return text_of_timestamp(value.seconds(), value.nanoseconds(), value.zone_minutes());
    case Kind::Duration: return text_of_duration(value.as_nanoseconds());
    case Kind::Type: return std::string(value.as_type().name());
    case Kind::Null: return "null";
    default: return not_for("string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps", value);
  }
}

Text format_d(const Value& value) {
  if (value.is(Kind::Int) || value.is(Kind::Uint)) return value.shown();
  return not_for("decimal clause can only be used on integers", value);
}

// The number that a text which stands for no finite one means.
std::optional<double> number_of(const Value& value) {
  if (value.is(Kind::Double)) return value.as_double();
  auto text = value.is(Kind::String) ? value.as_text() : "";
  if (text == "NaN") return std::nan("");
  if (text == "Infinity") return HUGE_VAL;
  if (text == "-Infinity") return -HUGE_VAL;
  return {};
}

// As golang.org/x/text prints numbers in English: groups of three, no zero below zero.
Text format_f(const Value& value, uint64_t precision) {
  auto number = number_of(value);
  if (!number) return not_for("fixed-point clause can only be used on doubles", value);
  if (std::isnan(*number)) return "NaN";
  if (std::isinf(*number)) return *number > 0 ? "∞" : "-∞";
  std::string digits = fixed(*number == 0 ? 0 : *number, precision);
  size_t start = digits.starts_with('-') ? 1 : 0, point = std::min(digits.find('.'), digits.size());
  for (size_t i = point; i > start + 3;) digits.insert(i -= 3, ",");
  return digits;
}

std::string scientific(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "∞" : "-∞";
  char room[40];
  auto end = std::to_chars(room, room + sizeof room, number == 0 ? 0 : number, std::chars_format::scientific, kDefaultPrecision).ptr;
  std::string_view digits(room, static_cast<size_t>(end - room));
  size_t e = digits.find('e');
  std::string out = concat(digits.substr(0, e), "×10", digits[e + 1] == '-' ? "⁻" : "");
  constexpr std::string_view kSuperscript[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  for (char digit : digits.substr(e + 2)) out += kSuperscript[digit - '0'];
  return out;
}

// Upstream takes the precision of this clause for the least width.
Text format_e(const Value& value, uint64_t width) {
  auto number = number_of(value);
  if (!number) return not_for("scientific clause can only be used on doubles", value);
  std::string text = scientific(*number);
  size_t size = code_points(text);
  return size < width ? concat(std::string(width - size, ' '), text) : text;
}

std::string_view digits_of(bool upper) { return upper ? "0123456789ABCDEF" : "0123456789abcdef"; }

std::string in_base(uint64_t value, unsigned bits, bool upper) {
  std::string out;
  do {
    out += digits_of(upper)[value & ((1u << bits) - 1)];
    value >>= bits;
  } while (value);
  std::reverse(out.begin(), out.end());
  return out;
}

std::string in_base(const Value& value, unsigned bits, bool upper = false) {
  if (value.is(Kind::Uint)) return in_base(value.as_uint(), bits, upper);
  int64_t number = value.as_int();
  return number < 0 ? "-" + in_base(-static_cast<uint64_t>(number), bits, upper) : in_base(static_cast<uint64_t>(number), bits, upper);
}

Text format_b(const Value& value) {
  if (value.is(Kind::Bool)) return value.as_bool() ? "1" : "0";
  if (value.is(Kind::Int) || value.is(Kind::Uint)) return in_base(value, 1);
  return not_for("only integers and bools can be formatted as binary", value);
}

Text format_o(const Value& value) {
  if (value.is(Kind::Int) || value.is(Kind::Uint)) return in_base(value, 3);
  return not_for("octal clause can only be used on integers", value);
}

Text format_x(const Value& value, bool upper) {
  if (value.is(Kind::Int) || value.is(Kind::Uint)) return in_base(value, 4, upper);
  if (!value.is(Kind::String) && !value.is(Kind::Bytes)) return not_for("only integers, byte buffers, and strings can be formatted as hex", value);
  std::string out;
  for (unsigned char byte : value.as_text()) {
    out += digits_of(upper)[byte >> 4];
    out += digits_of(upper)[byte & 15];
  }
  return out;
}

// ".3" before a clause.
Maybe<uint64_t> take_precision(std::string_view& format) {
  constexpr std::string_view kWhere = "could not parse formatting clause: error while parsing precision: ";
  constexpr uint64_t kMax = 1000;  // no double has more digits
  if (!format.starts_with('.')) return kDefaultPrecision;
  format.remove_prefix(1);
  size_t size = std::min(format.find_first_not_of("0123456789"), format.size());
  if (size == format.size()) return failed(concat(kWhere, "could not find end of precision specifier"));
  auto digits = format.substr(0, size);
  format.remove_prefix(size);
  int64_t precision = 0;
  if (!parse_int(digits, precision))
    return failed(concat(kWhere, "error while converting precision to integer: strconv.Atoi: parsing ", quoted(digits),
                         digits.empty() ? ": invalid syntax" : ": value out of range"));
  if (static_cast<uint64_t>(precision) > kMax) return failed(concat(kWhere, "precision is greater than ", kMax));
  return static_cast<uint64_t>(precision);
}

Text take_clause(std::string_view& format, const Value& value) {
  auto precision = take_precision(format);
  if (!precision) return std::unexpected(precision.error());
  char clause = format[0];
  format.remove_prefix(1);
  switch (clause) {
    case 's': return format_s(value);
    case 'd': return format_d(value);
    case 'f': return format_f(value, *precision);
    case 'e': return format_e(value, *precision);
    case 'b': return format_b(value);
    case 'x':
    case 'X': return format_x(value, clause == 'X');
    case 'o': return format_o(value);
    default: {
      std::string shown;
      append_code_point(shown, static_cast<unsigned char>(clause));  // a byte is taken for a code point
      return failed(concat("could not parse formatting clause: unrecognized formatting clause \"", shown, "\""));
    }
  }
}

}  // namespace

Maybe<Value> format_text(std::span<const Value> arguments) {
  std::string_view format = arguments[0].as_text();
  const List& list = arguments[1].as_list();
  size_t next = 0;
  std::string out;
  while (!format.empty()) {
    size_t plain = std::min(format.find('%'), format.size());
    out += format.substr(0, plain);
    format.remove_prefix(plain);
    if (format.empty()) break;
    if (format.starts_with("%%")) {
      out += '%';
      format.remove_prefix(2);
      continue;
    }
    if (next >= list.size()) return failed(concat("index ", next, " out of range"));
    format.remove_prefix(1);
    if (format.empty()) return failed("unexpected end of string");
    auto text = take_clause(format, list.at(next++));
    if (!text) return std::unexpected(text.error());
    out += *text;
    if (out.size() > kTextMax) return out_of_budget();
  }
  return Value::string(std::move(out));
}

}  // namespace sampan::cel::library
