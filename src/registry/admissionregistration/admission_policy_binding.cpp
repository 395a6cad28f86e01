// ValidatingAdmissionPolicyBinding and MutatingAdmissionPolicyBinding: where an admission policy holds, and with which parameters.
#include "base/text.h"
#include "registry/admissionregistration/match.h"
#include "registry/columns.h"

namespace sampan::registry {

namespace admission_policy_binding {

void defaults(Value object, std::string_view) { admission::default_match_resources(object["spec"]["matchResources"]); }

void validate_common(const At& spec) {
  At policy = spec["policyName"];
  policy.empty() ? policy.required() : policy.must_be(check_dns1123_subdomain);
  admission::validate_param_ref(spec["paramRef"]);
  admission::validate_match_resources(spec["matchResources"]);
}

void validate_actions(const At& actions) {
  if (actions.size() == 0) return actions.required("at least one validation action is required");
  for (uint32_t i = 0; i < actions.size(); i++) {
    At action = actions.item(i);
    action.one_of({"Audit", "Deny", "Warn"});
    for (uint32_t j = 0; j < i; j++)
      if (actions.value().item(j).as_string() == action.text()) {
        action.duplicate();
        break;
      }
  }
  if (has_item(actions.value(), "Deny") && has_item(actions.value(), "Warn"))
    actions.invalid("must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers "
                    "serves no purpose)");
}

void validate_validating(const Object& object, FieldErrors& errors) {
  Path path("spec");
  At spec(object["spec"], path, errors);
  validate_common(spec);
  validate_actions(spec["validationActions"]);
}
void validate_validating_update(const Object& object, const Object&, FieldErrors& errors) { validate_validating(object, errors); }

void validate_mutating(const Object& object, FieldErrors& errors) {
  Path path("spec");
  At spec(object["spec"], path, errors);
  validate_common(spec);
  admission::forbid_deletions(spec["matchResources"]);
}
void validate_mutating_update(const Object& object, const Object&, FieldErrors& errors) { validate_mutating(object, errors); }

constexpr Column kColumns[] = {
    kNameColumn,
    {"PolicyName", "string", "", "PolicyName indicates the policy definition which the policy binding binded to"},
    {"ParamRef", "string", "", "ParamRef indicates the param resource which sets the configuration param"},
    kAgeColumn,
};

// A selector as Go prints it for debugging.
std::string debug_text(const schema::AnyView& selector) {
  std::string labels, expressions;
  for (uint32_t i = 0; i < selector["matchLabels"].size(); i++)
    append(labels, selector["matchLabels"].key(i), ": ", selector["matchLabels"].value(i).as_string(), ",");
  for (uint32_t i = 0; i < selector["matchExpressions"].size(); i++) {
    auto it = selector["matchExpressions"].item(i);
    append(expressions, "LabelSelectorRequirement{Key:", it["key"].as_string(), ",Operator:", it["operator"].as_string(), ",Values:[",
           joined(it["values"], " "), "],},");
  }
  return concat("&LabelSelector{MatchLabels:map[string]string{", labels, "},MatchExpressions:[]LabelSelectorRequirement{", expressions, "},}");
}

void row(const Object& object, Row& row) {
  auto spec = object["spec"], ref = spec["paramRef"];
  auto name = ref["name"].as_string(), name_space = ref["namespace"].as_string();
  name_cell(object, row);
  row.text(spec["policyName"].as_string());
  if (!name.empty())
    row.text(concat(name_space.empty() ? "*" : name_space, "/", name));
  else
    row.text(ref["selector"].present() ? debug_text(ref["selector"]) : "<unset>");
  age_cell(object, row);
}

}  // namespace admission_policy_binding

extern const Rules kValidatingAdmissionPolicyBindingRules{
    .group = "admissionregistration.k8s.io",
    .kind = "ValidatingAdmissionPolicyBinding",
    .defaults = admission_policy_binding::defaults,
    .validate = admission_policy_binding::validate_validating,
    .validate_update = admission_policy_binding::validate_validating_update,
    .warnings = admission::warn_of_static_name,
    .update_checks_metadata = false,
    .update_checks_whole = true,
    .qualified_finalizers = false,
    .columns = admission_policy_binding::kColumns,
    .row = admission_policy_binding::row,
    .unconditional_update = false,
};

extern const Rules kMutatingAdmissionPolicyBindingRules{
    .group = "admissionregistration.k8s.io",
    .kind = "MutatingAdmissionPolicyBinding",
    .defaults = admission_policy_binding::defaults,
    .validate = admission_policy_binding::validate_mutating,
    .validate_update = admission_policy_binding::validate_mutating_update,
    .warnings = admission::warn_of_static_name,
    .update_checks_metadata = false,
    .update_checks_whole = true,
    .qualified_finalizers = false,
    .columns = admission_policy_binding::kColumns,
    .row = admission_policy_binding::row,
    .unconditional_update = false,
};

}  // namespace sampan::registry
