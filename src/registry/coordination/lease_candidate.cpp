// LeaseCandidate: somebody who could hold a lease, and which versions it speaks.
#include <compare>
#include <optional>

#include "registry/columns.h"
#include "registry/coordination/lease_strategy.h"
#include "registry/rules.h"

namespace sampan::registry {

namespace {

// Major, minor and patch of a semantic version; what follows (-alpha.1, +build) counts for the order only if the three are equal.
struct Version {
  int64_t numbers[3] = {};
  std::vector<std::string_view> pre_release;
};

bool is_number(std::string_view text, int64_t& out) {
  return !text.empty() && text[0] != '+' && text[0] != '-' && (text == "0" || text[0] != '0') && parse_int(text, out);
}

bool are_identifiers(std::string_view text) {
  for (auto part : split(text, '.')) {
    if (part.empty()) return false;
    for (char c : part)
      if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && c != '-') return false;
  }
  return true;
}

std::optional<Version> parse_version(std::string_view text) {
  Version out;
  if (auto plus = text.find('+'); plus != std::string_view::npos) {
    if (!are_identifiers(text.substr(plus + 1))) return {};
    text = text.substr(0, plus);
  }
  if (auto dash = text.find('-'); dash != std::string_view::npos) {
    auto rest = text.substr(dash + 1);
    if (!are_identifiers(rest)) return {};
    out.pre_release = split(rest, '.');
    text = text.substr(0, dash);
  }
  auto parts = split(text, '.');
  if (parts.size() != 3) return {};
  for (size_t i = 0; i < 3; i++)
    if (!is_number(parts[i], out.numbers[i])) return {};
  return out;
}

int order_of(std::string_view a, std::string_view b) {
  int64_t x = 0, y = 0;
  bool a_number = is_number(a, x), b_number = is_number(b, y);
  if (a_number && b_number) return x < y ? -1 : x > y;
  if (a_number != b_number) return a_number ? -1 : 1;
  return a.compare(b) < 0 ? -1 : a.compare(b) > 0;
}

bool is_before(const Version& a, const Version& b) {
  for (size_t i = 0; i < 3; i++)
    if (a.numbers[i] != b.numbers[i]) return a.numbers[i] < b.numbers[i];
  if (a.pre_release.empty() || b.pre_release.empty()) return !a.pre_release.empty() && b.pre_release.empty();
  for (size_t i = 0; i < std::min(a.pre_release.size(), b.pre_release.size()); i++)
    if (int order = order_of(a.pre_release[i], b.pre_release[i]); order != 0) return order < 0;
  return a.pre_release.size() < b.pre_release.size();
}

std::optional<Version> validate_version(const At& version) {
  if (version.empty()) return {};
  auto parsed = parse_version(version.text());
  if (!parsed) version.invalid("must be a valid semantic version");
  return parsed;
}

void validate(const Object& object, FieldErrors& errors) {
  Path path("spec");
  At spec(object["spec"], path, errors);
  At emulation = spec["emulationVersion"], binary = spec["binaryVersion"], strategy = spec["strategy"];
  if (spec["leaseName"].empty()) spec["leaseName"].required();
  auto emulated = validate_version(emulation);
  if (binary.empty()) binary.required();
  auto built = validate_version(binary);
  // One that cannot be read counts as 0.0.0.
  if (!binary.empty() && !emulation.empty() && is_before(built.value_or(Version{}), emulated.value_or(Version{})))
    binary.invalid("must be greater than or equal to `emulationVersion`");
  if (strategy.empty()) return strategy.required();
  auto version = emulated.value_or(Version{});
  bool is_zero = !is_before(Version{}, version) && !is_before(version, Version{});
  if (strategy.text() == kOldestEmulationVersion && is_zero)
    emulation.required("must be specified when `strategy` is 'OldestEmulationVersion'");
  validate_lease_strategy(strategy);
}

void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  validate(object, errors);
  require_field_unchanged(errors, Path("spec"), object["spec"], old["spec"], "leaseName");
}

void validate_name(std::string_view name, bool, Complaints& out) { check_config_map_key(name, out); }

constexpr Column kColumns[] = {
    kNameColumn,
    {"LeaseName", "string", "", "LeaseName is the name of the lease for which this candidate is contending. This field is immutable."},
    {"BinaryVersion", "string", "", ""},
    {"EmulationVersion", "string", "", ""},
    kAgeColumn,
};

void row(const Object& object, Row& row) {
  name_cell(object, row);
  for (auto field : {"leaseName", "binaryVersion", "emulationVersion"}) row.text(object["spec"][field].as_string());
  age_cell(object, row);
}

}  // namespace

extern const Rules kLeaseCandidateRules{
    .group = "coordination.k8s.io",
    .kind = "LeaseCandidate",
    .validate = validate,
    .validate_update = validate_update,
    .validate_name = validate_name,
    .qualified_finalizers = false,
    .columns = kColumns,
    .row = row,
    .has_generation = false,
    .create_on_update = true,
    .unconditional_update = false,
};

}  // namespace sampan::registry
