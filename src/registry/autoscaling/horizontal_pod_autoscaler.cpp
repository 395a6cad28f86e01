// HorizontalPodAutoscaler: how many pods a workload has, by what they have to do. The rules see the shape of v2, whatever the client speaks.
#include "registry/autoscaling/horizontal_pod_autoscaler.h"

#include "base/text.h"
#include "registry/columns.h"

namespace sampan::registry {

namespace autoscaling {

namespace {

constexpr int kPeriodSeconds = 15;

void push_policy(Value policies, std::string_view type, int value) {
  Value policy = Value::object(policies.arena());
  policy.set("type", type);
  policy.set("value", value);
  policy.set("periodSeconds", kPeriodSeconds);
  policies.push(policy);
}

// How a side of the behavior that says nothing else acts: up by 4 pods or to the double at once, down as far as it goes.
void default_rules(Value rules, bool up) {
  if (up) default_value(rules, "stabilizationWindowSeconds", 0);
  default_value(rules, "selectPolicy", "Max");
  if (!rules["policies"].is_missing()) return;
  Value policies = rules.ensure_list("policies");
  if (up) push_policy(policies, "Pods", 4);
  push_policy(policies, "Percent", 100);
}

void default_metrics(Value spec) {
  if (!spec["metrics"].empty()) return;
  Value metric = Value::object(spec.arena());
  metric.set("type", "Resource");
  Value resource = metric.ensure_object("resource");
  resource.set("name", "cpu");
  Value target = resource.ensure_object("target");
  target.set("type", "Utilization");
  target.set("averageUtilization", kDefaultUtilization);
  Value metrics = Value::list(spec.arena());
  metrics.push(metric);
  spec.set("metrics", metrics);
}

void defaults(Value object, std::string_view version) {
  Value spec = object.ensure_object("spec");
  default_value(spec, "minReplicas", 1);
  if (version == "v1") return default_utilization(object);
  drop_round_trip_annotations(object);
  default_metrics(spec);
  Value behavior = spec["behavior"];
  if (!behavior.is_object()) return;
  default_rules(behavior.ensure_object("scaleUp"), true);
  default_rules(behavior.ensure_object("scaleDown"), false);
}

void validate_spec(const Object& object, const Object* old, FieldErrors& errors) {
  Path path("spec");
  At spec(object["spec"], path, errors);
  At low = spec["minReplicas"], high = spec["maxReplicas"], target = spec["scaleTargetRef"];
  AnyView before = old ? (*old)["spec"] : AnyView();
  // Scaling to nothing is behind a gate that is off; who has it keeps it.
  AnyView old_low = before["minReplicas"];
  int64_t low_bound = old_low.present() && old_low.as_int() == 0 ? 0 : 1;
  if (low.present() && low.number() < low_bound) low.invalid(concat("must be greater than or equal to ", low_bound));
  if (high.number() == 0)
    high.required("must be set and greater than 0");
  else if (high.number() < 0)
    high.invalid("must be greater than or equal to 1");
  if (low.present() && high.number() < low.number()) high.invalid(Shown(high.number()), "must be greater than or equal to `minReplicas`");

  AnyView old_target = before["scaleTargetRef"];
  ReferenceOptions target_options{.core_group = target["kind"].text() == "ReplicationController"};
  target_options.any_api_version = old && old_target["apiVersion"].as_string() == target["apiVersion"].text() &&
                                   old_target["kind"].as_string() == target["kind"].text();
  validate_reference(target, target_options);

  ReferenceOptions object_options{.core_group = true};
  AnyView old_metrics = before["metrics"];
  bool bad_before = false;
  for (uint32_t i = 0; i < old_metrics.size(); i++) {
    AnyView metric = old_metrics.item(i);
    std::string complaint;
    if (metric["type"].as_string() == "Object" && metric["object"].present())
      bad_before |= !is_good_api_version(metric["object"]["describedObject"]["apiVersion"].as_string(), object_options, complaint);
  }
  object_options.any_api_version = bad_before;
  validate_metrics(spec["metrics"], low.value(), object_options);
  validate_behavior(spec["behavior"]);
}

void validate(const Object& object, FieldErrors& errors) { validate_spec(object, nullptr, errors); }
void validate_update(const Object& object, const Object& old, FieldErrors& errors) { validate_spec(object, &old, errors); }

void validate_status(std::string_view, const Object& object, const Object&, FieldErrors& errors) {
  Path path("status");
  require_not_negative(At(object["status"], path, errors), {"currentReplicas", "desiredReplicas"});
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"Reference", "string", "",
     "scaleTargetRef points to the target resource to scale, and is used to the pods for which metrics should be collected, as well as to "
     "actually change the replica count."},
    {"Targets", "string", "",
     "metrics contains the specifications for which to use to calculate the desired replica count (the maximum replica count across all metrics "
     "will be used).  The desired replica count is calculated multiplying the ratio between the target value and the current value by the "
     "current number of pods.  Ergo, metrics used must decrease as the pod count is increased, and vice-versa.  See the individual metric "
     "source types for more information about how each type of metric must respond. If not set, the default metric will be set to 80% average "
     "CPU utilization."},
    {"MinPods", "string", "",
     "minReplicas is the lower limit for the number of replicas to which the autoscaler can scale down.  It defaults to 1 pod.  minReplicas is "
     "allowed to be 0 if the alpha feature gate HPAScaleToZero is enabled and at least one Object or External metric is configured.  Scaling "
     "is active as long as at least one metric value is available."},
    {"MaxPods", "string", "",
     "maxReplicas is the upper limit for the number of replicas to which the autoscaler can scale up. It cannot be less that minReplicas."},
    {"Replicas", "string", "",
     "currentReplicas is current number of replicas of pods managed by this autoscaler, as last seen by the autoscaler."},
    kAgeColumn,
};

void row(const Object& object, Row& row) {
  AnyView spec = object["spec"], target = spec["scaleTargetRef"], low = spec["minReplicas"];
  name_cell(object, row);
  row.text(concat(target["kind"].as_string(), "/", target["name"].as_string()));
  row.text(metrics_text(spec["metrics"], object["status"]["currentMetrics"]));
  row.text(low.present() ? concat(low.as_int()) : "<unset>");
  row.number(spec["maxReplicas"].as_int());
  row.number(object["status"]["currentReplicas"].as_int());
  age_cell(object, row);
}

}  // namespace
}  // namespace autoscaling

extern const Rules kHorizontalPodAutoscalerRules{
    .group = "autoscaling",
    .kind = "HorizontalPodAutoscaler",
    .defaults = autoscaling::defaults,
    .validate = autoscaling::validate,
    .validate_update = autoscaling::validate_update,
    .validate_subresource = autoscaling::validate_status,
    .columns = autoscaling::kColumns,
    .row = autoscaling::row,
    .internal_annotations = autoscaling::kRoundTripAnnotations,
    .convert = autoscaling::convert,
    .has_generation = false,
};

}  // namespace sampan::registry
