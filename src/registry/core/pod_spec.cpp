// Validation of a whole pod spec and of a template, and what an old object makes tolerable.
#include "registry/core/pod_spec.h"

#include "base/text.h"
#include "registry/addresses.h"
#include "registry/core/pod_rules.h"
#include "registry/metadata.h"

namespace sampan::registry {

namespace {

void validate_resource_claims(const At& claims, const AnyView& metadata, std::set<std::string_view>& names) {
  bool is_mirror = metadata["annotations"][kMirrorAnnotation].present();
  for (uint32_t i = 0; i < claims.size(); i++) {
    if (is_mirror) {
      claims.errors().forbidden(Path(""), "static pods do not support resource claims");
      continue;
    }
    At claim = claims.item(i);
    At name = claim["name"], by_name = claim["resourceClaimName"], by_template = claim["resourceClaimTemplateName"];
    if (name.text().empty())
      name.required();
    else if (!names.insert(name.text()).second)
      name.duplicate();
    else
      name.must_be(check_dns1123_label);
    if (by_name.present() && by_template.present())
      claim.invalid(claim.internal(),
                    "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified");
    if (!by_name.present() && !by_template.present())
      claim.invalid(claim.internal(),
                    "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`");
    if (by_name.present()) require_name(by_name);
    if (by_template.present()) require_name(by_template);
  }
}

void validate_host_network_ports(const At& spec, const PodSpecOptions& options) {
  if (!spec["hostNetwork"].truth()) return;
  At containers = spec["containers"];
  for (uint32_t i = 0; i < containers.size(); i++) {
    At container = containers.item(i);
    At ports = container["ports"];
    for (uint32_t j = 0; j < ports.size(); j++) {
      At port = ports.item(j);
      int64_t host = port["hostPort"].number();
      // In a template it may still be left out: the pod will have its default.
      if ((options.is_pod || host != 0) && host != port["containerPort"].number())
        port["hostPort"].invalid(host, "must match `containerPort` when `hostNetwork` is true");
    }
  }
}

void validate_dns(const At& spec) {
  constexpr uint32_t kNameserversMax = 3, kSearchesMax = 32, kSearchCharactersMax = 2048;
  At config = spec["dnsConfig"];
  At nameservers = config["nameservers"], searches = config["searches"], entries = config["options"];
  if (spec["dnsPolicy"].text() == "None") {
    if (!config.present()) return config.required("must provide `dnsConfig` when `dnsPolicy` is None");
    if (nameservers.size() == 0)
      return nameservers.required("must provide at least one DNS nameserver when `dnsPolicy` is None");
  }
  if (nameservers.size() > kNameserversMax)
    nameservers.invalid(concat("must not have more than ", kNameserversMax, " nameservers"));
  for (uint32_t i = 0; i < nameservers.size(); i++) {
    At nameserver = nameservers.item(i);
    require_legacy_ip(nameserver.errors(), nameserver.path(), nameserver.text());
  }
  if (searches.size() > kSearchesMax) searches.invalid(concat("must not have more than ", kSearchesMax, " search paths"));
  size_t characters = searches.size() ? searches.size() - 1 : 0;
  for (uint32_t i = 0; i < searches.size(); i++) {
    At search = searches.item(i);
    auto domain = search.text();
    characters += domain.size();
    if (domain == ".") continue;
    if (domain.ends_with('.')) domain.remove_suffix(1);
    Complaints complaints;
    check_dns1123_subdomain_with_underscore(domain, complaints);
    report(search.errors(), search.path(), domain, complaints);
  }
  if (characters > kSearchCharactersMax)
    searches.invalid(concat("must not have more than ", kSearchCharactersMax, " characters (including spaces) in the search list"));
  for (uint32_t i = 0; i < entries.size(); i++)
    if (entries.value().item(i)["name"].as_string().empty()) entries.item(i).required("must not be empty");
}

void validate_gates(const At& spec) {
  At readiness = spec["readinessGates"], scheduling = spec["schedulingGates"];
  for (uint32_t i = 0; i < readiness.size(); i++) {
    At gate = readiness.item(i);
    gate["conditionType"].must_be(check_qualified_name);
  }
  std::set<std::string_view> names;
  for (uint32_t i = 0; i < scheduling.size(); i++) {
    At gate = scheduling.item(i);
    auto name = gate["name"].text();
    require_qualified_name(gate.errors(), gate.path(), name);
    if (!names.insert(name).second) gate.errors().duplicate(gate.path(), Shown(name));
  }
}

// A user namespace cannot be combined with other namespaces of the host.
void validate_user_namespace(const At& spec, const PodSpecOptions& options) {
  constexpr std::string_view kWhy = "when `hostUsers` is false";
  AnyView host_users = spec.value()["hostUsers"];
  if (!host_users.present() || host_users.as_bool()) return;
  if (spec["hostNetwork"].truth() && !options.user_namespaces_with_host_network) spec["hostNetwork"].forbidden(kWhy);
  if (spec["hostPID"].truth()) spec["HostPID"].forbidden(kWhy);
  if (spec["hostIPC"].truth()) spec["HostIPC"].forbidden(kWhy);
  if (options.user_namespaces_with_volume_devices) return;
  each_container(spec, [&](const At& container) {
    if (container["volumeDevices"].size() > 0) container["volumeDevices"].forbidden(kWhy);
  });
}

void validate_hostname(const At& spec) {
  constexpr int64_t kHostnameMax = 64;
  for (auto field : {"hostname", "subdomain"})
    if (!spec[field].text().empty()) spec[field].must_be(check_dns1123_label);
  At override = spec["hostnameOverride"];
  if (!override.present()) return;
  if (spec["setHostnameAsFQDN"].truth()) override.forbidden("may not be specified when setHostnameAsFQDN is true");
  if (spec["hostNetwork"].truth()) override.forbidden("may not be specified when hostNetwork is true");
  if (static_cast<int64_t>(override.text().size()) > kHostnameMax) override.too_long(kHostnameMax);
  require_name(override);
}

// Variables read from a file need a volume that a container before has written to.
void validate_file_key_volumes(const At& spec) {
  std::map<std::string_view, AnyView> volumes;
  AnyView list = spec.value()["volumes"];
  for (uint32_t i = 0; i < list.size(); i++) volumes[list.item(i)["name"].as_string()] = list.item(i);
  each_container(spec, [&](const At& container) {
    At env = container["env"];
    for (uint32_t i = 0; i < env.size(); i++) {
      At variable = env.item(i);
      At from = variable["valueFrom"];
      At ref = from["fileKeyRef"];
      if (!ref.present()) continue;
      At name = ref["volumeName"];
      auto volume = volumes.find(name.text());
      if (volume == volumes.end())
        name.not_found();
      else if (!volume->second["emptyDir"].present())
        name.invalid(name.text(), "referenced volume must be of type emptyDir");
    }
  });
}

void validate_host_aliases(const At& aliases) {
  for (uint32_t i = 0; i < aliases.size(); i++) {
    At alias = aliases.item(i);
    At ip = alias["ip"], hostnames = alias["hostnames"];
    require_legacy_ip(ip.errors(), ip.path(), ip.text());
    for (uint32_t j = 0; j < hostnames.size(); j++) require_name(hostnames.item(j));
  }
}

void validate_choices(const At& spec) {
  if (At policy = spec["restartPolicy"]; policy.text().empty())
    policy.required();
  else
    policy.one_of({"Always", "OnFailure", "Never"});
  if (At policy = spec["dnsPolicy"]; policy.text().empty())
    policy.required();
  else
    policy.one_of({"ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"});
  if (At policy = spec["preemptionPolicy"]; policy.present()) {
    if (policy.text().empty())
      policy.required();
    else
      policy.one_of({"PreemptLowerPriority", "Never"});
  }
  At deadline = spec["activeDeadlineSeconds"];
  if (deadline.present() && (deadline.number() < 1 || deadline.number() > INT32_MAX))
    deadline.invalid(deadline.number(), inclusive_range(1, INT32_MAX));
}

void validate_names(const At& spec) {
  for (auto field : {"serviceAccountName", "nodeName", "priorityClassName"})
    if (!spec[field].text().empty()) require_name(spec[field]);
  if (spec["runtimeClassName"].present()) require_name(spec["runtimeClassName"]);
}

bool any_bad_selector(const AnyView& affinity) {
  FieldErrors errors;
  Path path;
  auto check = [&](const AnyView& terms, bool weighted) {
    for (uint32_t i = 0; i < terms.size(); i++)
      validate_pod_affinity_term_selectors(At(weighted ? terms.item(i)["podAffinityTerm"] : terms.item(i), path, errors), false);
  };
  for (auto kind : {"podAffinity", "podAntiAffinity"}) {
    check(affinity[kind]["requiredDuringSchedulingIgnoredDuringExecution"], false);
    check(affinity[kind]["preferredDuringSchedulingIgnoredDuringExecution"], true);
  }
  return !errors.empty();
}

bool any_bad_node_value(const AnyView& affinity) {
  AnyView terms = affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"];
  for (uint32_t i = 0; i < terms.size(); i++)
    for (uint32_t j = 0; j < terms.item(i)["matchExpressions"].size(); j++) {
      AnyView values = terms.item(i)["matchExpressions"].item(j)["values"];
      for (uint32_t k = 0; k < values.size(); k++)
        if (!is_good(check_label_value, values.item(k).as_string())) return true;
    }
  return false;
}

void tolerate_old_spread(const AnyView& constraints, PodSpecOptions& options) {
  Path path;
  for (uint32_t i = 0; i < constraints.size(); i++) {
    FieldErrors selector, keys;
    validate_label_selector(selector, path, constraints.item(i)["labelSelector"]);
    validate_match_label_keys(At(constraints.item(i), path, keys));
    options.invalid_spread_selector |= !selector.empty();
    options.invalid_spread_match_label_keys |= !keys.empty();
  }
}

bool any_bad_token_path(const AnyView& volumes) {
  FieldErrors errors;
  Path path;
  for (uint32_t i = 0; i < volumes.size(); i++) {
    AnyView sources = volumes.item(i)["projected"]["sources"];
    for (uint32_t j = 0; j < sources.size(); j++)
      validate_local_path(At(sources.item(j)["serviceAccountToken"]["path"], path, errors));
  }
  return !errors.empty();
}

bool any_bad_sysctl(const AnyView& spec) {
  FieldErrors errors;
  Path path;
  AnyView sysctls = spec["securityContext"]["sysctls"];
  for (uint32_t i = 0; i < sysctls.size(); i++) validate_host_sysctl(At(sysctls.item(i)["name"], path, errors), spec);
  return !errors.empty();
}

}  // namespace

std::string inclusive_range(int64_t low, int64_t high) { return concat("must be between ", low, " and ", high, ", inclusive"); }

PodSpecOptions pod_spec_options(const AnyView& old_spec, const AnyView& old_annotations) {
  PodSpecOptions options;
  if (!old_spec.present()) return options;
  options.invalid_deletion_cost = !is_valid_deletion_cost(old_annotations);
  options.indivisible_huge_pages = uses_indivisible_huge_pages(old_spec);
  options.invalid_label_value_in_selector = any_bad_selector(old_spec["affinity"]);
  options.invalid_label_value_in_required_node_affinity = any_bad_node_value(old_spec["affinity"]);
  tolerate_old_spread(old_spec["topologySpreadConstraints"], options);
  options.non_local_token_path = any_bad_token_path(old_spec["volumes"]);
  options.namespaced_sysctls_with_host_namespaces = any_bad_sysctl(old_spec);
  options.any_selinux_change_policy = old_spec["securityContext"]["seLinuxChangePolicy"].present();
  AnyView tolerations = old_spec["tolerations"];
  for (uint32_t i = 0; i < tolerations.size(); i++) {
    auto op = tolerations.item(i)["operator"].as_string();
    options.comparing_tolerations |= op == "Lt" || op == "Gt";
  }
  AnyView host_users = old_spec["hostUsers"], host_network = old_spec["hostNetwork"];
  if (host_users.present() && !host_users.as_bool()) {
    options.user_namespaces_with_host_network = host_network.present() && host_network.as_bool();
    each_container(old_spec, [&](const AnyView& container) {
      options.user_namespaces_with_volume_devices |= container["volumeDevices"].size() > 0;
    });
  }
  AnyView init_containers = old_spec["initContainers"];
  for (uint32_t i = 0; i < init_containers.size(); i++) {
    if (is_sidecar(init_containers.item(i))) continue;
    AnyView policies = init_containers.item(i)["resizePolicy"];
    for (uint32_t j = 0; j < policies.size(); j++)
      options.restart_container_for_init_container |= policies.item(j)["restartPolicy"].as_string() == "RestartContainer";
  }
  return options;
}

PodSpecOptions pod_template_options(const AnyView& old_template) {
  return pod_spec_options(old_template["spec"], old_template["metadata"]["annotations"]);
}

void validate_pod_spec(const AnyView& view, const AnyView& metadata, const Path& path, FieldErrors& errors,
                       const PodSpecOptions& options) {
  At spec(view, path, errors);
  At grace = spec["terminationGracePeriodSeconds"];
  if (!grace.present()) grace.required();

  Volumes volumes = validate_volumes(spec["volumes"], metadata, options);
  std::set<std::string_view> claims;
  validate_resource_claims(spec["resourceClaims"], metadata, claims);
  AnyView host_users = view["hostUsers"];
  ContainerContext context{.volumes = volumes,
                           .claims = claims,
                           .options = options,
                           .grace_seconds = grace.present() ? std::optional<int64_t>(grace.number()) : std::nullopt,
                           .restart_policy = spec["restartPolicy"].text(),
                           .host_users = !host_users.present() || host_users.as_bool()};
  validate_containers(spec["containers"], context);
  validate_init_containers(spec["initContainers"], view["containers"], context);
  validate_ephemeral_containers(spec, context);
  validate_pod_resources(spec, options);

  validate_host_network_ports(spec, options);
  validate_choices(spec);
  validate_labels(errors, spec.path().child("nodeSelector"), view["nodeSelector"]);
  validate_pod_security_context(spec, options);
  validate_affinity(spec["affinity"], options);
  validate_dns(spec);
  validate_gates(spec);
  validate_topology_spread(spec["topologySpreadConstraints"], options);
  validate_windows_host_process(spec);
  validate_user_namespace(spec, options);
  validate_hostname(spec);
  validate_names(spec);
  validate_tolerations(spec["tolerations"], options);
  validate_host_aliases(spec["hostAliases"]);
  validate_overhead(spec["overhead"], options);
  validate_os(spec);
  validate_file_key_volumes(spec);
}

void validate_pod_template(const AnyView& pod_template, const Path& path, FieldErrors& errors, const PodSpecOptions& options) {
  At at(pod_template, path, errors);
  AnyView labels = pod_template["metadata"]["labels"], annotations = pod_template["metadata"]["annotations"];
  // Upstream's paths leave "metadata" out.
  validate_labels(errors, at.path().child("labels"), labels);
  validate_annotations(errors, at.path().child("annotations"), annotations);
  At spec = at["spec"];
  validate_pod_annotations(At(annotations, at.path().child("annotations"), errors), spec.value(), options);
  validate_pod_spec(spec.value(), {}, spec.path(), errors, options);
  validate_profile_annotations(annotations, spec);
  if (spec["ephemeralContainers"].size() > 0)
    spec["ephemeralContainers"].forbidden("ephemeral containers not allowed in pod template");
}

namespace {
std::string joined(const AnyView& spec, std::string_view field) {
  std::vector<std::string> parts;
  AnyView containers = spec["containers"];
  for (uint32_t i = 0; i < containers.size(); i++) parts.emplace_back(containers.item(i)[field].as_string());
  return join(parts, ",");
}
}  // namespace

std::string container_names(const AnyView& pod_spec) { return joined(pod_spec, "name"); }
std::string container_images(const AnyView& pod_spec) { return joined(pod_spec, "image"); }

}  // namespace sampan::registry
