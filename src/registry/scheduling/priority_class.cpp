// PriorityClass: a name for a priority of pods.
#include "base/text.h"
#include "registry/at.h"
#include "registry/columns.h"
#include "registry/rules.h"

namespace sampan::registry {

namespace {

constexpr std::string_view kSystemPrefix = "system-";
constexpr int64_t kHighestOfUsers = 1'000'000'000;

struct SystemClass {
  std::string_view name;
  int64_t value;
};
constexpr SystemClass kSystemClasses[] = {{"system-node-critical", 2'000'001'000}, {"system-cluster-critical", 2'000'000'000}};

void defaults(Value object, std::string_view) {
  if (object["preemptionPolicy"].is_missing()) object.set("preemptionPolicy", "PreemptLowerPriority");
}

// The generation is made but never counted up.
void prepare_create(Value object, const CreateContext&) { object["metadata"].set("generation", 1); }

// What is wrong with a class of a reserved name; "" if it is one of the system's own.
std::string system_complaint(std::string_view name, int64_t value, bool global_default) {
  for (const auto& known : kSystemClasses) {
    if (known.name != name) continue;
    if (known.value != value) return concat("value of ", name, " PriorityClass must be ", known.value);
    return global_default ? concat("globalDefault of ", name, " PriorityClass must be false") : std::string();
  }
  return concat(name, " is not a known system priority class");
}

void validate(const Object& object, FieldErrors& errors) {
  int64_t value = object["value"].as_int();
  auto global_default = object["globalDefault"];
  if (name_of(object).starts_with(kSystemPrefix)) {
    auto complaint = system_complaint(name_of(object), value, global_default.present() && global_default.as_bool());
    if (!complaint.empty())
      errors.forbidden(Path("metadata").child("name"),
                       concat("priority class names with 'system-' prefix are reserved for system use only. error: ", complaint));
  } else if (value > kHighestOfUsers) {
    errors.forbidden(Path("value"), concat("maximum allowed value of a user defined priority is ", kHighestOfUsers));
  }
  At policy(object["preemptionPolicy"], Path("preemptionPolicy"), errors);
  if (!policy.present()) return;
  if (policy.empty())
    policy.required();
  else
    policy.one_of({"PreemptLowerPriority", "Never"});
}

void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  if (object["value"].as_int() != old["value"].as_int()) errors.forbidden(Path("value"), "may not be changed in an update.");
  require_unchanged(errors, Path("preemptionPolicy"), object["preemptionPolicy"], old["preemptionPolicy"]);
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"Value", "integer", "",
     "value represents the integer value of this priority class. This is the actual priority that pods receive when they have the name of this "
     "class in their pod spec."},
    {"Global-Default", "boolean", "",
     "globalDefault specifies whether this PriorityClass should be considered as the default priority for pods that do not have any priority "
     "class. Only one PriorityClass can be marked as `globalDefault`. However, if more than one PriorityClasses exists with their "
     "`globalDefault` field set to true, the smallest value of such global default PriorityClasses will be used as the default priority."},
    kAgeColumn,
    {"PreemptionPolicy", "string", "",
     "preemptionPolicy is the Policy for preempting pods with lower priority. One of Never, PreemptLowerPriority. Defaults to "
     "PreemptLowerPriority if unset."},
};

void row(const Object& object, Row& row) {
  auto global_default = object["globalDefault"];
  name_cell(object, row);
  row.number(object["value"].as_int());
  row.boolean(global_default.present() && global_default.as_bool());
  age_cell(object, row);
  row.text(object["preemptionPolicy"].as_string());
}

}  // namespace

extern const Rules kPriorityClassRules{
    .group = "scheduling.k8s.io",
    .kind = "PriorityClass",
    .defaults = defaults,
    .prepare_create = prepare_create,
    .validate = validate,
    .validate_update = validate_update,
    .columns = kColumns,
    .row = row,
    .has_generation = false,
};

}  // namespace sampan::registry
