// What processes of a container may do: the pod's security context, and over it the container's own.
#include <unistd.h>

#include "base/text.h"
#include "kubelet/files.h"
#include "kubelet/pod_config.h"

namespace sampan::kubelet {

namespace {

// A field of the container's context or, where that says nothing, of the pod's.
#define EFFECTIVE(field) \
  (own.field().has_value() ? own.field() : whole.field())

const std::vector<std::string>& masked_paths() {
  static const std::vector<std::string> paths = [] {
    std::vector<std::string> out = {"/proc/asound",     "/proc/acpi",        "/proc/interrupts", "/proc/kcore", "/proc/keys",    "/proc/latency_stats",
                                    "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi",  "/sys/firmware", "/sys/devices/virtual/powercap"};
    for (int cpu = 0;; cpu++) {
      auto folder = concat("/sys/devices/system/cpu/cpu", cpu);
      if (!exists(folder)) return out;
      if (auto path = concat(folder, "/thermal_throttle"); exists(path)) out.push_back(path);
    }
  }();
  return paths;
}

std::optional<SeLinuxOptions> se_linux_of(const core_v1::SELinuxOptions& options) {
  if (!options.present()) return {};
  return SeLinuxOptions{std::string(options.user()), std::string(options.role()), std::string(options.type()), std::string(options.level())};
}

std::optional<SecurityProfile> app_armor_of(const core_v1::Pod& pod, const core_v1::Container& container) {
  auto profile = container.security_context().app_armor_profile();
  if (!profile.present()) profile = pod.spec().security_context().app_armor_profile();
  if (!profile.present()) return {};
  if (profile.type() == "RuntimeDefault") return SecurityProfile{SecurityProfile::Type::RuntimeDefault, ""};
  if (profile.type() == "Localhost") return SecurityProfile{SecurityProfile::Type::Localhost, std::string(profile.localhost_profile().value_or(""))};
  return SecurityProfile{SecurityProfile::Type::Unconfined, ""};
}

}  // namespace

NamespaceOptions namespaces_of(const core_v1::Pod& pod) {
  NamespaceOptions out;
  auto spec = pod.spec();
  out.network = spec.host_network() ? NamespaceMode::Node : NamespaceMode::Pod;
  out.ipc = spec.host_ipc() ? NamespaceMode::Node : NamespaceMode::Pod;
  out.pid = spec.host_pid()                                          ? NamespaceMode::Node
            : spec.share_process_namespace().value_or(false) ? NamespaceMode::Pod
                                                                     : NamespaceMode::Container;
  return out;
}

SecurityProfile seccomp_of(const core_v1::SeccompProfile& profile, const NodeFacts& facts) {
  if (profile.type() == "Localhost")
    return {SecurityProfile::Type::Localhost, concat(facts.seccomp_root(), "/", profile.localhost_profile().value_or(""))};
  bool by_default = !profile.present() && facts.seccomp_default;
  return {profile.type() == "RuntimeDefault" || by_default ? SecurityProfile::Type::RuntimeDefault : SecurityProfile::Type::Unconfined, ""};
}

SecurityContext security_context(const core_v1::Pod& pod, const core_v1::Container& container, const Image& image, const NodeFacts& facts) {
  auto own = container.security_context();
  auto whole = pod.spec().security_context();
  SecurityContext out;
  out.namespaces = namespaces_of(pod);
  out.run_as_user = EFFECTIVE(run_as_user);
  out.run_as_group = EFFECTIVE(run_as_group);
  if (!out.run_as_user) {
    out.run_as_user = image.uid;
    out.run_as_username = image.username;
  }
  if (whole.fs_group()) out.supplemental_groups.push_back(*whole.fs_group());
  for (auto group : whole.supplemental_groups()) out.supplemental_groups.push_back(group);
  out.strict_supplemental_groups = whole.supplemental_groups_policy() == "Strict";
  out.privileged = own.privileged().value_or(false);
  out.read_only_root = own.read_only_root_filesystem().value_or(false);
  out.se_linux = se_linux_of(own.se_linux_options().present() ? own.se_linux_options() : whole.se_linux_options());
  out.seccomp = seccomp_of(own.seccomp_profile().present() ? own.seccomp_profile() : whole.seccomp_profile(), facts);
  out.app_armor = app_armor_of(pod, container);
  out.no_new_privileges = own.allow_privilege_escalation() == false;
  for (auto capability : own.capabilities().add()) out.add_capabilities.emplace_back(capability);
  for (auto capability : own.capabilities().drop()) out.drop_capabilities.emplace_back(capability);
  if (own.proc_mount() != "Unmasked") {
    out.masked_paths = masked_paths();
    out.read_only_paths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
  }
  return out;
}

Result<void> verify_non_root(const core_v1::Pod& pod, const core_v1::Container& container, const Image& image) {
  auto own = container.security_context();
  auto whole = pod.spec().security_context();
  if (!EFFECTIVE(run_as_non_root).value_or(false)) return {};
  auto where = concat("(pod: ", quoted(text_of(pod)), ", container: ", container.name(), ")");
  if (auto user = EFFECTIVE(run_as_user)) {
    if (*user == 0) return fail(failure(concat("container's runAsUser breaks non-root policy ", where)));
    return {};
  }
  if (!image.uid && !image.username.empty())
    return fail(failure(concat("container has runAsNonRoot and image has non-numeric user (", image.username, "), cannot verify user is non-root ", where)));
  if (image.uid == 0) return fail(failure(concat("container has runAsNonRoot and image will run as root ", where)));
  return {};
}

}  // namespace sampan::kubelet
