// See convert.h.
#include "kubelet/cri/convert.h"

namespace sampan::kubelet::cri {

namespace {

template <class List>
void write_list(List& out, const std::vector<std::string>& texts) {
  for (auto& text : texts) *out.Add() = text;
}

template <class Map>
TextMap read_map(const Map& map) {
  return TextMap(map.begin(), map.end());
}

void write(pb::NamespaceOption& out, const NamespaceOptions& options) {
  out.set_network(static_cast<int>(options.network));
  out.set_pid(static_cast<int>(options.pid));
  out.set_ipc(static_cast<int>(options.ipc));
  out.set_target_id(options.target_id);
  if (!options.user_namespace) return;
  auto& users = *out.mutable_userns_options();
  auto copy = [](pb::IDMapping& to, const IdMapping& from) {
    to.set_host_id(from.host_id);
    to.set_container_id(from.container_id);
    to.set_length(from.length);
  };
  for (auto& mapping : options.uids) copy(*users.add_uids(), mapping);
  for (auto& mapping : options.gids) copy(*users.add_gids(), mapping);
}

NamespaceMode mode_of(int number) {
  return number >= 0 && number <= 3 ? static_cast<NamespaceMode>(number) : NamespaceMode::Pod;
}

void write(pb::SecurityProfile& out, const SecurityProfile& profile) {
  out.set_profile_type(static_cast<int>(profile.type));
  out.set_localhost_ref(profile.localhost_ref);
}

// What the messages of sandboxes and of containers have in common.
template <class Context>
void write_common(Context& out, const SecurityContext& security) {
  write(*out.mutable_namespace_options(), security.namespaces);
  if (security.run_as_user) out.mutable_run_as_user()->set_value(*security.run_as_user);
  if (security.run_as_group) out.mutable_run_as_group()->set_value(*security.run_as_group);
  for (auto group : security.supplemental_groups) out.add_supplemental_groups(group);
  out.set_supplemental_groups_policy(security.strict_supplemental_groups ? 1 : 0);
  out.set_privileged(security.privileged);
  out.set_readonly_rootfs(security.read_only_root);
  if (security.se_linux) {
    auto& options = *out.mutable_selinux_options();
    options.set_user(security.se_linux->user);
    options.set_role(security.se_linux->role);
    options.set_type(security.se_linux->type);
    options.set_level(security.se_linux->level);
  }
  if (security.seccomp) write(*out.mutable_seccomp(), *security.seccomp);
  if (security.app_armor) write(*out.mutable_apparmor(), *security.app_armor);
}

}  // namespace

void write(pb::LinuxContainerResources& out, const Resources& resources) {
  out.set_cpu_period(resources.cpu_period);
  out.set_cpu_quota(resources.cpu_quota);
  out.set_cpu_shares(resources.cpu_shares);
  out.set_memory_limit_in_bytes(resources.memory_limit);
  out.set_oom_score_adj(resources.oom_score_adj);
  for (auto& [size, limit] : resources.huge_page_limits) {
    auto& one = *out.add_hugepage_limits();
    one.set_page_size(size);
    one.set_limit(limit);
  }
  write_map(*out.mutable_unified(), resources.unified);
}

void write(pb::PodSandboxConfig& out, const SandboxConfig& config) {
  auto& metadata = *out.mutable_metadata();
  metadata.set_name(config.name);
  metadata.set_uid(config.uid);
  metadata.set_namespace_(config.namespace_);
  metadata.set_attempt(config.attempt);
  out.set_hostname(config.hostname);
  out.set_log_directory(config.log_directory);
  if (config.dns) {
    auto& dns = *out.mutable_dns_config();
    write_list(*dns.mutable_servers(), config.dns->servers);
    write_list(*dns.mutable_searches(), config.dns->searches);
    write_list(*dns.mutable_options(), config.dns->options);
  }
  for (auto& port : config.ports) {
    auto& mapping = *out.add_port_mappings();
    mapping.set_protocol(static_cast<int>(port.protocol));
    mapping.set_container_port(port.container_port);
    mapping.set_host_port(port.host_port);
    mapping.set_host_ip(port.host_ip);
  }
  write_map(*out.mutable_labels(), config.labels);
  write_map(*out.mutable_annotations(), config.annotations);
  auto& linux_config = *out.mutable_on_linux();
  linux_config.set_cgroup_parent(config.cgroup_parent);
  write_common(*linux_config.mutable_security_context(), config.security);
  write_map(*linux_config.mutable_sysctls(), config.sysctls);
  write(*linux_config.mutable_overhead(), config.overhead);
  write(*linux_config.mutable_resources(), config.resources);
}

void write(pb::ContainerConfig& out, const ContainerConfig& config) {
  out.mutable_metadata()->set_name(config.name);
  out.mutable_metadata()->set_attempt(config.attempt);
  out.mutable_image()->set_image(config.image);
  out.mutable_image()->set_user_specified_image(config.user_specified_image);
  write_list(*out.mutable_command(), config.command);
  write_list(*out.mutable_args(), config.args);
  out.set_working_dir(config.working_directory);
  for (auto& [key, value] : config.environment) {
    auto& variable = *out.add_envs();
    variable.set_key(key);
    variable.set_value(value);
  }
  for (auto& mount : config.mounts) {
    auto& one = *out.add_mounts();
    one.set_container_path(mount.container_path);
    one.set_host_path(mount.host_path);
    one.set_readonly(mount.read_only);
    one.set_recursive_read_only(mount.recursive_read_only);
    one.set_selinux_relabel(mount.se_linux_relabel);
    one.set_propagation(static_cast<int>(mount.propagation));
    if (!mount.image.empty()) one.mutable_image()->set_image(mount.image);
    one.set_image_sub_path(mount.image_sub_path);
  }
  for (auto& device : config.devices) {
    auto& one = *out.add_devices();
    one.set_container_path(device.container_path);
    one.set_host_path(device.host_path);
    one.set_permissions(device.permissions);
  }
  write_map(*out.mutable_labels(), config.labels);
  write_map(*out.mutable_annotations(), config.annotations);
  out.set_log_path(config.log_path);
  out.set_stdin(config.stdin);
  out.set_stdin_once(config.stdin_once);
  out.set_tty(config.tty);
  out.set_stop_signal(signal_number(config.stop_signal));

  auto& linux_config = *out.mutable_on_linux();
  write(*linux_config.mutable_resources(), config.resources);
  auto& context = *linux_config.mutable_security_context();
  write_common(context, config.security);
  context.set_run_as_username(config.security.run_as_username);
  context.set_no_new_privs(config.security.no_new_privileges);
  write_list(*context.mutable_capabilities()->mutable_add_capabilities(), config.security.add_capabilities);
  write_list(*context.mutable_capabilities()->mutable_drop_capabilities(), config.security.drop_capabilities);
  write_list(*context.mutable_masked_paths(), config.security.masked_paths);
  write_list(*context.mutable_readonly_paths(), config.security.read_only_paths);
}

Sandbox read(const pb::PodSandbox& sandbox) {
  Sandbox out;
  out.id = sandbox.id();
  out.name = sandbox.metadata().name();
  out.uid = sandbox.metadata().uid();
  out.namespace_ = sandbox.metadata().namespace_();
  out.attempt = sandbox.metadata().attempt();
  out.ready = sandbox.state() == 0;
  out.created_at = sandbox.created_at();
  out.labels = read_map(sandbox.labels());
  out.annotations = read_map(sandbox.annotations());
  return out;
}

Sandbox read(const pb::PodSandboxStatus& status) {
  Sandbox out;
  out.id = status.id();
  out.name = status.metadata().name();
  out.uid = status.metadata().uid();
  out.namespace_ = status.metadata().namespace_();
  out.attempt = status.metadata().attempt();
  out.ready = status.state() == 0;
  out.created_at = status.created_at();
  out.labels = read_map(status.labels());
  out.annotations = read_map(status.annotations());
  if (!status.network().ip().empty()) out.ips.push_back(status.network().ip());
  for (auto& ip : status.network().additional_ips()) out.ips.push_back(ip.ip());
  auto& options = status.on_linux().namespaces().options();
  out.namespaces.network = mode_of(options.network());
  out.namespaces.pid = mode_of(options.pid());
  out.namespaces.ipc = mode_of(options.ipc());
  return out;
}

namespace {

ContainerState state_of(int number) {
  return number >= 0 && number <= 2 ? static_cast<ContainerState>(number) : ContainerState::Unknown;
}

}  // namespace

Container read(const pb::Container& container) {
  Container out;
  out.id = container.id();
  out.sandbox_id = container.pod_sandbox_id();
  out.name = container.metadata().name();
  out.attempt = container.metadata().attempt();
  out.state = state_of(container.state());
  out.created_at = container.created_at();
  out.image = container.image().image();
  out.image_ref = container.image_ref();
  out.labels = read_map(container.labels());
  out.annotations = read_map(container.annotations());
  return out;
}

Container read(const pb::ContainerStatus& status) {
  Container out;
  out.id = status.id();
  out.name = status.metadata().name();
  out.attempt = status.metadata().attempt();
  out.state = state_of(status.state());
  out.created_at = status.created_at();
  out.started_at = status.started_at();
  out.finished_at = status.finished_at();
  out.exit_code = status.exit_code();
  out.image = status.image().image();
  out.image_ref = status.image_ref();
  out.image_id = status.image_id().empty() ? status.image_ref() : status.image_id();
  out.reason = status.reason();
  out.message = status.message();
  out.log_path = status.log_path();
  out.labels = read_map(status.labels());
  out.annotations = read_map(status.annotations());
  for (auto& mount : status.mounts()) {
    Mount one;
    one.container_path = mount.container_path();
    one.host_path = mount.host_path();
    one.read_only = mount.readonly();
    one.recursive_read_only = mount.recursive_read_only();
    out.mounts.push_back(std::move(one));
  }
  if (status.resources().has_on_linux()) {
    auto& from = status.resources().on_linux();
    Resources resources;
    resources.cpu_period = from.cpu_period();
    resources.cpu_quota = from.cpu_quota();
    resources.cpu_shares = from.cpu_shares();
    resources.memory_limit = from.memory_limit_in_bytes();
    out.resources = std::move(resources);
  }
  if (status.user().has_on_linux()) {
    auto& from = status.user().on_linux();
    Container::User user{from.uid(), from.gid(), {}};
    user.supplemental_groups.assign(from.supplemental_groups().begin(), from.supplemental_groups().end());
    out.user = std::move(user);
  }
  return out;
}

Image read(const pb::Image& image) {
  Image out;
  out.id = image.id();
  out.tags.assign(image.repo_tags().begin(), image.repo_tags().end());
  out.digests.assign(image.repo_digests().begin(), image.repo_digests().end());
  out.size = image.size();
  if (image.has_uid()) out.uid = image.uid().value();
  out.username = image.username();
  out.pinned = image.pinned();
  return out;
}

FilesystemUsage read(const pb::FilesystemUsage& usage) {
  return {usage.fs_id().mountpoint(), usage.used_bytes().value(), usage.inodes_used().value(), usage.timestamp()};
}

ContainerStats read(const pb::ContainerStats& stats) {
  ContainerStats out;
  out.id = stats.attributes().id();
  out.name = stats.attributes().metadata().name();
  out.labels = read_map(stats.attributes().labels());
  auto number = [](bool present, const pb::UInt64Value& value) {
    return present ? std::optional<uint64_t>(value.value()) : std::nullopt;
  };
  auto& cpu = stats.cpu();
  out.cpu_timestamp = cpu.timestamp();
  out.cpu_usage_ns = number(cpu.has_usage_core_nano_seconds(), cpu.usage_core_nano_seconds());
  out.cpu_nano_cores = number(cpu.has_usage_nano_cores(), cpu.usage_nano_cores());
  auto& memory = stats.memory();
  out.memory_timestamp = memory.timestamp();
  out.working_set = number(memory.has_working_set_bytes(), memory.working_set_bytes());
  out.available = number(memory.has_available_bytes(), memory.available_bytes());
  out.usage = number(memory.has_usage_bytes(), memory.usage_bytes());
  out.rss = number(memory.has_rss_bytes(), memory.rss_bytes());
  out.page_faults = number(memory.has_page_faults(), memory.page_faults());
  out.major_page_faults = number(memory.has_major_page_faults(), memory.major_page_faults());
  out.writable_layer = read(stats.writable_layer());
  return out;
}

int signal_number(std::string_view name) {
  static constexpr std::string_view names[] = {
      "",        "SIGABRT", "SIGALRM", "SIGBUS",  "SIGCHLD", "SIGCLD",  "SIGCONT", "SIGFPE",    "SIGHUP",  "SIGILL",  "SIGINT",   "SIGIO",
      "SIGIOT",  "SIGKILL", "SIGPIPE", "SIGPOLL", "SIGPROF", "SIGPWR",  "SIGQUIT", "SIGSEGV",   "SIGSTKFLT", "SIGSTOP", "SIGSYS", "SIGTERM",
      "SIGTRAP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG",  "SIGUSR1", "SIGUSR2", "SIGVTALRM", "SIGWINCH", "SIGXCPU", "SIGXFSZ"};
  for (size_t i = 1; i < std::size(names); i++)
    if (names[i] == name) return static_cast<int>(i);
  // The real-time signals follow: SIGRTMIN, SIGRTMIN+1 .. 15, SIGRTMAX-14 .. 1, SIGRTMAX.
  constexpr int kRtMin = 35, kRtMax = 65;
  int distance = 0;
  if (name == "SIGRTMIN") return kRtMin;
  if (name == "SIGRTMAX") return kRtMax;
  bool up = name.starts_with("SIGRTMIN+"), down = name.starts_with("SIGRTMAX-");
  for (char c : name.substr(up || down ? 9 : name.size())) distance = c >= '0' && c <= '9' ? distance * 10 + (c - '0') : 99;
  if (up && distance >= 1 && distance <= 15) return kRtMin + distance;
  if (down && distance >= 1 && distance <= 14) return kRtMax - distance;
  return 0;
}

}  // namespace sampan::kubelet::cri
