// See pod_config.h. Security is in security.cpp, mounts are in mounts.cpp.
#include "kubelet/pod_config.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "kubelet/files.h"
#include "schema/json.h"

namespace sampan::kubelet {

namespace {

TextMap pod_labels(const core_v1::Pod& pod) {
  return {{std::string(kPodNameLabel), std::string(pod.metadata().name())},
          {std::string(kPodNamespaceLabel), std::string(pod.metadata().namespace_())},
          {std::string(kPodUidLabel), std::string(pod.metadata().uid())}};
}

void add_ports(std::vector<PortMapping>& out, const core_v1::Container& container) {
  std::set<std::string> seen;
  for (auto port : container.ports()) {
    auto key = port.name().empty() ? concat(port.protocol(), "-", port.host_ip(), ":", port.container_port(), ":", port.host_port()) : std::string(port.name());
    if (!seen.insert(key).second) continue;
    PortMapping mapping;
    mapping.protocol = port.protocol() == "UDP" ? PortMapping::Protocol::Udp : port.protocol() == "SCTP" ? PortMapping::Protocol::Sctp : PortMapping::Protocol::Tcp;
    mapping.container_port = port.container_port();
    mapping.host_port = port.host_port();
    mapping.host_ip = port.host_ip();
    out.push_back(std::move(mapping));
  }
}

bool any_privileged(const core_v1::Pod& pod) {
  for (auto& spec : containers_of(pod))
    if (spec.container.security_context().privileged().value_or(false)) return true;
  return false;
}

template <class View>
std::string json_of(const View& view) {
  std::string out;
  schema::write_json(out, schema::AnyView(&View::schema_type(), view.base, view.at));
  return out;
}

// What the agent needs to know of a container when nobody can show it the pod any more.
TextMap container_annotations(const ContainerInput& in) {
  auto& container = in.spec.container;
  TextMap out;
  out[std::string(kHashAnnotation)] = hash_of(container);
  out[std::string(kRestartCountAnnotation)] = concat(in.attempt);
  out[std::string(kMessagePathAnnotation)] = container.termination_message_path();
  out[std::string(kMessagePolicyAnnotation)] = container.termination_message_policy();
  if (auto period = in.pod.metadata().deletion_grace_period_seconds()) out["io.kubernetes.pod.deletionGracePeriod"] = concat(*period);
  if (auto period = in.pod.spec().termination_grace_period_seconds()) out[std::string(kGracePeriodAnnotation)] = concat(*period);
  if (container.lifecycle().has_pre_stop()) out["io.kubernetes.container.preStopHandler"] = json_of(container.lifecycle().pre_stop());
  if (!container.ports().empty()) {
    std::string ports = "[";
    for (auto port : container.ports()) append(ports, ports.size() > 1 ? "," : "", json_of(port));
    out["io.kubernetes.container.ports"] = ports + "]";
  }
  return out;
}

}  // namespace

Result<SandboxConfig> sandbox_config(const core_v1::Pod& pod, uint32_t attempt, const NodeFacts& facts, Complaints& complaints) {
  SandboxConfig out;
  auto meta = pod.metadata();
  out.name = meta.name(), out.namespace_ = meta.namespace_(), out.uid = meta.uid();
  out.attempt = attempt;
  for (auto entry : meta.labels()) out.labels.emplace(entry.key, entry.value);
  for (auto& [key, value] : pod_labels(pod)) out.labels[key] = value;
  for (auto entry : meta.annotations()) out.annotations.emplace(entry.key, entry.value);
  out.dns = pod_dns(pod, facts.dns, complaints);
  if (!pod.spec().host_network()) out.hostname = TRY(host_name(pod, facts.dns.cluster_domain).kernel(pod));
  out.log_directory = facts.paths.pod_log_directory(meta.namespace_(), meta.name(), meta.uid());
  for (auto& spec : containers_of(pod))
    if (spec.kind == ContainerKind::Regular || is_sidecar(spec.container)) add_ports(out.ports, spec.container);

  out.cgroup_parent = pod_cgroup(facts.cgroup_root, pod);
  auto context = pod.spec().security_context();
  out.security.namespaces = namespaces_of(pod);
  out.security.privileged = any_privileged(pod);
  out.security.seccomp = SecurityProfile{};
  out.security.run_as_user = context.run_as_user();
  out.security.run_as_group = context.run_as_group();
  if (context.fs_group()) out.security.supplemental_groups.push_back(*context.fs_group());
  for (auto group : context.supplemental_groups()) out.security.supplemental_groups.push_back(group);
  out.security.strict_supplemental_groups = context.supplemental_groups_policy() == "Strict";
  if (auto se_linux = context.se_linux_options(); se_linux.present())
    out.security.se_linux = SeLinuxOptions{std::string(se_linux.user()), std::string(se_linux.role()), std::string(se_linux.type()), std::string(se_linux.level())};
  for (auto sysctl : context.sysctls()) {
    std::string name(sysctl.name());
    // kernel/shm_rmid_forced is another way to write kernel.shm_rmid_forced
    if (auto first = name.find_first_of("./"); first != std::string::npos && name[first] == '/')
      for (char& c : name) c = c == '/' ? '.' : c == '.' ? '/' : c;
    out.sysctls[name] = sysctl.value();
  }
  out.resources = pod_resources(pod, facts.resources);
  return out;
}

Result<ContainerConfig> container_config(const ContainerInput& in) {
  auto& container = in.spec.container;
  TRY(verify_non_root(in.pod, container, in.image));
  ContainerConfig out;
  out.name = container.name();
  out.attempt = in.attempt;
  out.image = in.image_id;
  out.user_specified_image = container.image();
  auto lookup = [&](std::string_view name) -> std::optional<std::string_view> {
    for (auto& [key, value] : in.environment)
      if (key == name) return value;
    return {};
  };
  for (auto word : container.command()) out.command.push_back(expand(word, lookup));
  for (auto word : container.args()) out.args.push_back(expand(word, lookup));
  out.working_directory = container.working_dir();
  out.environment = in.environment;
  out.labels = pod_labels(in.pod);
  out.labels[std::string(kContainerNameLabel)] = out.name;
  out.annotations = container_annotations(in);
  out.mounts = TRY(container_mounts(in));
  for (auto device : container.volume_devices()) {
    auto volume = in.volumes.find(std::string(device.name()));
    if (volume == in.volumes.end() || volume->second.block_device.empty())
      return fail(failure(concat("cannot find volume ", quoted(device.name()), " to pass into container ", quoted(container.name()))));
    out.devices.push_back({std::string(device.device_path()), volume->second.block_device, volume->second.read_only ? "r" : "mrw"});
  }
  auto log_directory = in.facts.paths.pod_log_directory(in.pod.metadata().namespace_(), in.pod.metadata().name(), in.pod.metadata().uid());
  TRY(make_folders(concat(log_directory, "/", out.name)));
  out.log_path = concat(out.name, "/", in.attempt, ".log");
  out.stdin = container.stdin(), out.stdin_once = container.stdin_once(), out.tty = container.tty();
  out.stop_signal = container.lifecycle().stop_signal().value_or("");
  out.resources = container_resources(in.pod, in.spec, in.facts.resources);
  out.security = security_context(in.pod, container, in.image, in.facts);
  if (!in.target_id.empty()) {
    out.security.namespaces.pid = NamespaceMode::Target;
    out.security.namespaces.target_id = in.target_id;
  }
  return out;
}

}  // namespace sampan::kubelet
