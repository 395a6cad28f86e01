// What a pod's operating system allows: options of Windows, and what only Linux has.
#include "base/text.h"
#include "registry/core/pod_rules.h"

namespace sampan::registry {

namespace {

bool is_alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_netbios_name(std::string_view name) {
  return !name.empty() && name.size() <= 15 && name[0] != '.' && name.find_first_of("\\/:*?\"<>|") == std::string_view::npos;
}
bool is_windows_domain(std::string_view name) {
  for (auto label : split(name, '.')) {
    if (label.empty() || label.size() > 63 || !is_alnum(label.front()) || !is_alnum(label.back())) return false;
    for (char c : label)
      if (!is_alnum(c) && c != '-') return false;
  }
  return true;
}

// "DOMAIN\user" or "user".
void validate_user_name(const At& at) {
  constexpr size_t kDomainMax = 256, kUserMax = 104;
  auto name = at.text();
  if (name.empty()) return at.invalid("runAsUserName cannot be an empty string");
  for (unsigned char c : name)
    if (c < 0x20 || c == 0x7f) return at.invalid("runAsUserName cannot contain control characters");
  auto parts = split(name, '\\');
  if (parts.size() > 2) return at.invalid("runAsUserName cannot contain more than one backslash");
  auto domain = parts.size() == 2 ? parts[0] : std::string_view(), user = parts.back();
  if (domain.size() >= kDomainMax)
    at.invalid(concat("runAsUserName's Domain length must be under ", kDomainMax, " characters"));
  if (parts.size() == 2 && !is_netbios_name(domain) && !is_windows_domain(domain))
    at.invalid("runAsUserName's Domain doesn't match the NetBios nor the DNS format");
  if (user.empty())
    at.invalid("runAsUserName's User cannot be empty");
  else if (user.size() > kUserMax)
    at.invalid(concat("runAsUserName's User length must not be longer than ", kUserMax, " characters"));
  if (!user.empty() && user.find_first_not_of(". ") == std::string_view::npos)
    at.invalid("runAsUserName's User cannot contain only periods or spaces");
  if (user.find_first_of("\"/\\:;|=,+*?<>@[]") != std::string_view::npos)
    at.invalid("runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]");
}

void validate_linux_pod(const At& spec) {
  constexpr std::string_view kWhy = "windows options cannot be set for a linux pod";
  auto check = [&](const At& holder) {
    At options = holder["windowsOptions"];
    if (options.present()) options.forbidden(kWhy);
  };
  check(spec["securityContext"]);
  each_container(spec, [&](const At& container) { check(container["securityContext"]); });
}

void validate_windows_pod(const At& spec) {
  auto forbid = [](const At& at) {
    if (at.present()) at.forbidden("cannot be set for a windows pod");
  };
  for (auto field : {"hostUsers", "hostPID", "hostIPC", "shareProcessNamespace"}) forbid(spec[field]);
  At context = spec["securityContext"];
  for (auto field : {"appArmorProfile", "seLinuxOptions", "seccompProfile", "fsGroup", "fsGroupChangePolicy", "sysctls",
                     "runAsUser", "runAsGroup", "supplementalGroups", "supplementalGroupsPolicy", "seLinuxChangePolicy"})
    forbid(context[field]);
  each_container(spec, [&](const At& container) {
    At own = container["securityContext"];
    for (auto field : {"appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities", "readOnlyRootFilesystem", "privileged",
                       "allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup"})
      forbid(own[field]);
  });
}

}  // namespace

void validate_windows_options(const At& options) {
  constexpr size_t kCredentialSpecKiBMax = 64;
  if (!options.present()) return;
  At spec_name = options["gmsaCredentialSpecName"], spec = options["gmsaCredentialSpec"], user = options["runAsUserName"];
  if (spec_name.present()) require_name(spec_name);
  if (spec.present() && spec.text().empty())
    spec.invalid("gmsaCredentialSpec cannot be an empty string");
  else if (spec.text().size() > kCredentialSpecKiBMax * 1024)
    spec.invalid(concat("gmsaCredentialSpec size must be under ", kCredentialSpecKiBMax, " KiB"));
  if (user.present()) validate_user_name(user);
}

void validate_windows_host_process(const At& spec) {
  AnyView of_pod = spec.value()["securityContext"]["windowsOptions"]["hostProcess"];
  int containers = 0, host_processes = 0;
  each_container(spec, [&](const At& container) {
    containers++;
    At context = container["securityContext"];
    At options = context["windowsOptions"];
    At own = options["hostProcess"];
    if (of_pod.present() && own.present() && own.truth() != of_pod.as_bool())
      own.invalid(own.truth(), concat("pod hostProcess value must be identical if both are specified, was ",
                                      of_pod.as_bool() ? "true" : "false"));
    host_processes += own.present() ? own.truth() : of_pod.present() && of_pod.as_bool();
  });
  if (!host_processes) return;
  if (host_processes != containers)
    spec.invalid("", "If pod contains any hostProcess containers then all containers must be HostProcess containers");
  if (!spec["hostNetwork"].truth())
    spec["hostNetwork"].invalid(false, "hostNetwork must be true if pod contains any hostProcess containers");
}

void validate_os(const At& spec) {
  At os = spec["os"];
  At name = os["name"];
  if (!os.present()) return;
  if (name.text().empty()) return name.required();
  if (name.text() == "linux") return validate_linux_pod(spec);
  if (name.text() == "windows") return validate_windows_pod(spec);
  At(name.value(), os.path(), os.errors()).not_supported({"linux", "windows"});
}

}  // namespace sampan::registry
