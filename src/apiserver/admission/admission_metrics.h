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

  void write(std::string& out) const;

 private:
  MetricFamily durations_, requests_, rejections_, fail_open_;
};

}  // namespace sampan::apiserver
