// The scheduler's numbers, under upstream's names.
#pragma once
#include <string>

#include "base/metrics.h"

namespace sampan::scheduler {

struct Metrics {
  MetricFamily attempts;             // schedule_attempts_total
  MetricFamily attempt_duration;     // scheduling_attempt_duration_seconds
  MetricFamily algorithm_duration;   // scheduling_algorithm_duration_seconds
  MetricFamily sli_duration;         // pod_scheduling_sli_duration_seconds
  MetricFamily pod_attempts;         // pod_scheduling_attempts
  MetricFamily preemption_attempts, preemption_victims;
  MetricFamily pending;              // pending_pods
  MetricFamily incoming;             // queue_incoming_pods_total
  MetricFamily unschedulable;        // unschedulable_pods
  MetricFamily after_flush;          // pod_scheduled_after_flush_total
  MetricFamily cache_size;
  MetricFamily extension_point_duration;  // framework_extension_point_duration_seconds
  Metrics();
  void write(std::string& out) const;
};

Metrics& metrics();

}  // namespace sampan::scheduler
