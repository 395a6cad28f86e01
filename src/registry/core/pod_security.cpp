// Security contexts of pods and containers.
#include "base/text.h"
#include "registry/core/pod_rules.h"

namespace sampan::registry {

namespace {

std::atomic<bool> privileged_allowed{true};

void validate_id(const At& id) {
  if (!id.present()) return;
  Complaints complaints;
  check_in_range(id.number(), 0, INT32_MAX, complaints);
  for (auto& complaint : complaints) id.invalid(id.number(), complaint);
}

void validate_seccomp_profile(const At& profile) {
  if (!profile.present()) return;
  At type = profile["type"], local = profile["localhostProfile"];
  if (type.text().empty())
    type.required("type is required when seccompProfile is set");
  else
    type.one_of({"Localhost", "RuntimeDefault", "Unconfined"});
  if (type.text() != "Localhost") {
    if (local.present()) local.invalid(Shown::internal(profile.value()), "can only be set when seccomp type is Localhost");
  } else if (!local.present()) {
    local.required("must be set when seccomp type is Localhost");
  } else {
    validate_descending_path(local);
  }
}

// Segments of a-z, 0-9, "-" and "_" that begin and end with a letter or digit, between dots or slashes.
bool is_sysctl_name(std::string_view name) {
  constexpr size_t kNameMax = 253;
  auto alnum = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (name.empty() || name.size() > kNameMax) return false;
  bool at_start = true;
  for (size_t i = 0; i < name.size(); i++) {
    bool separator = name[i] == '.' || name[i] == '/';
    bool at_end = i + 1 == name.size() || name[i + 1] == '.' || name[i + 1] == '/';
    if (separator ? at_start : !alnum(name[i]) && (at_start || at_end || (name[i] != '-' && name[i] != '_'))) return false;
    at_start = separator;
  }
  return !at_start;
}

enum class SysctlSpace : uint8_t { None, Ipc, Net };
SysctlSpace space_of_sysctl(std::string_view name) {
  // Either separator may be used; the first decides which one it is.
  std::string dotted(name);
  size_t first = dotted.find_first_of("./");
  if (first != std::string::npos && dotted[first] == '/')
    for (char& c : dotted) c = c == '/' ? '.' : c == '.' ? '/' : c;
  for (auto known : {"kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced", "kernel.shm",
                     "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.msg"})
    if (dotted == known) return SysctlSpace::Ipc;
  if (dotted.starts_with("fs.mqueue.")) return SysctlSpace::Ipc;
  return dotted.starts_with("net.") ? SysctlSpace::Net : SysctlSpace::None;
}

void validate_sysctls(const At& sysctls, const AnyView& spec, const PodSpecOptions& options) {
  std::set<std::string_view> names;
  for (uint32_t i = 0; i < sysctls.size(); i++) {
    At sysctl = sysctls.item(i);
    At name = sysctl["name"];
    if (name.text().empty())
      name.required();
    else if (!is_sysctl_name(name.text()))
      name.invalid("must have at most 253 characters and match regex "
                   "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$");
    else if (names.contains(name.text()))
      name.duplicate();
    if (!options.namespaced_sysctls_with_host_namespaces) validate_host_sysctl(name, spec);
    names.insert(name.text());
  }
}

}  // namespace

void validate_host_sysctl(const At& name, const AnyView& spec) {
  auto space = space_of_sysctl(name.text());
  if (space == SysctlSpace::Net && spec["hostNetwork"].present() && spec["hostNetwork"].as_bool())
    name.invalid(name.text(), "may not be specified when 'hostNetwork' is true");
  else if (space == SysctlSpace::Ipc && spec["hostIPC"].present() && spec["hostIPC"].as_bool())
    name.invalid(name.text(), "may not be specified when 'hostIPC' is true");
}

void validate_app_armor_profile(const At& profile) {
  constexpr int64_t kPathMax = 4095;
  if (!profile.present()) return;
  At type = profile["type"], local = profile["localhostProfile"];
  auto text = local.text();
  if (type.text() == "Localhost") {
    if (local.present() && trim(text) != text)
      local.invalid(text, "must not be padded with whitespace");
    else if (text.empty())
      local.required("must be set when AppArmor type is Localhost");
    if (static_cast<int64_t>(text.size()) > kPathMax) local.too_long(kPathMax);
  } else if (type.text() == "RuntimeDefault" || type.text() == "Unconfined") {
    if (local.present()) local.invalid("can only be set when AppArmor type is Localhost");
  } else if (type.text().empty()) {
    type.required("type is required when appArmorProfile is set");
  } else {
    type.not_supported({"Localhost", "RuntimeDefault", "Unconfined"});
  }
}

void validate_pod_security_context(const At& spec, const PodSpecOptions& options) {
  At context = spec["securityContext"];
  // Fields that stand in the spec are upstream's security context inside.
  At share = context["shareProcessNamespace"];
  AnyView shared = spec.value()["shareProcessNamespace"], host_pid = spec.value()["hostPID"];
  if (shared.present() && shared.as_bool() && host_pid.present() && host_pid.as_bool())
    share.invalid(true, "ShareProcessNamespace and HostPID cannot both be enabled");
  if (!context.present()) return;
  for (auto id : {"fsGroup", "runAsUser", "runAsGroup"}) validate_id(context[id]);
  At groups = context["supplementalGroups"];
  for (uint32_t i = 0; i < groups.size(); i++) validate_id(groups.item(i));
  validate_sysctls(context["sysctls"], spec.value(), options);
  if (context["fsGroupChangePolicy"].present()) context["fsGroupChangePolicy"].one_of({"Always", "OnRootMismatch"});
  validate_seccomp_profile(context["seccompProfile"]);
  validate_windows_options(context["windowsOptions"]);
  validate_app_armor_profile(context["appArmorProfile"]);
  if (context["supplementalGroupsPolicy"].present()) context["supplementalGroupsPolicy"].one_of({"Merge", "Strict"});
  if (At policy = context["seLinuxChangePolicy"]; policy.present()) {
    if (options.any_selinux_change_policy)
      policy.one_of({"MountOption", "Recursive"});
    else
      policy.one_of({"Recursive"});
  }
}

void set_privileged_allowed(bool allowed) { privileged_allowed.store(allowed); }

void validate_container_security_context(const At& context, bool host_users) {
  if (!context.present()) return;
  if (At privileged = context["privileged"]; privileged.truth() && !privileged_allowed.load()) privileged.forbidden("disallowed by cluster policy");
  validate_id(context["runAsUser"]);
  validate_id(context["runAsGroup"]);
  if (At mount = context["procMount"]; mount.present()) {
    mount.one_of({"Default", "Unmasked"});
    if (host_users && mount.text() == "Unmasked") mount.invalid("`hostUsers` must be false to use `Unmasked`");
  }
  validate_seccomp_profile(context["seccompProfile"]);
  AnyView escalation = context.value()["allowPrivilegeEscalation"];
  if (escalation.present() && !escalation.as_bool()) {
    if (context["privileged"].truth())
      context.invalid(context.internal(),
                      "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
    AnyView added = context.value()["capabilities"]["add"];
    for (uint32_t i = 0; i < added.size(); i++)
      if (added.item(i).as_string() == "CAP_SYS_ADMIN")
        context.invalid(context.internal(),
                        "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN");
  }
  validate_windows_options(context["windowsOptions"]);
  validate_app_armor_profile(context["appArmorProfile"]);
}

}  // namespace sampan::registry
