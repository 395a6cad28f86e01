// Job: pods that run until enough of them have succeeded.
#include "base/text.h"
#include "registry/batch/job_spec.h"
#include "registry/columns.h"
#include "registry/human_duration.h"
#include "registry/selectors.h"

namespace sampan::registry {

namespace {

// Pods are told by labels that the server adds: with the prefix of the project, and as they were before it.
constexpr std::string_view kUidLabel = "batch.kubernetes.io/controller-uid", kNameLabel = "batch.kubernetes.io/job-name";
constexpr std::string_view kOldUidLabel = "controller-uid", kOldNameLabel = "job-name";

// A job without labels has those of its pods. It is the same map, as upstream: labels that the server adds to the pods are the job's too.
void default_labels(Value object) {
  Value labels = object["spec"]["template"]["metadata"]["labels"];
  if (labels.empty() || !object["metadata"]["labels"].empty()) return;
  object.ensure_object("metadata").set("labels", labels);
}

void defaults(Value object, std::string_view) {
  Value spec = object.ensure_object("spec");
  if (spec["completions"].is_missing() && spec["parallelism"].is_missing()) spec.set("completions", 1);
  default_value(spec, "parallelism", 1);
  default_value(spec, "backoffLimit", spec["backoffLimitPerIndex"].is_missing() ? 6 : INT32_MAX);
  default_labels(object);
  default_value(spec, "completionMode", "NonIndexed");
  default_value(spec, "suspend", false);
  default_value(spec, "podReplacementPolicy", spec["podFailurePolicy"].is_missing() ? "TerminatingOrFailed" : "Failed");
  default_value(spec, "manualSelector", false);
  default_failure_policy(spec);
  default_pod_template(spec.ensure_object("template"));
}

void prepare_create(Value object, const CreateContext&) {
  Value spec = object["spec"], metadata = object["metadata"], pod_template = spec["template"];
  if (!spec["manualSelector"].as_bool()) {
    Value labels = pod_template.ensure_object("metadata").ensure_object("labels");
    for (auto name : {kOldNameLabel, kNameLabel})
      if (!labels.has(name)) labels.set(name, metadata["name"]);
    for (auto name : {kOldUidLabel, kUidLabel})
      if (!labels.has(name)) labels.set(name, metadata["uid"]);
    Value wanted = spec.ensure_object("selector").ensure_object("matchLabels");
    if (!wanted.has(kUidLabel)) wanted.set(kUidLabel, metadata["uid"]);
  }
  drop_disabled_template_fields(pod_template, {});
}

void prepare_update(Value object, const Object& old, std::string_view subresource) {
  if (subresource == "status") return;
  drop_disabled_template_fields(object["spec"]["template"], old["spec"]["template"]);
}

// ---- validation ----

void require_label(const At& labels, std::string_view key, std::string_view wanted) {
  AnyView label = labels.value()[key];
  auto complaint = concat("must be '", wanted, "'");
  if (!label.present())
    labels.errors().required(labels.path().key(key), complaint);
  else if (label.as_string() != wanted)
    labels.errors().invalid(labels.path().key(key), Shown(labels.value()), complaint);
}

// Whether a selector selects the pods of this job by the labels that it generates.
bool selects_generated(const AnyView& selector, std::string_view uid, std::string_view name, bool prefixed) {
  Arena arena;
  Value pod_template = Value::object(arena);
  Value labels = pod_template.ensure_object("metadata").ensure_object("labels");
  labels.set(kOldUidLabel, uid);
  labels.set(kOldNameLabel, name);
  if (prefixed) {
    labels.set(kUidLabel, uid);
    labels.set(kNameLabel, name);
  }
  auto selects = LabelSelector::from(selector);
  auto frozen = schema::freeze(pod_template, *schema::builtin_type("io.k8s.api.core.v1.PodTemplateSpec"));
  return !selects || !frozen || selects->matches(**frozen);
}

void validate_generated(const Object& object, const At& spec, bool prefixed) {
  At selector = spec["selector"];
  if (spec["manualSelector"].truth() || !selector.present()) return;
  auto uid = object["metadata"]["uid"].as_string(), name = name_of(object);
  if (uid.empty()) spec.errors().required(Path("metadata").child("uid"), "");
  At pod_template = spec["template"], metadata = pod_template["metadata"], labels = metadata["labels"];
  require_label(labels, kOldUidLabel, uid);
  require_label(labels, kOldNameLabel, name);
  if (prefixed) {
    require_label(labels, kUidLabel, uid);
    require_label(labels, kNameLabel, name);
  }
  if (!selects_generated(selector.value(), uid, name, prefixed)) selector.invalid("`selector` not auto-generated");
}

void validate_spec(const At& spec, const PodSpecOptions& options) {
  validate_job_spec_base(spec, options);
  At selector = spec["selector"];
  if (!selector.present()) selector.required();
  if (selector.present())
    validate_label_selector(spec.errors(), selector.path(), selector.value(),
                            {.allow_invalid_values = options.invalid_label_value_in_selector});
  require_selected_labels(selector.value(), spec["template"]);
}

void validate_job(const Object& object, const At& spec, bool prefixed, const PodSpecOptions& options) {
  validate_generated(object, spec, prefixed);
  validate_spec(spec, options);
  At completions = spec["completions"];
  if (!is_indexed(spec.value()) || completions.number() <= 0) return;
  auto host_name = concat(name_of(object), "-", completions.number() - 1);
  Complaints complaints;
  check_dns1123_label(host_name, complaints);
  if (!complaints.empty())
    spec.errors().invalid(Path("metadata").child("name"), Shown(name_of(object)),
                          concat("will not able to create pod with invalid DNS label: ", host_name));
}

void validate(const Object& object, FieldErrors& errors) {
  Path path("spec");
  validate_job(object, At(object["spec"], path, errors), true, {});
}

// Where the pods of a job go and what they use may be changed while it is suspended and has none.
bool may_change_template(const Object& old) {
  AnyView suspend = old["spec"]["suspend"], status = old["status"];
  bool suspended = suspend.present() && suspend.as_bool();
  return suspended && (!status["startTime"].present() || has_condition(status, "Suspended")) && status["active"].as_int() == 0;
}

void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  Path path("spec");
  At spec(object["spec"], path, errors);
  AnyView before = old["spec"], old_labels = before["template"]["metadata"]["labels"];
  auto options = pod_template_options(before["template"]);
  FieldErrors strict;
  validate_label_selector(strict, path.child("selector"), before["selector"]);
  options.invalid_label_value_in_selector |= !strict.empty();
  bool prefixed = old_labels[kNameLabel].present() && old_labels[kUidLabel].present();
  validate_job(object, spec, prefixed, options);
  validate_spec(spec, options);  // upstream looks twice
  validate_job_spec_update(spec, before, may_change_template(old));
}

void validate_subresource(std::string_view subresource, const Object& object, const Object& old, FieldErrors& errors) {
  if (subresource == "status") return validate_job_status_update(object, old, errors);
  validate_update(object, old, errors);
}

void warn(const Object& object, const Object* old, Warnings& out) {
  if (!old) warn_of_pod_host_name(object, out);
  if (old && object["metadata"]["generation"].as_int() == (*old)["metadata"]["generation"].as_int()) return;
  Path path("spec");
  FieldErrors none;
  warn_of_job_spec(At(object["spec"], path, none), old ? (*old)["spec"] : AnyView(), out);
}

// ---- the table ----

constexpr Column kColumns[] = {
    kNameColumn,
    {"Status", "string", "", "Status of the job."},
    {"Completions", "string", "",
     "The number of pods which reached phase Succeeded. The value increases monotonically for a given spec. However, it may decrease in "
     "reaction to scale down of elastic indexed jobs."},
    {"Duration", "string", "", "Time required to complete the job."},
    kAgeColumn,
    kContainersColumn,
    kImagesColumn,
    {"Selector", "string", "",
     "A label query over pods that should match the pod count. Normally, the system sets this field for you. More info: "
     "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors",
     1},
};

std::string_view state_of(const Object& object) {
  AnyView status = object["status"];
  if (has_condition(status, "Complete")) return "Complete";
  if (has_condition(status, "Failed")) return "Failed";
  if (is_being_deleted(object)) return "Terminating";
  for (std::string_view type : {"Suspended", "FailureTarget", "SuccessCriteriaMet"})
    if (has_condition(status, type)) return type;
  return "Running";
}

void row(const Object& object, Row& row) {
  AnyView spec = object["spec"], status = object["status"];
  AnyView completions = spec["completions"], start = status["startTime"], end = status["completionTime"];
  int64_t parallelism = spec["parallelism"].as_int(), succeeded = status["succeeded"].as_int();
  name_cell(object, row);
  row.text(state_of(object));
  if (completions.present())
    row.text(concat(succeeded, "/", completions.as_int()));
  else
    row.text(parallelism > 1 ? concat(succeeded, "/1 of ", parallelism) : concat(succeeded, "/1"));
  if (start.present())
    row.text(human_duration((end.present() ? end.as_int() : row.now_seconds()) - start.as_int()));
  else
    row.text("");
  age_cell(object, row);
  container_cells(spec["template"], row);
  row.text(format_label_selector(spec["selector"]));
}

constexpr FieldLabel kFieldLabels[] = {
    {"status.successful", [](const Object& object) { return concat(object["status"]["succeeded"].as_int()); }},
};

}  // namespace

extern const Rules kJobRules{
    .group = "batch",
    .kind = "Job",
    .defaults = defaults,
    .prepare_create = prepare_create,
    .prepare_update = prepare_update,
    .canonicalize = default_labels,
    .validate = validate,
    .validate_update = validate_update,
    .validate_subresource = validate_subresource,
    .warnings = warn,
    .update_checks_whole = true,
    .columns = kColumns,
    .row = row,
    .field_labels = kFieldLabels,
    .unknown_label = [](std::string_view label) { return concat("field label ", quoted(label), " not supported for Job"); },
    .default_propagation = "orphan",
    .propagation_warning = "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set "
                           "propagationPolicy=Orphan to suppress this warning",
};

}  // namespace sampan::registry
