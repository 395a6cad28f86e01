// The parts of the rules of HorizontalPodAutoscalers.
#pragma once
#include <string_view>

#include "registry/apps/workload.h"

namespace sampan::registry::autoscaling {

// Between autoscaling/v1 and autoscaling/v2. What v1 has no fields for is kept in annotations of it, as JSON.
void convert(Value object, std::string_view from, std::string_view to);
void drop_round_trip_annotations(Value object);
inline constexpr std::string_view kRoundTripAnnotations[] = {
    "autoscaling.alpha.kubernetes.io/metrics",  "autoscaling.alpha.kubernetes.io/current-metrics",      "autoscaling.alpha.kubernetes.io/conditions",
    "autoscaling.alpha.kubernetes.io/behavior", "autoscaling.alpha.kubernetes.io/scale-down-tolerance", "autoscaling.alpha.kubernetes.io/scale-up-tolerance"};
void default_utilization(Value object);  // of v1, where no metric is given
inline constexpr int kDefaultUtilization = 80;

// ---- validation of specs, in the shape of v2 ----

struct ReferenceOptions {
  bool any_api_version = false;
  bool core_group = false;  // "v1" is fine
};
void validate_reference(const At& reference, const ReferenceOptions& options);
bool is_good_api_version(std::string_view api_version, const ReferenceOptions& options, std::string& complaint);
void validate_metrics(const At& metrics, const AnyView& min_replicas, const ReferenceOptions& options);
void validate_behavior(const At& behavior);

// "cpu: 50%/80%, 3/10 (avg) + 1 more..."
std::string metrics_text(const AnyView& specs, const AnyView& statuses);

}  // namespace sampan::registry::autoscaling
