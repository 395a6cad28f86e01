#include "apiserver/admission/admission_metrics.h"

#include "base/text.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kCallLabels[] = {"name", "type", "operation", "rejected"};
constexpr std::string_view kRequestLabels[] = {"name", "type", "operation", "code", "rejected"};
constexpr std::string_view kRejectionLabels[] = {"name", "type", "operation", "error_type", "rejection_code"};
constexpr std::string_view kFailOpenLabels[] = {"name", "type"};
constexpr double kSeconds[] = {0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 10, 25};
constexpr int kCodeMax = 600;  // larger ones are counted as this, so that nobody makes up any number of them

std::string_view truth(bool value) { return value ? "true" : "false"; }

}  // namespace

AdmissionMetrics::AdmissionMetrics()
    : durations_({"apiserver_admission_webhook_admission_duration_seconds", "[STABLE] Seconds that admission webhooks took to answer.", MetricKind::Histogram,
                  kCallLabels, kSeconds}),
      requests_({"apiserver_admission_webhook_request_total", "[ALPHA] Requests to admission webhooks.", MetricKind::Counter, kRequestLabels}),
      rejections_({"apiserver_admission_webhook_rejection_count", "[ALPHA] Requests that admission webhooks, or their silence, refused.", MetricKind::Counter,
                   kRejectionLabels}),
      fail_open_({"apiserver_admission_webhook_fail_open_count", "[ALPHA] Requests that went on without the word of a webhook.", MetricKind::Counter, kFailOpenLabels}) {}

void AdmissionMetrics::webhook_called(const Call& call) {
  durations_.with({call.name, call.type, call.operation, truth(call.rejected)}).observe(call.seconds);
  requests_.with({call.name, call.type, call.operation, concat(std::min(call.code, kCodeMax)), truth(call.rejected)}).add();
}

void AdmissionMetrics::webhook_rejected(const Call& call, std::string_view error_type) {
  rejections_.with({call.name, call.type, call.operation, error_type, concat(std::min(call.code, kCodeMax))}).add();
}

void AdmissionMetrics::write(std::string& out) const {
  for (const auto* family : {&durations_, &requests_, &rejections_, &fail_open_}) family->write(out);
}

}  // namespace sampan::apiserver
