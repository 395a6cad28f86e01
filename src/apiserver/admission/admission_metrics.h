// What is counted about admission, by upstream's names.
#pragma once
#include <string>

#include "base/metrics.h"

namespace sampan::apiserver {

class AdmissionMetrics {
 public:
  AdmissionMetrics();

  struct Call {
    std::string_view name, type, operation;  // type: "admit" or "validating"
    bool rejected = false;
    int code = 0;
    double seconds = 0;
  };
  void webhook_called(const Call& call);
  // Why a webhook's word, or its silence, refused a request: "no_error", "calling_webhook_error" or "apiserver_internal_error".
  void webhook_rejected(const Call& call, std::string_view error_type);
  void webhook_failed_open(std::string_view name, std::string_view type) { fail_open_.with({name, type}).add(); }

  struct Conditions {
    std::string_view name, kind, type, operation;  // kind: "webhook" or "policy"; type: "admit", "validate" or "validating"
  };
  void conditions_evaluated(const Conditions& of, double seconds);
  void conditions_failed(const Conditions& of, size_t count);
  void excluded_by_conditions(const Conditions& of);  // a webhook was not asked

  // What a policy's expression came to, and why ("" = it holds).
  struct Check {
    std::string_view policy, binding, why;
    double seconds = 0;
  };
  void validation_checked(const Check& check, std::string_view action);  // "allow", "deny", "audit", "warn"
  void mutation_checked(const Check& check);

  void write(std::string& out) const;

 private:
  MetricFamily durations_, requests_, rejections_, fail_open_;
  MetricFamily condition_seconds_, condition_errors_, condition_exclusions_;
  MetricFamily validations_, validation_seconds_, mutations_, mutation_seconds_;
};

}  // namespace sampan::apiserver
