// ReplicationController, the older sibling of ReplicaSet.
#include "base/text.h"
#include "registry/at.h"
#include "registry/columns.h"
#include "registry/core/pod_spec.h"
#include "registry/rules.h"

namespace sampan::registry {

namespace {

void default_controller(Value object, std::string_view) {
  Value spec = object.ensure_object("spec");
  if (spec["replicas"].is_missing()) spec.set("replicas", 1);
  Value pod_template = spec["template"];
  if (!pod_template.is_object()) return;
  // Selector and labels are taken from the template's labels.
  if (Value labels = pod_template["metadata"]["labels"]; !labels.empty()) {
    if (spec["selector"].empty()) spec.set("selector", labels.clone(object.arena()));
    Value metadata = object.ensure_object("metadata");
    if (metadata["labels"].empty()) metadata.set("labels", labels.clone(object.arena()));
  }
  default_pod_template(pod_template);
}

void prepare_create(Value object, const CreateContext&) { drop_disabled_template_fields(object["spec"]["template"], {}); }
void prepare_update(Value object, const Object& old, std::string_view) {
  drop_disabled_template_fields(object["spec"]["template"], old["spec"]["template"]);
}

bool matches(const AnyView& selector, const AnyView& labels) {
  for (uint32_t i = 0; i < selector.size(); i++) {
    AnyView label = labels[selector.key(i)];
    if (!label.present() || label.as_string() != selector.value(i).as_string()) return false;
  }
  return true;
}

void validate_spec(const Object& object, FieldErrors& errors, const PodSpecOptions& options) {
  Path path("spec");
  At spec(object["spec"], path, errors);
  At replicas = spec["replicas"], selector = spec["selector"], pod_template = spec["template"];
  spec["minReadySeconds"].not_negative();
  if (selector.size() == 0) selector.required();
  if (replicas.present())
    replicas.not_negative();
  else
    replicas.required();
  if (!pod_template.present()) return pod_template.required();
  AnyView labels = pod_template.value()["metadata"]["labels"];
  if (!matches(selector.value(), labels))
    pod_template["metadata"]["labels"].invalid(Shown(labels),
                                               "`selector` does not match template `labels`");
  validate_pod_template(pod_template.value(), pod_template.path(), errors, options);
  At pod_spec = pod_template["spec"];
  if (At policy = pod_spec["restartPolicy"]; policy.text() != "Always") policy.not_supported({"Always"});
  if (pod_spec["activeDeadlineSeconds"].present())
    pod_spec["activeDeadlineSeconds"].forbidden("activeDeadlineSeconds in ReplicationController is not Supported");
}

// Declarative validation counts bytes where the older kind counts characters, and does not look at generateName.
void validate_name(std::string_view name, bool prefix, Complaints& complaints) {
  if (prefix) return;
  check_dns1123_subdomain(name, complaints);
  for (auto& complaint : complaints)
    if (complaint == "must be no more than 253 characters") complaint = "must be no more than 253 bytes";
}

void validate(const Object& object, FieldErrors& errors) { validate_spec(object, errors, {}); }
void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  validate_spec(object, errors, pod_template_options(old["spec"]["template"]));
}

void validate_subresource(std::string_view subresource, const Object& object, const Object& old, FieldErrors& errors) {
  if (subresource != "status") return validate_update(object, old, errors);
  constexpr std::string_view kTooMany = "cannot be greater than status.replicas";
  Path path("status");
  At status(object["status"], path, errors);
  for (auto field : {"replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration"})
    status[field].not_negative();
  int64_t replicas = status["replicas"].number();
  for (auto field : {"fullyLabeledReplicas", "readyReplicas", "availableReplicas"})
    if (int64_t number = status[field].number(); number > replicas) status[field].invalid(number, kTooMany);
  if (int64_t available = status["availableReplicas"].number(); available > status["readyReplicas"].number())
    status["availableReplicas"].invalid(available, "cannot be greater than readyReplicas");
}

void warn(const Object& object, const Object* old, Warnings& out) {
  Path spec_path("spec");
  if (old) {
    // Upstream looks at the old template here.
    if (object["metadata"]["generation"].as_int() != (*old)["metadata"]["generation"].as_int())
      pod_template_warnings((*old)["spec"]["template"], spec_path.child("template"), object["spec"]["template"], out);
    return;
  }
  Complaints complaints;
  check_dns1123_label(object["metadata"]["name"].as_string(), complaints);
  if (!complaints.empty())
    out.push_back(concat("metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is "
                         "recommended: [",
                         join(complaints, " "), "]"));
  pod_template_warnings(object["spec"]["template"], spec_path.child("template"), {}, out);
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"Desired", "integer", "",
     "Replicas is the number of desired replicas. This is a pointer to distinguish between explicit zero and unspecified. Defaults to 1. More info: "
     "https://kubernetes.io/docs/concepts/workloads/controllers/replicationcontroller#what-is-a-replicationcontroller"},
    {"Current", "integer", "",
     "Replicas is the most recently observed number of replicas. More info: "
     "https://kubernetes.io/docs/concepts/workloads/controllers/replicationcontroller#what-is-a-replicationcontroller"},
    {"Ready", "integer", "", "The number of ready replicas for this replication controller."},
    kAgeColumn,
    {"Containers", "string", "", "Names of each container in the template.", 1},
    {"Images", "string", "", "Images referenced by each container in the template.", 1},
    {"Selector", "string", "",
     "Selector is a label query over pods that should match the Replicas count. If Selector is empty, it is defaulted to the labels present on the Pod "
     "template. Label keys and values that must match in order to be controlled by this replication controller, if empty defaulted to labels on Pod "
     "template. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors",
     1},
};

void row(const Object& object, Row& row) {
  AnyView spec = object["spec"], status = object["status"], pod_spec = spec["template"]["spec"];
  name_cell(object, row);
  row.number(spec["replicas"].as_int());
  row.number(status["replicas"].as_int());
  row.number(status["readyReplicas"].as_int());
  age_cell(object, row);
  row.text(container_names(pod_spec));
  row.text(container_images(pod_spec));
  row.text(format_labels(spec["selector"]));
}

constexpr FieldLabel kFieldLabels[] = {
    {"status.replicas", [](const Object& object) { return concat(object["status"]["replicas"].as_int()); }},
};

}  // namespace

extern const Rules kReplicationControllerRules{
    .group = "",
    .kind = "ReplicationController",
    .defaults = default_controller,
    .prepare_create = prepare_create,
    .prepare_update = prepare_update,
    .validate = validate,
    .validate_update = validate_update,
    .validate_subresource = validate_subresource,
    .warnings = warn,
    .validate_name = validate_name,
    .columns = kColumns,
    .row = row,
    .field_labels = kFieldLabels,
    .default_propagation = "orphan",
};

}  // namespace sampan::registry
