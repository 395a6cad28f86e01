// StatefulSet: pods with a name and a storage of their own each, that keep both.
#include "base/text.h"
#include "registry/apps/workload.h"
#include "registry/columns.h"
#include "registry/core/claim_spec.h"
#include "registry/core/pod_rules.h"
#include "registry/metadata.h"

namespace sampan::registry {

namespace {

constexpr std::string_view kFrozenSpec =
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', "
    "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

// What an update may not change; anything else of the spec it may.
constexpr std::string_view kFrozenFields[] = {"selector", "volumeClaimTemplates", "serviceName", "podManagementPolicy"};

void default_claims(Value spec) {
  for (Value claim : spec["volumeClaimTemplates"].items()) {
    if (!claim.is_object()) continue;
    claim.set("apiVersion", "v1");
    claim.set("kind", "PersistentVolumeClaim");
    default_text(claim.ensure_object("status"), "phase", "Pending");
    default_value(claim.ensure_object("spec"), "volumeMode", "Filesystem");
  }
}

void defaults(Value object, std::string_view) {
  Value spec = object.ensure_object("spec");
  default_text(spec, "podManagementPolicy", "OrderedReady");
  Value strategy = spec.ensure_object("updateStrategy");
  if (strategy["type"].as_string().empty()) {
    strategy.set("type", "RollingUpdate");
    strategy.ensure_object("rollingUpdate");
  }
  if (strategy["type"].as_string() == "RollingUpdate" && strategy["rollingUpdate"].is_object())
    default_value(strategy["rollingUpdate"], "partition", 0);
  Value retention = spec.ensure_object("persistentVolumeClaimRetentionPolicy");
  default_text(retention, "whenDeleted", "Retain");
  default_text(retention, "whenScaled", "Retain");
  default_value(spec, "replicas", 1);
  default_value(spec, "revisionHistoryLimit", 10);
  default_pod_template(spec.ensure_object("template"));
  default_claims(spec);
}

// The gate of `maxUnavailable` is off, so it is only kept where it is.
void drop_max_unavailable(Value object, const AnyView& old_spec) {
  Value rolling = object["spec"]["updateStrategy"]["rollingUpdate"];
  if (rolling.is_object() && !old_spec["updateStrategy"]["rollingUpdate"]["maxUnavailable"].present()) rolling.remove("maxUnavailable");
}

void prepare_create(Value object, const CreateContext&) {
  drop_max_unavailable(object, {});
  drop_disabled_template_fields(object["spec"]["template"], {});
}

void prepare_update(Value object, const Object& old, std::string_view subresource) {
  if (subresource == "status") return;
  drop_max_unavailable(object, old["spec"]);
  drop_disabled_template_fields(object["spec"]["template"], old["spec"]["template"]);
}

// ---- validation ----

std::string internal_rolling_update(const At& rolling) {
  return concat("{", internal_text(rolling["partition"].value(), "Partition", "0"), ",",
                internal_text(rolling["maxUnavailable"].value(), "MaxUnavailable", "null"), "}");
}

void validate_strategy(const At& strategy) {
  At rolling = strategy["rollingUpdate"];
  auto type = strategy["type"].text();
  if (type.empty()) return strategy.required();
  if (type == "OnDelete") {
    if (rolling.present()) rolling.invalid(Shown::raw(internal_rolling_update(rolling)), "only allowed for updateStrategy 'RollingUpdate'");
    return;
  }
  if (type != "RollingUpdate")
    return strategy.invalid(Shown::raw(concat("{\"Type\":", Shown::named(type).text(), ",\"RollingUpdate\":",
                                              rolling.present() ? internal_rolling_update(rolling) : "null", "}")),
                            "must be 'RollingUpdate' or 'OnDelete'");
  rolling["partition"].not_negative();
  At unavailable = rolling["maxUnavailable"];
  if (!unavailable.present()) return;
  require_int_or_percent(unavailable);
  if (int_or_percent(unavailable.value()) == 0) unavailable.invalid(Shown(unavailable.value().as_int_or_string()), "cannot be 0");
  require_at_most_100_percent(unavailable);
}

// The template as the controller will use it: with the volumes of the claims, and without the host name and subdomain that it overwrites. Null
// if that changes nothing.
schema::ObjectRef effective_template(const AnyView& spec) {
  AnyView pod_template = spec["template"], pod_spec = pod_template["spec"], claims = spec["volumeClaimTemplates"];
  if (!pod_template.present()) return {};
  if (pod_spec["subdomain"].as_string().empty() && pod_spec["hostname"].as_string().empty() && claims.size() == 0) return {};
  Arena arena;
  Value changed = schema::thaw(pod_template, arena);
  Value changed_spec = changed.ensure_object("spec");
  changed_spec.remove("subdomain");
  changed_spec.remove("hostname");
  if (claims.size() > 0) {
    Value volumes = Value::list(arena);
    std::vector<std::string_view> names;
    for (uint32_t i = 0; i < claims.size(); i++) {
      auto name = claims.item(i)["metadata"]["name"].as_string();
      if (std::find(names.begin(), names.end(), name) != names.end()) continue;
      names.push_back(name);
      Value volume = Value::object(arena), claim = Value::object(arena);
      claim.set("claimName", name);
      volume.set("name", name);
      volume.set("persistentVolumeClaim", claim);
      volumes.push(volume);
    }
    for (Value volume : changed_spec["volumes"].items())
      if (std::find(names.begin(), names.end(), volume["name"].as_string()) == names.end()) volumes.push(volume);
    changed_spec.set("volumes", volumes);
  }
  auto frozen = schema::freeze(changed, pod_template.type());
  return frozen ? *frozen : schema::ObjectRef();
}

struct SetOptions {
  bool any_service_name = false;
  bool skip_claims = false;
  bool skip_template = false;
};

void validate_template(const At& spec, const PodSpecOptions& options, const SetOptions& set_options) {
  auto changed = effective_template(spec.value());
  At given = spec["template"];
  At pod_template(changed ? changed->view() : given.value(), given.path(), spec.errors());
  require_selected_labels(spec["selector"].value(), pod_template);
  if (!set_options.skip_template) validate_pod_template(pod_template.value(), pod_template.path(), spec.errors(), options);
  // Upstream looks at labels and annotations once more, at a path where they are not.
  At metadata = pod_template["metadata"];
  AnyView annotations = metadata["annotations"].value();
  validate_labels(spec.errors(), pod_template.path().child("labels"), metadata["labels"].value());
  validate_annotations(spec.errors(), pod_template.path().child("annotations"), annotations);
  At misplaced(annotations, pod_template.path().child("annotations"), spec.errors());
  validate_pod_annotations(misplaced, pod_template["spec"].value(), options);
}

void validate_spec(const Object& object, FieldErrors& errors, const PodSpecOptions& options, const SetOptions& set_options) {
  Path path("spec");
  At spec(object["spec"], path, errors);
  At policy = spec["podManagementPolicy"], retention = spec["persistentVolumeClaimRetentionPolicy"];
  if (policy.empty())
    policy.required();
  else if (policy.text() != "OrderedReady" && policy.text() != "Parallel")
    policy.invalid("must be 'OrderedReady' or 'Parallel'");
  validate_strategy(spec["updateStrategy"]);
  if (retention.present())
    for (auto when : {"whenDeleted", "whenScaled"}) retention[when].one_of({"Retain", "Delete"});
  At claims = spec["volumeClaimTemplates"];
  if (!set_options.skip_claims)
    for (uint32_t i = 0; i < claims.size(); i++) {
      At claim = claims.item(i);
      validate_claim_spec(claim["spec"], {});
    }
  require_not_negative(spec, {"replicas", "minReadySeconds"});
  if (spec["ordinals"].present()) {
    At ordinals = spec["ordinals"];
    ordinals["start"].not_negative();
  }
  if (!set_options.any_service_name && !spec["serviceName"].empty()) spec["serviceName"].must_be(check_dns1123_label);
  if (require_selector(spec["selector"], "statefulset", "")) validate_template(spec, options, set_options);
  require_endless_pods(spec["template"], "StatefulSet");
}

void validate(const Object& object, FieldErrors& errors) { validate_spec(object, errors, {}, {}); }

void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  auto options = pod_template_options(old["spec"]["template"]);
  SetOptions set_options{.any_service_name = true, .skip_claims = true};
  // A set that has been stored with a bad template may still be updated.
  FieldErrors of_old;
  validate_spec(old, of_old, options, set_options);
  set_options.skip_template = !of_old.empty();
  validate_spec(object, errors, options, set_options);
  AnyView now = object["spec"], before = old["spec"];
  for (auto field : kFrozenFields)
    if (!now[field].equals(before[field])) return errors.forbidden(Path("spec"), kFrozenSpec);
}

void validate_subresource(std::string_view subresource, const Object& object, const Object& old, FieldErrors& errors) {
  if (subresource != "status") return validate_update(object, old, errors);
  constexpr std::string_view kTooMany = "cannot be greater than status.replicas";
  Path path("status");
  At status(object["status"], path, errors);
  require_not_negative(status, {"replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas",
                                "observedGeneration", "collisionCount"});
  for (auto field : {"readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"})
    require_at_most(status, field, "replicas", kTooMany);
  require_at_most(status, "availableReplicas", "readyReplicas", "cannot be greater than status.readyReplicas");
  require_not_decremented(status, old["status"]);
}

void warn(const Object& object, const Object* old, Warnings& out) {
  warn_of_template(object, old, out);
  FieldErrors none;
  Path spec_path("spec");
  At spec(object["spec"], spec_path, none);
  At claims = spec["volumeClaimTemplates"];
  for (uint32_t i = 0; i < claims.size(); i++) {
    At claim = claims.item(i);
    // The paths are upstream's slips.
    AnyView claim_spec = claim["spec"].value();
    warn_of_claim_spec(old ? At(claim_spec, claim.path().child("Spec"), none) : At(claim_spec, claim.path(), none), out);
  }
  if (spec["revisionHistoryLimit"].present() && spec["revisionHistoryLimit"].number() < 0)
    out.push_back("spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended");
}

constexpr Column kColumns[] = {
    kNameColumn, {"Ready", "string", "", "Number of the pod with ready state"}, kAgeColumn, kContainersColumn, kImagesColumn,
};

void row(const Object& object, Row& row) {
  AnyView spec = object["spec"];
  name_cell(object, row);
  row.text(concat(object["status"]["readyReplicas"].as_int(), "/", spec["replicas"].as_int()));
  age_cell(object, row);
  container_cells(spec["template"], row);
}

}  // namespace

extern const Rules kStatefulSetRules{
    .group = "apps",
    .kind = "StatefulSet",
    .defaults = defaults,
    .prepare_create = prepare_create,
    .prepare_update = prepare_update,
    .validate = validate,
    .validate_update = validate_update,
    .validate_subresource = validate_subresource,
    .warnings = warn,
    .validate_name = name_is_dns_label,
    .columns = kColumns,
    .row = row,
};

}  // namespace sampan::registry
