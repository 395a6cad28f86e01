// Texts as code points, and what calls cost.
#include "cel/library/support.h"

namespace sampan::cel::library {

namespace {

// The rune at the start of `text` and its size in bytes; U+FFFD and 1 if it is none.
std::pair<char32_t, size_t> first_rune(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  auto follows = [&](size_t i) { return i < text.size() && (byte(i) & 0xc0) == 0x80; };
  constexpr std::pair<char32_t, size_t> kBad{0xfffd, 1};
  unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead >= 0xc2 && lead <= 0xdf && follows(1)) return {(lead & 0x1fu) << 6 | (byte(1) & 0x3fu), 2};
  if (lead >= 0xe0 && lead <= 0xef && follows(1) && follows(2)) {
    char32_t rune = (lead & 0x0fu) << 12 | (byte(1) & 0x3fu) << 6 | (byte(2) & 0x3fu);
    return rune < 0x800 || (rune >= 0xd800 && rune <= 0xdfff) ? kBad : std::pair<char32_t, size_t>{rune, 3};
  }
  if (lead >= 0xf0 && lead <= 0xf4 && follows(1) && follows(2) && follows(3)) {
    char32_t rune = (lead & 0x07u) << 18 | (byte(1) & 0x3fu) << 12 | (byte(2) & 0x3fu) << 6 | (byte(3) & 0x3fu);
    return rune < 0x10000 || rune > 0x10ffff ? kBad : std::pair<char32_t, size_t>{rune, 4};
  }
  return kBad;
}

uint64_t cost_of_tree(const Value& value) {
  switch (value.kind()) {
    case Kind::String:
    case Kind::Bytes: return static_cast<uint64_t>(static_cast<double>(value.as_text().size()) * 0.1);
    case Kind::List: {
      uint64_t cost = 0;
      const List& list = value.as_list();
      for (size_t i = 0; i < list.size(); i++) cost += cost_of_tree(list.at(i));
      return cost;
    }
    case Kind::Map: {
      uint64_t cost = 0;
      const Map& map = value.as_map();
      for (size_t i = 0; i < map.size(); i++) {
        Value key = map.key_at(i);
        cost += cost_of_tree(key) + cost_of_tree(map.find(key).value_or(Value()));
      }
      return cost;
    }
    default: return 1;
  }
}

}  // namespace

size_t code_points(std::string_view text) {
  size_t count = 0;
  while (!text.empty()) {
    text.remove_prefix(first_rune(text).second);
    count++;
  }
  return count;
}

std::u32string runes_of(std::string_view text) {
  std::u32string runes;
  runes.reserve(text.size());
  while (!text.empty()) {
    auto [rune, size] = first_rune(text);
    runes += rune;
    text.remove_prefix(size);
  }
  return runes;
}

void append_rune(std::string& out, char32_t rune) {
  if (rune < 0x80) {
    out += static_cast<char>(rune);
  } else if (rune < 0x800) {
    out += static_cast<char>(0xc0 | rune >> 6);
    out += static_cast<char>(0x80 | (rune & 0x3f));
  } else if (rune < 0x10000) {
    out += static_cast<char>(0xe0 | rune >> 12);
    out += static_cast<char>(0x80 | (rune >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (rune & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | rune >> 18);
    out += static_cast<char>(0x80 | (rune >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (rune >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (rune & 0x3f));
  }
}

std::string text_of(std::u32string_view runes) {
  std::string text;
  text.reserve(runes.size());
  for (char32_t rune : runes) append_rune(text, rune);
  return text;
}

uint64_t size_of(const Value& value) {
  switch (value.kind()) {
    case Kind::String: return code_points(value.as_text());
    case Kind::Bytes: return value.as_text().size();
    case Kind::List: return value.as_list().size();
    case Kind::Map: return value.as_map().size();
    case Kind::Optional: return value.as_optional() ? size_of(*value.as_optional()) : 1;
    default: return 1;
  }
}

uint64_t traversal(uint64_t size, uint64_t times) { return (size * times + 9) / 10; }

uint64_t pattern_cost(uint64_t text_size, uint64_t pattern_size) { return traversal(text_size + 1) * ((pattern_size + 3) / 4); }

uint64_t cost_of_text(Arguments arguments, const Value&) { return traversal(size_of(arguments[0])); }
uint64_t cost_of_shorter(Arguments arguments, const Value&) { return traversal(std::min(size_of(arguments[0]), size_of(arguments[1]))); }
uint64_t cost_of_text_twice(Arguments arguments, const Value&) { return traversal(size_of(arguments[0]), 2); }
uint64_t cost_of_result_twice(Arguments, const Value& result) { return traversal(size_of(result), 2); }
uint64_t cost_of_tree(Arguments arguments, const Value&) { return cost_of_tree(arguments[0]); }

Overload function(std::string_view id, std::vector<Type> parameters, Type result, Function call, Cost cost) {
  return {.id = id, .parameters = std::move(parameters), .result = std::move(result), .member = false, .call = call, .cost = cost};
}
Overload member(std::string_view id, std::vector<Type> parameters, Type result, Function call, Cost cost) {
  return {.id = id, .parameters = std::move(parameters), .result = std::move(result), .member = true, .call = call, .cost = cost};
}

}  // namespace sampan::cel::library
