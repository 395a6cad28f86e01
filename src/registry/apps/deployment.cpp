// Deployment: replica sets of one template after another, and how one follows the other.
#include "base/text.h"
#include "registry/apps/workload.h"
#include "registry/columns.h"
#include "registry/metadata.h"
#include "registry/selectors.h"

namespace sampan::registry {

namespace {

void defaults(Value object, std::string_view) {
  Value spec = object.ensure_object("spec");
  default_value(spec, "replicas", 1);
  Value strategy = spec.ensure_object("strategy");
  default_text(strategy, "type", "RollingUpdate");
  if (strategy["type"].as_string() == "RollingUpdate") {
    Value rolling = strategy.ensure_object("rollingUpdate");
    default_value(rolling, "maxUnavailable", "25%");
    default_value(rolling, "maxSurge", "25%");
  }
  default_value(spec, "revisionHistoryLimit", 10);
  default_value(spec, "progressDeadlineSeconds", 600);
  default_pod_template(spec.ensure_object("template"));
}

void prepare_create(Value object, const CreateContext&) { drop_disabled_template_fields(object["spec"]["template"], {}); }

void prepare_update(Value object, const Object& old, std::string_view subresource) {
  AnyView metadata = old["metadata"];
  if (subresource == "status") return keep_from(object["metadata"], "labels", metadata["labels"]);
  drop_disabled_template_fields(object["spec"]["template"], old["spec"]["template"]);
  // Annotations count as a change too, because the replica sets get a copy of them.
  if (!same_texts(object["metadata"]["annotations"], metadata["annotations"]))
    object["metadata"].set("generation", metadata["generation"].as_int() + 1);
}

void validate_strategy(const At& strategy) {
  At rolling = strategy["rollingUpdate"];
  auto type = strategy["type"].text();
  if (type == "Recreate") {
    if (rolling.present()) rolling.forbidden("may not be specified when strategy `type` is 'Recreate'");
    return;
  }
  At unavailable = rolling["maxUnavailable"], surge = rolling["maxSurge"];
  if (type != "RollingUpdate") {
    std::string shown = "null";
    if (rolling.present())
      shown = concat("{", internal_text(unavailable.value(), "MaxUnavailable", "0"), ",", internal_text(surge.value(), "MaxSurge", "0"), "}");
    constexpr std::string_view kTypes[] = {"Recreate", "RollingUpdate"};
    return strategy.errors().not_supported(
        strategy.path(), Shown::raw(concat("{\"Type\":", Shown::named(type).text(), ",\"RollingUpdate\":", shown, "}")), kTypes);
  }
  if (!rolling.present()) return rolling.required("this should be defaulted and never be nil");
  require_int_or_percent(unavailable);
  require_int_or_percent(surge);
  if (int_or_percent(unavailable.value()) == 0 && int_or_percent(surge.value()) == 0)
    unavailable.invalid(unavailable.present() ? Shown(unavailable.value().as_int_or_string()) : Shown(0),
                        "may not be 0 when `maxSurge` is 0");
  require_at_most_100_percent(unavailable);
}

void validate_spec(const Object& object, FieldErrors& errors, const PodSpecOptions& options) {
  Path path("spec");
  At spec(object["spec"], path, errors);
  At selector = spec["selector"], pod_template = spec["template"], deadline = spec["progressDeadlineSeconds"];
  spec["replicas"].not_negative();
  if (require_selector(selector, "deployment", "invalid label selector")) {
    require_selected_labels(selector.value(), pod_template);
    validate_pod_template(pod_template.value(), pod_template.path(), errors, options);
    require_endless_pods(pod_template, "ReplicaSet");
  }
  validate_strategy(spec["strategy"]);
  require_not_negative(spec, {"minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"});
  if (deadline.present() && deadline.number() <= spec["minReadySeconds"].number())
    deadline.invalid("must be greater than minReadySeconds");
}

void validate(const Object& object, FieldErrors& errors) { validate_spec(object, errors, {}); }

void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  validate_spec(object, errors, pod_template_options(old["spec"]["template"]));
  Path spec("spec");
  require_unchanged(errors, spec.child("selector"), object["spec"]["selector"], old["spec"]["selector"]);
}

void validate_subresource(std::string_view subresource, const Object& object, const Object& old, FieldErrors& errors) {
  if (subresource != "status") return validate_update(object, old, errors);
  constexpr std::string_view kTooMany = "cannot be greater than status.replicas";
  Path path("status");
  At status(object["status"], path, errors);
  require_not_negative(status, {"observedGeneration", "replicas", "updatedReplicas", "readyReplicas", "availableReplicas",
                                "unavailableReplicas", "terminatingReplicas", "collisionCount"});
  for (auto field : {"updatedReplicas", "readyReplicas", "availableReplicas"}) require_at_most(status, field, "replicas", kTooMany);
  require_at_most(status, "availableReplicas", "readyReplicas", "cannot be greater than readyReplicas");
  require_not_decremented(status, old["status"]);
}

void warn(const Object& object, const Object* old, Warnings& out) {
  if (!old) warn_of_pod_host_name(object, out);
  warn_of_template(object, old, out);
}

constexpr std::string_view kRollbackTo = "deprecated.deployment.rollback.to";

constexpr Column kColumns[] = {
    kNameColumn,
    {"Ready", "string", "", "Number of the pod with ready state"},
    {"Up-to-date", "string", "", "Total number of non-terminating pods targeted by this deployment that have the desired template spec."},
    {"Available", "string", "",
     "Total number of available non-terminating pods (ready for at least minReadySeconds) targeted by this deployment."},
    kAgeColumn,
    kContainersColumn,
    kImagesColumn,
    {"Selector", "string", "",
     "Label selector for pods. Existing ReplicaSets whose pods are selected by this will be the ones affected by this deployment. It must "
     "match the pod template's labels.",
     1},
};

void row(const Object& object, Row& row) {
  AnyView spec = object["spec"], status = object["status"];
  name_cell(object, row);
  row.text(concat(status["readyReplicas"].as_int(), "/", spec["replicas"].as_int()));
  row.number(status["updatedReplicas"].as_int());
  row.number(status["availableReplicas"].as_int());
  age_cell(object, row);
  container_cells(spec["template"], row);
  auto selector = LabelSelector::from(spec["selector"]);
  row.text(selector ? selector->text() : "<invalid>");
}

constexpr std::string_view kStatusResetFields[] = {"spec", "metadata.labels"};

}  // namespace

extern const Rules kDeploymentRules{
    .group = "apps",
    .kind = "Deployment",
    .defaults = defaults,
    .prepare_create = prepare_create,
    .prepare_update = prepare_update,
    .validate = validate,
    .validate_update = validate_update,
    .validate_subresource = validate_subresource,
    .warnings = warn,
    .columns = kColumns,
    .row = row,
    .internal_annotations = {&kRollbackTo, 1},
    .status_reset_fields = kStatusResetFields,
};

}  // namespace sampan::registry
