// Defaults of pod specs, wherever they are: in pods, templates, and templates of templates.
#include "registry/core/image_name.h"
#include "registry/core/pod_rules.h"
#include "schema/quantity.h"

namespace sampan::registry {

namespace {

bool blank(Value value) { return value.is_missing() || (value.is_string() && value.as_string().empty()); }
bool zero(Value value) { return value.is_missing() || (value.is_int() && value.as_int() == 0); }

void default_text(Value object, std::string_view name, std::string_view value) {
  if (blank(object[name])) object.set(name, value);
}
void default_number(Value object, std::string_view name, int64_t value) {
  if (zero(object[name])) object.set(name, value);
}
void default_pointer(Value object, std::string_view name, Value value) {
  if (object[name].is_missing()) object.set(name, value);
}

// Upstream's clients may have sent finer fractions than the API keeps.
void round_up_quantities(Value list) {
  for (schema::Member& member : list.members()) {
    if (!member.value.is_string()) continue;
    auto quantity = schema::Quantity::stored(member.value.as_string());
    if (!quantity.round_up(-3)) member.value = list.arena().copy(quantity.text());
  }
}

void round_up_resources(Value resources) {
  round_up_quantities(resources["limits"]);
  round_up_quantities(resources["requests"]);
}

void default_field_ref(Value holder) {
  if (Value ref = holder["fieldRef"]; ref.is_object()) default_text(ref, "apiVersion", "v1");
}

void default_http_get(Value action) {
  if (!action.is_object()) return;
  default_text(action, "path", "/");
  default_text(action, "scheme", "HTTP");
}

void default_probe(Value probe) {
  if (!probe.is_object()) return;
  default_number(probe, "timeoutSeconds", 1);
  default_number(probe, "periodSeconds", 10);
  default_number(probe, "successThreshold", 1);
  default_number(probe, "failureThreshold", 3);
  default_http_get(probe["httpGet"]);
  if (Value grpc = probe["grpc"]; grpc.is_object()) default_pointer(grpc, "service", "");
}

std::string_view pull_policy(std::string_view image) { return image_tag(image) == "latest" ? "Always" : "IfNotPresent"; }

void default_container(Value container) {
  if (!container.is_object()) return;
  default_text(container, "imagePullPolicy", pull_policy(container["image"].as_string()));
  default_text(container, "terminationMessagePath", "/dev/termination-log");
  default_text(container, "terminationMessagePolicy", "File");
  for (Value port : container["ports"].items())
    if (port.is_object()) default_text(port, "protocol", "TCP");
  for (Value variable : container["env"].items()) {
    Value from = variable["valueFrom"];
    default_field_ref(from);
    if (Value file = from["fileKeyRef"]; file.is_object()) default_pointer(file, "optional", false);
  }
  round_up_resources(container["resources"]);
  for (auto probe : {"livenessProbe", "readinessProbe", "startupProbe"}) default_probe(container[probe]);
  for (auto hook : {"postStart", "preStop"}) default_http_get(container["lifecycle"][hook]["httpGet"]);
}

void default_downward_files(Value items) {
  for (Value file : items.items()) default_field_ref(file);
}

void default_claim_spec(Value spec) {
  default_text(spec, "volumeMode", "Filesystem");
  round_up_resources(spec["resources"]);
}

// The sources whose `defaultMode` is 0644.
constexpr std::string_view kSourcesWithMode[] = {"secret", "configMap", "downwardAPI", "projected"};

void default_volume(Value volume) {
  if (!volume.is_object()) return;
  bool has_source = false;
  for (schema::Member& member : volume.members()) has_source |= member.name != "name" && !member.value.is_missing();
  if (!has_source) volume.set("emptyDir", Value::object(volume.arena()));

  for (auto source : kSourcesWithMode)
    if (Value holder = volume[source]; holder.is_object()) default_pointer(holder, "defaultMode", 0644);
  default_downward_files(volume["downwardAPI"]["items"]);
  for (Value source : volume["projected"]["sources"].items()) {
    default_downward_files(source["downwardAPI"]["items"]);
    if (Value token = source["serviceAccountToken"]; token.is_object()) default_pointer(token, "expirationSeconds", 3600);
  }
  if (Value image = volume["image"]; image.is_object())
    default_text(image, "pullPolicy", pull_policy(image["reference"].as_string()));
  if (Value path = volume["hostPath"]; path.is_object()) default_pointer(path, "type", "");
  if (Value iscsi = volume["iscsi"]; iscsi.is_object()) default_text(iscsi, "iscsiInterface", "default");
  if (Value rbd = volume["rbd"]; rbd.is_object()) {
    default_text(rbd, "pool", "rbd");
    default_text(rbd, "user", "admin");
    default_text(rbd, "keyring", "/etc/ceph/keyring");
  }
  if (Value disk = volume["azureDisk"]; disk.is_object()) {
    default_pointer(disk, "cachingMode", "ReadWrite");
    default_pointer(disk, "fsType", "ext4");
    default_pointer(disk, "readOnly", false);
    default_pointer(disk, "kind", "Shared");
  }
  if (Value scale_io = volume["scaleIO"]; scale_io.is_object()) {
    default_text(scale_io, "storageMode", "ThinProvisioned");
    default_text(scale_io, "fsType", "xfs");
  }
  if (Value claim = volume["ephemeral"]["volumeClaimTemplate"]; claim.is_object())
    default_claim_spec(claim.ensure_object("spec"));
}

}  // namespace

void default_pod_spec(Value spec) {
  default_text(spec, "dnsPolicy", "ClusterFirst");
  default_text(spec, "restartPolicy", "Always");
  spec.ensure_object("securityContext");
  default_pointer(spec, "terminationGracePeriodSeconds", 30);
  default_text(spec, "schedulerName", "default-scheduler");
  // The old name of a field is kept in step with the new one.
  if (!blank(spec["serviceAccountName"]))
    spec.set("serviceAccount", spec["serviceAccountName"]);
  else if (!blank(spec["serviceAccount"]))
    spec.set("serviceAccountName", spec["serviceAccount"]);
  for (Value volume : spec["volumes"].items()) default_volume(volume);
  for (auto list : {"initContainers", "containers", "ephemeralContainers"})
    for (Value container : spec[list].items()) default_container(container);
  round_up_quantities(spec["overhead"]);
  round_up_resources(spec["resources"]);
}

void default_pod_template(Value pod_template) {
  if (!pod_template.is_object()) return;
  default_pod_spec(pod_template.ensure_object("spec"));
  drop_init_container_annotations(pod_template["metadata"]["annotations"]);
}

void drop_init_container_annotations(Value annotations) {
  for (auto key : {"pod.beta.kubernetes.io/init-containers", "pod.alpha.kubernetes.io/init-containers",
                   "pod.beta.kubernetes.io/init-container-statuses", "pod.alpha.kubernetes.io/init-container-statuses"})
    annotations.remove(key);
}

}  // namespace sampan::registry
