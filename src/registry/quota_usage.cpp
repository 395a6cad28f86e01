#include "registry/quota_usage.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "registry/core/pod_rules.h"

namespace sampan::registry {

using schema::AnyView;
using schema::Object;
using schema::Quantity;

namespace {

constexpr std::string_view kRequests = "requests.", kHugePages = "hugepages-", kClassSuffix = ".storageclass.storage.k8s.io/";
constexpr std::string_view kComputeNames[] = {"cpu", "memory", "ephemeral-storage"};

bool is_core(std::string_view group, std::string_view resource, std::string_view wanted) { return group.empty() && resource == wanted; }

std::string count_name(std::string_view group, std::string_view resource) {
  return group.empty() ? concat("count/", resource) : concat("count/", resource, ".", group);
}

// Resources of the core group that are counted under their own name too.
bool has_short_name(std::string_view group, std::string_view resource) {
  for (auto known : {"configmaps", "resourcequotas", "replicationcontrollers", "secrets", "services", "pods", "persistentvolumeclaims"})
    if (is_core(group, resource, known)) return true;
  return false;
}

bool is_extended(std::string_view name) {
  return name.find('/') != std::string_view::npos && name.find("kubernetes.io/") == std::string_view::npos && !name.starts_with(kRequests);
}

bool is_pod_name(std::string_view name) {
  for (auto known : kComputeNames) {
    if (name == known) return true;
    if (name == concat(kRequests, known) || name == concat("limits.", known)) return true;
  }
  if (name.starts_with(kHugePages) || name.starts_with("requests.hugepages-")) return true;
  if (name.starts_with("requests.deviceclass.resource.kubernetes.io/")) return true;
  return name.starts_with(kRequests) && is_extended(name.substr(kRequests.size()));
}

void add(QuotaUsage& sum, const QuotaUsage& more) {
  for (const auto& [name, amount] : more) {
    auto [place, is_new] = sum.try_emplace(name, amount);
    if (!is_new) place->second += amount;
  }
}

void raise(QuotaUsage& highest, const QuotaUsage& other) {
  for (const auto& [name, amount] : other) {
    auto [place, is_new] = highest.try_emplace(name, amount);
    if (!is_new && amount > place->second) place->second = amount;
  }
}

QuotaUsage amounts_in(const AnyView& amounts) {
  QuotaUsage result;
  for (uint32_t i = 0; i < amounts.size(); i++) result.emplace(amounts.key(i), Quantity::stored(amounts.value(i).as_string()));
  return result;
}

AnyView status_of(const AnyView& statuses, std::string_view name) {
  for (uint32_t i = 0; i < statuses.size(); i++)
    if (statuses.item(i)["name"].as_string() == name) return statuses.item(i);
  return {};
}

// While a container is being resized it uses the larger of what it has and of what it is to have.
QuotaUsage container_amounts(const AnyView& container, const AnyView& statuses, std::string_view which, bool infeasible) {
  QuotaUsage amounts;
  AnyView status = status_of(statuses, container["name"].as_string());
  if (!infeasible || !status["resources"].present()) amounts = amounts_in(container["resources"][which]);
  raise(amounts, amounts_in(status["resources"][which]));
  if (which == "requests") raise(amounts, amounts_in(status["allocatedResources"]));
  return amounts;
}

bool resize_is_infeasible(const Object& pod) {
  AnyView conditions = pod["status"]["conditions"];
  for (uint32_t i = 0; i < conditions.size(); i++)
    if (conditions.item(i)["type"].as_string() == "PodResizePending") return conditions.item(i)["reason"].as_string() == "Infeasible";
  return false;
}

QuotaUsage pod_amounts(const Object& pod, std::string_view which) {
  AnyView spec = pod["spec"], status = pod["status"];
  bool infeasible = resize_is_infeasible(pod);
  QuotaUsage sum, sidecars, highest;
  AnyView containers = spec["containers"], starters = spec["initContainers"];
  for (uint32_t i = 0; i < containers.size(); i++) add(sum, container_amounts(containers.item(i), status["containerStatuses"], which, infeasible));
  for (uint32_t i = 0; i < starters.size(); i++) {
    auto own = container_amounts(starters.item(i), status["initContainerStatuses"], which, infeasible);
    if (starters.item(i)["restartPolicy"].as_string() == "Always") {
      add(sum, own);
      add(sidecars, own);
      raise(highest, sidecars);
      continue;
    }
    add(own, sidecars);  // those before it run beside it
    raise(highest, own);
  }
  raise(sum, highest);
  for (auto& [name, amount] : amounts_in(spec["resources"][which])) sum.insert_or_assign(name, amount);
  for (const auto& [name, amount] : amounts_in(spec["overhead"])) {
    auto found = sum.find(name);
    if (found != sum.end() && !found->second.is_zero())
      found->second += amount;
    else if (which == "requests")
      sum.insert_or_assign(name, amount);
  }
  return sum;
}

// Requests and limits under the names that quotas know them by.
QuotaUsage named_amounts(const QuotaUsage& requests, const QuotaUsage& limits) {
  QuotaUsage usage;
  for (auto name : kComputeNames) {
    if (auto found = requests.find(name); found != requests.end()) {
      usage.emplace(name, found->second);
      usage.emplace(concat(kRequests, name), found->second);
    }
    if (auto found = limits.find(name); found != limits.end()) usage.emplace(concat("limits.", name), found->second);
  }
  for (const auto& [name, amount] : requests) {
    bool huge = name.starts_with(kHugePages);
    if (huge) usage.emplace(name, amount);
    if (huge || is_extended(name)) usage.emplace(concat(kRequests, name), amount);
  }
  return usage;
}

QuotaUsage pod_usage(const Object& pod, int64_t now_seconds) {
  QuotaUsage usage;
  AnyView metadata = pod["metadata"];
  usage.emplace("count/pods", Quantity(1));
  auto phase = pod["status"]["phase"].as_string();
  if (phase == "Failed" || phase == "Succeeded") return usage;
  // What should be gone by now is no longer counted: its node may never say so.
  if (metadata["deletionTimestamp"].present() && metadata["deletionGracePeriodSeconds"].present() &&
      now_seconds > metadata["deletionTimestamp"].as_int() + metadata["deletionGracePeriodSeconds"].as_int())
    return usage;
  usage.emplace("pods", Quantity(1));
  add(usage, named_amounts(pod_amounts(pod, "requests"), pod_amounts(pod, "limits")));
  return usage;
}

QuotaUsage service_usage(const Object& service) {
  AnyView spec = service["spec"], ports = spec["ports"], allocate = spec["allocateLoadBalancerNodePorts"];
  auto type = spec["type"].as_string();
  int64_t node_ports = 0;
  bool balanced = type == "LoadBalancer";
  if (balanced && allocate.present() && !allocate.as_bool()) {
    for (uint32_t i = 0; i < ports.size(); i++) node_ports += ports.item(i)["nodePort"].as_int() != 0;
  } else if (balanced || type == "NodePort") {
    node_ports = ports.size();
  }
  return {{"count/services", Quantity(1)},
          {"services", Quantity(1)},
          {"services.loadbalancers", Quantity(balanced ? 1 : 0)},
          {"services.nodeports", Quantity(node_ports)}};
}

QuotaUsage claim_usage(const Object& claim) {
  QuotaUsage usage{{"count/persistentvolumeclaims", Quantity(1)}, {"persistentvolumeclaims", Quantity(1)}};
  AnyView old_class = claim["metadata"]["annotations"]["volume.beta.kubernetes.io/storage-class"];
  auto storage_class = old_class.present() ? old_class.as_string() : claim["spec"]["storageClassName"].as_string();
  if (!storage_class.empty()) usage.emplace(concat(storage_class, kClassSuffix, "persistentvolumeclaims"), Quantity(1));
  AnyView requested = claim["spec"]["resources"]["requests"]["storage"];
  if (!requested.present()) return usage;
  Quantity amount = Quantity::stored(requested.as_string());
  if (AnyView allocated = claim["status"]["allocatedResources"]["storage"]; allocated.present())
    if (auto other = Quantity::stored(allocated.as_string()); other > amount) amount = other;
  amount.round_up(0);
  usage.emplace("requests.storage", amount);
  if (!storage_class.empty()) usage.emplace(concat(storage_class, kClassSuffix, "requests.storage"), amount);
  return usage;
}

// ---- scopes ----

bool crosses_namespaces(const AnyView& affinity) {
  for (auto kind : {"podAffinity", "podAntiAffinity"}) {
    AnyView required = affinity[kind]["requiredDuringSchedulingIgnoredDuringExecution"];
    AnyView preferred = affinity[kind]["preferredDuringSchedulingIgnoredDuringExecution"];
    auto crosses = [](const AnyView& term) { return term["namespaces"].size() > 0 || term["namespaceSelector"].present(); };
    for (uint32_t i = 0; i < required.size(); i++)
      if (crosses(required.item(i))) return true;
    for (uint32_t i = 0; i < preferred.size(); i++)
      if (crosses(preferred.item(i)["podAffinityTerm"])) return true;
  }
  return false;
}

bool is_among(std::string_view verb, const std::vector<std::string>& values, std::string_view value) {
  bool found = std::find(values.begin(), values.end(), value) != values.end();
  if (verb == "In") return !value.empty() && found;
  if (verb == "NotIn") return !found;
  if (verb == "DoesNotExist") return value.empty();
  return !value.empty();
}

bool pod_is_in(std::string_view scope, std::string_view verb, const std::vector<std::string>& values, const Object& pod) {
  AnyView spec = pod["spec"], deadline = spec["activeDeadlineSeconds"];
  bool ends = deadline.present() && deadline.as_int() >= 0;
  if (scope == "Terminating") return ends;
  if (scope == "NotTerminating") return !ends;
  bool best_effort = compute_qos_class(spec) == "BestEffort";
  if (scope == "BestEffort") return best_effort;
  if (scope == "NotBestEffort") return !best_effort;
  if (scope == "CrossNamespacePodAffinity") return crosses_namespaces(spec["affinity"]);
  return scope == "PriorityClass" && is_among(verb, values, spec["priorityClassName"].as_string());
}

bool claim_is_in(std::string_view scope, std::string_view verb, const std::vector<std::string>& values, const Object& claim) {
  if (scope != "VolumeAttributesClass") return false;
  AnyView status = claim["status"];
  std::set<std::string_view> names;
  for (auto name : {claim["spec"]["volumeAttributesClassName"].as_string(), status["currentVolumeAttributesClassName"].as_string(),
                    status["modifyVolumeStatus"]["targetVolumeAttributesClassName"].as_string()})
    if (!name.empty()) names.insert(name);
  if (names.empty()) return is_among(verb, values, "");
  for (auto name : names)
    if (is_among(verb, values, name)) return true;
  return false;
}

}  // namespace

std::vector<std::string> names_in(const AnyView& amounts) {
  std::vector<std::string> names;
  for (uint32_t i = 0; i < amounts.size(); i++) names.emplace_back(amounts.key(i));
  return names;
}

std::vector<std::string> quota_names_of(std::string_view group, std::string_view resource, const std::vector<std::string>& names) {
  std::vector<std::string> result;
  auto count = count_name(group, resource);
  for (const auto& name : names) {
    bool is_meant = name == count || (has_short_name(group, resource) && name == resource);
    if (is_core(group, resource, "pods")) is_meant |= is_pod_name(name);
    if (is_core(group, resource, "services")) is_meant |= name == "services.loadbalancers" || name == "services.nodeports";
    if (is_core(group, resource, "persistentvolumeclaims"))
      is_meant |= name == "requests.storage" || name.ends_with(concat(kClassSuffix, "persistentvolumeclaims")) ||
                  name.ends_with(concat(kClassSuffix, "requests.storage"));
    if (is_meant) result.push_back(name);
  }
  return result;
}

std::vector<QuotaScope> quota_scopes(const AnyView& quota_spec) {
  std::vector<QuotaScope> out;
  AnyView scopes = quota_spec["scopes"], terms = quota_spec["scopeSelector"]["matchExpressions"];
  for (uint32_t i = 0; i < scopes.size(); i++) out.push_back({std::string(scopes.item(i).as_string()), "Exists", {}});
  for (uint32_t i = 0; i < terms.size(); i++) {
    AnyView term = terms.item(i), values = term["values"];
    QuotaScope scope{std::string(term["scopeName"].as_string()), std::string(term["operator"].as_string()), {}};
    for (uint32_t k = 0; k < values.size(); k++) scope.values.emplace_back(values.item(k).as_string());
    out.push_back(std::move(scope));
  }
  return out;
}

bool is_in_scope(std::string_view group, std::string_view resource, const QuotaScope& scope, const Object& object) {
  if (is_core(group, resource, "pods")) return pod_is_in(scope.name, scope.verb, scope.values, object);
  return is_core(group, resource, "persistentvolumeclaims") && claim_is_in(scope.name, scope.verb, scope.values, object);
}

bool is_in_quota_scope(std::string_view group, std::string_view resource, const AnyView& quota_spec, const Object& object) {
  auto scopes = quota_scopes(quota_spec);
  return std::all_of(scopes.begin(), scopes.end(), [&](const QuotaScope& scope) { return is_in_scope(group, resource, scope, object); });
}

QuotaUsage quota_usage_of(std::string_view group, std::string_view resource, const Object& object, int64_t now_seconds) {
  if (is_core(group, resource, "pods")) return pod_usage(object, now_seconds);
  if (is_core(group, resource, "services")) return service_usage(object);
  if (is_core(group, resource, "persistentvolumeclaims")) return claim_usage(object);
  QuotaUsage usage{{count_name(group, resource), Quantity(1)}};
  if (has_short_name(group, resource)) usage.emplace(resource, Quantity(1));
  return usage;
}

std::string missing_for_quota(const Object& pod, const std::vector<std::string>& names) {
  constexpr std::string_view kChecked[] = {"cpu", "limits.cpu", "limits.memory", "memory", "requests.cpu", "requests.memory"};
  AnyView spec = pod["spec"];
  if (spec["resources"]["requests"].size() > 0 || spec["resources"]["limits"].size() > 0) return {};
  std::map<std::string_view, std::set<std::string>> missing;
  for (auto list : {"containers", "initContainers"}) {
    AnyView containers = spec[list];
    for (uint32_t i = 0; i < containers.size(); i++) {
      AnyView resources = containers.item(i)["resources"];
      auto has = named_amounts(amounts_in(resources["requests"]), amounts_in(resources["limits"]));
      for (auto name : kChecked)
        if (std::find(names.begin(), names.end(), name) != names.end() && !has.contains(name))
          missing[name].insert(std::string(containers.item(i)["name"].as_string()));
    }
  }
  std::vector<std::string> parts;
  for (const auto& [name, containers] : missing)
    parts.push_back(concat(name, " for: ", join(std::vector<std::string>(containers.begin(), containers.end()), ",")));
  return parts.empty() ? std::string() : concat("must specify ", join(parts, "; "));
}

}  // namespace sampan::registry
