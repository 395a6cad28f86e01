// DaemonSet: a pod on every node that fits. Its template's generation, a field of old, lives on in an annotation.
#include "base/text.h"
#include "registry/apps/workload.h"
#include "registry/columns.h"
#include "registry/metadata.h"
#include "registry/selectors.h"

namespace sampan::registry {

namespace {

constexpr std::string_view kTemplateGeneration = "deprecated.daemonset.template.generation";

int64_t number_of(std::string_view text) {
  int64_t number = 0;
  return parse_int(text, number) ? number : 0;
}

int64_t template_generation(const Object& object) { return number_of(annotation_of(object, kTemplateGeneration)); }

void set_template_generation(Value object, int64_t generation) {
  Value annotations = object.ensure_object("metadata").ensure_object("annotations");
  annotations.set(kTemplateGeneration, object.arena().copy(concat(generation)));
}

void defaults(Value object, std::string_view) {
  // There is always a number in what the API gives out.
  set_template_generation(object, number_of(object["metadata"]["annotations"][kTemplateGeneration].as_string()));
  Value spec = object.ensure_object("spec");
  Value strategy = spec.ensure_object("updateStrategy");
  default_text(strategy, "type", "RollingUpdate");
  if (strategy["type"].as_string() == "RollingUpdate") {
    Value rolling = strategy.ensure_object("rollingUpdate");
    default_value(rolling, "maxUnavailable", 1);
    default_value(rolling, "maxSurge", 0);
  }
  default_value(spec, "revisionHistoryLimit", 10);
  default_pod_template(spec.ensure_object("template"));
}

void prepare_create(Value object, const CreateContext&) {
  drop_disabled_template_fields(object["spec"]["template"], {});
  auto given = number_of(object["metadata"]["annotations"][kTemplateGeneration].as_string());
  set_template_generation(object, std::max<int64_t>(given, 1));
}

void prepare_update(Value object, const Object& old, std::string_view subresource) {
  int64_t generation = template_generation(old);
  if (subresource != "status") {
    AnyView before = old["spec"]["template"];
    Value pod_template = object["spec"]["template"];
    drop_disabled_template_fields(pod_template, before);
    if (before.present() && !says_the_same(pod_template, before, before.type())) {
      generation++;
      object["metadata"].set("generation", old["metadata"]["generation"].as_int() + 1);
    }
  }
  set_template_generation(object, generation);
}

void validate_strategy(const At& strategy) {
  At rolling = strategy["rollingUpdate"];
  At unavailable = rolling["maxUnavailable"], surge = rolling["maxSurge"];
  auto type = strategy["type"].text();
  if (type == "OnDelete") return;
  if (type != "RollingUpdate") {
    std::string shown = "null";
    if (rolling.present())
      shown = concat("{", internal_text(unavailable.value(), "MaxUnavailable", "0"), ",", internal_text(surge.value(), "MaxSurge", "0"), "}");
    constexpr std::string_view kTypes[] = {"RollingUpdate", "OnDelete"};
    return strategy.errors().not_supported(
        strategy.path(), Shown::raw(concat("{\"Type\":", Shown::named(type).text(), ",\"RollingUpdate\":", shown, "}")), kTypes);
  }
  if (!rolling.present()) return rolling.required();
  require_int_or_percent(unavailable);
  require_int_or_percent(surge);
  require_at_most_100_percent(unavailable);
  require_at_most_100_percent(surge);
  bool has_unavailable = int_or_percent(unavailable.value()) != 0, has_surge = int_or_percent(surge.value()) != 0;
  if (has_unavailable && has_surge)
    surge.invalid(Shown(surge.value().as_int_or_string()), "may not be set when maxUnavailable is non-zero");
  else if (!has_unavailable && !has_surge)
    unavailable.required("cannot be 0 when maxSurge is 0");
}

void validate_spec(const Object& object, FieldErrors& errors, const PodSpecOptions& options) {
  Path path("spec");
  At spec(object["spec"], path, errors);
  At selector = spec["selector"], pod_template = spec["template"];
  if (selector.present())
    validate_label_selector(errors, selector.path(), selector.value(), {.allow_invalid_values = options.invalid_label_value_in_selector});
  require_selected_labels(selector.value(), pod_template);
  if (selector.present() && selector["matchLabels"].size() + selector["matchExpressions"].size() == 0)
    selector.invalid("empty selector is invalid for daemonset");
  validate_pod_template(pod_template.value(), pod_template.path(), errors, options);
  require_endless_pods(pod_template, "DaemonSet");
  spec["minReadySeconds"].not_negative();
  validate_strategy(spec["updateStrategy"]);
  spec["revisionHistoryLimit"].not_negative();
}

void validate(const Object& object, FieldErrors& errors) { validate_spec(object, errors, {}); }

void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  Path spec("spec");
  AnyView selector = old["spec"]["selector"];
  require_unchanged(errors, spec.child("selector"), object["spec"]["selector"], selector);
  auto options = pod_template_options(old["spec"]["template"]);
  FieldErrors strict;
  validate_label_selector(strict, spec.child("selector"), selector);
  options.invalid_label_value_in_selector |= !strict.empty();
  validate_spec(object, errors, options);
}

void validate_subresource(std::string_view subresource, const Object& object, const Object& old, FieldErrors& errors) {
  if (subresource != "status") return validate_update(object, old, errors);
  Path path("status");
  At status(object["status"], path, errors);
  require_not_negative(status, {"currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady",
                                "observedGeneration", "updatedNumberScheduled", "numberAvailable", "numberUnavailable",
                                "collisionCount"});
  require_not_decremented(status, old["status"]);
}

void warn(const Object& object, const Object* old, Warnings& out) {
  if (old && template_generation(object) == template_generation(*old)) return;
  Path spec("spec");
  pod_template_warnings(object["spec"]["template"], spec.child("template"), old ? (*old)["spec"]["template"] : AnyView(), out);
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"Desired", "integer", "",
     "The total number of nodes that should be running the daemon pod (including nodes correctly running the daemon pod). More info: "
     "https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/"},
    {"Current", "integer", "",
     "The number of nodes that are running at least 1 daemon pod and are supposed to run the daemon pod. More info: "
     "https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/"},
    {"Ready", "integer", "",
     "numberReady is the number of nodes that should be running the daemon pod and have one or more of the daemon pod running with a Ready "
     "Condition."},
    {"Up-to-date", "integer", "", "The total number of nodes that are running updated daemon pod"},
    {"Available", "integer", "",
     "The number of nodes that should be running the daemon pod and have one or more of the daemon pod running and available (ready for at "
     "least spec.minReadySeconds)"},
    {"Node Selector", "string", "",
     "NodeSelector is a selector which must be true for the pod to fit on a node. Selector which must match a node's labels for the pod to be "
     "scheduled on that node. More info: https://kubernetes.io/docs/concepts/configuration/assign-pod-node/"},
    kAgeColumn,
    kContainersColumn,
    kImagesColumn,
    {"Selector", "string", "",
     "A label query over pods that are managed by the daemon set. Must match in order to be controlled. It must match the pod template's "
     "labels. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors",
     1},
};

void row(const Object& object, Row& row) {
  AnyView spec = object["spec"], status = object["status"];
  name_cell(object, row);
  for (auto field : {"desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled", "numberAvailable"})
    row.number(status[field].as_int());
  row.text(format_labels(spec["template"]["spec"]["nodeSelector"]));
  age_cell(object, row);
  container_cells(spec["template"], row);
  row.text(format_label_selector(spec["selector"]));
}

}  // namespace

extern const Rules kDaemonSetRules{
    .group = "apps",
    .kind = "DaemonSet",
    .defaults = defaults,
    .prepare_create = prepare_create,
    .prepare_update = prepare_update,
    .validate = validate,
    .validate_update = validate_update,
    .validate_subresource = validate_subresource,
    .warnings = warn,
    .columns = kColumns,
    .row = row,
    .internal_annotations = {&kTemplateGeneration, 1},
};

}  // namespace sampan::registry
