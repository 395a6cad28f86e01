// What an autoscaler looks at and how fast it may act: validation, and the metrics' column.
#include "base/text.h"
#include "registry/autoscaling/horizontal_pod_autoscaler.h"
#include "registry/core/resource_names.h"
#include "schema/quantity.h"

namespace sampan::registry::autoscaling {

namespace {

constexpr int64_t kPeriodMax = 1800, kStabilizationMax = 3600;
constexpr std::string_view kBothResource = "may not set both a target raw value and a target utilization";

void require_segment(const At& text, std::string_view detail) {
  if (text.empty())
    text.required(detail);
  else
    text.must_be(check_path_segment);
}

void require_positive(const At& quantity) {
  if (quantity.present() && schema::Quantity::stored(quantity.text()).sign() != 1) quantity.invalid("must be positive");
}

void validate_target(const At& target) {
  At type = target["type"], utilization = target["averageUtilization"];
  if (type.empty()) type.required("must specify a metric target type");
  if (type.text() != "Utilization" && type.text() != "Value" && type.text() != "AverageValue")
    type.invalid(Shown(type.text()), "must be either Utilization, Value, or AverageValue");
  require_positive(target["value"]);
  require_positive(target["averageValue"]);
  if (utilization.present() && utilization.number() < 1) utilization.invalid("must be greater than 0");
}

void validate_identifier_and_target(const At& source) {
  At metric = source["metric"];
  require_segment(metric["name"], "must specify a metric name");
  validate_target(source["target"]);
}

void validate_object(const At& source, const ReferenceOptions& options) {
  validate_reference(source["describedObject"], options);
  validate_identifier_and_target(source);
  At target = source["target"];
  if (!target["value"].present() && !target["averageValue"].present())
    target["averageValue"].required("must set either a target value or averageValue");
}

void validate_external(const At& source) {
  validate_identifier_and_target(source);
  At target = source["target"];
  bool value = target["value"].present(), average = target["averageValue"].present();
  if (!value && !average) target["averageValue"].required("must set either a target value for metric or a per-pod target");
  if (value && average) target["value"].forbidden("may not set both a target value for metric and a per-pod target");
}

void validate_pods(const At& source) {
  validate_identifier_and_target(source);
  At target = source["target"];
  if (!target["averageValue"].present()) target["averageValue"].required("must specify a positive target averageValue");
}

void validate_resource_target(const At& source) {
  At target = source["target"];
  validate_target(target);
  bool utilization = target["averageUtilization"].present(), average = target["averageValue"].present();
  if (!utilization && !average) target["averageUtilization"].required("must set either a target raw value or a target utilization");
  if (utilization && average) target["averageValue"].forbidden(kBothResource);
}

void validate_resource(const At& source) {
  if (source["name"].empty()) source["name"].required("must specify a resource name");
  validate_resource_target(source);
}

void validate_container_resource(const At& source) {
  At name = source["name"], container = source["container"];
  if (name.empty())
    name.required("must specify a resource name");
  else
    core::require_container_resource_name(name, name.text());
  if (container.empty())
    container.required("must specify a container");
  else
    container.must_be(check_dns1123_label);
  validate_resource_target(source);
}

struct Source {
  std::string_view type, field;
  void (*validate)(const At& source, const ReferenceOptions& options);
};
// In the order in which the first that is there is looked at.
constexpr Source kSources[] = {
    {"Object", "object", validate_object},
    {"External", "external", [](const At& source, const ReferenceOptions&) { validate_external(source); }},
    {"Pods", "pods", [](const At& source, const ReferenceOptions&) { validate_pods(source); }},
    {"Resource", "resource", [](const At& source, const ReferenceOptions&) { validate_resource(source); }},
    {"ContainerResource", "containerResource", [](const At& source, const ReferenceOptions&) { validate_container_resource(source); }},
};

void validate_metric(const At& metric, const ReferenceOptions& options) {
  At type = metric["type"];
  if (type.empty()) type.required("must specify a metric source type");
  for (int times = 0; times < 2; times++)  // upstream looks twice
    type.one_of({"ContainerResource", "External", "Object", "Pods", "Resource"});
  int present = 0;
  for (const auto& source : kSources)
    if (metric[source.field].present() && present++ == 0) source.validate(metric[source.field], options);
  std::string_view expected;
  for (const auto& source : kSources) {
    if (source.type != type.text()) continue;
    expected = source.field;
    if (!metric[source.field].present()) metric[source.field].required("must populate information for the given metric source");
  }
  if (present == 1) return;
  for (const auto& source : kSources)
    if (metric[source.field].present() && source.field != expected)
      metric[source.field].forbidden("must populate the given metric source only");
}

void validate_policy(const At& policy) {
  At value = policy["value"], period = policy["periodSeconds"];
  policy["type"].one_of({"Percent", "Pods"});
  if (value.number() <= 0) value.invalid(Shown(value.number()), "must be greater than zero");
  if (period.number() <= 0) period.invalid(Shown(period.number()), "must be greater than zero");
  if (period.number() > kPeriodMax) period.invalid(concat("must be less than or equal to ", kPeriodMax));
}

void validate_rules(const At& rules) {
  if (!rules.present()) return;
  At window = rules["stabilizationWindowSeconds"], select = rules["selectPolicy"], policies = rules["policies"];
  At tolerance = rules["tolerance"];
  if (window.number() < 0) window.invalid("must be greater than or equal to zero");
  if (window.number() > kStabilizationMax) window.invalid(concat("must be less than or equal to ", kStabilizationMax));
  if (select.present()) select.one_of({"Disabled", "Max", "Min"});
  if (policies.size() == 0) policies.required("must specify at least one Policy");
  for (uint32_t i = 0; i < policies.size(); i++) validate_policy(policies.item(i));
  if (tolerance.present() && schema::Quantity::stored(tolerance.text()).sign() < 0)
    tolerance.invalid(Shown(tolerance.text()), "must be greater than or equal to 0");
}

// ---- the column ----

std::string_view quantity_or(const AnyView& quantity, std::string_view otherwise) {
  return quantity.present() ? quantity.as_string() : otherwise;
}

// What Go prints of a quantity that is not there.
constexpr std::string_view kNil = "<nil>";

std::string value_text(const AnyView& target, const AnyView& status) {
  AnyView average = target["averageValue"], current = status["current"];
  if (average.present()) return concat(quantity_or(current["averageValue"], "<unknown>"), "/", average.as_string(), " (avg)");
  auto now = status.present() ? quantity_or(current["value"], kNil) : "<unknown>";
  return concat(now, "/", quantity_or(target["value"], kNil));
}

std::string resource_text(const AnyView& spec, const AnyView& status) {
  AnyView target = spec["target"], current = status["current"], average = target["averageValue"];
  auto name = spec["name"].as_string();
  if (average.present()) {
    auto now = status.present() ? quantity_or(current["averageValue"], kNil) : "<unknown>";
    return concat(name, ": ", now, "/", average.as_string());
  }
  auto percent = [](const AnyView& number, std::string_view otherwise) {
    return number.present() ? concat(number.as_int(), "%") : std::string(otherwise);
  };
  return concat(name, ": ", percent(current["averageUtilization"], "<unknown>"), "/", percent(target["averageUtilization"], "<auto>"));
}

std::string metric_text(const AnyView& spec, const AnyView& status) {
  auto type = spec["type"].as_string();
  if (type == "External") return value_text(spec["external"]["target"], status["external"]);
  if (type == "Object") return value_text(spec["object"]["target"], status["object"]);
  if (type == "Resource") return resource_text(spec["resource"], status["resource"]);
  if (type == "ContainerResource") return resource_text(spec["containerResource"], status["containerResource"]);
  if (type != "Pods") return "<unknown type>";
  AnyView pods = status["pods"];
  auto now = pods.present() ? quantity_or(pods["current"]["averageValue"], kNil) : "<unknown>";
  return concat(now, "/", quantity_or(spec["pods"]["target"]["averageValue"], kNil));
}

}  // namespace

bool is_good_api_version(std::string_view api_version, const ReferenceOptions& options, std::string& complaint) {
  if (options.any_api_version) return true;
  auto slash = api_version.find('/');
  auto group = slash == std::string_view::npos ? std::string_view() : api_version.substr(0, slash);
  if (slash != std::string_view::npos && api_version.find('/', slash + 1) != std::string_view::npos)
    complaint = concat("unexpected GroupVersion string: ", api_version);
  else if (group.empty() && !options.core_group)
    complaint = "apiVersion must specify API group";
  return complaint.empty();
}

void validate_reference(const At& reference, const ReferenceOptions& options) {
  require_segment(reference["kind"], {});
  require_segment(reference["name"], {});
  At version = reference["apiVersion"];
  std::string complaint;
  if (!is_good_api_version(version.text(), options, complaint)) version.invalid(Shown(version.text()), complaint);
}

void validate_metrics(const At& metrics, const AnyView& min_replicas, const ReferenceOptions& options) {
  bool from_outside = false;
  for (uint32_t i = 0; i < metrics.size(); i++) {
    At metric = metrics.item(i);
    validate_metric(metric, options);
    auto type = metric["type"].text();
    from_outside |= type == "Object" || type == "External";
  }
  if (min_replicas.present() && min_replicas.as_int() == 0 && !from_outside)
    metrics.forbidden("must specify at least one Object or External metric to support scaling to zero replicas");
}

void validate_behavior(const At& behavior) {
  validate_rules(behavior["scaleUp"]);
  validate_rules(behavior["scaleDown"]);
}

std::string metrics_text(const AnyView& specs, const AnyView& statuses) {
  constexpr uint32_t kShown = 2;
  if (specs.size() == 0) return "<none>";
  std::string out;
  for (uint32_t i = 0; i < std::min(specs.size(), kShown); i++)
    append(out, i ? ", " : "", metric_text(specs.item(i), i < statuses.size() ? statuses.item(i) : AnyView()));
  if (specs.size() > kShown) append(out, " + ", specs.size() - kShown, " more...");
  return out;
}

}  // namespace sampan::registry::autoscaling
