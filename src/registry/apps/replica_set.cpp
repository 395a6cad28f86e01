// ReplicaSet: so many pods of one template.
#include "registry/apps/workload.h"
#include "registry/columns.h"

namespace sampan::registry {

namespace {

void defaults(Value object, std::string_view) {
  Value spec = object.ensure_object("spec");
  default_value(spec, "replicas", 1);
  default_pod_template(spec.ensure_object("template"));
}

void prepare_create(Value object, const CreateContext&) { drop_disabled_template_fields(object["spec"]["template"], {}); }
void prepare_update(Value object, const Object& old, std::string_view subresource) {
  if (subresource != "status") drop_disabled_template_fields(object["spec"]["template"], old["spec"]["template"]);
}

void validate_spec(const Object& object, FieldErrors& errors, const PodSpecOptions& options) {
  Path path("spec");
  At spec(object["spec"], path, errors);
  At selector = spec["selector"], pod_template = spec["template"];
  require_not_negative(spec, {"replicas", "minReadySeconds"});
  if (!require_selector(selector, "deployment", "invalid label selector")) return;
  require_selected_labels(selector.value(), pod_template);
  validate_pod_template(pod_template.value(), pod_template.path(), errors, options);
  require_endless_pods(pod_template, "ReplicaSet");
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
  require_not_negative(status, {"replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration",
                                "terminatingReplicas"});
  for (auto field : {"fullyLabeledReplicas", "readyReplicas", "availableReplicas"}) require_at_most(status, field, "replicas", kTooMany);
  require_at_most(status, "availableReplicas", "readyReplicas", "cannot be greater than readyReplicas");
}

void warn(const Object& object, const Object* old, Warnings& out) {
  if (!old) warn_of_pod_host_name(object, out);
  warn_of_template(object, old, out);
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"Desired", "integer", "",
     "Replicas is the number of desired pods. This is a pointer to distinguish between explicit zero and unspecified. Defaults to 1. More "
     "info: https://kubernetes.io/docs/concepts/workloads/controllers/replicaset"},
    {"Current", "integer", "",
     "Replicas is the most recently observed number of non-terminating pods. More info: "
     "https://kubernetes.io/docs/concepts/workloads/controllers/replicaset"},
    {"Ready", "integer", "", "The number of non-terminating pods targeted by this ReplicaSet with a Ready Condition."},
    kAgeColumn,
    kContainersColumn,
    kImagesColumn,
    {"Selector", "string", "",
     "Selector is a label query over pods that should match the replica count. Label keys and values that must match in order to be "
     "controlled by this replica set. It must match the pod template's labels. More info: "
     "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors",
     1},
};

void row(const Object& object, Row& row) {
  AnyView spec = object["spec"], status = object["status"];
  name_cell(object, row);
  row.number(spec["replicas"].as_int());
  row.number(status["replicas"].as_int());
  row.number(status["readyReplicas"].as_int());
  age_cell(object, row);
  container_cells(spec["template"], row);
  row.text(format_label_selector(spec["selector"]));
}

}  // namespace

extern const Rules kReplicaSetRules{
    .group = "apps",
    .kind = "ReplicaSet",
    .defaults = defaults,
    .prepare_create = prepare_create,
    .prepare_update = prepare_update,
    .validate = validate,
    .validate_update = validate_update,
    .validate_subresource = validate_subresource,
    .warnings = warn,
    .columns = kColumns,
    .row = row,
};

}  // namespace sampan::registry
