// Texts as code points, and what calls cost.
#include "cel/library/support.h"

namespace sampan::cel::library {

namespace {

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
  for (; !text.empty(); count++) take_code_point(text);
  return count;
}

std::u32string runes_of(std::string_view text) {
  std::u32string runes;
  runes.reserve(text.size());
  while (!text.empty()) runes += take_code_point(text);
  return runes;
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

std::unexpected<Failure> out_of_budget() { return std::unexpected(Failure{.message = "operation cancelled: actual cost limit exceeded", .out_of_budget = true}); }

Overload function(std::string_view id, std::vector<Type> parameters, Type result, Function call, Cost cost) {
  return {.id = id, .parameters = std::move(parameters), .result = std::move(result), .member = false, .call = call, .cost = cost};
}
Overload member(std::string_view id, std::vector<Type> parameters, Type result, Function call, Cost cost) {
  return {.id = id, .parameters = std::move(parameters), .result = std::move(result), .member = true, .call = call, .cost = cost};
}

}  // namespace sampan::cel::library
