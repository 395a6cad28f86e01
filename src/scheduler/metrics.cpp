#include "scheduler/metrics.h"

namespace sampan::scheduler {

namespace {
constexpr std::string_view kResultProfile[] = {"result", "profile"}, kAttempts[] = {"attempts"}, kQueue[] = {"queue"},
                           kQueueEvent[] = {"queue", "event"}, kPluginProfile[] = {"plugin", "profile"}, kType[] = {"type"},
                           kPoint[] = {"extension_point", "status", "profile"};

template <size_t N>
struct Doubling {  // N buckets, each twice as wide as the one before
  double bounds[N];
  constexpr explicit Doubling(double first) {
    for (double& bound : bounds) {
      bound = first;
      first *= 2;
    }
  }
};
constexpr Doubling<15> kMilliseconds(0.001);
constexpr Doubling<20> kLong(0.01);
constexpr Doubling<5> kTries(1);
constexpr Doubling<7> kVictims(1);
constexpr Doubling<12> kShort(0.0001);
}  // namespace

Metrics::Metrics()
    : attempts({"scheduler_schedule_attempts_total",
                "Number of attempts to schedule pods, by the result. 'unschedulable' means a pod could not be scheduled, while 'error' means "
                "an internal scheduler problem.",
                MetricKind::Counter, kResultProfile}),
      attempt_duration({"scheduler_scheduling_attempt_duration_seconds", "Scheduling attempt latency in seconds (scheduling algorithm + binding)",
                        MetricKind::Histogram, kResultProfile, kMilliseconds.bounds}),
      algorithm_duration({"scheduler_scheduling_algorithm_duration_seconds", "Scheduling algorithm latency in seconds", MetricKind::Histogram, {},
                          kMilliseconds.bounds}),
      sli_duration({"scheduler_pod_scheduling_sli_duration_seconds",
                    "E2e latency for a pod being scheduled, from the time the pod enters the scheduling queue and might involve multiple "
                    "scheduling attempts.",
                    MetricKind::Histogram, kAttempts, kLong.bounds}),
      pod_attempts({"scheduler_pod_scheduling_attempts", "Number of attempts to successfully schedule a pod.", MetricKind::Histogram, {},
                    kTries.bounds}),
      preemption_attempts({"scheduler_preemption_attempts_total", "Total preemption attempts in the cluster till now", MetricKind::Counter, {}}),
      preemption_victims({"scheduler_preemption_victims", "Number of selected preemption victims", MetricKind::Histogram, {}, kVictims.bounds}),
      pending({"scheduler_pending_pods",
               "Number of pending pods, by the queue type. 'active' means number of pods in activeQ; 'backoff' means number of pods in backoffQ; "
               "'unschedulable' means number of pods in unschedulablePods that the scheduler attempted to schedule and failed; 'gated' is the "
               "number of unschedulable pods that the scheduler never attempted to schedule because they are gated.",
               MetricKind::Gauge, kQueue}),
      incoming({"scheduler_queue_incoming_pods_total", "Number of pods added to scheduling queues by event and queue type.", MetricKind::Counter,
                kQueueEvent}),
      unschedulable({"scheduler_unschedulable_pods",
                     "The number of unschedulable pods broken down by plugin name. A pod will increment the gauge for all plugins that caused "
                     "it to not schedule and so this metric have meaning only when broken down by plugin.",
                     MetricKind::Gauge, kPluginProfile}),
      after_flush({"scheduler_pod_scheduled_after_flush_total",
                   "Number of pods that were successfully scheduled after being flushed from unschedulablePods due to timeout. This metric helps "
                   "detect potential queueing hint misconfigurations or event handling issues.",
                   MetricKind::Counter, {}}),
      cache_size({"scheduler_cache_size", "Number of nodes, pods, and assumed (bound) pods in the scheduler cache.", MetricKind::Gauge, kType}),
      extension_point_duration({"scheduler_framework_extension_point_duration_seconds", "Latency for running all plugins of a specific extension point.",
                                MetricKind::Histogram, kPoint, kShort.bounds}) {}

void Metrics::write(std::string& out) const {
  for (auto* family : {&attempts, &attempt_duration, &algorithm_duration, &sli_duration, &pod_attempts, &preemption_attempts, &preemption_victims,
                       &pending, &incoming, &unschedulable, &after_flush, &cache_size, &extension_point_duration})
    family->write(out);
}

Metrics& metrics() {
  static Metrics all;
  return all;
}

}  // namespace sampan::scheduler
