#include "apiserver/admission/pod_security_policy.h"

#include <functional>
#include <optional>
#include <set>

#include "apiserver/admission/plugin.h"
#include "base/text.h"

namespace sampan::apiserver {

using schema::AnyView;

namespace {

using Texts = std::vector<std::string>;
using TextSet = std::set<std::string, std::less<>>;
using Found = std::optional<Violation>;

struct Pod {
  AnyView metadata, spec;
  int minor;
  AnyView context() const { return spec["securityContext"]; }
  bool is_windows() const { return spec["os"]["name"].as_string() == "windows"; }
  bool has_own_users() const { return spec["hostUsers"].present() && !spec["hostUsers"].as_bool(); }
};

std::string quote_join(const auto& items) {
  std::string text;
  for (const auto& item : items) append(text, text.empty() ? "\"" : ", \"", item, "\"");
  return text;
}
std::string_view many(std::string_view one, std::string_view more, size_t count) { return count == 1 ? one : more; }
std::string containers_text(const Texts& names) { return concat(many("container", "containers", names.size()), " ", quote_join(names)); }

using Test = std::function<bool(const AnyView& container)>;

// The names of the containers that fail.
Texts failing(const Pod& pod, const Test& fails) {
  Texts names;
  each_container(pod.spec, [&](const AnyView& container, auto, auto) {
    if (fails(container)) names.emplace_back(container["name"].as_string());
  });
  return names;
}

// "pod and containers "a", "b"": who sets something bad.
std::string setters(bool pod_does, const Texts& containers) {
  std::string text = pod_does ? "pod" : "";
  if (!containers.empty()) append(text, pod_does ? " and " : "", containers_text(containers));
  return text;
}

template <class Each>
void each_item(const AnyView& list, Each each) {
  for (uint32_t i = 0; list.present() && i < list.size(); i++) each(list.item(i));
}

bool contains(std::initializer_list<std::string_view> set, std::string_view item) { return std::find(set.begin(), set.end(), item) != set.end(); }

// ---- baseline ----

Found apparmor(const Pod& pod) {
  constexpr std::string_view kPrefix = "container.apparmor.security.beta.kubernetes.io/";
  TextSet values;
  auto bad = [&](const AnyView& context) {
    AnyView profile = context["appArmorProfile"];
    auto type = profile["type"].as_string();
    if (!profile.present() || type == "RuntimeDefault" || type == "Localhost") return false;
    values.emplace(type);
    return true;
  };
  bool pod_bad = bad(pod.context());
  auto names = failing(pod, [&](const AnyView& container) { return bad(container["securityContext"]); });
  auto who = setters(pod_bad, names);
  Texts shown(values.begin(), values.end()), notes;
  AnyView annotations = pod.metadata["annotations"];
  for (uint32_t i = 0; annotations.present() && i < annotations.size(); i++) {
    auto key = annotations.key(i), value = annotations.value(i).as_string();
    if (key.starts_with(kPrefix) && !value.empty() && value != "runtime/default" && !value.starts_with("localhost/"))
      notes.push_back(concat(key, "=", quoted(value)));
  }
  if (!notes.empty()) {
    std::sort(notes.begin(), notes.end());
    shown.insert(shown.end(), notes.begin(), notes.end());
    append(who, who.empty() ? "" : " and ", many("annotation", "annotations", notes.size()));
  }
  if (who.empty()) return {};
  return Violation{many("forbidden AppArmor profile", "forbidden AppArmor profiles", shown.size()),
                   concat(who, " must not set AppArmor profile type to ", quote_join(shown))};
}

Found added_capabilities(const Pod& pod) {
  TextSet bad;
  auto names = failing(pod, [&](const AnyView& container) {
    bool fails = false;
    each_item(container["securityContext"]["capabilities"]["add"], [&](const AnyView& item) {
      auto name = item.as_string();
      if (contains({"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP",
                    "SETUID", "SYS_CHROOT"},
                   name))
        return;
      bad.emplace(name);
      fails = true;
    });
    return fails;
  });
  if (names.empty()) return {};
  return Violation{"non-default capabilities",
                   concat(containers_text(names), " must not include ", quote_join(bad), " in securityContext.capabilities.add")};
}

Found host_namespaces(const Pod& pod) {
  Texts used;
  for (std::string_view field : {"hostNetwork", "hostPID", "hostIPC"})
    if (pod.spec[field].as_bool()) used.push_back(concat(field, "=true"));
  if (used.empty()) return {};
  return Violation{"host namespaces", join(used, ", ")};
}

Found host_paths(const Pod& pod) {
  Texts names;
  each_item(pod.spec["volumes"], [&](const AnyView& volume) {
    if (volume["hostPath"].present()) names.emplace_back(volume["name"].as_string());
  });
  if (names.empty()) return {};
  return Violation{"hostPath volumes", concat(many("volume", "volumes", names.size()), " ", quote_join(names))};
}

Found host_ports(const Pod& pod) {
  TextSet ports;
  auto names = failing(pod, [&](const AnyView& container) {
    bool fails = false;
    each_item(container["ports"], [&](const AnyView& port) {
      if (!port["hostPort"].present() || port["hostPort"].as_int() == 0) return;
      ports.insert(concat(port["hostPort"].as_int()));
      fails = true;
    });
    return fails;
  });
  if (names.empty()) return {};
  return Violation{"hostPort", concat(containers_text(names), many(" uses ", " use ", names.size()), many("hostPort ", "hostPorts ", ports.size()),
                                      join(Texts(ports.begin(), ports.end()), ", "))};
}

Found probe_hosts(const Pod& pod) {
  TextSet hosts, names;
  each_container(pod.spec, [&](const AnyView& container, auto, auto) {
    auto look = [&](const AnyView& action) {
      for (std::string_view kind : {"httpGet", "tcpSocket"}) {
        auto host = action[kind]["host"].as_string();
        if (host.empty()) continue;
        hosts.emplace(host);
        names.emplace(container["name"].as_string());
      }
    };
    for (std::string_view probe : {"livenessProbe", "readinessProbe", "startupProbe"}) look(container[probe]);
    for (std::string_view hook : {"postStart", "preStop"}) look(container["lifecycle"][hook]);
  });
  if (names.empty()) return {};
  return Violation{"probe or lifecycle host",
                   concat(containers_text(Texts(names.begin(), names.end())), many(" uses ", " use ", names.size()),
                          many("probe or lifecycle host ", "probe or lifecycle hosts ", hosts.size()), quote_join(hosts))};
}

Found privileged(const Pod& pod) {
  auto names = failing(pod, [](const AnyView& container) { return container["securityContext"]["privileged"].as_bool(); });
  if (names.empty()) return {};
  return Violation{"privileged", concat(containers_text(names), " must not set securityContext.privileged=true")};
}

Found proc_mount(const Pod& pod) {
  TextSet types;
  auto names = failing(pod, [&](const AnyView& container) {
    AnyView mount = container["securityContext"]["procMount"];
    if (!mount.present() || mount.as_string() == "Default") return false;
    types.emplace(mount.as_string());
    return true;
  });
  if (names.empty()) return {};
  return Violation{"procMount", concat(containers_text(names), " must not set securityContext.procMount to ", quote_join(types))};
}

Found proc_mount_baseline(const Pod& pod) { return pod.minor >= 35 && pod.has_own_users() ? Found() : proc_mount(pod); }

Found selinux(const Pod& pod) {
  TextSet types;
  bool user = false, role = false;
  auto bad = [&](const AnyView& context) {
    AnyView options = context["seLinuxOptions"];
    if (!options.present()) return false;
    auto type = options["type"].as_string();
    bool good_type = contains({"", "container_t", "container_init_t", "container_kvm_t"}, type) || (pod.minor >= 31 && type == "container_engine_t");
    bool sets_user = !options["user"].as_string().empty(), sets_role = !options["role"].as_string().empty();
    if (!good_type) types.emplace(type);
    user |= sets_user;
    role |= sets_role;
    return !good_type || sets_user || sets_role;
  };
  bool pod_bad = bad(pod.context());
  auto who = setters(pod_bad, failing(pod, [&](const AnyView& container) { return bad(container["securityContext"]); }));
  if (who.empty()) return {};
  Texts what;
  if (!types.empty()) what.push_back(concat(many("type", "types", types.size()), " ", quote_join(types)));
  if (user) what.emplace_back("user may not be set");
  if (role) what.emplace_back("role may not be set");
  return Violation{"seLinuxOptions", concat(who, " set forbidden securityContext.seLinuxOptions: ", join(what, "; "))};
}

// Before v1.19 the profile was an annotation.
Found seccomp_annotations(const Pod& pod) {
  TextSet bad;
  AnyView annotations = pod.metadata["annotations"];
  auto look = [&](std::string_view key) {
    AnyView value = annotations[key];
    auto text = value.as_string();
    if (!value.present() || text == "runtime/default" || text == "docker/default" || text.starts_with("localhost/")) return;
    bad.insert(concat(key, "=", quoted(text)));
  };
  look("seccomp.security.alpha.kubernetes.io/pod");
  each_container(pod.spec, [&](const AnyView& container, auto, auto) {
    look(concat("container.seccomp.security.alpha.kubernetes.io/", container["name"].as_string()));
  });
  if (bad.empty()) return {};
  return Violation{"seccompProfile", concat("forbidden ", many("annotation", "annotations", bad.size()), " ", join(Texts(bad.begin(), bad.end()), ", "))};
}

// `required`: somebody has to set one.
Found seccomp_profiles(const Pod& pod, bool required) {
  TextSet values;
  auto bad = [&](const AnyView& context) {
    AnyView profile = context["seccompProfile"];
    auto type = profile["type"].as_string();
    if (!profile.present() || type == "RuntimeDefault" || type == "Localhost") return false;
    values.emplace(type);
    return true;
  };
  bool pod_bad = bad(pod.context()), pod_sets = pod.context()["seccompProfile"].present() && !pod_bad;
  auto who = setters(pod_bad, failing(pod, [&](const AnyView& container) { return bad(container["securityContext"]); }));
  if (!who.empty()) return Violation{"seccompProfile", concat(who, " must not set securityContext.seccompProfile.type to ", quote_join(values))};
  if (!required || pod_sets) return {};
  auto silent = failing(pod, [](const AnyView& container) { return !container["securityContext"]["seccompProfile"].present(); });
  if (silent.empty()) return {};
  return Violation{"seccompProfile", concat("pod or ", containers_text(silent), " must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"")};
}

Found seccomp_baseline(const Pod& pod) { return pod.minor < 19 ? seccomp_annotations(pod) : seccomp_profiles(pod, false); }

Found sysctls(const Pod& pod) {
  struct Allowed {
    std::string_view name;
    int since;
  };
  static constexpr Allowed kAllowed[] = {
      {"kernel.shm_rmid_forced", 0},          {"net.ipv4.ip_local_port_range", 0},     {"net.ipv4.tcp_syncookies", 0},      {"net.ipv4.ping_group_range", 0},
      {"net.ipv4.ip_unprivileged_port_start", 0}, {"net.ipv4.ip_local_reserved_ports", 27}, {"net.ipv4.tcp_keepalive_time", 29}, {"net.ipv4.tcp_fin_timeout", 29},
      {"net.ipv4.tcp_keepalive_intvl", 29},   {"net.ipv4.tcp_keepalive_probes", 29},   {"net.ipv4.tcp_rmem", 32},           {"net.ipv4.tcp_wmem", 32},
  };
  Texts bad;
  each_item(pod.context()["sysctls"], [&](const AnyView& sysctl) {
    auto name = sysctl["name"].as_string();
    if (std::none_of(std::begin(kAllowed), std::end(kAllowed), [&](const Allowed& it) { return it.name == name && it.since <= pod.minor; }))
      bad.emplace_back(name);
  });
  if (bad.empty()) return {};
  return Violation{"forbidden sysctls", join(bad, ", ")};
}

Found windows_host_process(const Pod& pod) {
  auto bad = [](const AnyView& context) { return context["windowsOptions"]["hostProcess"].as_bool(); };
  auto who = setters(bad(pod.context()), failing(pod, [&](const AnyView& container) { return bad(container["securityContext"]); }));
  if (who.empty()) return {};
  return Violation{"hostProcess", concat(who, " must not set securityContext.windowsOptions.hostProcess=true")};
}

// ---- restricted ----

Found privilege_escalation(const Pod& pod) {
  if (pod.minor >= 25 && pod.is_windows()) return {};
  auto names = failing(pod, [](const AnyView& container) {
    AnyView allowed = container["securityContext"]["allowPrivilegeEscalation"];
    return !allowed.present() || allowed.as_bool();
  });
  if (names.empty()) return {};
  return Violation{"allowPrivilegeEscalation != false", concat(containers_text(names), " must set securityContext.allowPrivilegeEscalation=false")};
}

Found dropped_capabilities(const Pod& pod) {
  if (pod.minor >= 25 && pod.is_windows()) return {};
  TextSet bad;
  auto keeping = failing(pod, [](const AnyView& container) {
    bool all = false;
    each_item(container["securityContext"]["capabilities"]["drop"], [&](const AnyView& item) { all |= item.as_string() == "ALL"; });
    return !all;
  });
  auto adding = failing(pod, [&](const AnyView& container) {
    bool fails = false;
    each_item(container["securityContext"]["capabilities"]["add"], [&](const AnyView& item) {
      if (item.as_string() == "NET_BIND_SERVICE") return;
      bad.emplace(item.as_string());
      fails = true;
    });
    return fails;
  });
  Texts what;
  if (!keeping.empty()) what.push_back(concat(containers_text(keeping), " must set securityContext.capabilities.drop=[\"ALL\"]"));
  if (!adding.empty()) what.push_back(concat(containers_text(adding), " must not include ", quote_join(bad), " in securityContext.capabilities.add"));
  if (what.empty()) return {};
  return Violation{"unrestricted capabilities", join(what, "; ")};
}

Found volume_types(const Pod& pod) {
  constexpr std::string_view kBad[] = {"hostPath", "gcePersistentDisk", "awsElasticBlockStore", "gitRepo",   "nfs",       "iscsi",   "glusterfs",
                                       "rbd",      "flexVolume",        "cinder",               "cephfs",    "flocker",   "fc",      "azureFile",
                                       "vsphereVolume", "quobyte",      "azureDisk",            "photonPersistentDisk", "portworxVolume", "scaleIO", "storageos"};
  Texts names;
  TextSet types;
  each_item(pod.spec["volumes"], [&](const AnyView& volume) {
    for (std::string_view good : {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret"})
      if (volume[good].present()) return;
    names.emplace_back(volume["name"].as_string());
    auto type = std::find_if(std::begin(kBad), std::end(kBad), [&](auto it) { return volume[it].present(); });
    types.emplace(type == std::end(kBad) ? "unknown" : *type);
  });
  if (names.empty()) return {};
  return Violation{"restricted volume types",
                   concat(many("volume", "volumes", names.size()), " ", quote_join(names), many(" uses ", " use ", names.size()),
                          many("restricted volume type ", "restricted volume types ", types.size()), quote_join(types))};
}

Found run_as_non_root(const Pod& pod) {
  if (pod.minor >= 35 && pod.has_own_users()) return {};
  auto of_pod = pod.context()["runAsNonRoot"];
  bool pod_true = of_pod.present() && of_pod.as_bool();
  auto who = setters(of_pod.present() && !pod_true, failing(pod, [](const AnyView& container) {
                       AnyView value = container["securityContext"]["runAsNonRoot"];
                       return value.present() && !value.as_bool();
                     }));
  if (!who.empty()) return Violation{"runAsNonRoot != true", concat(who, " must not set securityContext.runAsNonRoot=false")};
  if (pod_true) return {};
  auto silent = failing(pod, [](const AnyView& container) { return !container["securityContext"]["runAsNonRoot"].present(); });
  if (silent.empty()) return {};
  return Violation{"runAsNonRoot != true", concat("pod or ", containers_text(silent), " must set securityContext.runAsNonRoot=true")};
}

Found run_as_user(const Pod& pod) {
  if (pod.minor >= 35 && pod.has_own_users()) return {};
  auto root = [](const AnyView& context) { return context["runAsUser"].present() && context["runAsUser"].as_int() == 0; };
  auto who = setters(root(pod.context()), failing(pod, [&](const AnyView& container) { return root(container["securityContext"]); }));
  if (who.empty()) return {};
  return Violation{"runAsUser=0", concat(who, " must not set runAsUser=0")};
}

Found seccomp_restricted(const Pod& pod) { return pod.minor >= 25 && pod.is_windows() ? Found() : seccomp_profiles(pod, true); }

struct Check {
  std::string_view id;
  SecurityLevel level;
  int since;  // minor version
  Found (*run)(const Pod& pod);
  std::string_view instead_of = {};  // the check of the lower level that this one makes needless
};

// In upstream's order: by level, then by name.
constexpr Check kChecks[] = {
    {"appArmorProfile", SecurityLevel::Baseline, 0, apparmor},
    {"capabilities_baseline", SecurityLevel::Baseline, 0, added_capabilities},
    {"hostNamespaces", SecurityLevel::Baseline, 0, host_namespaces},
    {"hostPathVolumes", SecurityLevel::Baseline, 0, host_paths},
    {"hostPorts", SecurityLevel::Baseline, 0, host_ports},
    {"hostProbesAndHostLifecycle", SecurityLevel::Baseline, 34, probe_hosts},
    {"privileged", SecurityLevel::Baseline, 0, privileged},
    {"procMount", SecurityLevel::Baseline, 0, proc_mount_baseline},
    {"seLinuxOptions", SecurityLevel::Baseline, 0, selinux},
    {"seccompProfile_baseline", SecurityLevel::Baseline, 0, seccomp_baseline},
    {"sysctls", SecurityLevel::Baseline, 0, sysctls},
    {"windowsHostProcess", SecurityLevel::Baseline, 0, windows_host_process},
    {"allowPrivilegeEscalation", SecurityLevel::Restricted, 8, privilege_escalation},
    {"capabilities_restricted", SecurityLevel::Restricted, 22, dropped_capabilities, "capabilities_baseline"},
    {"procMount_restricted", SecurityLevel::Restricted, 35, proc_mount, "procMount"},
    {"restrictedVolumes", SecurityLevel::Restricted, 0, volume_types, "hostPathVolumes"},
    {"runAsNonRoot", SecurityLevel::Restricted, 0, run_as_non_root},
    {"runAsUser", SecurityLevel::Restricted, 23, run_as_user},
    {"seccompProfile_restricted", SecurityLevel::Restricted, 19, seccomp_restricted, "seccompProfile_baseline"},
};

}  // namespace

std::string SecurityPolicy::text() const {
  constexpr std::string_view names[] = {"privileged", "baseline", "restricted"};
  auto name = names[static_cast<int>(level)];
  return minor == kLatestMinor ? concat(name, ":latest") : concat(name, ":v1.", minor);
}

std::vector<Violation> violations(const SecurityPolicy& policy, const AnyView& metadata, const AnyView& spec) {
  std::vector<Violation> found;
  auto applies = [&](const Check& check) { return check.level <= policy.level && check.since <= policy.minor; };
  auto replaced = [&](const Check& check) {
    return std::any_of(std::begin(kChecks), std::end(kChecks), [&](const Check& other) { return other.instead_of == check.id && applies(other); });
  };
  Pod pod{metadata, spec, policy.minor};
  for (const Check& check : kChecks) {
    if (policy.level == SecurityLevel::Privileged || !applies(check) || replaced(check)) continue;
    if (auto violation = check.run(pod)) found.push_back(std::move(*violation));
  }
  return found;
}

std::string reasons_of(const std::vector<Violation>& violations) {
  std::string text;
  for (const auto& it : violations) append(text, text.empty() ? "" : ", ", it.reason);
  return text;
}

std::string details_of(const std::vector<Violation>& violations) {
  std::string text;
  for (const auto& it : violations) append(text, text.empty() ? "" : ", ", it.reason, it.detail.empty() ? "" : " (", it.detail, it.detail.empty() ? "" : ")");
  return text;
}

}  // namespace sampan::apiserver
