#include "apiserver/admission/admission_metrics.h"

#include "base/text.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kCallLabels[] = {"name", "type", "operation", "rejected"};
constexpr std::string_view kRequestLabels[] = {"name", "type", "operation", "code", "rejected"};
constexpr std::string_view kRejectionLabels[] = {"name", "type", "operation", "error_type", "rejection_code"};
constexpr std::string_view kFailOpenLabels[] = {"name", "type"};
constexpr std::string_view kConditionLabels[] = {"name", "kind", "type", "operation"};
constexpr std::string_view kValidationLabels[] = {"policy", "policy_binding", "error_type", "enforcement_action"};
constexpr std::string_view kMutationLabels[] = {"policy", "policy_binding", "error_type"};
constexpr double kSeconds[] = {0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 10, 25};
constexpr double kConditionSeconds[] = {0.001, 0.005, 0.01, 0.025, 0.1, 0.2, 0.25};
constexpr double kCheckSeconds[] = {0.0000005, 0.001, 0.01, 0.1, 1.0};
constexpr int kCodeMax = 600;  // larger ones are counted as this, so that nobody makes up any number of them

// As upstream sorts them, by how they begin: a refusal is an "invalid_error", too.
std::string_view error_type(std::string_view why) {
  if (why.empty()) return "no_error";
  if (why.starts_with("compilation")) return "compile_error";
  return why.starts_with("validation failed due to running out of cost budget") ? "out_of_budget" : "invalid_error";
}

std::string_view truth(bool value) { return value ? "true" : "false"; }

}  // namespace

AdmissionMetrics::AdmissionMetrics()
    : durations_({"apiserver_admission_webhook_admission_duration_seconds", "[STABLE] Seconds that admission webhooks took to answer.", MetricKind::Histogram,
                  kCallLabels, kSeconds}),
      requests_({"apiserver_admission_webhook_request_total", "[ALPHA] Requests to admission webhooks.", MetricKind::Counter, kRequestLabels}),
      rejections_({"apiserver_admission_webhook_rejection_count", "[ALPHA] Requests that admission webhooks, or their silence, refused.", MetricKind::Counter,
                   kRejectionLabels}),
      fail_open_({"apiserver_admission_webhook_fail_open_count", "[ALPHA] Requests that went on without the word of a webhook.", MetricKind::Counter, kFailOpenLabels}),
      condition_seconds_({"apiserver_admission_match_condition_evaluation_seconds", "[ALPHA] Seconds that the conditions of webhooks and policies took, where they did not hold.",
                          MetricKind::Histogram, kConditionLabels, kConditionSeconds}),
      condition_errors_({"apiserver_admission_match_condition_evaluation_errors_total", "[ALPHA] Conditions of webhooks and policies that gave no answer.", MetricKind::Counter,
                         kConditionLabels}),
      condition_exclusions_({"apiserver_admission_match_condition_exclusions_total", "[ALPHA] Webhooks that were not asked because of their conditions.", MetricKind::Counter,
                             kConditionLabels}),
      validations_({"apiserver_validating_admission_policy_check_total", "[BETA] Validations of policies that refused or failed, and what was done about it.", MetricKind::Counter,
                    kValidationLabels}),
      validation_seconds_({"apiserver_validating_admission_policy_check_duration_seconds", "[BETA] Seconds that these validations took.", MetricKind::Histogram, kValidationLabels,
                           kCheckSeconds}),
      mutations_({"apiserver_mutating_admission_policy_check_total", "[ALPHA] Mutations by policies.", MetricKind::Counter, kMutationLabels}),
      mutation_seconds_({"apiserver_mutating_admission_policy_check_duration_seconds", "[ALPHA] Seconds that mutations by policies took.", MetricKind::Histogram, kMutationLabels,
                         kCheckSeconds}) {}

void AdmissionMetrics::webhook_called(const Call& call) {
  durations_.with({call.name, call.type, call.operation, truth(call.rejected)}).observe(call.seconds);
  requests_.with({call.name, call.type, call.operation, concat(std::min(call.code, kCodeMax)), truth(call.rejected)}).add();
}

void AdmissionMetrics::webhook_rejected(const Call& call, std::string_view error_type) {
  rejections_.with({call.name, call.type, call.operation, error_type, concat(std::min(call.code, kCodeMax))}).add();
}

void AdmissionMetrics::conditions_evaluated(const Conditions& of, double seconds) {
  condition_seconds_.with({of.name, of.kind, of.type, of.operation}).observe(seconds);
}

void AdmissionMetrics::conditions_failed(const Conditions& of, size_t count) {
  if (count > 0) condition_errors_.with({of.name, of.kind, of.type, of.operation}).add(static_cast<int64_t>(count));
}

void AdmissionMetrics::excluded_by_conditions(const Conditions& of) { condition_exclusions_.with({of.name, of.kind, of.type, of.operation}).add(); }

void AdmissionMetrics::validation_checked(const Check& check, std::string_view action) {
  validations_.with({check.policy, check.binding, error_type(check.why), action}).add();
  validation_seconds_.with({check.policy, check.binding, error_type(check.why), action}).observe(check.seconds);
}

void AdmissionMetrics::mutation_checked(const Check& check) {
  mutations_.with({check.policy, check.binding, error_type(check.why)}).add();
  mutation_seconds_.with({check.policy, check.binding, error_type(check.why)}).observe(check.seconds);
}

void AdmissionMetrics::write(std::string& out) const {
  for (const auto* family : {&durations_, &requests_, &rejections_, &fail_open_, &condition_seconds_, &condition_errors_, &condition_exclusions_, &validations_,
                             &validation_seconds_, &mutations_, &mutation_seconds_})
    family->write(out);
}

}  // namespace sampan::apiserver
