// PersistentVolumeClaim: the wish for storage, and the volume it got.
#include "base/text.h"
#include "registry/columns.h"
#include "registry/core/access_modes.h"
#include "registry/core/claim_spec.h"
#include "registry/core/pod_rules.h"
#include "registry/core/pod_spec_diff.h"
#include "registry/core/resource_names.h"

namespace sampan::registry {

namespace core_persistent_volume_claim {

using schema::AnyView;

void defaults(Value object, std::string_view) {
  Value spec = object.ensure_object("spec"), status = object.ensure_object("status");
  if (status["phase"].as_string().empty()) status.set("phase", "Pending");
  if (spec["volumeMode"].is_missing()) spec.set("volumeMode", "Filesystem");
  for (Value list : {spec["resources"]["limits"], spec["resources"]["requests"], status["capacity"], status["allocatedResources"]})
    if (list.is_object()) core::round_resources(list);
}

// ---- dataSource and dataSourceRef: the old field follows the new one and the other way round ----

bool is_claim_or_snapshot(Value source) {
  auto kind = source["kind"].as_string(), group = source["apiGroup"].as_string();
  return (kind == "PersistentVolumeClaim" && group.empty()) || (kind == "VolumeSnapshot" && group == "snapshot.storage.k8s.io");
}

Value local_reference(Value from) {
  Value to = Value::object(from.arena());
  for (auto field : {"apiGroup", "kind", "name"})
    if (Value value = from[field]; !value.is_missing()) to.set(field, value);
  return to;
}

void normalize_sources(Value spec, const AnyView& before) {
  bool in_use = before["dataSource"].present() || before["dataSourceRef"].present();
  // References into other namespaces are a feature that is off.
  if (!spec["dataSourceRef"]["namespace"].as_string().empty() && !before["dataSourceRef"].present()) spec.remove("dataSourceRef");
  Value source = spec["dataSource"], reference = spec["dataSourceRef"];
  if (!in_use && !reference.is_object() && source.is_object() && !is_claim_or_snapshot(source)) {
    spec.remove("dataSource");
    return;
  }
  if (source.is_object() && !reference.is_object()) spec.set("dataSourceRef", local_reference(source));
  if (!source.is_object() && reference.is_object() && reference["namespace"].as_string().empty())
    spec.set("dataSource", local_reference(reference));
}

// The machinery drops a new claim's status, upstream's decoder then finds the phase anew.
void prepare_create(Value object, const CreateContext&) {
  normalize_sources(object.ensure_object("spec"), {});
  Value status = Value::object(object.arena());
  status.set("phase", "Pending");
  object.set("status", status);
}

void prepare_update(Value object, const Object& old, std::string_view subresource) {
  if (subresource.empty()) normalize_sources(object.ensure_object("spec"), old["spec"]);
}

// ---- validation ----

ClaimSpecOptions options_for(const Object* old) {
  ClaimSpecOptions options;
  if (!old) return options;
  auto spec = (*old)["spec"];
  Complaints complaints;
  for (auto field : {"dataSource", "dataSourceRef"})
    if (auto group = spec[field]["apiGroup"].as_string(); !group.empty()) check_dns1123_subdomain(group, complaints);
  options.invalid_api_group_in_data_source = !complaints.empty();
  FieldErrors errors;
  validate_label_selector(errors, Path(), spec["selector"]);
  options.invalid_label_value_in_selector = !errors.empty();
  return options;
}

void validate_claim(const Object& object, const Object* old, FieldErrors& errors) {
  Path path("spec");
  validate_claim_spec(At(object["spec"], path, errors), options_for(old));
}

void validate(const Object& object, FieldErrors& errors) { validate_claim(object, nullptr, errors); }

Quantity storage_of(const AnyView& list) { return Quantity::stored(list["storage"].as_string()); }

void set_or_remove(Value object, std::string_view field, Value value) {
  if (value.is_missing())
    object.remove(field);
  else
    object.set(field, value);
}

// What may change is made equal, then the rest is compared.
void forbid_changes(const Object& object, const Object& old, FieldErrors& errors) {
  Arena arena;
  auto now_view = object["spec"], before_view = old["spec"];
  Value now = schema::thaw(now_view, arena), before = schema::thaw(before_view, arena);
  normalize_sources(before, before_view);
  if (before["volumeName"].as_string().empty()) set_or_remove(before, "volumeName", now["volumeName"]);
  bool had_annotation = has_annotation(old, core::kBetaStorageClass), has_one = has_annotation(object, core::kBetaStorageClass);
  auto old_annotation = annotation_of(old, core::kBetaStorageClass), annotation = annotation_of(object, core::kBetaStorageClass);
  Value name = now["storageClassName"];
  bool gains_name = before["storageClassName"].is_missing() && !name.is_missing();
  if (had_annotation && gains_name && name.as_string() == old_annotation && (!has_one || annotation == old_annotation)) {
    now.remove("storageClassName");  // from the annotation to the field
  } else {
    if (annotation != old_annotation)
      errors.invalid(Path("metadata").child("annotations").child(core::kBetaStorageClass), annotation, "field is immutable");
    if (gains_name && (!had_annotation || name.as_string() == old_annotation)) now.remove("storageClassName");
  }
  if (object["status"]["phase"].as_string() == "Bound") {
    if (now["resources"]["requests"].is_object())
      set_or_remove(now["resources"]["requests"], "storage", before["resources"]["requests"]["storage"]);
    set_or_remove(now, "volumeAttributesClassName", before["volumeAttributesClassName"]);
  }
  const schema::Type& type = now_view.present() ? now_view.type() : before_view.type();
  auto now_frozen = schema::freeze(now, type), before_frozen = schema::freeze(before, type);
  if (!now_frozen || !before_frozen) return errors.internal(Path("spec"), "the spec cannot be compared");
  if (semantically_equal((*now_frozen)->view(), (*before_frozen)->view())) return;
  errors.forbidden(Path("spec"),
                   concat("spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n",
                          pod_spec_diff((*before_frozen)->view(), (*now_frozen)->view(), errors.sent_at(Path("spec")))));
}

void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  validate_claim(object, &old, errors);
  forbid_changes(object, old, errors);
  auto now = object["spec"], before = old["spec"];
  auto size = storage_of(now["resources"]["requests"]);
  Path spec("spec");
  if (size < storage_of(before["resources"]["requests"]) && size <= storage_of(old["status"]["capacity"]))
    errors.forbidden(spec.child("resources").child("requests").child("storage"), "field can not be less than status.capacity");
  require_unchanged(errors, Path("volumeMode"), now["volumeMode"], before["volumeMode"]);
  auto attributes = now["volumeAttributesClassName"];
  if (attributes.equals(before["volumeAttributesClassName"]) || !old["status"]["currentVolumeAttributesClassName"].present()) return;
  if (!attributes.present())
    errors.forbidden(spec.child("volumeAttributesClassName"), "update to nil is forbidden when status.currentVolumeAttributesClassName is not nil");
  else if (attributes.as_string().empty())
    errors.forbidden(spec.child("volumeAttributesClassName"),
                     "update to empty string is forbidden when status.currentVolumeAttributesClassName is not nil");
}

bool require_claim_resource(const At& list, std::string_view name) {
  Complaints complaints;
  check_qualified_name(name, complaints);
  report(list.errors(), list.path(), name, complaints);
  if (!complaints.empty()) return false;
  if (!is_native_resource(name) || name == "storage") return true;
  static constexpr std::string_view kStorage[] = {"storage"};
  list.errors().not_supported(list.path(), name, kStorage);
  return false;
}

void validate_status(std::string_view, const Object& object, const Object&, FieldErrors& errors) {
  if (object["spec"]["accessModes"].size() == 0) errors.required(Path("Spec").child("accessModes"), "");
  Path path("status");
  At status(object["status"], path, errors);
  At capacity = status["capacity"], states = status["allocatedResourceStatuses"], allocated = status["allocatedResources"];
  auto require_basic = [&](const At& item) {
    int64_t value = Quantity::stored(item.text()).value();
    if (value < 0) item.invalid(Shown(value), "must be a valid resource quantity");
    return value >= 0;
  };
  for (uint32_t i = 0; i < capacity.size(); i++) require_basic(capacity.map_value(i));
  static constexpr std::string_view kStates[] = {"ControllerResizeInProgress", "ControllerResizeInfeasible", "NodeResizeInProgress",
                                                 "NodeResizeInfeasible", "NodeResizePending"};
  for (uint32_t i = 0; i < states.size(); i++) {
    require_claim_resource(states, states.key(i));
    auto state = states.value().value(i).as_string();
    if (std::find(std::begin(kStates), std::end(kStates), state) != std::end(kStates)) continue;
    auto sorted = std::vector<std::string_view>(std::begin(kStates), std::end(kStates));
    std::sort(sorted.begin(), sorted.end());
    errors.not_supported(states.path(), Shown::named(states.key(i)), sorted);
  }
  for (uint32_t i = 0; i < allocated.size(); i++) {
    if (!require_claim_resource(allocated, allocated.key(i))) continue;
    if (require_basic(allocated.map_value(i))) validate_resource_quantity("storage", allocated.map_value(i));
  }
}

void warnings(const Object& object, const Object*, Warnings& out) {
  if (has_annotation(object, core::kBetaStorageClass))
    out.push_back(concat("metadata.annotations[", core::kBetaStorageClass, "]: deprecated since v1.8; use \"storageClassName\" attribute instead"));
  for (auto field : {"requests", "limits"}) {
    auto quantity = storage_of(object["spec"]["resources"][field]);
    if (quantity.milli_value() % 1000 != 0)
      out.push_back(concat("spec.resources.", field, "[storage]: fractional byte value ", quoted(quantity.text()), " is invalid, must be an integer"));
  }
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"Status", "string", "", "phase represents the current phase of PersistentVolumeClaim."},
    {"Volume", "string", "",
     "volumeName is the binding reference to the PersistentVolume backing this claim."},
    {"Capacity", "string", "", "capacity represents the actual resources of the underlying volume."},
    {"Access Modes", "string", "",
     "accessModes contains the actual access modes the volume backing the PVC has. More info: "
     "https://kubernetes.io/docs/concepts/storage/persistent-volumes#access-modes-1"},
    {"StorageClass", "string", "", "StorageClass of the pvc"},
    {"VolumeAttributesClass", "string", "", "VolumeAttributesClass of the pvc"},
    kAgeColumn,
    {"VolumeMode", "string", "",
     "volumeMode defines what type of volume is required by the claim. Value of Filesystem is implied when not included in claim spec.", 1},
};

void row(const Object& object, Row& row) {
  auto spec = object["spec"], status = object["status"];
  auto or_unset = [&](std::string_view field) { return spec[field].present() ? spec[field].as_string() : "<unset>"; };
  bool bound = !spec["volumeName"].as_string().empty();
  auto size = status["capacity"]["storage"].as_string();
  name_cell(object, row);
  row.text(is_being_deleted(object) ? "Terminating" : status["phase"].as_string());
  row.text(spec["volumeName"].as_string());
  row.text(!bound ? "" : size.empty() ? "0" : size);
  row.text(bound ? core::access_modes_text(status["accessModes"]) : "");
  row.text(core::storage_class_of(object));
  row.text(or_unset("volumeAttributesClassName"));
  age_cell(object, row);
  row.text(or_unset("volumeMode"));
}

}  // namespace core_persistent_volume_claim

extern const Rules kPersistentVolumeClaimRules{
    .group = "",
    .kind = "PersistentVolumeClaim",
    .defaults = core_persistent_volume_claim::defaults,
    .prepare_create = core_persistent_volume_claim::prepare_create,
    .prepare_update = core_persistent_volume_claim::prepare_update,
    .validate = core_persistent_volume_claim::validate,
    .validate_update = core_persistent_volume_claim::validate_update,
    .validate_subresource = core_persistent_volume_claim::validate_status,
    .warnings = core_persistent_volume_claim::warnings,
    .update_checks_whole = true,
    .columns = core_persistent_volume_claim::kColumns,
    .row = core_persistent_volume_claim::row,
    .has_generation = false,
    .returns_deleted_object = true,
};

}  // namespace sampan::registry
