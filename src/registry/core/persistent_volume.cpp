// PersistentVolume: a piece of storage of the cluster.
#include "base/time_text.h"
#include "base/encoding.h"
#include "base/text.h"
#include "registry/columns.h"
#include "registry/core/access_modes.h"
#include "registry/core/node_labels.h"
#include "registry/core/persistent_volume_spec.h"
#include "registry/core/resource_names.h"
#include "registry/line_diff.h"

namespace sampan::registry {

namespace core {

std::string access_modes_text(const schema::AnyView& modes) {
  std::string out;
  for (auto [mode, text] : {std::pair("ReadWriteOnce", "RWO"), std::pair("ReadOnlyMany", "ROX"), std::pair("ReadWriteMany", "RWX"),
                            std::pair("ReadWriteOncePod", "RWOP")})
    if (has_item(modes, mode)) append(out, out.empty() ? "" : ",", text);
  return out;
}

std::string_view storage_class_of(const Object& object) {
  if (has_annotation(object, kBetaStorageClass)) return annotation_of(object, kBetaStorageClass);
  return object["spec"]["storageClassName"].as_string();
}

}  // namespace core

namespace core_persistent_volume {

using schema::AnyView;

void defaults(Value object, std::string_view) {
  Value spec = object.ensure_object("spec"), status = object.ensure_object("status");
  if (status["phase"].as_string().empty()) status.set("phase", "Pending");
  if (spec["persistentVolumeReclaimPolicy"].as_string().empty()) spec.set("persistentVolumeReclaimPolicy", "Retain");
  if (spec["volumeMode"].is_missing()) spec.set("volumeMode", "Filesystem");
  core::default_persistent_volume_source(spec);
}

Value time_value(Arena& arena, int64_t seconds) {
  std::string text;
  append_time(text, seconds);
  return arena.copy(text);
}

void prepare_create(Value object, const CreateContext& context) {
  Value status = Value::object(object.arena());
  status.set("phase", "Pending");
  status.set("lastPhaseTransitionTime", time_value(object.arena(), context.now_seconds));
  object.set("status", status);
}

constexpr std::string_view kSources[][2] = {{"gcePersistentDisk", "GCEPersistentDisk"}, {"awsElasticBlockStore", "AWSElasticBlockStore"},
                                            {"hostPath", "HostPath"},       {"glusterfs", "Glusterfs"},
                                            {"nfs", "NFS"},                 {"rbd", "RBD"},
                                            {"quobyte", "Quobyte"},         {"iscsi", "ISCSI"},
                                            {"flexVolume", "FlexVolume"},   {"cinder", "Cinder"},
                                            {"cephfs", "CephFS"},           {"fc", "FC"},
                                            {"flocker", "Flocker"},         {"azureFile", "AzureFile"},
                                            {"vsphereVolume", "VsphereVolume"}, {"azureDisk", "AzureDisk"},
                                            {"photonPersistentDisk", "PhotonPersistentDisk"}, {"portworxVolume", "PortworxVolume"},
                                            {"scaleIO", "ScaleIO"},         {"local", "Local"},
                                            {"storageos", "StorageOS"},     {"csi", "CSI"}};

// Compact JSON with a line for each value, as Go's MarshalIndent with one space.
std::string indented(std::string_view json) {
  std::string out;
  size_t depth = 0;
  bool in_text = false;
  auto line = [&] {
    out += '\n';
    out.append(depth, ' ');
  };
  for (size_t i = 0; i < json.size(); i++) {
    char c = json[i];
    if (in_text) {
      out += c;
      if (c == '\\' && i + 1 < json.size())
        out += json[++i];
      else if (c == '"')
        in_text = false;
    } else if (c == '{' || c == '[') {
      out += c;
      if (json[i + 1] == '}' || json[i + 1] == ']') {
        out += json[++i];
        continue;
      }
      depth++;
      line();
    } else if (c == '}' || c == ']') {
      depth--;
      line();
      out += c;
    } else {
      in_text = c == '"';
      out += c;
      if (c == ',') line();
      if (c == ':') out += ' ';
    }
  }
  return out;
}

// The sources alone, as upstream's type of them prints.
std::string sources_text(const AnyView& spec) {
  std::string out = "{";
  for (auto [field, name] : kSources) append(out, out.size() > 1 ? ",\"" : "\"", name, "\":", Shown::internal(spec[field]).text());
  return indented(out += '}');
}

core::VolumeSpecOptions options_for(const Object* old) {
  if (!old) return {};
  FieldErrors errors;
  Path path;
  At required((*old)["spec"]["nodeAffinity"]["required"], path, errors);
  if (required.present()) core::validate_persistent_volume_spec(At((*old)["spec"], path, errors), {}, core::VolumeSpecUse::Volume, {});
  for (const auto& cause : errors.causes())
    if (cause.field.starts_with("nodeAffinity.required")) return {.allow_invalid_affinity_values = true};
  return {};
}

void validate_volume(const Object& object, core::VolumeSpecOptions options, FieldErrors& errors) {
  Path path("spec");
  core::validate_persistent_volume_spec(At(object["spec"], path, errors), name_of(object), core::VolumeSpecUse::Volume, options);
}

void validate_mount_options(const Object& object, FieldErrors& errors) {
  constexpr std::string_view kAnnotation = "volume.beta.kubernetes.io/mount-options";
  if (!has_annotation(object, kAnnotation)) return;
  for (auto field : {"gcePersistentDisk", "awsElasticBlockStore", "glusterfs", "nfs", "rbd", "quobyte", "iscsi", "cinder", "cephfs", "azureFile",
                     "vsphereVolume", "azureDisk", "photonPersistentDisk"})
    if (object["spec"][field].present()) return;
  errors.forbidden(Path("metadata").child("annotations").child(kAnnotation), "may not specify mount options for this volume type");
}

void validate(const Object& object, FieldErrors& errors) {
  validate_volume(object, {}, errors);
  validate_mount_options(object, errors);
}

void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  auto options = options_for(&old);
  validate_volume(object, options, errors);
  validate_mount_options(object, errors);
  validate_volume(object, options, errors);  // upstream's update looks at the whole once more
  auto now = object["spec"], before = old["spec"];
  // The secret for expansion may be added later.
  bool secret_added = before["csi"].present() && !before["csi"]["controllerExpandSecretRef"].present();
  auto before_text = sources_text(before), now_text = sources_text(now);
  if (secret_added && now["csi"]["controllerExpandSecretRef"].present()) {
    auto secret = concat("\"ControllerExpandSecretRef\":", Shown::internal(now["csi"]["controllerExpandSecretRef"]).text());
    auto csi = Shown::internal(now["csi"]).text();
    if (auto at = csi.find(secret); at != std::string::npos) csi.replace(at, secret.size(), "\"ControllerExpandSecretRef\":null");
    if (csi == Shown::internal(before["csi"]).text()) now_text = before_text;
  }
  Path spec("spec");
  if (before_text != now_text)
    errors.forbidden(spec.child("persistentvolumesource"),
                     concat("spec.persistentvolumesource is immutable after creation\n", line_diff(before_text, now_text)));
  require_unchanged(errors, Path("volumeMode"), now["volumeMode"], before["volumeMode"]);
  if (auto affinity = before["nodeAffinity"]; affinity.present() && !affinity.equals(now["nodeAffinity"]))
    errors.invalid(Path("nodeAffinity"), Shown::internal(now["nodeAffinity"]), "field is immutable, except for updating from beta label to GA");
  if (before["volumeAttributesClassName"].present() && !now["volumeAttributesClassName"].present())
    errors.forbidden(spec.child("volumeAttributesClassName"), "update from non-nil value to nil is forbidden");
}

void validate_status(std::string_view, const Object&, const Object&, FieldErrors&) {}

void warnings(const Object& object, const Object*, Warnings& out) {
  for (auto [key, message] : {std::pair(core::kBetaStorageClass, "deprecated since v1.8; use \"storageClassName\" attribute instead"),
                              std::pair(std::string_view("volume.beta.kubernetes.io/mount-options"),
                                        "deprecated since v1.31; use \"mountOptions\" attribute instead")})
    if (has_annotation(object, key)) out.push_back(concat("metadata.annotations[", key, "]: ", message));
  auto spec = object["spec"];
  if (spec["persistentVolumeReclaimPolicy"].as_string() == "Recycle")
    out.push_back(
        "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic "
        "provisioning.");
  auto terms = spec["nodeAffinity"]["required"]["nodeSelectorTerms"];
  for (uint32_t i = 0; i < terms.size(); i++) {
    auto expressions = terms.item(i)["matchExpressions"];
    for (uint32_t j = 0; j < expressions.size(); j++) {
      auto key = expressions.item(j)["key"].as_string();
      if (auto message = deprecated_node_label(key); !message.empty())
        out.push_back(concat("spec.nodeAffinity.required.nodeSelectorTerms[", i, "].matchExpressions[", j, "].key: ", key, " is ", message));
    }
  }
  struct Deprecated {
    std::string_view field, path, since;
  };
  static constexpr Deprecated kDeprecated[] = {{"cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"},
                                               {"photonPersistentDisk", "photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"},
                                               {"scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"},
                                               {"storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"},
                                               {"glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"},
                                               {"rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"}};
  for (const auto& kind : kDeprecated)
    if (spec[kind.field].present()) out.push_back(concat("spec.", kind.path, ": ", kind.since));
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"Capacity", "string", "",
     "capacity is the description of the persistent volume's resources and capacity. More info: "
     "https://kubernetes.io/docs/concepts/storage/persistent-volumes#capacity"},
    {"Access Modes", "string", "",
     "accessModes contains all ways the volume can be mounted. More info: "
     "https://kubernetes.io/docs/concepts/storage/persistent-volumes#access-modes"},
    {"Reclaim Policy", "string", "",
     "persistentVolumeReclaimPolicy defines what happens to a persistent volume when released from its claim. Valid options are Retain "
     "(default for manually created PersistentVolumes), Delete (default for dynamically provisioned PersistentVolumes), and Recycle "
     "(deprecated). Recycle must be supported by the volume plugin underlying this PersistentVolume. More info: "
     "https://kubernetes.io/docs/concepts/storage/persistent-volumes#reclaiming"},
    {"Status", "string", "",
     "phase indicates if a volume is available, bound to a claim, or released by a claim. More info: "
     "https://kubernetes.io/docs/concepts/storage/persistent-volumes#phase"},
    {"Claim", "string", "",
     "claimRef is part of a bi-directional binding between PersistentVolume and PersistentVolumeClaim. Expected to be non-nil when bound. "
     "claim.VolumeName is the authoritative bind between PV and PVC. More info: "
     "https://kubernetes.io/docs/concepts/storage/persistent-volumes#binding"},
    {"StorageClass", "string", "", "StorageClass of the pv"},
    {"VolumeAttributesClass", "string", "", "VolumeAttributesClass of the pv"},
    {"Reason", "string", "",
     "reason is a brief CamelCase string that describes any failure and is meant for machine parsing and tidy display in the CLI."},
    kAgeColumn,
    {"VolumeMode", "string", "",
     "volumeMode defines if a volume is intended to be used with a formatted filesystem or to remain in raw block state. Value of "
     "Filesystem is implied when not included in spec.", 1},
};

void row(const Object& object, Row& row) {
  auto spec = object["spec"], status = object["status"], claim = spec["claimRef"];
  auto or_unset = [&](std::string_view field) { return spec[field].present() ? spec[field].as_string() : "<unset>"; };
  auto size = spec["capacity"]["storage"].as_string();
  name_cell(object, row);
  row.text(size.empty() ? "0" : size);
  row.text(core::access_modes_text(spec["accessModes"]));
  row.text(spec["persistentVolumeReclaimPolicy"].as_string());
  row.text(is_being_deleted(object) ? "Terminating" : status["phase"].as_string());
  row.text(claim.present() ? concat(claim["namespace"].as_string(), "/", claim["name"].as_string()) : "");
  row.text(core::storage_class_of(object));
  row.text(or_unset("volumeAttributesClassName"));
  row.text(status["reason"].as_string());
  age_cell(object, row);
  row.text(or_unset("volumeMode"));
}

// When the phase was last another one.
void stamp_update(Value object, const Object& old, std::string_view subresource, int64_t now_seconds) {
  if (subresource != "status") return;
  Value status = object.ensure_object("status");
  auto before = old["status"]["lastPhaseTransitionTime"];
  bool missing = status["lastPhaseTransitionTime"].is_missing();
  bool same_time = before.present() && status["lastPhaseTransitionTime"].as_string() == rfc3339(before.as_int());
  if (status["phase"].as_string() == old["status"]["phase"].as_string()) {
    if (missing && before.present()) status.set("lastPhaseTransitionTime", object.arena().copy(rfc3339(before.as_int())));
  } else if (missing || same_time) status.set("lastPhaseTransitionTime", object.arena().copy(rfc3339(now_seconds)));
}

}  // namespace core_persistent_volume

extern const Rules kPersistentVolumeRules{
    .group = "",
    .kind = "PersistentVolume",
    .defaults = core_persistent_volume::defaults,
    .prepare_create = core_persistent_volume::prepare_create,
    .stamp_update = core_persistent_volume::stamp_update,
    .validate = core_persistent_volume::validate,
    .validate_update = core_persistent_volume::validate_update,
    .validate_subresource = core_persistent_volume::validate_status,
    .warnings = core_persistent_volume::warnings,
    .update_checks_metadata = false,
    .update_checks_whole = true,
    .columns = core_persistent_volume::kColumns,
    .row = core_persistent_volume::row,
    .has_generation = false,
    .returns_deleted_object = true,
};

}  // namespace sampan::registry
