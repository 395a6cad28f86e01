// HorizontalPodAutoscalers of v1 and v2. v1 knows of metrics only the use of CPU; all else is in its annotations, in shapes of its own.
#include <span>

#include "base/text.h"
#include "registry/autoscaling/horizontal_pod_autoscaler.h"
#include "schema/conform.h"
#include "schema/json.h"
#include "schema/quantity.h"

namespace sampan::registry::autoscaling {

namespace {

constexpr std::string_view kMetrics = "autoscaling.alpha.kubernetes.io/metrics";
constexpr std::string_view kCurrentMetrics = "autoscaling.alpha.kubernetes.io/current-metrics";
constexpr std::string_view kConditions = "autoscaling.alpha.kubernetes.io/conditions";
constexpr std::string_view kBehavior = "autoscaling.alpha.kubernetes.io/behavior";

// ---- metrics: a field of v1 is one of v2's, inside `outer` if that is not "" ----

struct Mapping {
  std::string_view v1, outer, v2;
  bool always = false;  // v1 cannot leave it out: "0" then
};
constexpr Mapping kObjectSource[] = {{"target", "", "describedObject"},
                                     {"metricName", "metric", "name"},
                                     {"targetValue", "target", "value", true},
                                     {"selector", "metric", "selector"},
                                     {"averageValue", "target", "averageValue"}};
constexpr Mapping kPodsSource[] = {
    {"metricName", "metric", "name"}, {"targetAverageValue", "target", "averageValue", true}, {"selector", "metric", "selector"}};
constexpr Mapping kResourceSource[] = {{"name", "", "name"},
                                       {"targetAverageUtilization", "target", "averageUtilization"},
                                       {"targetAverageValue", "target", "averageValue"},
                                       {"container", "", "container"}};
constexpr Mapping kExternalSource[] = {{"metricName", "metric", "name"},
                                       {"metricSelector", "metric", "selector"},
                                       {"targetValue", "target", "value"},
                                       {"targetAverageValue", "target", "averageValue"}};
constexpr Mapping kObjectStatus[] = {{"target", "", "describedObject"},
                                     {"metricName", "metric", "name"},
                                     {"currentValue", "current", "value", true},
                                     {"selector", "metric", "selector"},
                                     {"averageValue", "current", "averageValue"}};
constexpr Mapping kPodsStatus[] = {
    {"metricName", "metric", "name"}, {"currentAverageValue", "current", "averageValue", true}, {"selector", "metric", "selector"}};
constexpr Mapping kResourceStatus[] = {{"name", "", "name"},
                                       {"currentAverageUtilization", "current", "averageUtilization"},
                                       {"currentAverageValue", "current", "averageValue", true},
                                       {"container", "", "container"}};
constexpr Mapping kExternalStatus[] = {{"metricName", "metric", "name"},
                                       {"metricSelector", "metric", "selector"},
                                       {"currentValue", "current", "value", true},
                                       {"currentAverageValue", "current", "averageValue"}};

struct Source {
  std::string_view name;
  std::span<const Mapping> spec, status;
};
constexpr Source kSources[] = {{"object", kObjectSource, kObjectStatus},
                               {"pods", kPodsSource, kPodsStatus},
                               {"resource", kResourceSource, kResourceStatus},
                               {"containerResource", kResourceSource, kResourceStatus},
                               {"external", kExternalSource, kExternalStatus}};

enum class Half : uint8_t { Spec, Status };
std::span<const Mapping> mappings(const Source& source, Half half) { return half == Half::Spec ? source.spec : source.status; }

// v1's reference has its members in another order, which shows in the annotation's text.
Value reference_of(Value reference, Arena& arena) {
  Value out = Value::object(arena);
  for (auto name : {"kind", "name"}) out.set(name, reference[name].as_string());
  if (!reference["apiVersion"].as_string().empty()) out.set("apiVersion", reference["apiVersion"]);
  return out;
}

Value metric_to_v1(Value metric, Half half, Arena& arena) {
  Value out = Value::object(arena);
  out.set("type", metric["type"].as_string());
  for (const auto& source : kSources) {
    Value from = metric[source.name];
    if (!from.is_object()) continue;
    Value to = Value::object(arena);
    for (const auto& field : mappings(source, half)) {
      Value value = (field.outer.empty() ? from : from[field.outer])[field.v2];
      if (field.v2 == "describedObject")
        to.set(field.v1, reference_of(value, arena));
      else if (!value.is_missing())
        to.set(field.v1, value);
      else if (field.always)
        to.set(field.v1, "0");
    }
    out.set(source.name, to);
  }
  return out;
}

// Which of the targets counts follows from which are there.
void set_target_type(std::string_view source, Value target) {
  std::string_view type = "AverageValue";
  if (source == "object") {
    if (target["averageValue"].is_missing())
      type = "Value";
    else if (schema::Quantity::stored(target["value"].as_string()).is_zero())
      target.remove("value");
  } else if (source == "external") {
    if (!target["value"].is_missing()) type = "Value";
  } else if (source != "pods") {
    if (!target["averageUtilization"].is_missing()) type = "Utilization";
  }
  target.set("type", type);
}

Value metric_to_v2(Value metric, Half half, Arena& arena) {
  Value out = Value::object(arena);
  out.set("type", metric["type"]);
  for (const auto& source : kSources) {
    Value from = metric[source.name];
    if (!from.is_object()) continue;
    Value to = Value::object(arena);
    for (const auto& field : mappings(source, half)) {
      Value value = from[field.v1];
      if (value.is_missing() && field.always) value = Value("0");
      Value place = field.outer.empty() ? to : to.ensure_object(field.outer);
      if (!value.is_missing()) place.set(field.v2, value);
    }
    if (half == Half::Spec) set_target_type(source.name, to.ensure_object("target"));
    out.set(source.name, to);
  }
  return out;
}

bool is_cpu_utilization(Value metric) {
  return metric["type"].as_string() == "Resource" && metric["resource"]["name"].as_string() == "cpu" &&
         !metric["resource"]["target"]["averageUtilization"].is_missing();
}

Value cpu_metric(std::string_view outer, Value utilization, Arena& arena) {
  Value metric = Value::object(arena);
  metric.set("type", "Resource");
  Value resource = metric.ensure_object("resource");
  resource.set("name", "cpu");
  Value inner = resource.ensure_object(outer);
  if (outer == "target") inner.set("type", "Utilization");
  inner.set("averageUtilization", utilization);
  return metric;
}

// ---- behavior: its annotation is upstream's internal type, whose members have the names of Go ----

Value or_null(Value value) { return value.is_missing() ? Value::null() : value; }

Value rules_to_internal(Value rules, Arena& arena) {
  if (!rules.is_object()) return Value::null();
  Value out = Value::object(arena);
  out.set("StabilizationWindowSeconds", or_null(rules["stabilizationWindowSeconds"]));
  out.set("SelectPolicy", or_null(rules["selectPolicy"]));
  Value policies = Value::null();
  if (rules["policies"].is_list()) {
    policies = Value::list(arena);
    for (Value policy : rules["policies"].items()) {
      Value one = Value::object(arena);
      one.set("Type", policy["type"].as_string());
      one.set("Value", policy["value"].as_int());
      one.set("PeriodSeconds", policy["periodSeconds"].as_int());
      policies.push(one);
    }
  }
  out.set("Policies", policies);
  out.set("Tolerance", or_null(rules["tolerance"]));
  return out;
}

// The tree with its members' names as JSON has them: the first letter small, no nulls.
Value with_json_names(Value value, Arena& arena) {
  if (value.is_list()) {
    Value out = Value::list(arena);
    for (Value item : value.items()) out.push(with_json_names(item, arena));
    return out;
  }
  if (!value.is_object()) return value;
  Value out = Value::object(arena);
  for (const auto& member : value.members()) {
    if (member.value.is_null() || member.name.empty()) continue;
    std::string name(member.name);
    if (name[0] >= 'A' && name[0] <= 'Z') name[0] = static_cast<char>(name[0] - 'A' + 'a');
    out.set_copy(name, with_json_names(member.value, arena));
  }
  return out;
}

// ---- annotations ----

void annotate(Value object, std::string_view name, Value content) {
  std::string text;
  schema::write_json(text, content);
  object.ensure_object("metadata").ensure_object("annotations").set(name, object.arena().copy(text));
}

// The tree of an annotation's text; absent if there is none or it is no JSON.
Value annotated(Value object, std::string_view name) {
  Value text = object["metadata"]["annotations"][name];
  if (!text.is_string()) return {};
  auto parsed = schema::parse_json(object.arena().copy(text.as_string()), object.arena());
  return parsed ? *parsed : Value();
}

// What anybody may have written into an annotation must fit the type before it gets into the object.
bool fits(Value value, std::string_view type) {
  schema::Conformance found;
  return value.is_object() && schema::conform(value, *schema::builtin_type(type), found).has_value();
}

constexpr std::string_view kMetricSpec = "io.k8s.api.autoscaling.v2.MetricSpec";
constexpr std::string_view kMetricStatus = "io.k8s.api.autoscaling.v2.MetricStatus";
constexpr std::string_view kCondition = "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerCondition";
constexpr std::string_view kBehaviorType = "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerBehavior";

// The list of an annotation in v2's shape; false if there is none that is good.
bool read_list(Value object, std::string_view name, std::string_view type, Value (*convert_item)(Value item, Arena& arena), Value& out) {
  Value list = annotated(object, name);
  if (!list.is_list()) return false;
  out = Value::list(object.arena());
  for (Value item : list.items()) {
    Value converted = convert_item(item, object.arena());
    if (!fits(converted, type)) return false;
    out.push(converted);
  }
  return true;
}

void keep_only(Value object, std::initializer_list<std::string_view> names) {
  std::vector<std::string_view> others;
  for (const auto& member : object.members())
    if (std::find(names.begin(), names.end(), member.name) == names.end()) others.push_back(member.name);
  for (auto name : others) object.remove(name);
}

void to_v1(Value object) {
  Arena& arena = object.arena();
  drop_round_trip_annotations(object);
  Value spec = object["spec"], status = object["status"];
  Value others = Value::list(arena), current = Value::list(arena), conditions = Value::list(arena);
  for (Value metric : spec["metrics"].items()) {
    if (!is_cpu_utilization(metric))
      others.push(metric_to_v1(metric, Half::Spec, arena));
    else if (spec["targetCPUUtilizationPercentage"].is_missing())
      spec.set("targetCPUUtilizationPercentage", metric["resource"]["target"]["averageUtilization"]);
  }
  for (Value metric : status["currentMetrics"].items()) {
    current.push(metric_to_v1(metric, Half::Status, arena));
    Value resource = metric["resource"];
    Value utilization = resource["current"]["averageUtilization"];
    if (metric["type"].as_string() == "Resource" && resource["name"].as_string() == "cpu" && !utilization.is_missing())
      status.set("currentCPUUtilizationPercentage", utilization);
  }
  for (Value condition : status["conditions"].items()) {
    Value one = Value::object(arena);
    for (auto name : {"type", "status"}) one.set(name, condition[name].as_string());
    one.set("lastTransitionTime", or_null(condition["lastTransitionTime"]));
    for (auto name : {"reason", "message"})
      if (!condition[name].as_string().empty()) one.set(name, condition[name]);
    conditions.push(one);
  }
  if (!others.empty()) annotate(object, kMetrics, others);
  if (!current.empty()) annotate(object, kCurrentMetrics, current);
  if (!conditions.empty()) annotate(object, kConditions, conditions);
  if (Value behavior = spec["behavior"]; behavior.is_object()) {
    Value internal = Value::object(arena);
    internal.set("ScaleUp", rules_to_internal(behavior["scaleUp"], arena));
    internal.set("ScaleDown", rules_to_internal(behavior["scaleDown"], arena));
    annotate(object, kBehavior, internal);
  }
  if (spec.is_object()) keep_only(spec, {"scaleTargetRef", "minReplicas", "maxReplicas", "targetCPUUtilizationPercentage"});
  if (!status.is_object()) return;
  keep_only(status, {"observedGeneration", "lastScaleTime", "currentReplicas", "desiredReplicas", "currentCPUUtilizationPercentage"});
  default_value(status, "currentReplicas", 0);
  default_value(status, "desiredReplicas", 0);
}

bool read_metrics(Value object, Value& out) {
  return read_list(object, kMetrics, kMetricSpec, [](Value item, Arena& arena) { return metric_to_v2(item, Half::Spec, arena); }, out);
}

void to_v2(Value object) {
  Arena& arena = object.arena();
  Value spec = object.ensure_object("spec"), status = object["status"];
  Value metrics;
  if (!read_metrics(object, metrics)) metrics = Value::list(arena);
  if (Value percentage = spec["targetCPUUtilizationPercentage"]; !percentage.is_missing())
    metrics.push(cpu_metric("target", percentage, arena));
  if (metrics.empty()) metrics.push(cpu_metric("target", kDefaultUtilization, arena));
  spec.remove("targetCPUUtilizationPercentage");
  spec.set("metrics", metrics);

  Value behavior = with_json_names(annotated(object, kBehavior), arena);
  if (!behavior.empty() && fits(behavior, kBehaviorType)) spec.set("behavior", behavior);

  if (status.is_object()) {
    Value current, conditions;
    if (Value percentage = status["currentCPUUtilizationPercentage"]; !percentage.is_missing()) {
      Value list = Value::list(arena);
      list.push(cpu_metric("current", percentage, arena));
      status.set("currentMetrics", list);
      status.remove("currentCPUUtilizationPercentage");
    }
    if (read_list(object, kCurrentMetrics, kMetricStatus, [](Value item, Arena& a) { return metric_to_v2(item, Half::Status, a); }, current))
      status.set("currentMetrics", current);
    if (read_list(object, kConditions, kCondition, [](Value item, Arena&) { return item; }, conditions)) status.set("conditions", conditions);
  }
  drop_round_trip_annotations(object);
}

}  // namespace

void drop_round_trip_annotations(Value object) {
  Value annotations = object["metadata"]["annotations"];
  if (!annotations.is_object()) return;
  for (auto name : kRoundTripAnnotations) annotations.remove(name);
}

void default_utilization(Value object) {
  Value metrics;
  if (!read_metrics(object, metrics) || metrics.empty()) default_value(object["spec"], "targetCPUUtilizationPercentage", kDefaultUtilization);
}

void convert(Value object, std::string_view from, std::string_view to) {
  if (from == to) return;
  if (to == "autoscaling/v1")
    to_v1(object);
  else if (from == "autoscaling/v1")
    to_v2(object);
}

}  // namespace sampan::registry::autoscaling
