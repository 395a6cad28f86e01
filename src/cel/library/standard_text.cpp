// Questions about texts: contains, startsWith, endsWith, matches.
#include <cstring>

#include "cel/library/patterns.h"
#include "cel/library/standard.h"
#include "cel/library/support.h"

namespace sampan::cel {

namespace {

using Kind = Type::Kind;
using library::Arguments;

// In time that grows with the sum of the sizes, whatever the texts are.
Maybe<Value> contains(Arguments arguments) {
  const std::string_view text = arguments[0].as_text(), sought = arguments[1].as_text();
  return Value::boolean(sought.empty() || memmem(text.data(), text.size(), sought.data(), sought.size()));
}
Maybe<Value> starts_with(Arguments arguments) { return Value::boolean(arguments[0].as_text().starts_with(arguments[1].as_text())); }
Maybe<Value> ends_with(Arguments arguments) { return Value::boolean(arguments[0].as_text().ends_with(arguments[1].as_text())); }

Maybe<Value> matches(Arguments arguments) {
  const auto pattern = library::compiled(arguments[1].as_text());
  if (!pattern) return failed(pattern.error());
  return Value::boolean(RE2::PartialMatch(arguments[0].as_text(), **pattern));
}

uint64_t contains_cost(Arguments arguments, const Value&) {
  return library::traversal(library::size_of(arguments[0])) * library::traversal(library::size_of(arguments[1]));
}
uint64_t matches_cost(Arguments arguments, const Value&) { return library::pattern_cost(library::size_of(arguments[0]), library::size_of(arguments[1])); }

}  // namespace

void add_text(Environment& environment) {
  const std::vector<Type> texts = {Kind::String, Kind::String};
  environment.declare({"contains", {{.id = "contains_string", .parameters = texts, .result = Kind::Bool, .member = true, .call = contains, .cost = contains_cost}}});
  environment.declare(
      {"endsWith", {{.id = "ends_with_string", .parameters = texts, .result = Kind::Bool, .member = true, .call = ends_with, .cost = library::cost_of_text}}});
  environment.declare(
      {"startsWith", {{.id = "starts_with_string", .parameters = texts, .result = Kind::Bool, .member = true, .call = starts_with, .cost = library::cost_of_text}}});
  // Upstream counts the pattern only of the method.
  environment.declare({"matches",
                       {{.id = "matches", .parameters = texts, .result = Kind::Bool, .call = matches},
                        {.id = "matches_string", .parameters = texts, .result = Kind::Bool, .member = true, .call = matches, .cost = matches_cost}}});
}

}  // namespace sampan::cel
