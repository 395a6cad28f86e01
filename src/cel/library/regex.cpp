// Kubernetes' functions over patterns: find and findAll.
#include "base/text.h"
#include "cel/libraries.h"
#include "cel/library/patterns.h"
#include "cel/library/support.h"

namespace sampan::cel {

namespace {

using namespace library;

Maybe<const RE2*> pattern_of(const Value& text) {
  auto pattern = compiled(text.as_text());
  if (!pattern) return failed(concat("Illegal regex: ", pattern.error()));
  return *pattern;
}

Maybe<Value> find(Arguments arguments) {
  auto pattern = pattern_of(arguments[1]);
  if (!pattern) return std::unexpected(pattern.error());
  std::string_view text = arguments[0].as_text();
  re2::StringPiece found;
  if (!(*pattern)->Match(text, 0, text.size(), RE2::UNANCHORED, &found, 1)) return Value::string("");
  return arguments[0].part({found.data(), found.size()});
}

// As Go's FindAllString: an empty match right behind another match does not count.
Maybe<Value> find_some(Arguments arguments, int64_t limit) {
  auto pattern = pattern_of(arguments[1]);
  if (!pattern) return std::unexpected(pattern.error());
  std::string_view text = arguments[0].as_text();
  uint64_t most = limit < 0 ? UINT64_MAX : static_cast<uint64_t>(limit);
  std::vector<Value> all;
  constexpr size_t kNone = SIZE_MAX;
  size_t at = 0, end_of_last = kNone;
  while (all.size() < most && at <= text.size()) {
    re2::StringPiece found;
    if (!(*pattern)->Match(text, at, text.size(), RE2::UNANCHORED, &found, 1)) break;
    size_t start = static_cast<size_t>(found.data() - text.data()), end = start + found.size();
    bool counts = true;
    if (end == at) {
      counts = start != end_of_last;
      auto rest = text.substr(at);
      if (rest.empty()) {
        at++;
      } else {
        take_code_point(rest);
        at = text.size() - rest.size();
      }
    } else {
      at = end;
    }
    end_of_last = end;
    if (counts) all.push_back(arguments[0].part({found.data(), found.size()}));
  }
  return Value::list(std::move(all));
}
Maybe<Value> find_all(Arguments arguments) { return find_some(arguments, -1); }
Maybe<Value> find_all_n(Arguments arguments) { return find_some(arguments, arguments[2].as_int()); }

uint64_t cost_of_finding(Arguments arguments, const Value&) { return pattern_cost(size_of(arguments[0]), size_of(arguments[1])); }

}  // namespace

void add_regex(Environment& environment) {
  const Type text = Type::Kind::String, texts = Type::list(text);
  environment.declare({"find", {member("string_find_string", {text, text}, text, find, cost_of_finding)}});
  environment.declare({"findAll",
                       {member("string_find_all_string", {text, text}, texts, find_all, cost_of_finding),
                        member("string_find_all_string_int", {text, text, Type::Kind::Int}, texts, find_all_n, cost_of_finding)}});
}

}  // namespace sampan::cel
