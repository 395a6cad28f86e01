// What containers and pods ask for: names and amounts of resources, how they add up, and the class of service that follows.
#include "base/text.h"
#include "registry/core/pod_rules.h"

namespace sampan::registry {

namespace {

constexpr std::string_view kHugePages = "hugepages-";
constexpr std::string_view kQuotaPrefix = "requests.";

constexpr std::string_view kCountable[] = {"pods", "resourcequotas", "services", "replicationcontrollers", "secrets",
                                           "configmaps", "persistentvolumeclaims", "services.nodeports",
                                           "services.loadbalancers"};
constexpr std::string_view kMeasured[] = {"cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory",
                                          "requests.ephemeral-storage", "limits.cpu", "limits.memory",
                                          "limits.ephemeral-storage", "storage", "requests.storage"};

bool contains(std::span<const std::string_view> list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

bool is_standard_resource(std::string_view name) {
  return contains(kCountable, name) || contains(kMeasured, name) || is_huge_page_resource(name) ||
         name.starts_with("requests.hugepages-");
}

bool is_counted(std::string_view name) { return contains(kCountable, name) || is_extended_resource(name); }

// A complaint about a name is about the entry of the map that it is the key of.
bool validate_resource_name(const At& entry, std::string_view name) {
  Complaints complaints;
  check_qualified_name(name, complaints);
  for (auto& complaint : complaints) entry.invalid(Shown::named(name), complaint);
  if (!complaints.empty()) return false;
  if (name.find('/') == std::string_view::npos && !is_standard_resource(name)) {
    entry.invalid(Shown::named(name), "must be a standard resource type or fully qualified");
    return false;
  }
  return true;
}

void validate_container_resource_name(const At& entry, std::string_view name) {
  validate_resource_name(entry, name);
  if (std::count(name.begin(), name.end(), '/') == 0) {
    if (name != "cpu" && name != "memory" && name != "ephemeral-storage" && !is_huge_page_resource(name))
      entry.invalid(Shown::named(name), "must be a standard resource for containers");
  } else if (!is_native_resource(name) && !is_extended_resource(name)) {
    entry.invalid(Shown::named(name), "doesn't follow extended resource name standard");
  }
}

void validate_pod_resource_name(const At& entry, std::string_view name) {
  if (!validate_resource_name(entry, name) || is_pod_level_resource(name)) return;
  static constexpr std::string_view kSupported[] = {"cpu", kHugePages, "memory"};
  entry.errors().not_supported(entry.path(), Shown::named(name), kSupported);
}

// Each complaint lists the claims that there are: of very many of either not all are told.
constexpr size_t kUnknownClaimsMax = 100;

void validate_claims(const At& claims, const std::set<std::string_view>& known) {
  std::set<std::string> seen;
  size_t unknown = 0;
  for (uint32_t i = 0; i < claims.size(); i++) {
    At claim = claims.item(i);
    auto name = claim["name"].text(), request = claim["request"].text();
    if (name.empty()) {
      claim.required();
      continue;
    }
    if (seen.contains(std::string(name))) {
      claim.errors().duplicate(claim.path(), Shown(name));
    } else {
      std::string key(name);
      if (!request.empty()) {
        claim["request"].must_be(check_dns1123_label);
        append(key, "/", request);
      }
      if (seen.contains(key)) {
        claim.errors().duplicate(claim.path(), Shown(key));
      } else if (request.empty()) {
        // The whole claim overlaps with each of its requests that was named before.
        auto prefix = concat(name, "/");
        for (auto other = seen.lower_bound(prefix); other != seen.end() && other->starts_with(prefix); ++other)
          claim.errors().duplicate(claim.path(), Shown(name));
      }
      seen.insert(key);
    }
    if (known.contains(name) || ++unknown > kUnknownClaimsMax) continue;
    std::string detail = "must be one of the names in pod.spec.resourceClaims";
    if (known.empty())
      detail += " which is empty";
    else
      append(detail, ": ", join({known.begin(), known.end()}, ", "));
    claim.errors().not_found(claim.path(), Shown::raw(concat(quoted(name), ": ", detail)));
  }
}

struct SeenKinds {
  bool compute = false, huge_pages = false;
};

void validate_entry(const At& entry, std::string_view name, ResourcesOf owner, const PodSpecOptions& options, SeenKinds& seen) {
  if (owner == ResourcesOf::Pod)
    validate_pod_resource_name(entry, name);
  else
    validate_container_resource_name(entry, name);
  validate_resource_quantity(name, entry);
  if (is_huge_page_resource(name)) {
    seen.huge_pages = true;
    if (!options.indivisible_huge_pages && !is_divisible_huge_page(name, Quantity::stored(entry.text())))
      entry.invalid(entry.text(), concat(entry.text(), " is not positive integer multiple of ", name));
  }
  seen.compute |= name == "cpu" || name == "memory";
}

void validate_request_against_limit(const At& requests, std::string_view name, std::string_view amount, const At& limits) {
  AnyView limit = limits.value()[name];
  if (!limit.present()) {
    if (!is_overcommit_allowed(name)) limits.required("Limit must be set for non overcommitable resources");
    return;
  }
  int order = Quantity::stored(amount).compare(Quantity::stored(limit.as_string()));
  if (order != 0 && !is_overcommit_allowed(name))
    requests.invalid(amount, concat("must be equal to ", name, " limit of ", limit.as_string()));
  else if (order > 0)
    requests.invalid(amount, concat("must be less than or equal to ", name, " limit of ", limit.as_string()));
}

void add_resources(Resources& sum, const Resources& more) {
  for (auto& [name, quantity] : more) {
    auto [at, fresh] = sum.try_emplace(name, quantity);
    if (!fresh) at->second += quantity;
  }
}
void raise_resources(Resources& most, const Resources& other) {
  for (auto& [name, quantity] : other) {
    auto [at, fresh] = most.try_emplace(name, quantity);
    if (!fresh && at->second < quantity) at->second = quantity;
  }
}
// Reads a tree as an object is read.
class TreeView {
 public:
  explicit TreeView(Value value) : value_(value) {}
  TreeView operator[](std::string_view name) const { return TreeView(value_[name]); }
  bool present() const { return !value_.is_missing(); }
  uint32_t size() const { return value_.size(); }
  TreeView item(uint32_t i) const { return TreeView(value_.at(i)); }
  std::string_view key(uint32_t i) const { return value_.members()[i].name; }
  TreeView value(uint32_t i) const { return TreeView(value_.members()[i].value); }
  std::string_view as_string() const { return value_.as_string(); }

 private:
  Value value_;
};

template <class View>
Resources resources_of(const View& list) {
  Resources resources;
  for (uint32_t i = 0; i < list.size(); i++)
    resources.emplace(list.key(i), Quantity::stored(list.value(i).as_string()));
  return resources;
}

template <class View>
Resources aggregate(const View& spec, std::string_view which) {
  Resources sum, sidecars, most;
  View containers = spec["containers"], init_containers = spec["initContainers"];
  for (uint32_t i = 0; i < containers.size(); i++) add_resources(sum, resources_of(containers.item(i)["resources"][which]));
  for (uint32_t i = 0; i < init_containers.size(); i++) {
    View container = init_containers.item(i);
    Resources own = resources_of(container["resources"][which]);
    if (container["restartPolicy"].as_string() == "Always") {
      add_resources(sum, own);
      add_resources(sidecars, own);
      raise_resources(most, sidecars);
    } else {
      // An init container runs beside the sidecars that were started before it.
      add_resources(own, sidecars);
      raise_resources(most, own);
    }
  }
  raise_resources(sum, most);
  return sum;
}

template <class View>
std::string_view qos_class(const View& spec) {
  Resources requests, limits;
  bool all_limited = true;
  auto take = [&](const View& resources, bool limits_required) {
    int limited = 0;
    for (auto name : {"cpu", "memory"}) {
      Quantity request = Quantity::stored(resources["requests"][name].as_string());
      Quantity limit = Quantity::stored(resources["limits"][name].as_string());
      if (request.sign() > 0) add_resources(requests, {{name, request}});
      if (limit.sign() > 0) add_resources(limits, {{name, limit}});
      limited += limit.sign() > 0;
    }
    if (limits_required && limited < 2) all_limited = false;
  };
  if (View whole = spec["resources"]; whole.present()) {
    take(whole, whole["limits"].size() > 0);
  } else {
    for (auto list : {"containers", "initContainers"})
      for (uint32_t i = 0; i < spec[list].size(); i++) take(spec[list].item(i)["resources"], true);
  }
  if (requests.empty() && limits.empty()) return "BestEffort";
  return all_limited && requests == limits ? "Guaranteed" : "Burstable";
}

// Container requests must fit into the pod's, and each container's limits too.
void validate_pod_resource_consistency(const At& spec, const At& resources) {
  At requests = resources["requests"], limits = resources["limits"];
  for (auto& [name, sum] : aggregate_resources(spec.value(), "requests")) {
    AnyView whole = requests.value()[name];
    if (whole.present() && Quantity::stored(whole.as_string()) < sum)
      spec.errors().invalid(requests.path().key(name), Shown(whole.as_string()),
                            concat("must be greater than or equal to aggregate container requests of ", sum.text()));
  }
  for (auto& [name, sum] : aggregate_resources(spec.value(), "limits")) {
    AnyView whole = limits.value()[name];
    if (is_huge_page_resource(name) && whole.present() && Quantity::stored(whole.as_string()) < sum)
      spec.errors().invalid(limits.path().key(name), Shown(whole.as_string()),
                            concat("must be greater than or equal to aggregate container limits of ", sum.text()));
  }
  AnyView containers = spec.value()["containers"];
  for (uint32_t i = 0; i < containers.size(); i++) {
    AnyView own = containers.item(i)["resources"]["limits"];
    for (uint32_t j = 0; j < own.size(); j++) {
      AnyView whole = limits.value()[own.key(j)];
      if (!whole.present() || !(Quantity::stored(whole.as_string()) < Quantity::stored(own.value(j).as_string()))) continue;
      // The odd order of the path's steps is upstream's.
      spec.errors().invalid(resources.path().child("containers").index(i).key(own.key(j)).child("limits"),
                            Shown(own.value(j).as_string()),
                            concat("must be less than or equal to pod limits of ", whole.as_string()));
    }
  }
}

}  // namespace

bool is_huge_page_resource(std::string_view name) { return name.starts_with(kHugePages); }
bool is_native_resource(std::string_view name) {
  return name.find('/') == std::string_view::npos || name.find("kubernetes.io/") != std::string_view::npos;
}
bool is_extended_resource(std::string_view name) {
  if (is_native_resource(name) || name.starts_with(kQuotaPrefix)) return false;
  return is_good(check_qualified_name, concat(kQuotaPrefix, name));
}
bool is_overcommit_allowed(std::string_view name) { return is_native_resource(name) && !is_huge_page_resource(name); }
bool is_pod_level_resource(std::string_view name) {
  return name == "cpu" || name == "memory" || is_huge_page_resource(name);
}
bool is_divisible_huge_page(std::string_view name, const Quantity& quantity) {
  auto page = Quantity::parse(name.substr(kHugePages.size()));
  if (!page || page->sign() <= 0 || page->milli_value() % 1000 != 0) return false;
  return quantity.value() % page->value() == 0;
}

void validate_resource_quantity(std::string_view name, const At& quantity) {
  Quantity value = Quantity::stored(quantity.text());
  if (value.sign() < 0) quantity.invalid(quantity.text(), "must be greater than or equal to 0");
  if (is_counted(name) && value.milli_value() % 1000 != 0) quantity.invalid(quantity.text(), "must be an integer");
}

void validate_resource_requirements(const At& resources, ResourcesOf owner, const std::set<std::string_view>& claims,
                                    const PodSpecOptions& options) {
  if (!resources.present()) return;
  At limits = resources["limits"], requests = resources["requests"];
  SeenKinds seen;
  for (uint32_t i = 0; i < limits.size(); i++)
    validate_entry(limits.map_value(i), limits.key(i), owner, options, seen);
  for (uint32_t i = 0; i < requests.size(); i++) {
    At entry = requests.map_value(i);
    validate_entry(entry, requests.key(i), owner, options, seen);
    validate_request_against_limit(requests, requests.key(i), entry.text(), limits);
  }
  if (seen.huge_pages && !seen.compute) resources.forbidden("HugePages require cpu or memory");
  validate_claims(resources["claims"], claims);
}

void validate_overhead(const At& overhead, const PodSpecOptions& options) {
  At limits = overhead.under("limits");  // upstream takes it for a list of limits, and says so
  SeenKinds seen;
  for (uint32_t i = 0; i < limits.size(); i++)
    validate_entry(limits.map_value(i), limits.key(i), ResourcesOf::Container, options, seen);
  if (seen.huge_pages && !seen.compute) overhead.forbidden("HugePages require cpu or memory");
}

void validate_pod_resources(const At& spec, const PodSpecOptions& options) {
  At resources = spec["resources"];
  if (!resources.present()) return;
  if (spec.value()["os"]["name"].as_string() == "windows") return resources.forbidden("may not be set for a windows pod");
  if (resources["claims"].present()) resources["claims"].forbidden("claims may not be set for Resources at pod-level");
  std::set<std::string_view> claims;
  for (uint32_t i = 0; i < spec.value()["resourceClaims"].size(); i++)
    claims.insert(spec.value()["resourceClaims"].item(i)["name"].as_string());
  claims.erase(std::string_view());
  validate_resource_requirements(resources, ResourcesOf::Pod, claims, options);
  validate_pod_resource_consistency(spec, resources);
}

Resources aggregate_resources(const AnyView& spec, std::string_view which) { return aggregate(spec, which); }
Resources aggregate_resources(Value spec, std::string_view which) { return aggregate(TreeView(spec), which); }

bool uses_indivisible_huge_pages(const AnyView& spec) {
  auto any = [](const AnyView& list) {
    for (uint32_t i = 0; i < list.size(); i++)
      if (is_huge_page_resource(list.key(i)) &&
          !is_divisible_huge_page(list.key(i), Quantity::stored(list.value(i).as_string())))
        return true;
    return false;
  };
  bool found = any(spec["overhead"]);
  each_container(spec, [&](const AnyView& container) {
    found |= any(container["resources"]["limits"]) || any(container["resources"]["requests"]);
  });
  return found;
}

std::string_view compute_qos_class(const AnyView& spec) { return qos_class(spec); }
std::string_view compute_qos_class(Value spec) { return qos_class(TreeView(spec)); }

}  // namespace sampan::registry
