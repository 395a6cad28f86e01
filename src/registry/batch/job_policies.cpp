// What a job does about pods that fail, and when it counts as done.
#include "base/text.h"
#include "registry/batch/job_spec.h"

namespace sampan::registry {

namespace {

constexpr uint32_t kRulesMax = 20, kPatternsMax = 20, kExitCodesMax = 255;
constexpr size_t kSucceededIndexesMax = 64 * 1024;

bool has_container(const AnyView& spec, std::string_view name) {
  for (auto list : {"containers", "initContainers"}) {
    AnyView containers = spec["template"]["spec"][list];
    for (uint32_t i = 0; i < containers.size(); i++)
      if (containers.item(i)["name"].as_string() == name) return true;
  }
  return false;
}

void validate_exit_codes(const At& codes, const AnyView& job_spec) {
  At op = codes["operator"], name = codes["containerName"], values = codes["values"];
  if (op.empty())
    op.required("valid values: [\"In\" \"NotIn\"]");
  else
    op.one_of({"In", "NotIn"});
  if (name.present() && !has_container(job_spec, name.text()))
    name.invalid("must be one of the container or initContainer names in the pod template");
  if (values.size() == 0)
    values.invalid(Shown::null(), "at least one value is required");
  else if (values.size() > kExitCodesMax)
    values.errors().too_many(values.path(), values.size(), kExitCodesMax);
  bool ordered = true;
  std::vector<int64_t> seen;
  for (uint32_t i = 0; i < values.size(); i++) {
    At value = values.item(i);
    int64_t number = value.number();
    if (op.text() == "In" && number == 0) value.invalid(Shown(number), "must not be 0 for the In operator");
    if (std::find(seen.begin(), seen.end(), number) != seen.end())
      value.errors().duplicate(value.path(), Shown(number));
    else if (!seen.empty() && seen.back() > number)
      ordered = false;
    seen.push_back(number);
  }
  if (!ordered) values.invalid("must be ordered");
}

void validate_patterns(const At& patterns) {
  if (patterns.size() > kPatternsMax) patterns.errors().too_many(patterns.path(), patterns.size(), kPatternsMax);
  for (uint32_t i = 0; i < patterns.size(); i++) {
    At pattern = patterns.item(i), status = pattern["status"];
    pattern["type"].must_be(check_qualified_name);
    if (status.empty())
      status.required("valid values: [\"False\" \"True\" \"Unknown\"]");
    else
      status.one_of({"False", "True", "Unknown"});
  }
}

void validate_failure_rule(const At& rule, const AnyView& job_spec) {
  At action = rule["action"], codes = rule["onExitCodes"], patterns = rule["onPodConditions"];
  if (action.empty())
    action.required("valid values: [\"Count\" \"FailIndex\" \"FailJob\" \"Ignore\"]");
  else if (action.text() != "FailIndex")
    action.one_of({"Count", "FailIndex", "FailJob", "Ignore"});
  else if (!job_spec["backoffLimitPerIndex"].present())
    action.invalid("requires the backoffLimitPerIndex to be set");
  if (codes.present()) validate_exit_codes(codes, job_spec);
  validate_patterns(patterns);
  if (codes.present() && patterns.size() > 0)
    rule.invalid(Shown::omitted(), "specifying both OnExitCodes and OnPodConditions is not supported");
  if (!codes.present() && patterns.size() == 0)
    rule.invalid(Shown::omitted(), "specifying one of OnExitCodes and OnPodConditions is required");
}

void validate_success_rule(const At& rule, int64_t completions) {
  At count = rule["succeededCount"], indexes = rule["succeededIndexes"];
  if (!count.present() && !indexes.present()) rule.required("at least one of succeededCount or succeededIndexes must be specified");
  int64_t listed = 0;
  if (indexes.present()) {
    if (indexes.text().size() > kSucceededIndexesMax) indexes.too_long(kSucceededIndexesMax);
    std::string complaint;
    listed = count_indexes(indexes.text(), completions, complaint);
    if (!complaint.empty()) indexes.invalid(Shown(indexes.text()), concat("error parsing succeededIndexes: ", complaint));
  }
  if (!count.present()) return;
  count.not_negative();
  if (count.number() > completions)
    count.invalid(concat("must be less than or equal to ", completions, " (the number of specified completions)"));
  if (indexes.present() && count.number() > listed)
    count.invalid(concat("must be less than or equal to ", listed, " (the number of indexes in the specified succeededIndexes field)"));
}

}  // namespace

void default_failure_policy(Value job_spec) {
  for (Value rule : job_spec["podFailurePolicy"]["rules"].items())
    for (Value pattern : rule["onPodConditions"].items())
      if (pattern.is_object()) default_text(pattern, "status", "True");
}

void validate_failure_policy(const At& spec) {
  At policy = spec["podFailurePolicy"], rules = policy["rules"], replacement = spec["podReplacementPolicy"];
  if (rules.size() > kRulesMax) rules.errors().too_many(rules.path(), rules.size(), kRulesMax);
  for (uint32_t i = 0; i < rules.size(); i++) validate_failure_rule(rules.item(i), spec.value());
  if (!replacement.present()) return;
  if (policy.present())
    replacement.one_of({"Failed"});
  else
    replacement.one_of({"Failed", "TerminatingOrFailed"});
}

void validate_success_policy(const At& spec) {
  At policy = spec["successPolicy"], rules = policy["rules"];
  if (!policy.present()) return;
  if (!is_indexed(spec.value())) return policy.invalid(policy.internal(), "requires indexed completion mode");
  if (rules.size() == 0) rules.required("at least one rules must be specified when the successPolicy is specified");
  if (rules.size() > kRulesMax) rules.errors().too_many(rules.path(), rules.size(), kRulesMax);
  for (uint32_t i = 0; i < rules.size(); i++) validate_success_rule(rules.item(i), spec["completions"].number());
}

}  // namespace sampan::registry
