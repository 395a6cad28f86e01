// Kubernetes' functions over semantic versions: semver("1.2.3-rc.1+build").
#include "base/text.h"
#include "cel/libraries.h"
#include "cel/library/support.h"

namespace sampan::cel {

namespace {

using namespace library;

struct Identifier {  // of a prerelease: a number or a text
  std::string text;
  uint64_t number = 0;
  bool is_number = false;
};

struct Version {
  uint64_t major = 0, minor = 0, patch = 0;
  std::vector<Identifier> prerelease;
};
using Parsed = std::expected<Version, std::string>;

struct VersionValue final : Opaque {
  explicit VersionValue(Version v) : version(std::move(v)) {}
  Type type() const override { return Type::structure("kubernetes.Semver"); }
  bool equals(const Opaque& other) const override;
  Version version;
};

int order(const auto& a, const auto& b) { return a < b ? -1 : b < a ? 1 : 0; }

int order_of(const Identifier& a, const Identifier& b) {
  if (a.is_number != b.is_number) return a.is_number ? -1 : 1;
  return a.is_number ? order(a.number, b.number) : order(a.text, b.text);
}

int order_of(const Version& a, const Version& b) {
  if (int by = order(a.major, b.major)) return by;
  if (int by = order(a.minor, b.minor)) return by;
  if (int by = order(a.patch, b.patch)) return by;
  if (a.prerelease.empty() || b.prerelease.empty()) return order(a.prerelease.empty(), b.prerelease.empty());
  for (size_t i = 0; i < a.prerelease.size() && i < b.prerelease.size(); i++)
    if (int by = order_of(a.prerelease[i], b.prerelease[i])) return by;
  return order(a.prerelease.size(), b.prerelease.size());
}

bool VersionValue::equals(const Opaque& other) const { return order_of(version, static_cast<const VersionValue&>(other).version) == 0; }

constexpr std::string_view kDigits = "0123456789", kAlphanumeric = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-";
bool is_only(std::string_view text, std::string_view of) { return text.find_first_not_of(of) == text.npos; }
bool has_leading_zero(std::string_view text) { return text.size() > 1 && text[0] == '0'; }

std::expected<uint64_t, std::string> number_of(std::string_view text) {
  uint64_t number = 0;
  if (parse_int(text, number)) return number;
  return std::unexpected(concat("strconv.ParseUint: parsing ", quoted(text), text.empty() ? ": invalid syntax" : ": value out of range"));
}

std::expected<uint64_t, std::string> parse_number(std::string_view text, std::string_view name, std::string_view capital) {
  if (!is_only(text, kDigits)) return std::unexpected(concat("Invalid character(s) found in ", name, " number ", quoted(text)));
  if (has_leading_zero(text)) return std::unexpected(concat(capital, " number must not contain leading zeroes ", quoted(text)));
  return number_of(text);
}

std::expected<Identifier, std::string> parse_identifier(std::string_view text) {
  if (text.empty()) return std::unexpected("Prerelease is empty");
  if (!is_only(text, kAlphanumeric)) return std::unexpected(concat("Invalid character(s) found in prerelease ", quoted(text)));
  if (!is_only(text, kDigits)) return Identifier{.text = std::string(text)};
  if (has_leading_zero(text)) return std::unexpected(concat("Numeric PreRelease version must not contain leading zeroes ", quoted(text)));
  auto number = number_of(text);
  if (!number) return std::unexpected(number.error());
  return Identifier{.number = *number, .is_number = true};
}

// At most three, the last of them with all that is left.
std::vector<std::string_view> parts_of(std::string_view text) {
  size_t first = text.find('.');
  if (first == text.npos) return {text};
  size_t second = text.find('.', first + 1);
  if (second == text.npos) return {text.substr(0, first), text.substr(first + 1)};
  return {text.substr(0, first), text.substr(first + 1, second - first - 1), text.substr(second + 1)};
}

Parsed parse(std::string_view text) {
  if (text.empty()) return std::unexpected("Version string empty");
  auto parts = parts_of(text);
  if (parts.size() != 3) return std::unexpected("No Major.Minor.Patch elements found");
  Version version;
  auto major = parse_number(parts[0], "major", "Major");
  if (!major) return std::unexpected(major.error());
  auto minor = parse_number(parts[1], "minor", "Minor");
  if (!minor) return std::unexpected(minor.error());
  auto rest = parts[2];
  std::optional<std::string_view> build, prerelease;
  if (size_t plus = rest.find('+'); plus != rest.npos) {
    build = rest.substr(plus + 1);
    rest = rest.substr(0, plus);
  }
  if (size_t dash = rest.find('-'); dash != rest.npos) {
    prerelease = rest.substr(dash + 1);
    rest = rest.substr(0, dash);
  }
  auto patch = parse_number(rest, "patch", "Patch");
  if (!patch) return std::unexpected(patch.error());
  version = {*major, *minor, *patch, {}};
  if (prerelease)
    for (auto one : split(*prerelease, '.')) {
      auto identifier = parse_identifier(one);
      if (!identifier) return std::unexpected(identifier.error());
      version.prerelease.push_back(*std::move(identifier));
    }
  if (build)
    for (auto one : split(*build, '.')) {
      if (one.empty()) return std::unexpected("Build meta data is empty");
      if (!is_only(one, kAlphanumeric)) return std::unexpected(concat("Invalid character(s) found in build meta data ", quoted(one)));
    }
  return version;
}

// "v1.2" is 1.2.0, "01.02.03" is 1.2.3.
Parsed parse_normalized(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  auto parts = parts_of(text);
  if (parts.size() < 3 && parts.back().find_first_of("+-") != text.npos) return std::unexpected("short version cannot contain PreRelease/Build meta data");
  std::string whole;
  for (size_t i = 0; i < 3; i++) {
    auto part = i < parts.size() ? parts[i] : "0";
    if (part.size() > 1) {
      part.remove_prefix(std::min(part.find_first_not_of('0'), part.size()));
      if (part.empty() || kDigits.find(part[0]) == kDigits.npos) whole += i ? ".0" : "0";
      else if (i) whole += '.';
    } else if (i) {
      whole += '.';
    }
    whole += part;
  }
  return parse(whole);
}

Parsed version_in(Arguments arguments) {
  bool normalize = arguments.size() > 1 && arguments[1].as_bool();
  return normalize ? parse_normalized(arguments[0].as_text()) : parse(arguments[0].as_text());
}

const Version& version_of(const Value& value) { return opaque_as<VersionValue>(value).version; }
int order_of(Arguments arguments) { return order_of(version_of(arguments[0]), version_of(arguments[1])); }

Maybe<Value> semver(Arguments arguments) {
  auto version = version_in(arguments);
  if (!version) return failed(version.error());
  return Value::opaque(Ref<VersionValue>(new VersionValue(*std::move(version))));
}
Maybe<Value> is_semver(Arguments arguments) { return Value::boolean(version_in(arguments).has_value()); }
Maybe<Value> is_greater(Arguments arguments) { return Value::boolean(order_of(arguments) > 0); }
Maybe<Value> is_less(Arguments arguments) { return Value::boolean(order_of(arguments) < 0); }
Maybe<Value> compare(Arguments arguments) { return Value::integer(order_of(arguments)); }
Maybe<Value> major(Arguments arguments) { return Value::integer(static_cast<int64_t>(version_of(arguments[0]).major)); }
Maybe<Value> minor(Arguments arguments) { return Value::integer(static_cast<int64_t>(version_of(arguments[0]).minor)); }
Maybe<Value> patch(Arguments arguments) { return Value::integer(static_cast<int64_t>(version_of(arguments[0]).patch)); }

}  // namespace

void add_semantic_versions(Environment& environment) {
  const Type text = Type::Kind::String, boolean = Type::Kind::Bool, integer = Type::Kind::Int, of = Type::structure("kubernetes.Semver");
  environment.declare({"semver",
                       {function("string_to_semver", {text}, of, semver, cost_of_text), function("string_bool_to_semver", {text, boolean}, of, semver, cost_of_text)}});
  environment.declare({"isSemver",
                       {function("is_semver_string", {text}, boolean, is_semver, cost_of_text),
                        function("is_semver_string_bool", {text, boolean}, boolean, is_semver, cost_of_text)}});
  environment.declare({"isGreaterThan", {member("semver_is_greater_than", {of, of}, boolean, is_greater)}});
  environment.declare({"isLessThan", {member("semver_is_less_than", {of, of}, boolean, is_less)}});
  environment.declare({"compareTo", {member("semver_compare_to", {of, of}, integer, compare)}});
  environment.declare({"major", {member("semver_major", {of}, integer, major)}});
  environment.declare({"minor", {member("semver_minor", {of}, integer, minor)}});
  environment.declare({"patch", {member("semver_patch", {of}, integer, patch)}});
}

}  // namespace sampan::cel
