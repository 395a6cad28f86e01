// Questions about texts: contains, startsWith, endsWith, matches.
#include <re2/re2.h>

#include "base/text.h"
#include "cel/library/costs.h"
#include "cel/library/standard.h"

namespace sampan::cel {

namespace {

using Kind = Type::Kind;
using Arguments = std::span<const Value>;

Maybe<Value> contains(Arguments arguments) { return Value::boolean(arguments[0].as_text().find(arguments[1].as_text()) != std::string_view::npos); }
Maybe<Value> starts_with(Arguments arguments) { return Value::boolean(arguments[0].as_text().starts_with(arguments[1].as_text())); }
Maybe<Value> ends_with(Arguments arguments) { return Value::boolean(arguments[0].as_text().ends_with(arguments[1].as_text())); }

// A pattern stays the same from call to call: of a loop, of a policy.
Maybe<Value> matches(Arguments arguments) {
  const std::string_view pattern = arguments[1].as_text();
  thread_local std::string known;
  thread_local std::unique_ptr<RE2> compiled;
  if (!compiled || known != pattern) {
    compiled = std::make_unique<RE2>(pattern, RE2::Quiet);
    known = pattern;
  }
  if (!compiled->ok()) return failed(concat("error parsing regexp: ", compiled->error()));
  return Value::boolean(RE2::PartialMatch(arguments[0].as_text(), *compiled));
}

uint64_t contains_cost(Arguments arguments, const Value&) {
  return traversal_cost(size_for_cost(arguments[0])) * traversal_cost(size_for_cost(arguments[1]));
}

}  // namespace

void add_text(Environment& environment) {
  const std::vector<Type> texts = {Kind::String, Kind::String};
  environment.declare({"contains", {{.id = "contains_string", .parameters = texts, .result = Kind::Bool, .member = true, .call = contains, .cost = contains_cost}}});
  environment.declare(
      {"endsWith", {{.id = "ends_with_string", .parameters = texts, .result = Kind::Bool, .member = true, .call = ends_with, .cost = cost_of_first_argument}}});
  environment.declare(
      {"startsWith", {{.id = "starts_with_string", .parameters = texts, .result = Kind::Bool, .member = true, .call = starts_with, .cost = cost_of_first_argument}}});
  // Upstream counts the pattern only of the method.
  environment.declare({"matches",
                       {{.id = "matches", .parameters = texts, .result = Kind::Bool, .call = matches},
                        {.id = "matches_string", .parameters = texts, .result = Kind::Bool, .member = true, .call = matches, .cost = cost_of_pattern}}});
}

}  // namespace sampan::cel
