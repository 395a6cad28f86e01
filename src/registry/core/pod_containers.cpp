// The containers of a pod spec: what all have to obey, and what regular, init and ephemeral ones may do.
#include "base/text.h"
#include "registry/core/pod_rules.h"

namespace sampan::registry {

namespace {

void validate_ports(const At& ports) {
  std::set<std::string_view> names;
  for (uint32_t i = 0; i < ports.size(); i++) {
    At port = ports.item(i);
    At name = port["name"], container_port = port["containerPort"], host_port = port["hostPort"], protocol = port["protocol"];
    if (!name.text().empty()) {
      Complaints complaints;
      check_port_name(name.text(), complaints);
      report(name.errors(), name.path(), name.text(), complaints);
      if (complaints.empty() && !names.insert(name.text()).second) name.duplicate();
    }
    auto check_number = [](const At& at) {
      Complaints complaints;
      check_port_number(at.number(), complaints);
      for (auto& complaint : complaints) at.invalid(at.number(), complaint);
    };
    if (container_port.number() == 0)
      container_port.required();
    else
      check_number(container_port);
    if (host_port.number() != 0) check_number(host_port);
    if (protocol.text().empty())
      protocol.required();
    else
      protocol.one_of({"SCTP", "TCP", "UDP"});
  }
}

// Host ports must differ among containers that run together.
void validate_host_ports(const At& container, const Path& container_path, std::set<std::string>& seen) {
  AnyView ports = container.value()["ports"];
  Path ports_path = container_path.child("ports");
  for (uint32_t i = 0; i < ports.size(); i++) {
    AnyView port = ports.item(i);
    if (port["hostPort"].as_int() == 0) continue;
    auto key = concat(port["protocol"].as_string(), "/", port["hostIP"].as_string(), "/", port["hostPort"].as_int());
    if (!seen.insert(key).second) container.errors().duplicate(ports_path.index(i).child("hostPort"), Shown(key));
  }
}

void validate_propagation(const At& mount, const At& container, const At& mounts) {
  At propagation(mount.value()["mountPropagation"], mounts.path().child("mountPropagation"), mounts.errors());
  if (propagation.present()) {
    propagation.one_of({"Bidirectional", "HostToContainer", "None"});
    AnyView privileged = container.value()["securityContext"]["privileged"];
    if (propagation.text() == "Bidirectional" && !(privileged.present() && privileged.as_bool()))
      propagation.forbidden("Bidirectional mount propagation is available only to privileged containers");
  }
  At recursive(mount.value()["recursiveReadOnly"], mounts.path().child("recursiveReadOnly"), mounts.errors());
  if (!recursive.present() || !recursive.one_of({"Disabled", "Enabled", "IfPossible"}) || recursive.text() == "Disabled") return;
  if (!mount["readOnly"].truth()) recursive.forbidden("may only be specified when readOnly is true");
  if (propagation.present() && propagation.text() != "None")
    recursive.forbidden("may only be specified when mountPropagation is None or not specified");
}

// What a container uses of volumes, in the other way.
struct Uses {
  std::set<std::string_view> volumes, paths;
};
Uses uses_of(const AnyView& list, std::string_view path_field) {
  std::map<std::string_view, std::string_view> last;  // of several uses of a volume the last counts
  for (uint32_t i = 0; i < list.size(); i++) last[list.item(i)["name"].as_string()] = list.item(i)[path_field].as_string();
  Uses uses;
  for (auto& [volume, path] : last) {
    uses.volumes.insert(volume);
    uses.paths.insert(path);
  }
  return uses;
}

void validate_volume_mounts(const At& container, const Volumes& volumes) {
  At mounts = container["volumeMounts"];
  Uses devices = uses_of(container.value()["volumeDevices"], "devicePath");
  std::set<std::string_view> paths;
  for (uint32_t i = 0; i < mounts.size(); i++) {
    At mount = mounts.item(i);
    At name = mount["name"], path = mount["mountPath"];
    if (name.text().empty()) name.required();
    if (!volumes.contains(name.text())) name.not_found();
    if (path.text().empty()) path.required();
    if (!paths.insert(path.text()).second) path.invalid(path.text(), "must be unique");
    if (devices.volumes.contains(name.text())) name.invalid(name.text(), "must not already exist in volumeDevices");
    if (devices.paths.contains(path.text()))
      path.invalid(path.text(), "must not already exist as a path in volumeDevices");
    // Upstream complains about the list here, not the mount.
    auto sub_path = mount["subPath"].text(), expression = mount["subPathExpr"].text();
    if (!sub_path.empty())
      validate_descending_path(At(mount.value()["subPath"], mounts.path().child("subPath"), mounts.errors()));
    if (!expression.empty()) {
      if (!sub_path.empty()) mount["subPathExpr"].invalid("subPathExpr and subPath are mutually exclusive");
      validate_descending_path(At(mount.value()["subPathExpr"], mounts.path().child("subPathExpr"), mounts.errors()));
    }
    validate_propagation(mount, container, mounts);
  }
}

void validate_volume_devices(const At& container, const Volumes& volumes) {
  At devices = container["volumeDevices"];
  Uses mounts = uses_of(container.value()["volumeMounts"], "mountPath");
  std::set<std::string_view> paths, names;
  for (uint32_t i = 0; i < devices.size(); i++) {
    At device = devices.item(i);
    At name = device["name"], path = device["devicePath"];
    if (name.text().empty()) name.required();
    if (names.contains(name.text())) name.invalid(name.text(), "must be unique");
    if (auto volume = volumes.find(name.text()); volume == volumes.end())
      name.not_found();
    else if (!volume->second["persistentVolumeClaim"].present() && !volume->second["ephemeral"].present())
      name.invalid("can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode");
    if (path.text().empty()) path.required();
    if (paths.contains(path.text())) path.invalid(path.text(), "must be unique");
    if (has_backsteps(path.text()))
      path.invalid(path.text(), "can not contain backsteps ('..')");
    else
      paths.insert(path.text());
    if (mounts.volumes.contains(name.text())) name.invalid(name.text(), "must not already exist in volumeMounts");
    if (mounts.paths.contains(path.text())) path.invalid(path.text(), "must not already exist as a path in volumeMounts");
    if (!name.text().empty()) names.insert(name.text());
  }
}

void validate_resize_policy(const At& policies, std::string_view pod_restart_policy) {
  std::set<std::string_view> resources;
  for (uint32_t i = 0; i < policies.size(); i++) {
    AnyView policy = policies.value().item(i);
    auto resource = policy["resourceName"].as_string(), restart = policy["restartPolicy"].as_string();
    if (!resources.insert(resource).second) policies.errors().duplicate(policies.path().index(i), Shown::named(resource));
    auto check = [&](std::string_view text, std::string_view first, std::string_view second) {
      std::string_view supported[] = {first, second};
      if (text.empty())
        policies.required();
      else if (text != first && text != second)
        policies.errors().not_supported(policies.path(), Shown::named(text), supported);
    };
    check(resource, "cpu", "memory");
    check(restart, "NotRequired", "RestartContainer");
    if (pod_restart_policy == "Never" && restart != "NotRequired")
      policies.invalid(Shown::named(restart), "must be 'NotRequired' when pod `restartPolicy` is 'Never'");
  }
}

// A container's own restart policy and its rules.
void validate_restart_policy(const At& container) {
  constexpr uint32_t kRulesMax = 20, kExitCodesMax = 255;
  At policy = container["restartPolicy"], rules = container["restartPolicyRules"];
  if (policy.present())
    policy.one_of({"Always", "Never", "OnFailure"});
  else if (rules.size() > 0)
    policy.required("must specify restartPolicy when restart rules are used");
  if (rules.size() > kRulesMax) rules.errors().too_many(rules.path(), rules.size(), kRulesMax);
  for (uint32_t i = 0; i < rules.size(); i++) {
    At rule = rules.item(i);
    At codes = rule["exitCodes"];
    rule["action"].one_of({"Restart", "RestartAllContainers"});
    if (!codes.present()) {
      codes.required("must be specified");
      continue;
    }
    codes["operator"].one_of({"In", "NotIn"});
    At values = codes["values"];
    if (values.size() > kExitCodesMax) values.errors().too_many(values.path(), values.size(), kExitCodesMax);
  }
}

void validate_common(const At& container, const ContainerContext& context) {
  At name = container["name"], image = container["image"], termination = container["terminationMessagePolicy"],
     pull = container["imagePullPolicy"];
  if (name.text().empty())
    name.required();
  else
    name.must_be(check_dns1123_label);
  if (image.text().empty()) image.required();
  if (termination.text().empty())
    termination.required();
  else
    termination.one_of({"File", "FallbackToLogsOnError"});
  validate_ports(container["ports"]);
  validate_env(container["env"]);
  validate_env_from(container["envFrom"]);
  validate_volume_mounts(container, context.volumes);
  validate_volume_devices(container, context.volumes);
  if (pull.text().empty())
    pull.required();
  else
    pull.one_of({"Always", "IfNotPresent", "Never"});
  validate_resource_requirements(container["resources"], ResourcesOf::Container, context.claims, context.options);
  validate_resize_policy(container["resizePolicy"], context.restart_policy);
  validate_container_security_context(container["securityContext"], context.host_users);
}

// A struct by value that is there, but with nothing in it.
bool is_empty_struct(const AnyView& view) {
  for (unsigned i = 0; i < view.type().fields.size(); i++)
    if (view.field(i).present()) return false;
  return true;
}

void forbid_extras_of_init_container(const At& container) {
  for (auto field : {"lifecycle", "livenessProbe", "readinessProbe", "startupProbe"})
    if (container[field].present())
      container[field].forbidden("may not be set for init containers without restartPolicy=Always");
}

}  // namespace

bool is_sidecar(const AnyView& container) { return container["restartPolicy"].as_string() == "Always"; }

void validate_untrimmed_image(const At& container) {
  At image = container["image"];
  if (trim(image.text()).size() != image.text().size())
    image.invalid(image.text(), "must not have leading or trailing whitespace");
}

void validate_containers(const At& containers, const ContainerContext& context) {
  if (containers.size() == 0) return containers.required();
  std::set<std::string_view> names;
  std::set<std::string> host_ports;
  for (uint32_t i = 0; i < containers.size(); i++) {
    At container = containers.item(i);
    validate_common(container, context);
    if (!names.insert(container["name"].text()).second) container["name"].duplicate();
    validate_lifecycle(container["lifecycle"], context);
    validate_probes(container, context);
    validate_restart_policy(container);
    validate_host_ports(container, container.path(), host_ports);
  }
}

void validate_init_containers(const At& containers, const AnyView& regular, const ContainerContext& context) {
  std::set<std::string_view> names;
  for (uint32_t i = 0; i < regular.size(); i++) names.insert(regular.item(i)["name"].as_string());
  for (uint32_t i = 0; i < containers.size(); i++) {
    At container = containers.item(i);
    validate_common(container, context);
    validate_restart_policy(container);
    At name = container["name"];
    if (names.contains(name.text()))
      name.duplicate();
    else if (!name.text().empty())
      names.insert(name.text());
    // Init containers run one by one, so each is checked alone, at a path that is upstream's slip.
    std::set<std::string> host_ports;
    validate_host_ports(container, containers.path().index(0), host_ports);

    bool sidecar = is_sidecar(container.value());
    if (sidecar) {
      validate_lifecycle(container["lifecycle"], context);
      validate_probes(container, context);
    } else {
      forbid_extras_of_init_container(container);
    }
    At policies = container["resizePolicy"];
    for (uint32_t j = 0; j < policies.size() && !sidecar && !context.options.restart_container_for_init_container; j++)
      if (policies.value().item(j)["restartPolicy"].as_string() == "RestartContainer")
        policies.errors().invalid(policies.path().index(j).child("restartPolicy"), Shown("RestartContainer"),
                                  "must not be set to 'RestartContainer' for non-sidecar initContainers");
  }
}

void validate_ephemeral_containers(const At& spec, const ContainerContext& context) {
  At containers = spec["ephemeralContainers"];
  std::set<std::string_view> others;
  for (auto list : {"containers", "initContainers"})
    for (uint32_t i = 0; i < spec.value()[list].size(); i++) others.insert(spec.value()[list].item(i)["name"].as_string());
  std::set<std::string_view> names = others;
  for (uint32_t i = 0; i < containers.size(); i++) {
    At container = containers.item(i);
    At name = container["name"], target = container["targetContainerName"];
    validate_common(container, context);
    validate_untrimmed_image(container);
    if (!names.insert(name.text()).second) name.duplicate();
    if (!target.text().empty() && !others.contains(target.text())) target.not_found();
    // What a service of the pod would need is not for containers that only look at it.
    for (auto field : {"ports", "resources", "resizePolicy", "restartPolicy", "restartPolicyRules", "livenessProbe",
                       "readinessProbe", "startupProbe", "lifecycle"})
      if (At at = container[field]; at.present() && !(field == std::string_view("resources") && is_empty_struct(at.value())))
        at.forbidden("cannot be set for an Ephemeral Container");
    // Sub-paths are bind mounts that would stay until the pod ends.
    At mounts = container["volumeMounts"];
    for (uint32_t j = 0; j < mounts.size(); j++) {
      At mount = mounts.item(j);
      for (auto field : {"subPath", "subPathExpr"})
        if (!mount[field].text().empty()) mount[field].forbidden("cannot be set for an Ephemeral Container");
    }
  }
}

}  // namespace sampan::registry
