// ValidatingAdmissionPolicy and MutatingAdmissionPolicy: rules in CEL for what may be written, and how it is changed.
#include "base/text.h"
#include "registry/admissionregistration/match.h"
#include "registry/columns.h"
#include "registry/keep_metadata.h"

namespace sampan::registry {

namespace admission_policy {

using cel::Type;
using cel::admission::Compiler;
using cel::admission::Names;

void defaults(Value object, std::string_view) {
  Value spec = object.ensure_object("spec");
  if (spec["failurePolicy"].is_missing()) spec.set("failurePolicy", "Fail");
  admission::default_match_resources(spec["matchConstraints"]);
}

bool is_cel_identifier(std::string_view name) {
  static constexpr std::string_view kReserved[] = {"true",  "false", "null", "in",     "as",   "break",   "const",     "continue", "else", "for", "function",
                                                   "if",    "import", "let", "loop",   "package", "namespace", "return", "var",      "void", "while"};
  Complaints complaints;
  check_c_identifier(name, complaints);
  return complaints.empty() && std::find(std::begin(kReserved), std::end(kReserved), name) == std::end(kReserved);
}

// The compiler knows the policy's variables, so they come before what uses them.
struct Policy {
  Compiler compiler;
  bool params;
  Names names() const { return {.params = params, .authorizer = true}; }
};

void validate_variables(const At& variables, Policy& policy) {
  for (uint32_t i = 0; i < variables.size(); i++) {
    At variable = variables.item(i);
    At name = variable["name"], expression = variable["expression"];
    if (admission::is_blank(name.text()))
      name.required("name is not specified");
    else if (!is_cel_identifier(name.text()))
      name.invalid("must be a valid CEL identifier");
    if (admission::is_blank(expression.text()))
      expression.required("expression is not specified");
    else
      admission::require_program(expression, policy.compiler.define(std::string(name.text()), std::string(expression.text()), policy.names()));
  }
}

// What both kinds have.
void validate_common(const At& spec, bool same_conditions, Policy& policy) {
  At failures = spec["failurePolicy"], constraints = spec["matchConstraints"];
  failures.present() ? void(failures.one_of({"Fail", "Ignore"})) : failures.required();
  admission::validate_param_kind(spec["paramKind"]);
  if (!constraints.present()) {
    constraints.required();
  } else {
    admission::validate_match_resources(constraints);
    if (constraints["resourceRules"].size() == 0) constraints["resourceRules"].required();
  }
  if (!same_conditions) admission::validate_match_conditions(spec["matchConditions"], policy.params);
  validate_variables(spec["variables"], policy);
}

void validate_validation(const At& validation, Policy& policy) {
  static const Type kRules[] = {Type::Kind::Bool}, kMessages[] = {Type::Kind::String};
  At expression = validation["expression"], message = validation["message"], message_expression = validation["messageExpression"];
  if (admission::is_blank(expression.text()))
    expression.required("expression is not specified");
  else
    admission::require_program(expression, policy.compiler.compile(std::string(expression.text()), policy.names(), kRules));
  if (!admission::is_blank(message_expression.text()))
    admission::require_program(message_expression, policy.compiler.compile(std::string(message_expression.text()), {.params = policy.params}, kMessages));
  else if (!message_expression.empty())
    message_expression.invalid("must be non-empty if specified");
  if (!message.empty() && admission::is_blank(message.text()))
    message.invalid("must be non-empty if specified");
  else if (trim(message.text()).find_first_of("\r\n") != std::string_view::npos)
    message.invalid("must not contain line breaks");
  if (validation["reason"].present()) validation["reason"].one_of({"Forbidden", "Invalid", "RequestEntityTooLarge"});
}

void validate_annotation(const At& annotation, std::string_view policy_name, Policy& policy) {
  constexpr size_t kExpressionBytesMax = 5 * 1024;
  static const Type kValues[] = {Type::Kind::String, Type::Kind::Null};
  At key = annotation["key"], expression = annotation["valueExpression"];
  if (policy_name.empty()) {
    key.invalid(Shown(key.text()), "requires metadata.name be non-empty");
  } else {
    require_qualified_name(key.errors(), key.path(), concat(policy_name, "/", key.text()));
  }
  auto text = trim(expression.text());
  if (text.empty())
    expression.required("valueExpression is not specified");
  else if (text.size() > kExpressionBytesMax)
    expression.required(concat("must not exceed ", kExpressionBytesMax, " bytes in length"));
  else
    admission::require_program(expression, policy.compiler.compile(std::string(text), policy.names(), kValues), expression.text());
}

void validate_annotations(const At& annotations, std::string_view policy_name, Policy& policy) {
  constexpr uint32_t kAnnotationsMax = 20;
  if (annotations.size() > kAnnotationsMax)
    annotations.invalid(annotations.internal(), concat("must not have more than ", kAnnotationsMax, " auditAnnotations"));
  for (uint32_t i = 0; i < annotations.size(); i++) {
    At annotation = annotations.item(i);
    validate_annotation(annotation, policy_name, policy);
    for (uint32_t j = 0; j < i; j++)
      if (annotations.value().item(j)["key"].as_string() == annotation["key"].text()) {
        annotation["key"].duplicate();
        break;
      }
  }
}

void validate_validating_spec(const Object& object, bool same_conditions, FieldErrors& errors) {
  constexpr std::string_view kNothing = "validations or auditAnnotations must contain at least one item";
  Path path("spec");
  At spec(object["spec"], path, errors);
  At validations = spec["validations"], annotations = spec["auditAnnotations"];
  Policy policy{Compiler(spec["variables"].size() > 0 ? Compiler::Composition::Variables : Compiler::Composition::None), spec["paramKind"].present()};
  validate_common(spec, same_conditions, policy);
  if (validations.size() == 0 && annotations.size() == 0) {
    validations.required(kNothing);
    annotations.required(kNothing);
  }
  for (uint32_t i = 0; i < validations.size(); i++) validate_validation(validations.item(i), policy);
  validate_annotations(annotations, name_of(object), policy);
}

void validate_patch(const At& patch, std::string_view type, const Type& result, Policy& policy) {
  if (!patch.present()) return patch.required(concat("must be specified when patchType is ", type));
  At expression = patch["expression"];
  auto text = trim(expression.text());
  Names names = policy.names();
  names.patches = true;
  text.empty() ? expression.required() : admission::require_program(expression, policy.compiler.compile(std::string(text), names, {&result, 1}));
}

void validate_mutation(const At& mutation, Policy& policy) {
  At type = mutation["patchType"];
  if (type.empty()) return type.required();
  if (!type.one_of({"ApplyConfiguration", "JSONPatch"})) return;
  const bool is_json = type.text() == "JSONPatch";
  std::string_view field = is_json ? "jsonPatch" : "applyConfiguration", other_field = is_json ? "applyConfiguration" : "jsonPatch";
  validate_patch(mutation[field], type.text(), is_json ? Type::list(Type::structure("JSONPatch")) : Type::structure("Object"), policy);
  At other = mutation[other_field];
  if (other.present()) other.invalid(Shown(concat("{", other_field, "}")), concat("must not be specified when patchType is ", type.text()));
}

void validate_mutating_spec(const Object& object, bool same_conditions, FieldErrors& errors) {
  Path path("spec");
  At spec(object["spec"], path, errors);
  Policy policy{Compiler(Compiler::Composition::Variables), spec["paramKind"].present()};
  validate_common(spec, same_conditions, policy);
  admission::forbid_deletions(spec["matchConstraints"]);
  At mutations = spec["mutations"], reinvocation = spec["reinvocationPolicy"];
  if (mutations.size() == 0) mutations.required("mutations must contain at least one item");
  for (uint32_t i = 0; i < mutations.size(); i++) validate_mutation(mutations.item(i), policy);
  reinvocation.empty() ? reinvocation.required() : void(reinvocation.one_of({"IfNeeded", "Never"}));
}

bool same_conditions(const Object& object, const Object& old) {
  auto now = object["spec"], before = old["spec"];
  return now["paramKind"].equals(before["paramKind"]) && now["matchConditions"].equals(before["matchConditions"]);
}

void validate_validating(const Object& object, FieldErrors& errors) { validate_validating_spec(object, false, errors); }
void validate_validating_update(const Object& object, const Object& old, FieldErrors& errors) {
  validate_validating_spec(object, same_conditions(object, old), errors);
}
void validate_mutating(const Object& object, FieldErrors& errors) { validate_mutating_spec(object, false, errors); }
void validate_mutating_update(const Object& object, const Object& old, FieldErrors& errors) {
  validate_mutating_spec(object, same_conditions(object, old), errors);
}

void validate_status(std::string_view, const Object& object, const Object&, FieldErrors& errors) {
  Path path("status");
  At status(object["status"], path, errors);
  At checking = status["typeChecking"];
  At warnings = checking["expressionWarnings"];
  for (uint32_t i = 0; i < warnings.size(); i++) {
    At warning = warnings.item(i);
    if (warning["warning"].empty()) warning["warning"].required();
    if (admission::is_blank(warning["fieldRef"].text())) warning["fieldRef"].required();
  }
  validate_conditions(errors, status["conditions"].path(), status["conditions"].value());
}

constexpr Column kParamKindColumn{"ParamKind", "string", "", "ParamKind specifies the kind of resources used to parameterize this policy"};
constexpr Column kValidatingColumns[] = {
    kNameColumn,
    {"Validations", "integer", "", "Validations indicates the number of validation rules defined in this configuration"},
    kParamKindColumn,
    kAgeColumn,
};
constexpr Column kMutatingColumns[] = {
    kNameColumn,
    {"Mutations", "integer", "", "Mutation indicates the number of mutations rules defined in this configuration"},
    kParamKindColumn,
    kAgeColumn,
};

void row_with(const Object& object, std::string_view counted, Row& row) {
  auto spec = object["spec"], kind = spec["paramKind"];
  name_cell(object, row);
  row.number(spec[counted].size());
  row.text(kind.present() ? concat(kind["apiVersion"].as_string(), "/", kind["kind"].as_string()) : "<unset>");
  age_cell(object, row);
}
void validating_row(const Object& object, Row& row) { row_with(object, "validations", row); }
void mutating_row(const Object& object, Row& row) { row_with(object, "mutations", row); }

constexpr std::string_view kStatusReset[] = {"metadata", "spec"};

}  // namespace admission_policy

extern const Rules kValidatingAdmissionPolicyRules{
    .group = "admissionregistration.k8s.io",
    .kind = "ValidatingAdmissionPolicy",
    .defaults = admission_policy::defaults,
    .prepare_update = keep_metadata_in_status,
    .validate = admission_policy::validate_validating,
    .validate_update = admission_policy::validate_validating_update,
    .validate_subresource = admission_policy::validate_status,
    .warnings = admission::warn_of_static_name,
    .update_checks_metadata = false,
    .update_checks_whole = true,
    .qualified_finalizers = false,
    .columns = admission_policy::kValidatingColumns,
    .row = admission_policy::validating_row,
    .unconditional_update = false,
    .status_reset_fields = admission_policy::kStatusReset,
};

extern const Rules kMutatingAdmissionPolicyRules{
    .group = "admissionregistration.k8s.io",
    .kind = "MutatingAdmissionPolicy",
    .defaults = admission_policy::defaults,
    .validate = admission_policy::validate_mutating,
    .validate_update = admission_policy::validate_mutating_update,
    .warnings = admission::warn_of_static_name,
    .update_checks_metadata = false,
    .update_checks_whole = true,
    .qualified_finalizers = false,
    .columns = admission_policy::kMutatingColumns,
    .row = admission_policy::mutating_row,
    .unconditional_update = false,
};

}  // namespace sampan::registry
