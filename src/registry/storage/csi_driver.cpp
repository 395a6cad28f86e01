// CSIDriver: what a storage driver of the cluster can do and wants.
#include "base/text.h"
#include "registry/at.h"
#include "registry/columns.h"

namespace sampan::registry {

namespace csi_driver {

using schema::AnyView;

void defaults(Value object, std::string_view) {
  Value spec = object.ensure_object("spec");
  auto set_missing = [&](std::string_view field, Value value) {
    if (spec[field].is_missing()) spec.set(field, value);
  };
  set_missing("attachRequired", true);
  set_missing("podInfoOnMount", false);
  set_missing("storageCapacity", false);
  set_missing("fsGroupPolicy", "ReadWriteOnceWithFSType");
  if (spec["volumeLifecycleModes"].size() == 0) {
    Value modes = Value::list(object.arena());
    modes.push("Persistent");
    spec.set("volumeLifecycleModes", modes);
  }
  set_missing("requiresRepublish", false);
  set_missing("seLinuxMount", false);
}

// Of a feature that is off.
void drop_scheduling(Value object) {
  if (object["spec"].is_object()) object["spec"].remove("preventPodSchedulingIfMissing");
}

void prepare_create(Value object, const CreateContext&) { drop_scheduling(object); }

// A new driver has no generation; the first change of its spec makes it 1.
void prepare_update(Value object, const Object& old, std::string_view) {
  if (!old["spec"]["preventPodSchedulingIfMissing"].present()) drop_scheduling(object);
  Value before = schema::thaw(old, object.arena());
  if (!object["spec"].equals(before["spec"])) object.ensure_object("metadata").set("generation", old["metadata"]["generation"].as_int() + 1);
}

void validate_token_requests(const At& requests) {
  constexpr int64_t kSecondsMin = 600, kSecondsMax = int64_t{1} << 32;
  std::vector<std::string_view> audiences;
  for (uint32_t i = 0; i < requests.size(); i++) {
    At request = requests.item(i);
    At audience = request["audience"], seconds = request["expirationSeconds"];
    if (std::find(audiences.begin(), audiences.end(), audience.text()) != audiences.end()) {
      audience.errors().duplicate(audience.path(), audience.text());
      continue;
    }
    audiences.push_back(audience.text());
    if (!seconds.present()) continue;
    if (seconds.number() < kSecondsMin) seconds.invalid("may not specify a duration less than 10 minutes");
    if (seconds.number() > kSecondsMax) seconds.invalid("may not specify a duration larger than 2^32 seconds");
  }
}

void validate(const Object& object, FieldErrors& errors) {
  Path path("spec");
  At spec(object["spec"], path, errors);
  if (!spec["attachRequired"].present()) errors.required(path.child("attachedRequired"), "");  // misspelt upstream too
  for (auto field : {"podInfoOnMount", "storageCapacity", "seLinuxMount"})
    if (!spec[field].present()) spec[field].required();
  if (At policy = spec["fsGroupPolicy"]; policy.present()) policy.one_of({"File", "None", "ReadWriteOnceWithFSType"});
  validate_token_requests(spec["tokenRequests"]);
  At modes = spec["volumeLifecycleModes"];
  for (uint32_t i = 0; i < modes.size(); i++) {
    static constexpr std::string_view kModes[] = {"Persistent", "Ephemeral"};
    auto mode = modes.value().item(i).as_string();
    if (mode != kModes[0] && mode != kModes[1]) errors.not_supported(modes.path(), mode, kModes);
  }
  if (At period = spec["nodeAllocatableUpdatePeriodSeconds"]; period.present() && period.number() < 10)
    period.invalid("must be greater than or equal to 10 seconds");
  if (At secrets = spec["serviceAccountTokenInSecrets"]; secrets.present() && spec["tokenRequests"].size() == 0)
    secrets.invalid("serviceAccountTokenInSecrets is set but no tokenRequests are specified");
}

void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  validate(object, errors);
  auto now = object["spec"], before = old["spec"];
  Path path("spec");
  require_unchanged(errors, path.child("attachedRequired"), now["attachRequired"], before["attachRequired"]);
  require_unchanged(errors, path.child("volumeLifecycleModes"), now["volumeLifecycleModes"], before["volumeLifecycleModes"]);
}

void warnings(const Object& object, const Object* old, Warnings& out) {
  auto requests = object["spec"]["tokenRequests"];
  if (requests.size() == 0 || object["spec"]["serviceAccountTokenInSecrets"].present()) return;
  if (old && requests.equals((*old)["spec"]["tokenRequests"])) return;
  out.push_back(
      "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in "
      "volume attributes");
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"AttachRequired", "boolean", "",
     "attachRequired indicates this CSI volume driver requires an attach operation (because it implements the CSI "
     "ControllerPublishVolume() method), and that the Kubernetes attach detach controller should call the attach volume interface which "
     "checks the volumeattachment status and waits until the volume is attached before proceeding to mounting. The CSI external-attacher "
     "coordinates with CSI volume driver and updates the volumeattachment status when the attach operation is complete. If the value is "
     "specified to false, the attach operation will be skipped. Otherwise the attach operation will be called.\n\nThis field is immutable."},
    {"PodInfoOnMount", "boolean", "",
     "podInfoOnMount indicates this CSI volume driver requires additional pod information (like podName, podUID, etc.) during mount "
     "operations, if set to true. If set to false, pod information will not be passed on mount. Default is false.\n\nThe CSI driver "
     "specifies podInfoOnMount as part of driver deployment. If true, Kubelet will pass pod information as VolumeContext in the CSI "
     "NodePublishVolume() calls. The CSI driver is responsible for parsing and validating the information passed in as "
     "VolumeContext.\n\nThe following VolumeContext will be passed if podInfoOnMount is set to true. This list might grow, but the prefix "
     "will be used. \"csi.storage.k8s.io/pod.name\": pod.Name \"csi.storage.k8s.io/pod.namespace\": pod.Namespace "
     "\"csi.storage.k8s.io/pod.uid\": string(pod.UID) \"csi.storage.k8s.io/ephemeral\": \"true\" if the volume is an ephemeral inline "
     "volume\n                                defined by a CSIVolumeSource, otherwise \"false\"\n\n\"csi.storage.k8s.io/ephemeral\" is a "
     "new feature in Kubernetes 1.16. It is only required for drivers which support both the \"Persistent\" and \"Ephemeral\" "
     "VolumeLifecycleMode. Other drivers can leave pod info disabled and/or ignore this field. As Kubernetes 1.15 doesn't support this "
     "field, drivers can only support one mode when deployed on such a cluster and the deployment determines which mode that is, for "
     "example via a command line parameter of the driver.\n\nThis field was immutable in Kubernetes < 1.29 and now is mutable."},
    {"StorageCapacity", "boolean", "",
     "storageCapacity indicates that the CSI volume driver wants pod scheduling to consider the storage capacity that the driver "
     "deployment will report by creating CSIStorageCapacity objects with capacity information, if set to true.\n\nThe check can be "
     "enabled immediately when deploying a driver. In that case, provisioning new volumes with late binding will pause until the driver "
     "deployment has published some suitable CSIStorageCapacity object.\n\nAlternatively, the driver can be deployed with the field unset "
     "or false and it can be flipped later when storage capacity information has been published.\n\nThis field was immutable in "
     "Kubernetes <= 1.22 and now is mutable."},
    {"TokenRequests", "string", "",
     "tokenRequests indicates the CSI driver needs pods' service account tokens it is mounting volume for to do necessary authentication. "
     "Kubelet will pass the tokens in VolumeContext in the CSI NodePublishVolume calls. The CSI driver should parse and validate the "
     "following VolumeContext: \"csi.storage.k8s.io/serviceAccount.tokens\": {\n  \"<audience>\": {\n    \"token\": <token>,\n    "
     "\"expirationTimestamp\": <expiration timestamp in RFC3339>,\n  },\n  ...\n}\n\nNote: Audience in each TokenRequest should be "
     "different and at most one token is empty string. To receive a new token after expiry, RequiresRepublish can be used to trigger "
     "NodePublishVolume periodically."},
    {"RequiresRepublish", "boolean", "",
     "requiresRepublish indicates the CSI driver wants `NodePublishVolume` being periodically called to reflect any possible change in "
     "the mounted volume. This field defaults to false.\n\nNote: After a successful initial NodePublishVolume call, subsequent calls to "
     "NodePublishVolume should only update the contents of the volume. New mount points will not be seen by a running container."},
    {"Modes", "string", "",
     "volumeLifecycleModes defines what kind of volumes this CSI volume driver supports. The default if the list is empty is "
     "\"Persistent\", which is the usage defined by the CSI specification and implemented in Kubernetes via the usual PV/PVC "
     "mechanism.\n\nThe other mode is \"Ephemeral\". In this mode, volumes are defined inline inside the pod spec with CSIVolumeSource "
     "and their lifecycle is tied to the lifecycle of that pod. A driver has to be aware of this because it is only going to get a "
     "NodePublishVolume call for such a volume.\n\nFor more information about implementing this mode, see "
     "https://kubernetes-csi.github.io/docs/ephemeral-local-volumes.html A driver can support one or more of these modes and more modes "
     "may be added in the future.\n\nThis field is beta. This field is immutable."},
    kAgeColumn,
};

void row(const Object& object, Row& row) {
  auto spec = object["spec"];
  auto flag = [&](std::string_view field, bool otherwise) {
    auto value = spec[field];
    row.boolean(value.present() ? value.as_bool() : otherwise);
  };
  name_cell(object, row);
  flag("attachRequired", true);
  flag("podInfoOnMount", false);
  flag("storageCapacity", false);
  auto requests = spec["tokenRequests"];
  std::string audiences;
  for (uint32_t i = 0; i < requests.size(); i++) append(audiences, i ? "," : "", requests.item(i)["audience"].as_string());
  row.text(requests.size() == 0 ? "<unset>" : audiences);
  flag("requiresRepublish", false);
  auto modes = joined(spec["volumeLifecycleModes"], ",");
  row.text(modes.empty() ? "<none>" : modes);
  age_cell(object, row);
}

}  // namespace csi_driver

extern const Rules kCSIDriverRules{
    .group = "storage.k8s.io",
    .kind = "CSIDriver",
    .defaults = csi_driver::defaults,
    .prepare_create = csi_driver::prepare_create,
    .prepare_update = csi_driver::prepare_update,
    .validate = csi_driver::validate,
    .validate_update = csi_driver::validate_update,
    .warnings = csi_driver::warnings,
    .columns = csi_driver::kColumns,
    .row = csi_driver::row,
    .has_generation = false,
    .unconditional_update = false,
    .returns_deleted_object = true,
};

}  // namespace sampan::registry
