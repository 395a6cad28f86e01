// Updates of a pod's status.
#include "base/text.h"
#include "registry/addresses.h"
#include "registry/core/pod_kind.h"
#include "registry/core/pod_rules.h"

namespace sampan::registry {

namespace {

void validate_conditions_of_pod(const At& conditions) {
  for (uint32_t i = 0; i < conditions.size(); i++) {
    At condition = conditions.item(i);
    int64_t generation = condition["observedGeneration"].number();
    if (generation < 0) condition["observedGeneration"].invalid(generation, "must be a non-negative integer");
    auto type = condition["type"].text();
    if (type == "PodScheduled" || type == "Ready" || type == "Initialized") continue;
    require_qualified_name(condition.errors(), condition.path().child("Type"), type);
  }
}

// ---- containers that ended may come back only where something restarts them ----

AnyView find_named(const AnyView& list, std::string_view name) {
  for (uint32_t i = 0; i < list.size(); i++)
    if (list.item(i)["name"].as_string() == name) return list.item(i);
  return {};
}

bool any_restart_of_all(const AnyView& spec) {
  for (auto list : {"initContainers", "containers"})
    for (uint32_t i = 0; i < spec[list].size(); i++) {
      AnyView rules = spec[list].item(i)["restartPolicyRules"];
      for (uint32_t j = 0; j < rules.size(); j++)
        if (rules.item(j)["action"].as_string() == "RestartAllContainers") return true;
    }
  return false;
}

bool rule_matches(const AnyView& rule, int64_t exit_code) {
  AnyView codes = rule["exitCodes"];
  if (!codes.present()) return false;
  bool listed = false;
  for (uint32_t i = 0; i < codes["values"].size(); i++) listed |= codes["values"].item(i).as_int() == exit_code;
  return codes["operator"].as_string() == "In" ? listed : codes["operator"].as_string() == "NotIn" && !listed;
}

bool policy_restarts(std::string_view policy, int64_t exit_code) {
  return policy == "OnFailure" ? exit_code != 0 : policy != "Never";
}

bool should_restart(const AnyView& container, const AnyView& spec, int64_t exit_code) {
  AnyView policy = container["restartPolicy"], rules = container["restartPolicyRules"];
  if (!policy.present()) return policy_restarts(spec["restartPolicy"].as_string(), exit_code);
  for (uint32_t i = 0; i < rules.size(); i++)
    if (rule_matches(rules.item(i), exit_code)) return true;
  return policy_restarts(policy.as_string(), exit_code);
}

void validate_transitions(const At& statuses, const AnyView& old, const AnyView& containers, const AnyView& spec) {
  for (uint32_t i = 0; i < old.size(); i++) {
    AnyView terminated = old.item(i)["state"]["terminated"];
    if (!terminated.present()) continue;
    auto name = old.item(i)["name"].as_string();
    AnyView now = find_named(statuses.value(), name);
    if (!now.present() || now["state"]["terminated"].present()) continue;
    AnyView container = containers.present() ? find_named(containers, name) : AnyView();
    if (!container.present() || !should_restart(container, spec, terminated["exitCode"].as_int()))
      statuses.errors().forbidden(statuses.path().index(i).child("state"), "may not be transitioned to non-terminated state");
  }
}

// ---- addresses ----

void validate_addresses(const At& ips, const AnyView& old) {
  for (uint32_t i = 0; i < ips.size(); i++) {
    auto ip = ips.value().item(i)["ip"].as_string();
    bool known = false;
    for (uint32_t j = 0; j < old.size(); j++) known |= old.item(j)["ip"].as_string() == ip;
    if (!known) require_legacy_ip(ips.errors(), ips.path().index(i), ip);
  }
  if (ips.size() <= 1) return;
  int v4 = 0, v6 = 0;
  for (uint32_t i = 0; i < ips.size(); i++) {
    auto text = ips.value().item(i)["ip"].as_string();
    auto ip = parse_ip(text);
    if (!ip)
      return ips.errors().internal(ips.path(), concat("failed to check for dual stack with error:invalid IP address: ", text));
    (ip->is_v4() ? v4 : v6)++;
  }
  if (v4 != 1 || v6 != 1) ips.invalid(ips.internal(), "may specify no more than one IP for each IP family");
}

void validate_host_addresses(const At& status, const AnyView& old) {
  At ips = status["hostIPs"];
  if (ips.size() == 0) return;
  At first = ips.item(0);
  if (first["ip"].text() != status["hostIP"].text()) first["ip"].invalid(first["ip"].text(), "must be equal to `hostIP`");
  validate_addresses(ips, old["hostIPs"]);
}

// ---- claims of devices ----

void validate_claim_statuses(const At& statuses, const AnyView& claims) {
  std::set<std::string_view> names;
  for (uint32_t i = 0; i < statuses.size(); i++) {
    At status = statuses.item(i);
    At name = status["name"], claim = status["resourceClaimName"];
    if (!find_named(claims, name.text()).present())
      name.invalid(name.text(), "must match the name of an entry in `spec.resourceClaims`");
    if (!names.insert(name.text()).second) name.duplicate();
    if (claim.present()) require_name(claim);
  }
}

void validate_extended_claim(const At& status, const AnyView& spec) {
  if (!status.present()) return;
  At mappings = status["requestMappings"], claim = status["resourceClaimName"];
  if (mappings.size() == 0) mappings.required("at least one request mapping is required");
  std::set<std::string> seen;
  for (uint32_t i = 0; i < mappings.size(); i++) {
    At mapping = mappings.item(i);
    At name = mapping["containerName"], resource = mapping["resourceName"], request = mapping["requestName"];
    AnyView container = find_named(spec["containers"], name.text());
    if (!container.present()) container = find_named(spec["initContainers"], name.text());
    if (!container.present())
      name.invalid(name.text(), "must match the name of an entry in spec.initContainers.name or spec.containers.name");
    else if (!container["resources"]["requests"][resource.text()].present())
      resource.invalid(resource.text(), "must match the extended resource name of an entry in spec.initContainers.resources.requests or "
                                        "spec.containers.resources.requests");
    require_dns1123_label(status.errors(), status.path().child("requestName"), request.text());
    if (seen.insert(concat(name.text(), "\n", resource.text(), "\n", request.text())).second) continue;
    name.duplicate();
    resource.duplicate();
    request.duplicate();
  }
  if (claim.text().empty())
    claim.required();
  else
    require_name(claim);
}

// ---- what containers report of themselves ----

void validate_user(const At& container, std::string_view os) {
  At user = container["user"];
  At linux_user = user["linux"];
  if (!linux_user.present()) return;
  if (os == "windows") return linux_user.forbidden("cannot be set for a windows pod");
  if (os != "linux") return;
  auto check_id = [](const At& id) {
    Complaints complaints;
    check_in_range(id.number(), 0, INT32_MAX, complaints);
    for (auto& complaint : complaints) id.invalid(id.number(), complaint);
  };
  check_id(linux_user["uid"]);
  check_id(linux_user["gid"]);
  At groups = linux_user["supplementalGroups"];
  for (uint32_t i = 0; i < groups.size(); i++) check_id(groups.item(i));
}

bool container_asks_for(const AnyView& container, std::string_view resource) {
  if (!resource.starts_with("claim:")) return container["resources"]["requests"][resource].present();
  AnyView claims = container["resources"]["claims"];
  for (uint32_t i = 0; i < claims.size(); i++) {
    auto request = claims.item(i)["request"].as_string();
    auto name = concat("claim:", claims.item(i)["name"].as_string());
    if (!request.empty()) append(name, "/", request);
    if (name == resource) return true;
  }
  return false;
}

void validate_health(const At& entries) {
  constexpr size_t kMessageMax = 256;
  std::set<std::string_view> ids;
  for (uint32_t i = 0; i < entries.size(); i++) {
    At entry = entries.item(i);
    At message = entry["message"], id = entry["resourceID"];
    entry["health"].one_of({"Healthy", "Unhealthy", "Unknown"});
    if (message.present() && message.text().empty())
      message.required("must be non-empty if specified");
    else if (message.text().size() > kMessageMax)
      message.too_long(kMessageMax);
    if (!ids.insert(id.text()).second) id.duplicate();
  }
}

void validate_allocated_resources(const At& status, const AnyView& containers) {
  At allocated = status["allocatedResourcesStatus"];
  AnyView container = find_named(containers, status["name"].text());
  for (uint32_t i = 0; i < allocated.size(); i++) {
    At resource = allocated.item(i);
    At name = resource["name"];
    if (container.present() && !container_asks_for(container, name.text()))
      name.invalid(name.text(), name.text().starts_with("claim:")
                                    ? "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or "
                                      "'claim:<claimName>' if request is empty"
                                    : "must match one of the container's resource requests");
    validate_health(resource["resources"]);
  }
}

void validate_container_statuses(const At& status, const AnyView& spec) {
  AnyView os_name = spec["os"]["name"];
  auto os = os_name.present() ? os_name.as_string() : std::string_view("linux");
  static constexpr struct {
    std::string_view statuses, containers;
  } kLists[] = {{"containerStatuses", "containers"}, {"initContainerStatuses", "initContainers"}, {"ephemeralContainerStatuses", ""}};
  for (auto& list : kLists) {
    At statuses = status[list.statuses];
    for (uint32_t i = 0; i < statuses.size(); i++) {
      At container = statuses.item(i);
      validate_user(container, os);
      if (!list.containers.empty())
        validate_allocated_resources(container, spec[list.containers]);
      else if (container["allocatedResourcesStatus"].size() > 0)
        container["allocatedResourcesStatus"].forbidden("must not be specified in container status");
    }
  }
}

void validate_nomination(const At& nominated, const Object& old) {
  if (nominated.text().empty() || nominated.text() == old["status"]["nominatedNodeName"].as_string()) return;
  require_name(nominated);
  if (!old["spec"]["nodeName"].as_string().empty())
    nominated.forbidden("may not be set on pods that are already bound to a node");
}

}  // namespace

void validate_pod_status(const Object& pod, const Object& old, FieldErrors& errors) {
  validate_annotation_updates(pod, old, errors, pod_options(old));
  Path path("status");
  At status(pod["status"], path, errors);
  AnyView before = old["status"], spec = old["spec"];
  validate_conditions_of_pod(status["conditions"]);
  validate_nomination(status["nominatedNodeName"], old);
  if (int64_t generation = status["observedGeneration"].number(); generation < 0)
    status["observedGeneration"].invalid(generation, "must be a non-negative integer");
  if (status["qosClass"].text() != before["qosClass"].as_string())
    status["qosClass"].invalid(Shown::named(status["qosClass"].text()), "field is immutable");

  if (!any_restart_of_all(spec)) {
    validate_transitions(status["containerStatuses"], before["containerStatuses"], spec["containers"], spec);
    validate_transitions(status["initContainerStatuses"], before["initContainerStatuses"], spec["initContainers"], spec);
  }
  validate_transitions(status["ephemeralContainerStatuses"], before["ephemeralContainerStatuses"], {}, spec);
  validate_claim_statuses(status["resourceClaimStatuses"], spec["resourceClaims"]);
  validate_extended_claim(status["extendedResourceClaimStatus"], spec);
  validate_addresses(status["podIPs"], before["podIPs"]);
  validate_host_addresses(status, before);
  validate_container_statuses(status, spec);
}

}  // namespace sampan::registry
