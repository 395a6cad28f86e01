#include "registry/core/resource_names.h"

#include "registry/core/pod_rules.h"
#include "schema/quantity.h"

namespace sampan::registry::core {

namespace {

constexpr std::string_view kQuotaResources[] = {
    "cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.storage", "requests.ephemeral-storage", "limits.cpu",
    "limits.memory", "limits.ephemeral-storage", "pods", "resourcequotas", "services", "replicationcontrollers", "secrets",
    "persistentvolumeclaims", "configmaps", "services.nodeports", "services.loadbalancers"};

bool is_huge_page_quota(std::string_view name) { return name.starts_with("hugepages-") || name.starts_with("requests.hugepages-"); }

bool require_qualified(const At& at, std::string_view name) {
  Complaints complaints;
  check_qualified_name(name, complaints);
  for (const auto& complaint : complaints) at.invalid(Shown::named(name), complaint);
  return complaints.empty();
}

bool is_standard(std::string_view name) { return is_quota_resource(name) || name == "storage"; }

}  // namespace

bool is_quota_resource(std::string_view name) {
  return std::find(std::begin(kQuotaResources), std::end(kQuotaResources), name) != std::end(kQuotaResources) || is_huge_page_quota(name);
}

void require_resource_name(const At& at, std::string_view name) {
  if (!require_qualified(at, name)) return;
  if (name.find('/') == std::string_view::npos && !is_standard(name))
    at.invalid(Shown::named(name), "must be a standard resource type or fully qualified");
}

void require_container_resource_name(const At& at, std::string_view name) {
  require_resource_name(at, name);  // both complain of what is no resource at all
  if (name.find('/') == std::string_view::npos) {
    if (name != "cpu" && name != "memory" && name != "ephemeral-storage" && !is_huge_page_resource(name))
      at.invalid(Shown::named(name), "must be a standard resource for containers");
  } else if (!is_native_resource(name) && !is_extended_resource(name)) {
    at.invalid(Shown::named(name), "doesn't follow extended resource name standard");
  }
}

void require_quota_resource_name(const At& at, std::string_view name) {
  require_resource_name(at, name);
  if (name.find('/') == std::string_view::npos && !is_quota_resource(name)) at.invalid(Shown::named(name), "must be a standard resource for quota");
}

void round_resources(Value list) {
  constexpr int kMilli = -3;
  for (auto& member : list.members()) {
    auto quantity = schema::Quantity::parse(member.value.as_string());
    if (quantity && !quantity->round_up(kMilli)) member.value = list.arena().copy(quantity->text());
  }
}

}  // namespace sampan::registry::core
