// Checks of fields by the forms of names.
#include "registry/names.h"

#include "base/text.h"
#include "registry/addresses.h"

namespace sampan::registry {

void check_ip(std::string_view value, Complaints& out) { check_legacy_ip(value, out); }
void check_cidr(std::string_view value, Complaints& out) { check_legacy_cidr(value, out); }

void report(FieldErrors& errors, const Path& path, std::string_view value, const Complaints& complaints) {
  for (const auto& complaint : complaints) errors.invalid(path, value, complaint);
}

namespace {
void require(FieldErrors& errors, const Path& path, std::string_view value, void (*check)(std::string_view, Complaints&)) {
  Complaints complaints;
  check(value, complaints);
  report(errors, path, value, complaints);
}
}  // namespace

void require_non_negative(FieldErrors& errors, const Path& path, int64_t value) {
  if (value < 0) errors.invalid(path, value, "must be greater than or equal to 0");
}
void require_dns1123_label(FieldErrors& errors, const Path& path, std::string_view value) {
  require(errors, path, value, check_dns1123_label);
}
void require_dns1123_subdomain(FieldErrors& errors, const Path& path, std::string_view value) {
  require(errors, path, value, check_dns1123_subdomain);
}
void require_qualified_name(FieldErrors& errors, const Path& path, std::string_view value) {
  require(errors, path, value, check_qualified_name);
}

void require_fully_qualified_name(FieldErrors& errors, const Path& path, std::string_view value) {
  Complaints complaints;
  if (value.empty()) return errors.required(path, "");
  check_dns1123_subdomain(value, complaints);
  if (!complaints.empty()) return errors.invalid(path, value, join(complaints, ","));
  if (split(value, '.').size() < 3) errors.invalid(path, value, "should be a domain with at least three segments separated by dots");
}

void require_fully_qualified_domain_name(FieldErrors& errors, const Path& path, std::string_view value) {
  Complaints complaints;
  if (value.empty()) return errors.required(path, "");
  if (value.ends_with('.')) value.remove_suffix(1);
  check_dns1123_subdomain(value, complaints);
  if (!complaints.empty()) return errors.invalid(path, value, join(complaints, ","));
  auto labels = split(value, '.');
  if (labels.size() < 2) return errors.invalid(path, value, "should be a domain with at least two segments separated by dots");
  for (auto label : labels) {
    check_dns1123_label(label, complaints);
    if (!complaints.empty()) return errors.invalid(path, label, join(complaints, ","));
  }
}

void require_domain_prefixed_path(FieldErrors& errors, const Path& path, std::string_view value) {
  if (value.empty()) return errors.required(path, "");
  auto slash = value.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == value.size())
    return errors.invalid(path, value, "must be a domain-prefixed path (such as \"acme.io/foo\")");
  require_dns1123_subdomain(errors, path, value.substr(0, slash));
  auto rest = value.substr(slash + 1);
  constexpr std::string_view others = "/-._~%!$&'()*+,;=:";
  auto allowed = [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || others.find(c) != std::string_view::npos;
  };
  if (!std::all_of(rest.begin(), rest.end(), allowed))
    errors.invalid(path, rest, "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')");
}

void require_domain_prefixed_key(FieldErrors& errors, const Path& path, std::string_view value) {
  if (value.empty()) return errors.required(path, "");
  size_t before = errors.size();
  require_qualified_name(errors, path, value);
  if (errors.size() == before && value.find('/') == std::string_view::npos)
    errors.invalid(path, value, "must be a domain-prefixed key (such as \"acme.io/foo\")");
}

void validate_labels(FieldErrors& errors, const Path& path, const schema::AnyView& labels) {
  for (uint32_t i = 0; i < labels.size(); i++) {
    require_qualified_name(errors, path, labels.key(i));
    require(errors, path, labels.value(i).as_string(), check_label_value);
  }
}

void validate_label_selector(FieldErrors& errors, const Path& path, const schema::AnyView& selector, SelectorOptions options) {
  validate_labels(errors, path.child("matchLabels"), selector["matchLabels"]);
  auto expressions = selector["matchExpressions"];
  auto expressions_path = path.child("matchExpressions");
  for (uint32_t i = 0; i < expressions.size(); i++) {
    auto expression = expressions.item(i);
    auto here = expressions_path.index(i);
    auto values_path = here.child("values");
    auto values = expression["values"];
    auto op = expression["operator"].as_string();
    if (op == "In" || op == "NotIn") {
      if (values.size() == 0) errors.required(values_path, "must be specified when `operator` is 'In' or 'NotIn'");
    } else if (op == "Exists" || op == "DoesNotExist") {
      if (values.size() > 0) errors.forbidden(values_path, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    } else if (!options.allow_unknown_operator) {
      errors.invalid(here.child("operator"), op, "not a valid selector operator");
    }
    require_qualified_name(errors, here.child("key"), expression["key"].as_string());
    if (options.allow_invalid_values) continue;
    for (uint32_t j = 0; j < values.size(); j++)
      require(errors, values_path.index(j), values.item(j).as_string(), check_label_value);
  }
}

namespace {

void validate_condition(FieldErrors& errors, const Path& path, const schema::AnyView& condition) {
  static constexpr std::string_view kStatuses[] = {"False", "True", "Unknown"};
  constexpr int64_t kReasonBytesMax = 1024, kMessageBytesMax = 32 * 1024;
  require_qualified_name(errors, path.child("type"), condition["type"].as_string());
  auto status = condition["status"].as_string();
  if (std::find(std::begin(kStatuses), std::end(kStatuses), status) == std::end(kStatuses))
    errors.not_supported(path.child("status"), status, kStatuses);
  if (auto generation = condition["observedGeneration"].as_int(); generation < 0)
    errors.invalid(path.child("observedGeneration"), generation, "must be greater than or equal to zero");
  if (!condition["lastTransitionTime"].present()) errors.required(path.child("lastTransitionTime"), "");
  auto reason = condition["reason"].as_string();
  if (reason.empty()) {
    errors.required(path.child("reason"), "");
  } else {
    require(errors, path.child("reason"), reason, check_condition_reason);
    if (reason.size() > kReasonBytesMax) errors.too_long(path.child("reason"), kReasonBytesMax);
  }
  if (condition["message"].as_string().size() > kMessageBytesMax) errors.too_long(path.child("message"), kMessageBytesMax);
}

}  // namespace

void validate_conditions(FieldErrors& errors, const Path& path, const schema::AnyView& conditions) {
  for (uint32_t i = 0; i < conditions.size(); i++) {
    auto type = conditions.item(i)["type"].as_string();
    auto here = path.index(i);
    for (uint32_t j = 0; j < i; j++)
      if (conditions.item(j)["type"].as_string() == type) {
        errors.duplicate(here.child("type"), type);
        break;
      }
    validate_condition(errors, here, conditions.item(i));
  }
}

void require_unchanged(FieldErrors& errors, const Path& path, const schema::AnyView& now, const schema::AnyView& before) {
  if (!now.equals(before)) errors.invalid(path, Shown(now), "field is immutable");
}

void require_field_unchanged(FieldErrors& errors, const Path& parent, const schema::AnyView& now, const schema::AnyView& before,
                             std::string_view field) {
  auto value = now[field];
  if (!value.equals(before[field])) errors.invalid(parent.child(field), Shown::field(now.present() ? now : before, field, value), "field is immutable");
}

}  // namespace sampan::registry
