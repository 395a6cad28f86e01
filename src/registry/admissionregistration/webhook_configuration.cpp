// ValidatingWebhookConfiguration and MutatingWebhookConfiguration: who is asked before something is written.
#include "base/text.h"
#include "registry/admissionregistration/match.h"
#include "registry/columns.h"
#include "registry/webhook_client.h"

namespace sampan::registry {

namespace webhook_configuration {

using schema::AnyView;

// What old objects may have that new ones may not.
struct Tolerated {
  bool side_effects = false, unknown_versions = false, duplicate_names = false, conditions = false;
  SelectorOptions selectors;
};

void default_webhook(Value hook, bool mutating) {
  constexpr int64_t kTimeoutSeconds = 10;
  if (!hook.is_object()) return;
  if (hook["failurePolicy"].is_missing()) hook.set("failurePolicy", "Fail");
  admission::default_match(hook);
  if (hook["timeoutSeconds"].is_missing()) hook.set("timeoutSeconds", kTimeoutSeconds);
  if (mutating && hook["reinvocationPolicy"].is_missing()) hook.set("reinvocationPolicy", "Never");
  default_webhook_service(hook["clientConfig"]["service"]);
  for (Value rule : hook["rules"].items()) admission::default_rule(rule);
}

void default_validating(Value object, std::string_view) {
  for (Value hook : object["webhooks"].items()) default_webhook(hook, false);
}
void default_mutating(Value object, std::string_view) {
  for (Value hook : object["webhooks"].items()) default_webhook(hook, true);
}

void validate_selectors(const At& hook, SelectorOptions options) {
  for (auto field : {"namespaceSelector", "objectSelector"}) {
    At selector = hook[field];
    if (selector.present()) validate_label_selector(hook.errors(), selector.path(), selector.value(), options);
  }
}

bool is_known_version(std::string_view version) { return version == "v1" || version == "v1beta1"; }

bool knows_version(const AnyView& versions) {
  for (uint32_t i = 0; i < versions.size(); i++)
    if (is_known_version(versions.item(i).as_string())) return true;
  return false;
}

void validate_versions(const At& versions, bool tolerate_unknown) {
  if (versions.size() == 0) return versions.required("must specify one of v1, v1beta1");
  for (uint32_t i = 0; i < versions.size(); i++) {
    At version = versions.item(i);
    bool repeated = false;
    for (uint32_t j = 0; j < i; j++) repeated |= versions.value().item(j).as_string() == version.text();
    repeated ? version.invalid("duplicate version") : version.must_be(check_dns1035_label);
  }
  if (!tolerate_unknown && !knows_version(versions.value())) versions.invalid("must include at least one of v1, v1beta1");
}

bool has_no_side_effects(std::string_view value) { return value == "None" || value == "NoneOnDryRun"; }

void validate_side_effects(const At& effects, bool tolerate) {
  if (!effects.present())
    effects.required(tolerate ? "must specify one of None, NoneOnDryRun, Some, Unknown" : "must specify one of None, NoneOnDryRun");
  else if (tolerate)
    effects.one_of({"None", "NoneOnDryRun", "Some", "Unknown"});
  else
    effects.one_of({"None", "NoneOnDryRun"});
}

void validate_webhook(const At& hook, const Tolerated& tolerated) {
  require_fully_qualified_name(hook.errors(), hook["name"].path(), hook["name"].text());
  At rules = hook["rules"], timeout = hook["timeoutSeconds"];
  for (uint32_t i = 0; i < rules.size(); i++) admission::validate_rule(rules.item(i));
  if (hook["failurePolicy"].present()) hook["failurePolicy"].one_of({"Fail", "Ignore"});
  if (hook["matchPolicy"].present()) hook["matchPolicy"].one_of({"Equivalent", "Exact"});
  validate_side_effects(hook["sideEffects"], tolerated.side_effects);
  if (timeout.present() && (timeout.number() < 1 || timeout.number() > 30))
    timeout.invalid(Shown(timeout.number()), "the timeout value must be between 1 and 30 seconds");
  if (hook["reinvocationPolicy"].present()) hook["reinvocationPolicy"].one_of({"IfNeeded", "Never"});
  validate_selectors(hook, tolerated.selectors);
  validate_webhook_client(hook["clientConfig"]);
  if (!tolerated.conditions) admission::validate_match_conditions(hook["matchConditions"], false);
  validate_versions(hook["admissionReviewVersions"], tolerated.unknown_versions);
}

bool repeats_name(const AnyView& hooks, uint32_t i) {
  auto name = hooks.item(i)["name"].as_string();
  for (uint32_t j = 0; j < i; j++)
    if (hooks.item(j)["name"].as_string() == name) return true;
  return false;
}

void validate_all(const Object& object, const Tolerated& tolerated, FieldErrors& errors) {
  Path path("webhooks");
  At hooks(object["webhooks"], path, errors);
  for (uint32_t i = 0; i < hooks.size(); i++) {
    At hook = hooks.item(i);
    validate_webhook(hook, tolerated);
    if (!tolerated.duplicate_names && !hook["name"].empty() && repeats_name(hooks.value(), i)) hook["name"].duplicate();
  }
}

Tolerated tolerated_of(const Object& object, const Object& old) {
  Tolerated out;
  FieldErrors ignored;
  Path path("webhooks");
  At before(old["webhooks"], path, ignored);
  auto now = object["webhooks"];
  out.conditions = now.size() == before.size();
  for (uint32_t i = 0; i < before.size(); i++) {
    At hook = before.item(i);
    out.side_effects |= !has_no_side_effects(hook["sideEffects"].text());
    out.unknown_versions |= hook["admissionReviewVersions"].size() > 0 && !knows_version(hook["admissionReviewVersions"].value());
    out.duplicate_names |= repeats_name(before.value(), i);
    out.conditions = out.conditions && now.item(i)["matchConditions"].equals(hook["matchConditions"].value());
    validate_selectors(hook, {});
  }
  out.selectors.allow_invalid_values = !ignored.empty();
  return out;
}

void validate(const Object& object, FieldErrors& errors) { validate_all(object, {}, errors); }
void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  validate_all(object, tolerated_of(object, old), errors);
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"Webhooks", "integer", "", "Webhooks indicates the number of webhooks registered in this configuration"},
    kAgeColumn,
};

void row(const Object& object, Row& row) {
  name_cell(object, row);
  row.number(object["webhooks"].size());
  age_cell(object, row);
}

}  // namespace webhook_configuration

extern const Rules kValidatingWebhookConfigurationRules{
    .group = "admissionregistration.k8s.io",
    .kind = "ValidatingWebhookConfiguration",
    .defaults = webhook_configuration::default_validating,
    .validate = webhook_configuration::validate,
    .validate_update = webhook_configuration::validate_update,
    .warnings = admission::warn_of_static_name,
    .update_checks_metadata = false,
    .update_checks_whole = true,
    .qualified_finalizers = false,
    .columns = webhook_configuration::kColumns,
    .row = webhook_configuration::row,
    .empty_list_counts = true,
    .unconditional_update = false,
};

extern const Rules kMutatingWebhookConfigurationRules{
    .group = "admissionregistration.k8s.io",
    .kind = "MutatingWebhookConfiguration",
    .defaults = webhook_configuration::default_mutating,
    .validate = webhook_configuration::validate,
    .validate_update = webhook_configuration::validate_update,
    .warnings = admission::warn_of_static_name,
    .update_checks_metadata = false,
    .update_checks_whole = true,
    .qualified_finalizers = false,
    .columns = webhook_configuration::kColumns,
    .row = webhook_configuration::row,
    .empty_list_counts = true,
    .unconditional_update = false,
};

}  // namespace sampan::registry
