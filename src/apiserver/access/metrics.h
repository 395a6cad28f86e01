// What is counted about who may do what, by upstream's names.
#pragma once
#include <mutex>
#include <string>

#include "base/metrics.h"

namespace sampan::apiserver {

class AccessMetrics {
 public:
  AccessMetrics();

  // Decisions of an authoriser that end the asking; `decision` is "allowed" or "denied".
  Series& decisions(std::string_view type, std::string_view name, std::string_view decision) { return decisions_.with({type, name, decision}); }
  // A webhook was asked; `result` is "success", "timeout" or "error".
  void webhook_asked(std::string_view name, std::string_view result, double seconds);
  // It could not be, and others decide.
  void webhook_failed_open(std::string_view name, std::string_view result) { webhook_fail_open_.with({name, result}).add(); }
  // The conditions of a webhook on a request: whether one could not be found out, and whether it is not asked for one that is false.
  void conditions_judged(std::string_view name, double seconds, bool failed, bool excluded);
  // The file of authorisers that is in force, and that it was read again, well or not.
  void config_in_use(std::string_view text);
  void config_reloaded(bool well, int64_t now_us);

  void write(std::string& out) const;

 private:
  MetricFamily decisions_, webhook_evaluations_, webhook_durations_, webhook_fail_open_, condition_errors_, condition_exclusions_, condition_seconds_, reloads_, reload_times_;
  const std::string server_hash_;  // of this server's identity
  mutable std::mutex mutex_;       // guards the rest
  std::string config_hash_;
};

}  // namespace sampan::apiserver
