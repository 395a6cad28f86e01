// The volumes of a pod spec: one rule a kind of source, in a table.
#include "base/text.h"
#include "registry/core/claim_spec.h"
#include "registry/core/pod_rules.h"

namespace sampan::registry {

namespace {

void require_text(const At& at) {
  if (at.text().empty()) at.required();
}
void require_items(const At& at) {
  if (at.size() == 0) at.required();
}
void require_in_range(const At& at, int64_t low, int64_t high) {
  if (at.number() < low || at.number() > high) at.invalid(at.number(), inclusive_range(low, high));
}
void require_secret_name(const At& ref) {
  if (ref.present()) require_text(ref["name"]);
}

bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// iqn.2001-04.com.example:name, eui.0123456789abcdef, naa. and 32 characters.
bool is_iscsi_name(std::string_view name) {
  auto all = [](std::string_view text, auto good) { return std::all_of(text.begin(), text.end(), good); };
  auto digits = [&](std::string_view text) { return all(text, [](char c) { return c >= '0' && c <= '9'; }); };
  if (name.starts_with("eui") || name.starts_with("naa"))
    return name.size() == (name[0] == 'e' ? 20u : 36u) && all(name.substr(4), is_alphanumeric);
  if (!name.starts_with("iqn.") || name.size() < 13 || !digits(name.substr(4, 4)) || name[8] != '-' ||
      !digits(name.substr(9, 2)) || name[11] != '.')
    return false;
  name.remove_prefix(12);
  size_t colon = name.find(':');
  if (colon == 0 || colon == std::string_view::npos || colon + 1 == name.size()) return false;
  return all(name.substr(0, colon), [](char c) { return is_alphanumeric(c) || c == '-' || c == '.'; }) &&
         all(name.substr(colon + 1), [](char c) { return std::string_view(",;*&$| \t\n\r\f").find(c) == std::string_view::npos; });
}

bool has_iscsi_prefix(std::string_view name) {
  return name.starts_with("iqn") || name.starts_with("eui") || name.starts_with("naa");
}

constexpr std::string_view kIscsiPrefixWanted = "must be valid format starting with iqn, eui, or naa";

void validate_iscsi_name(const At& name, std::string_view prefix_wanted = kIscsiPrefixWanted) {
  if (!has_iscsi_prefix(name.text()))
    name.invalid(name.text(), prefix_wanted);
  else if (!is_iscsi_name(name.text()))
    name.invalid(name.text(), "must be valid format");
}

// "host:port", "[::1]:80"
bool is_host_port(std::string_view text) {
  size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  auto host = text.substr(0, colon);
  if (host.starts_with('[')) return host.find(']') == host.size() - 1 && host.find('[', 1) == std::string_view::npos;
  return host.find_first_of(":[]") == std::string_view::npos && text.substr(colon).find_first_of("[]") == std::string_view::npos;
}

// ---- one function a source ----

void host_path(const At& source) {
  At path = source["path"], type = source["type"];
  if (path.text().empty()) return path.required();
  validate_no_backsteps(path);
  if (type.present())
    type.one_of({"", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"});
}

void git_repo(const At& source) {
  require_text(source["repository"]);
  validate_descending_path(source["directory"]);
}

void gce_persistent_disk(const At& source) {
  require_text(source["pdName"]);
  require_in_range(source["partition"], 0, 255);
}

void aws_elastic_block_store(const At& source) {
  require_text(source["volumeID"]);
  require_in_range(source["partition"], 0, 255);
}

void validate_keys(const At& source) {
  validate_file_mode(source["defaultMode"]);
  At items = source["items"];
  for (uint32_t i = 0; i < items.size(); i++) validate_key_to_path(items.item(i));
}

void secret(const At& source) {
  require_text(source["secretName"]);
  validate_keys(source);
}

void config_map(const At& source) {
  require_text(source["name"]);
  validate_keys(source);
}

void nfs(const At& source) {
  require_text(source["server"]);
  At path = source["path"];
  require_text(path);
  if (!path.text().starts_with('/')) path.invalid(path.text(), "must be an absolute path");
}

void iscsi(const At& source) {
  require_text(source["targetPortal"]);
  if (source["iqn"].text().empty())
    source["iqn"].required();
  else
    validate_iscsi_name(source["iqn"], source.value().type().name.ends_with(".ISCSIPersistentVolumeSource") ? "must be valid format" : kIscsiPrefixWanted);
  require_in_range(source["lun"], 0, 255);
  if ((source["chapAuthDiscovery"].truth() || source["chapAuthSession"].truth()) && !source["secretRef"].present())
    source["secretRef"].required();
  if (source["initiatorName"].present())
    validate_iscsi_name(At(source.value()["initiatorName"], source.path().child("initiatorname"), source.errors()));
}

void glusterfs(const At& source) {
  require_text(source["endpoints"]);
  require_text(source["path"]);
}

void flocker(const At& source) {
  auto name = source["datasetName"].text(), uuid = source["datasetUUID"].text();
  if (name.empty() && uuid.empty()) source.required("one of datasetName and datasetUUID is required");
  if (!name.empty() && !uuid.empty())
    source.invalid("resource", "datasetName and datasetUUID can not be specified simultaneously");
  if (name.find('/') != std::string_view::npos) source["datasetName"].invalid("must not contain '/'");
}

void persistent_volume_claim(const At& source) { require_text(source["claimName"]); }

void rbd(const At& source) {
  require_items(source["monitors"]);
  require_text(source["image"]);
}

void cinder(const At& source) {
  require_text(source["volumeID"]);
  require_secret_name(source["secretRef"]);
}

void cephfs(const At& source) { require_items(source["monitors"]); }

void quobyte(const At& source) {
  constexpr std::string_view kPairs = "must be a host:port pair or multiple pairs separated by commas";
  At registry = source["registry"];
  if (registry.text().empty())
    registry.required(kPairs);
  else if (source["tenant"].text().size() >= 65)
    source["tenant"].required("must be a UUID and may not exceed a length of 64 characters");
  else
    for (auto pair : split(registry.text(), ','))
      if (!is_host_port(pair)) registry.invalid(kPairs);
  require_text(source["volume"]);
}

void downward_api(const At& source) {
  validate_file_mode(source["defaultMode"]);
  AnyView items = source.value()["items"];
  // Upstream complains about the volume, not the file.
  for (uint32_t i = 0; i < items.size(); i++) validate_downward_file(At(items.item(i), source.path(), source.errors()), source);
}

void fibre_channel(const At& source) {
  At targets = source["targetWWNs"], lun = source["lun"];
  bool has_wwids = source["wwids"].size() > 0;
  if (targets.size() == 0 && !has_wwids) targets.required("must specify either targetWWNs or wwids, but not both");
  if (targets.size() == 0) return;
  if (has_wwids) targets.invalid("targetWWNs and wwids can not be specified simultaneously");
  if (!lun.present())
    lun.required("lun is required if targetWWNs is specified");
  else
    require_in_range(lun, 0, 255);
}

void flex_volume(const At& source) {
  require_text(source["driver"]);
  At options = source["options"];
  for (uint32_t i = 0; i < options.size(); i++) {
    auto key = options.key(i);
    auto space = concat(".", to_lower(key.substr(0, key.find('/'))));
    if (space.ends_with(".kubernetes.io") || space.ends_with(".k8s.io"))
      options.errors().invalid(options.path().key(key), Shown(key), "kubernetes.io and k8s.io namespaces are reserved");
  }
}

void azure_file(const At& source) {
  require_text(source["secretName"]);
  require_text(source["shareName"]);
}

void vsphere_volume(const At& source) { require_text(source["volumePath"]); }
void photon_persistent_disk(const At& source) { require_text(source["pdID"]); }
void portworx_volume(const At& source) { require_text(source["volumeID"]); }

void azure_disk(const At& source) {
  require_text(source["diskName"]);
  At uri = source["diskURI"], kind = source["kind"];
  require_text(uri);
  if (source["cachingMode"].present()) source["cachingMode"].one_of({"None", "ReadOnly", "ReadWrite"});
  if (!kind.present()) return;
  kind.one_of({"Dedicated", "Managed", "Shared"});
  if (kind.text() == "Managed" && !uri.text().starts_with("/subscriptions/"))
    uri.not_supported({"/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"});
  if (kind.text() != "Managed" && !uri.text().starts_with("https://"))
    uri.not_supported({"https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"});
}

void storage_os(const At& source) {
  At name = source["volumeName"], space = source["volumeNamespace"];
  if (name.text().empty())
    name.required();
  else
    name.must_be(check_dns1123_label);
  if (!space.text().empty()) space.must_be(check_dns1123_label);
  require_secret_name(source["secretRef"]);
}

void scale_io(const At& source) {
  for (auto field : {"gateway", "system", "volumeName"}) require_text(source[field]);
}

void csi(const At& source) {
  At driver = source["driver"], secret = source["nodePublishSecretRef"];
  if (driver.text().empty()) {
    driver.required();
  } else {
    if (driver.text().size() > 63) driver.too_long(63);
    Complaints complaints;
    check_dns1123_subdomain(to_lower(driver.text()), complaints);
    report(driver.errors(), driver.path(), driver.text(), complaints);
  }
  if (!secret.present()) return;
  At name = secret["name"];
  if (name.text().empty())
    name.required();
  else
    require_name(At(name.value(), source.path().child("name"), source.errors()));
}

void ephemeral(const At& source) {
  At claim = source["volumeClaimTemplate"];
  if (claim.present())
    validate_claim_template(claim);
  else
    claim.required();
}

struct Source {
  std::string_view field;
  void (*validate)(const At&);
  std::string_view path, crowded_path;  // where upstream says something else than the field's name
};

// In upstream's order: of several sources the first is looked at and the others are forbidden. Sources without a function need options.
constexpr Source kSources[] = {
    {"emptyDir", nullptr},
    {"hostPath", host_path},
    {"gitRepo", git_repo},
    {"gcePersistentDisk", gce_persistent_disk, "persistentDisk"},
    {"awsElasticBlockStore", aws_elastic_block_store},
    {"secret", secret},
    {"nfs", nfs},
    {"iscsi", iscsi},
    {"glusterfs", glusterfs},
    {"flocker", flocker},
    {"persistentVolumeClaim", persistent_volume_claim},
    {"rbd", rbd},
    {"cinder", cinder},
    {"cephfs", cephfs, {}, "cephFS"},
    {"quobyte", quobyte},
    {"downwardAPI", downward_api, {}, "downwarAPI"},
    {"fc", fibre_channel},
    {"flexVolume", flex_volume},
    {"configMap", config_map},
    {"azureFile", azure_file},
    {"vsphereVolume", vsphere_volume},
    {"photonPersistentDisk", photon_persistent_disk},
    {"portworxVolume", portworx_volume},
    {"azureDisk", azure_disk},
    {"storageos", storage_os},
    {"projected", nullptr},
    {"scaleIO", scale_io},
    {"csi", csi},
    {"ephemeral", ephemeral},
    {"image", nullptr},
};

void validate_with_options(const At& source, std::string_view field, const PodSpecOptions& options) {
  if (field == "projected") validate_projected_source(source, options);
  if (field == "emptyDir" && Quantity::stored(source["sizeLimit"].text()).sign() < 0)
    source["sizeLimit"].forbidden("SizeLimit field must be a valid resource quantity");
  if (field != "image") return;
  if (options.is_pod) require_text(source["reference"]);
  At policy = source["pullPolicy"];
  if (policy.text().empty())
    policy.required();
  else
    policy.one_of({"Always", "IfNotPresent", "Never"});
}

void validate_source(const At& volume, const AnyView& metadata, const PodSpecOptions& options) {
  auto name = volume.value()["name"].as_string();
  auto pod_name = metadata["name"].as_string();
  int found = 0;
  for (const Source& kind : kSources) {
    AnyView source = volume.value()[kind.field];
    if (!source.present()) continue;
    if (kind.field == "iscsi" && source["initiatorName"].present() &&
        name.size() + 1 + source["targetPortal"].as_string().size() > 64)
      volume["name"].invalid(name, "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if "
                                   "iscsi.initiatorName is specified.");
    if (found++) {
      At(source, volume.path().child(kind.crowded_path.empty() ? kind.field : kind.crowded_path), volume.errors())
          .forbidden("may not specify more than 1 volume type");
      continue;
    }
    At at(source, volume.path().child(kind.path.empty() ? kind.field : kind.path), volume.errors());
    if (kind.validate)
      kind.validate(at);
    else
      validate_with_options(at, kind.field, options);
    if (kind.field != "ephemeral" || pod_name.empty() || name.empty()) continue;
    auto claim_name = concat(pod_name, "-", name);
    Complaints complaints;
    check_dns1123_subdomain(claim_name, complaints);
    for (auto& complaint : complaints)
      volume["name"].invalid(name, concat("PVC name ", quoted(claim_name), ": ", complaint));
  }
  if (!found) volume.required("must specify a volume type");
}

}  // namespace

void validate_volume_source(const At& source, std::string_view field) {
  for (const Source& kind : kSources)
    if (kind.field == field && kind.validate) kind.validate(source);
}

Volumes validate_volumes(const At& volumes, const AnyView& metadata, const PodSpecOptions& options) {
  std::set<std::string> made_claims;
  if (auto pod_name = metadata["name"].as_string(); !pod_name.empty())
    for (uint32_t i = 0; i < volumes.size(); i++)
      if (volumes.value().item(i)["ephemeral"].present())
        made_claims.insert(concat(pod_name, "-", volumes.value().item(i)["name"].as_string()));

  Volumes good;
  for (uint32_t i = 0; i < volumes.size(); i++) {
    At volume = volumes.item(i);
    At name = volume["name"];
    size_t before = volume.errors().size();
    validate_source(volume, metadata, options);
    if (name.text().empty())
      name.required();
    else
      name.must_be(check_dns1123_label);
    if (good.contains(name.text())) name.duplicate();
    if (volume.errors().size() == before) good.emplace(name.text(), volume.value());
    auto claim = volume.value()["persistentVolumeClaim"]["claimName"].as_string();
    if (made_claims.contains(std::string(claim)))
      volume["persistentVolumeClaim"]["claimName"].invalid(
          claim, "must not reference a PVC that gets created for an ephemeral volume");
  }
  return good;
}

}  // namespace sampan::registry
