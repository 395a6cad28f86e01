// cel-go's functions over texts: charAt, indexOf, replace, split, substring, trim, join, format and their like. Places are counted in code points.
#include <cstring>

#include "base/text.h"
#include "cel/libraries.h"
#include "cel/library/string_format.h"
#include "cel/library/support.h"

namespace sampan::cel {

namespace {

using namespace library;

std::unexpected<Failure> out_of_range(int64_t index) { return failed(concat("index out of range: ", index)); }

// The bytes of the code point at the start of `text`.
size_t size_of_first(std::string_view text) {
  auto rest = text;
  take_code_point(rest);
  return text.size() - rest.size();
}

// Where the code point of that number begins; nowhere if there are not so many.
std::optional<size_t> byte_of(std::string_view text, int64_t index) {
  if (index < 0) return {};
  size_t at = 0;
  for (; index > 0 && at < text.size(); index--) at += size_of_first(text.substr(at));
  if (index > 0) return {};
  return at;
}

// Where `sought` is at or behind `from`. The time grows with the sum of the sizes, not with their product, whatever the texts are.
size_t find_text(std::string_view text, std::string_view sought, size_t from = 0) {
  if (from > text.size()) return text.npos;
  auto* found = memmem(text.data() + from, text.size() - from, sought.data(), sought.size());
  return found ? static_cast<size_t>(static_cast<const char*>(found) - text.data()) : text.npos;
}

Maybe<Value> char_at(Arguments arguments) {
  auto text = arguments[0].as_text();
  auto at = byte_of(text, arguments[1].as_int());
  if (!at) return out_of_range(arguments[1].as_int());
  auto rest = text.substr(*at);
  return arguments[0].part(rest.empty() ? rest : rest.substr(0, size_of_first(rest)));
}

Value place(std::string_view text, size_t byte) {
  return Value::integer(byte == text.npos ? -1 : static_cast<int64_t>(code_points(text.substr(0, byte))));
}

Maybe<Value> index_from(Arguments arguments, int64_t offset) {
  auto text = arguments[0].as_text(), sought = arguments[1].as_text();
  if (sought.empty()) return Value::integer(offset);
  if (offset < 0) return out_of_range(offset);
  auto from = byte_of(text, offset);
  return place(text, from ? find_text(text, sought, *from) : text.npos);
}
Maybe<Value> index_of(Arguments arguments) { return index_from(arguments, 0); }
Maybe<Value> index_of_from(Arguments arguments) { return index_from(arguments, arguments[2].as_int()); }

Maybe<Value> last_index_before(Arguments arguments, int64_t offset) {
  auto text = arguments[0].as_text(), sought = arguments[1].as_text();
  if (sought.empty()) return Value::integer(offset);
  if (offset < 0) return out_of_range(offset);
  auto last = byte_of(text, offset);
  if (!last || *last == text.size()) return Value::integer(-1);
  // Backwards it is a search from the front.
  auto within = text.substr(0, std::min(*last + sought.size(), text.size()));
  size_t found = find_text(std::string(within.rbegin(), within.rend()), std::string(sought.rbegin(), sought.rend()));
  return place(text, found == text.npos ? found : within.size() - found - sought.size());
}
Maybe<Value> last_index_of(Arguments arguments) {
  auto text = arguments[0].as_text(), sought = arguments[1].as_text();
  auto size = static_cast<int64_t>(code_points(text));
  if (sought.empty()) return Value::integer(size);
  if (text.size() < sought.size()) return Value::integer(-1);
  return last_index_before(arguments, size - 1);
}
Maybe<Value> last_index_of_before(Arguments arguments) { return last_index_before(arguments, arguments[2].as_int()); }

std::string cased(std::string_view text, char from, char to, int by) {
  std::string out(text);
  for (char& c : out)
    if (c >= from && c <= to) c = static_cast<char>(c + by);
  return out;
}
Maybe<Value> lower_ascii(Arguments arguments) { return Value::string(cased(arguments[0].as_text(), 'A', 'Z', 'a' - 'A')); }
Maybe<Value> upper_ascii(Arguments arguments) { return Value::string(cased(arguments[0].as_text(), 'a', 'z', 'A' - 'a')); }

// Go's strings.Replace: an empty text is found before every code point and at the end. A limit below 0 is none.
Maybe<Value> replace_some(Arguments arguments, int64_t limit) {
  auto text = arguments[0].as_text(), old = arguments[1].as_text(), by = arguments[2].as_text();
  uint64_t most = limit < 0 ? UINT64_MAX : static_cast<uint64_t>(limit);
  std::string out;
  for (uint64_t i = 0; i < most; i++) {
    size_t found = old.empty() ? 0 : find_text(text, old);
    if (found == text.npos) break;
    append(out, text.substr(0, found), by);
    if (out.size() > kTextMax) return out_of_budget();
    text.remove_prefix(found + old.size());
    if (!old.empty()) continue;
    if (text.empty()) break;
    size_t size = size_of_first(text);
    out += text.substr(0, size);
    text.remove_prefix(size);
  }
  out += text;
  return Value::string(std::move(out));
}
Maybe<Value> replace(Arguments arguments) { return replace_some(arguments, -1); }
Maybe<Value> replace_n(Arguments arguments) { return replace_some(arguments, arguments[3].as_int()); }

// Go's strings.SplitN: an empty separator parts code points.
Maybe<Value> split_some(Arguments arguments, int64_t limit) {
  auto text = arguments[0].as_text(), separator = arguments[1].as_text();
  std::vector<Value> parts;
  if (limit == 0) return Value::list(std::move(parts));
  uint64_t most = limit < 0 ? UINT64_MAX : static_cast<uint64_t>(limit);
  if (separator.empty()) {
    while (!text.empty()) {
      size_t size = parts.size() + 1 == most ? text.size() : size_of_first(text);
      parts.push_back(arguments[0].part(text.substr(0, size)));
      text.remove_prefix(size);
    }
    return Value::list(std::move(parts));
  }
  while (parts.size() + 1 < most) {
    size_t found = find_text(text, separator);
    if (found == text.npos) break;
    parts.push_back(arguments[0].part(text.substr(0, found)));
    text.remove_prefix(found + separator.size());
  }
  parts.push_back(arguments[0].part(text));
  return Value::list(std::move(parts));
}
Maybe<Value> split(Arguments arguments) { return split_some(arguments, -1); }
Maybe<Value> split_n(Arguments arguments) { return split_some(arguments, arguments[2].as_int()); }

Maybe<Value> substring_from(Arguments arguments) {
  auto text = arguments[0].as_text();
  auto start = byte_of(text, arguments[1].as_int());
  if (!start) return out_of_range(arguments[1].as_int());
  return arguments[0].part(text.substr(*start));
}

Maybe<Value> substring(Arguments arguments) {
  auto text = arguments[0].as_text();
  int64_t start = arguments[1].as_int(), end = arguments[2].as_int();
  if (start > end) return failed(concat("invalid substring range. start: ", start, ", end: ", end));
  auto from = byte_of(text, start);
  if (!from) return out_of_range(start);
  auto size = byte_of(text.substr(*from), end - start);
  if (!size) return out_of_range(end);
  return arguments[0].part(text.substr(*from, *size));
}

// Unicode's White_Space, as Go's unicode.IsSpace.
bool is_space(char32_t rune) {
  return (rune >= 0x09 && rune <= 0x0d) || rune == 0x20 || rune == 0x85 || rune == 0xa0 || rune == 0x1680 || (rune >= 0x2000 && rune <= 0x200a) ||
         rune == 0x2028 || rune == 0x2029 || rune == 0x202f || rune == 0x205f || rune == 0x3000;
}

Maybe<Value> trim(Arguments arguments) {
  auto text = arguments[0].as_text();
  while (!text.empty()) {
    auto rest = text;
    if (!is_space(take_code_point(rest))) break;
    text = rest;
  }
  size_t end = 0;  // of what is no space
  for (auto rest = text; !rest.empty();)
    if (!is_space(take_code_point(rest))) end = text.size() - rest.size();
  return arguments[0].part(text.substr(0, end));
}

Maybe<Value> quote(Arguments arguments) {
  std::string out = "\"";
  for (char32_t rune : runes_of(arguments[0].as_text())) {
    switch (rune) {
      case '\a': out += "\\a"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      case '\v': out += "\\v"; break;
      case '\\': out += "\\\\"; break;
      case '"': out += "\\\""; break;
      default: append_code_point(out, rune);
    }
  }
  return Value::string(out + '"');
}

Maybe<Value> join_with(const Value& what, std::string_view separator) {
  const List& list = what.as_list();
  std::string out;
  for (size_t i = 0; i < list.size(); i++) {
    Value item = list.at(i);
    if (!item.is(Kind::String)) return failed(concat("join: invalid input: ", item.shown()));
    append(out, i ? separator : "", item.as_text());
    if (out.size() > kTextMax) return out_of_budget();
  }
  return Value::string(std::move(out));
}
Maybe<Value> join_all(Arguments arguments) { return join_with(arguments[0], ""); }
Maybe<Value> join(Arguments arguments) { return join_with(arguments[0], arguments[1].as_text()); }

}  // namespace

void add_strings(Environment& environment) {
  const Type text = Type::Kind::String, integer = Type::Kind::Int, texts = Type::list(text);
  environment.declare({"charAt", {member("string_char_at_int", {text, integer}, text, char_at)}});
  environment.declare({"indexOf",
                       {member("string_index_of_string", {text, text}, integer, index_of, cost_of_tree),
                        member("string_index_of_string_int", {text, text, integer}, integer, index_of_from, cost_of_tree)}});
  environment.declare({"lastIndexOf",
                       {member("string_last_index_of_string", {text, text}, integer, last_index_of, cost_of_tree),
                        member("string_last_index_of_string_int", {text, text, integer}, integer, last_index_of_before, cost_of_tree)}});
  environment.declare({"lowerAscii", {member("string_lower_ascii", {text}, text, lower_ascii, cost_of_text)}});
  environment.declare({"replace",
                       {member("string_replace_string_string", {text, text, text}, text, replace, cost_of_text_twice),
                        member("string_replace_string_string_int", {text, text, text, integer}, text, replace_n, cost_of_text_twice)}});
  environment.declare({"split",
                       {member("string_split_string", {text, text}, texts, split, cost_of_text_twice),
                        member("string_split_string_int", {text, text, integer}, texts, split_n, cost_of_text_twice)}});
  environment.declare({"substring",
                       {member("string_substring_int", {text, integer}, text, substring_from, cost_of_text),
                        member("string_substring_int_int", {text, integer, integer}, text, substring, cost_of_text)}});
  environment.declare({"trim", {member("string_trim", {text}, text, trim, cost_of_text)}});
  environment.declare({"upperAscii", {member("string_upper_ascii", {text}, text, upper_ascii, cost_of_text)}});
  environment.declare({"format", {member("string_format", {text, Type::list(Type())}, text, format_text, cost_of_text)}});
  environment.declare({"strings.quote", {function("strings_quote", {text}, text, quote, cost_of_text)}});
  environment.declare({"join",
                       {member("list_join", {texts}, text, join_all, cost_of_result_twice),
                        member("list_join_string", {texts, text}, text, join, cost_of_result_twice)}});
}

}  // namespace sampan::cel
