// Regular expressions as Go's regexp package has them.
#include "cel/library/patterns.h"

#include "base/text.h"

namespace sampan::cel::library {

namespace {

std::string_view name_of(RE2::ErrorCode code) {
  switch (code) {
    case RE2::ErrorBadEscape: return "invalid escape sequence";
    case RE2::ErrorBadCharClass: return "invalid character class";
    case RE2::ErrorBadCharRange: return "invalid character class range";
    case RE2::ErrorMissingBracket: return "missing closing ]";
    case RE2::ErrorMissingParen: return "missing closing )";
    case RE2::ErrorUnexpectedParen: return "unexpected )";
    case RE2::ErrorTrailingBackslash: return "trailing backslash at end of expression";
    case RE2::ErrorRepeatArgument: return "missing argument to repetition operator";
    case RE2::ErrorRepeatSize: return "invalid repeat count";
    case RE2::ErrorRepeatOp: return "invalid nested repetition operator";
    case RE2::ErrorBadPerlOp: return "invalid or unsupported Perl syntax";
    case RE2::ErrorBadUTF8: return "invalid UTF-8";
    case RE2::ErrorBadNamedCapture: return "invalid named capture";
    case RE2::ErrorPatternTooLarge: return "expression too large";
    case RE2::NoError:
    case RE2::ErrorInternal: break;
  }
  return "regexp/syntax: internal error";
}

// Go knows (?<name>...) and has no \C: what RE2 does not know is written its way.
std::expected<std::string, std::string> for_re2(std::string_view pattern) {
  std::string out;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); i++) {
    auto rest = pattern.substr(i);
    if (rest.starts_with("\\Q") && !in_class) {
      size_t size = std::min(rest.find("\\E"), rest.size());
      out += rest.substr(0, size);
      i += size - 1;
    } else if (rest.starts_with("\\C") && !in_class) {
      return std::unexpected("error parsing regexp: invalid escape sequence: `\\C`");
    } else if (rest[0] == '\\') {
      out += rest.substr(0, 2);
      i++;
    } else if (rest[0] == '[' && !in_class) {
      in_class = true;
      size_t head = rest.starts_with("[^]") ? 3 : rest.starts_with("[]") || rest.starts_with("[^") ? 2 : 1;  // a bracket that comes first is a character
      out += rest.substr(0, head);
      i += head - 1;
    } else if (rest.starts_with("[:") && in_class && rest.find(":]") != rest.npos) {
      size_t size = rest.find(":]") + 2;
      out += rest.substr(0, size);
      i += size - 1;
    } else if (rest.starts_with("(?<") && !in_class) {
      out += "(?P<";
      i += 2;
    } else {
      if (rest[0] == ']') in_class = false;
      out += rest[0];
    }
  }
  return out;
}

}  // namespace

std::expected<const RE2*, std::string> compiled(std::string_view pattern) {
  constexpr size_t kKept = 16;  // as many as a policy has
  struct Known {
    std::string pattern;
    std::unique_ptr<RE2> compiled;
  };
  thread_local std::vector<Known> known;
  auto found = std::find_if(known.begin(), known.end(), [&](auto& one) { return one.pattern == pattern; });
  if (found == known.end()) {
    auto text = for_re2(pattern);
    if (!text) return std::unexpected(text.error());
    auto made = std::make_unique<RE2>(*text, RE2::Quiet);
    if (!made->ok()) {
      std::string at = made->error_arg();
      if (pattern.find(at) == pattern.npos && at.starts_with("(?P<")) at.erase(2, 1);  // as it was written
      return std::unexpected(concat("error parsing regexp: ", name_of(made->error_code()), ": `", at, "`"));
    }
    if (known.size() == kKept) known.pop_back();
    found = known.insert(known.begin(), {std::string(pattern), std::move(made)});
  }
  if (found != known.begin()) std::rotate(known.begin(), found, found + 1);
  return known.front().compiled.get();
}

}  // namespace sampan::cel::library
