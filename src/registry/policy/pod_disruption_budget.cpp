// PodDisruptionBudget: how many pods of an application may be missing because somebody wanted it so.
#include "base/text.h"
#include "registry/apps/workload.h"
#include "registry/columns.h"

namespace sampan::registry {

namespace {

void validate_spec(const Object& object, bool invalid_values_allowed, FieldErrors& errors) {
  Path path("spec");
  At spec(object["spec"], path, errors);
  At available = spec["minAvailable"], unavailable = spec["maxUnavailable"], policy = spec["unhealthyPodEvictionPolicy"];
  if (available.present() && unavailable.present())
    spec.invalid(spec.internal(), "minAvailable and maxUnavailable cannot be both set");
  require_int_or_percent(available);
  require_at_most_100_percent(available);
  require_int_or_percent(unavailable);
  require_at_most_100_percent(unavailable);
  if (At selector = spec["selector"]; selector.present())
    validate_label_selector(errors, selector.path(), selector.value(), {.allow_invalid_values = invalid_values_allowed});
  if (policy.present()) policy.one_of({"AlwaysAllow", "IfHealthyBudget"});
}

void validate(const Object& object, FieldErrors& errors) { validate_spec(object, false, errors); }

void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  FieldErrors strict;
  if (auto selector = old["spec"]["selector"]; selector.present()) validate_label_selector(strict, Path("selector"), selector);
  validate_spec(object, !strict.empty(), errors);
}

void validate_status(std::string_view, const Object& object, const Object&, FieldErrors& errors) {
  Path path("status");
  At status(object["status"], path, errors);
  At conditions = status["conditions"];
  validate_conditions(errors, conditions.path(), conditions.value());
  require_not_negative(status, {"disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"});
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"Min Available", "string", "", "The minimum number of pods that must be available."},
    {"Max Unavailable", "string", "", "The maximum number of pods that may be unavailable."},
    {"Allowed Disruptions", "integer", "", "Calculated number of pods that may be disrupted at this time."},
    kAgeColumn,
};

std::string limit_text(const AnyView& limit) {
  if (!limit.present()) return "N/A";
  auto value = limit.as_int_or_string();
  return value.is_string ? std::string(value.text) : concat(value.number);
}

void row(const Object& object, Row& row) {
  AnyView spec = object["spec"];
  name_cell(object, row);
  row.text(limit_text(spec["minAvailable"]));
  row.text(limit_text(spec["maxUnavailable"]));
  row.number(object["status"]["disruptionsAllowed"].as_int());
  age_cell(object, row);
}

}  // namespace

extern const Rules kPodDisruptionBudgetRules{
    .group = "policy",
    .kind = "PodDisruptionBudget",
    .validate = validate,
    .validate_update = validate_update,
    .validate_subresource = validate_status,
    .validate_name = name_is_path_segment,
    .create_checks_metadata = false,
    .update_checks_metadata = false,
    .qualified_finalizers = false,
    .columns = kColumns,
    .row = row,
    .unconditional_update = false,
};

}  // namespace sampan::registry
