#include "registry/core/persistent_volume_spec.h"

#include "base/text.h"
#include "registry/columns.h"
#include "registry/core/pod_rules.h"
#include "registry/core/resource_names.h"
#include "registry/storage/parameters.h"
#include "schema/quantity.h"

namespace sampan::registry::core {

namespace {

void require_text(const At& at) {
  if (at.empty()) at.required();
}

void csi_secret(const At& secret) {
  if (!secret.present()) return;
  At name = secret["name"], name_space = secret["namespace"];
  name.empty() ? name.required() : name.must_be(check_dns1123_subdomain);
  name_space.empty() ? name_space.required() : name_space.must_be(check_dns1123_label);
}

void plain_secret(const At& secret) {
  if (!secret.present()) return;
  require_text(secret["name"]);
  require_text(secret["namespace"]);
}

void csi(const At& source) {
  storage::require_csi_driver_name(source["driver"]);
  require_text(source["volumeHandle"]);
  for (auto field : {"controllerPublishSecretRef", "controllerExpandSecretRef", "nodePublishSecretRef", "nodeExpandSecretRef"})
    csi_secret(source[field]);
}

void local(const At& source) {
  At path = source["path"];
  if (path.empty()) return path.required();
  validate_no_backsteps(path);
}

void glusterfs(const At& source) {
  validate_volume_source(source, "glusterfs");
  At name_space = source["endpointsNamespace"];
  if (!name_space.present()) return;
  if (name_space.empty())
    name_space.invalid("if the endpointnamespace is set, it must be a valid namespace name");
  else
    name_space.must_be(check_dns1123_label);
}

void cinder(const At& source) {
  require_text(source["volumeID"]);
  plain_secret(source["secretRef"]);
}

void flex_volume(const At& source) {
  require_text(source["driver"]);
  At options = source["options"];
  for (uint32_t i = 0; i < options.size(); i++) {
    auto key = options.key(i);
    auto normal = concat(".", to_lower(key.substr(0, key.find('/'))));
    if (normal.ends_with(".kubernetes.io") || normal.ends_with(".k8s.io"))
      options.map_value(i).invalid(Shown(key), "kubernetes.io and k8s.io namespaces are reserved");
  }
}

void azure_file(const At& source) {
  require_text(source["secretName"]);
  require_text(source["shareName"]);
  if (At name_space = source["secretNamespace"]; name_space.present()) require_text(name_space);
}

void scale_io(const At& source) {
  for (auto field : {"gateway", "system", "volumeName"}) require_text(source[field]);
}

void storage_os(const At& source) {
  At name = source["volumeName"], name_space = source["volumeNamespace"];
  name.empty() ? name.required() : name.must_be(check_dns1123_label);
  if (!name_space.empty()) name_space.must_be(check_dns1123_label);
  plain_secret(source["secretRef"]);
}

struct Source {
  std::string_view field;
  void (*validate)(const At&);  // null: as in pods
  std::string_view path, crowded_path;  // where upstream says something else than the field's name
};

// In upstream's order: the first is looked at, the others are one too many.
constexpr Source kSources[] = {{"hostPath", nullptr, {}, {}},
                               {"gcePersistentDisk", nullptr, "persistentDisk", {}},
                               {"awsElasticBlockStore", nullptr, {}, {}},
                               {"glusterfs", glusterfs, {}, {}},
                               {"flocker", nullptr, {}, {}},
                               {"nfs", nullptr, {}, {}},
                               {"rbd", nullptr, {}, {}},
                               {"quobyte", nullptr, {}, {}},
                               {"cephfs", nullptr, {}, "cephFS"},
                               {"iscsi", nullptr, {}, {}},
                               {"cinder", cinder, {}, {}},
                               {"fc", nullptr, {}, {}},
                               {"flexVolume", flex_volume, {}, {}},
                               {"azureFile", azure_file, {}, {}},
                               {"vsphereVolume", nullptr, {}, {}},
                               {"photonPersistentDisk", nullptr, {}, {}},
                               {"portworxVolume", nullptr, {}, {}},
                               {"azureDisk", nullptr, {}, {}},
                               {"scaleIO", scale_io, {}, {}},
                               {"local", local, {}, {}},
                               {"storageos", storage_os, {}, {}},
                               {"csi", csi, {}, {}}};

void validate_sources(const At& spec, std::string_view volume_name, bool has_affinity) {
  constexpr size_t kIscsiBytesMax = 64;
  int found = 0;
  for (const Source& kind : kSources) {
    auto source = spec.value()[kind.field];
    if (!source.present()) continue;
    if (found++ && kind.field != "flexVolume") {
      spec.errors().forbidden(spec.path().child(kind.crowded_path.empty() ? kind.field : kind.crowded_path), "may not specify more than 1 volume type");
      continue;
    }
    At at(source, spec.path().child(kind.path.empty() ? kind.field : kind.path), spec.errors());
    if (kind.field == "iscsi" && source["initiatorName"].present() &&
        volume_name.size() + 1 + source["targetPortal"].as_string().size() > kIscsiBytesMax)
      spec.errors().invalid(at.path().child("targetportal"), source["targetPortal"].as_string(),
                            "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.");
    kind.validate ? kind.validate(at) : validate_volume_source(at, kind.field);
    if (kind.field == "local" && !has_affinity) spec["nodeAffinity"].required("Local volume requires node affinity");
  }
  if (found == 0) spec.required("must specify a volume type");
}

void validate_access_modes(const At& modes) {
  static constexpr std::string_view kModes[] = {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"};
  if (modes.size() == 0) modes.required();
  bool exclusive = false, shared = false;
  for (uint32_t i = 0; i < modes.size(); i++) {
    auto mode = modes.value().item(i).as_string();
    bool known = std::find(std::begin(kModes), std::end(kModes), mode) != std::end(kModes);
    if (!known) modes.errors().not_supported(modes.path(), mode, kModes);
    exclusive |= mode == "ReadWriteOncePod";
    shared |= known && mode != "ReadWriteOncePod";
  }
  if (exclusive && shared) modes.forbidden("may not use ReadWriteOncePod with other access modes");
}

void validate_capacity(const At& capacity) {
  if (capacity.size() == 0) capacity.required();
  if (!capacity["storage"].present() || capacity.size() > 1) {
    static constexpr std::string_view kStorage[] = {"storage"};
    capacity.errors().not_supported(capacity.path(), Shown(capacity.value()), kStorage);
  }
  for (uint32_t i = 0; i < capacity.size(); i++) {
    At item = capacity.map_value(i);
    auto quantity = schema::Quantity::stored(item.text());
    if (quantity.value() < 0) item.invalid(Shown(quantity.value()), "must be a valid resource quantity");
    if (quantity.sign() <= 0) item.invalid(Shown(quantity.text()), "must be greater than zero");
  }
}

// "//" and "/." are "/" too.
bool is_root(std::string_view path) {
  if (path.empty() || path[0] != '/') return false;
  for (auto part : split(path, '/'))
    if (!part.empty() && part != "." && part != "..") return false;
  return true;
}

constexpr std::string_view kNotInline = "may not be specified in the context of inline volumes";

void forbid_what_is_not_inline(const At& spec) {
  if (spec["claimRef"].present()) spec["claimRef"].forbidden(kNotInline);
  if (spec["capacity"].size() > 0) spec["capacity"].forbidden(kNotInline);
  if (!spec["csi"].present()) spec["csi"].required("has to be specified in the context of inline volumes");
}

void validate_policies(const At& spec, bool is_inline) {
  At policy = spec["persistentVolumeReclaimPolicy"], mode = spec["volumeMode"], storage_class = spec["storageClassName"];
  if (!policy.empty()) {
    if (!is_inline)
      policy.one_of({"Delete", "Recycle", "Retain"});
    else if (policy.text() != "Retain")
      policy.forbidden("may only be Retain in the context of inline volumes");
  }
  if (spec["hostPath"].present() && is_root(spec["hostPath"]["path"].text()) && policy.text() == "Recycle")
    policy.forbidden("may not be 'recycle' for a hostPath mount of '/'");
  if (!storage_class.empty()) is_inline ? storage_class.forbidden(kNotInline) : storage_class.must_be(check_dns1123_subdomain);
  if (mode.present()) {
    if (!is_inline)
      mode.one_of({"Block", "Filesystem"});
    else if (mode.text() != "Filesystem")
      mode.forbidden("may not specify volumeMode other than Filesystem in the context of inline volumes");
  }
}

}  // namespace

void validate_persistent_volume_spec(const At& spec, std::string_view volume_name, VolumeSpecUse use, VolumeSpecOptions options) {
  bool is_inline = use == VolumeSpecUse::Inline;
  if (is_inline) forbid_what_is_not_inline(spec);
  validate_access_modes(spec["accessModes"]);
  if (!is_inline) validate_capacity(spec["capacity"]);
  At affinity = spec["nodeAffinity"];
  bool has_affinity = affinity.present() && !is_inline;
  if (affinity.present() && is_inline) affinity.forbidden(kNotInline);
  if (has_affinity) {
    At required = affinity["required"];
    if (required.present())
      validate_node_selector(required, options.allow_invalid_affinity_values);
    else
      required.required("must specify required node constraints");
  }
  validate_sources(spec, volume_name, has_affinity);
  validate_policies(spec, is_inline);
  At attributes = spec["volumeAttributesClassName"];
  if (!attributes.present() || is_inline) return;
  if (attributes.empty())
    attributes.required("an empty string is disallowed");
  else
    attributes.must_be(check_dns1123_subdomain);
  if (!spec["csi"].present()) spec["csi"].required("has to be specified when using volumeAttributesClassName");
}

void default_persistent_volume_source(Value spec) {
  if (spec["capacity"].is_object()) round_resources(spec["capacity"]);
  if (Value path = spec["hostPath"]; path.is_object() && path["type"].is_missing()) path.set("type", "");
  if (Value rbd = spec["rbd"]; rbd.is_object()) {
    for (auto [field, text] : {std::pair("pool", "rbd"), std::pair("user", "admin"), std::pair("keyring", "/etc/ceph/keyring")})
      if (rbd[field].as_string().empty()) rbd.set(field, text);
  }
  if (Value iscsi = spec["iscsi"]; iscsi.is_object() && iscsi["iscsiInterface"].as_string().empty()) iscsi.set("iscsiInterface", "default");
  if (Value io = spec["scaleIO"]; io.is_object()) {
    if (io["storageMode"].as_string().empty()) io.set("storageMode", "ThinProvisioned");
    if (io["fsType"].as_string().empty()) io.set("fsType", "xfs");
  }
  if (Value disk = spec["azureDisk"]; disk.is_object()) {
    if (disk["cachingMode"].is_missing()) disk.set("cachingMode", "ReadWrite");
    if (disk["kind"].is_missing()) disk.set("kind", "Shared");
    if (disk["fsType"].is_missing()) disk.set("fsType", "ext4");
    if (disk["readOnly"].is_missing()) disk.set("readOnly", false);
  }
}

}  // namespace sampan::registry::core
