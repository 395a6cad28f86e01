// An APIService for each group and version that this server serves itself, and none for those that it served before and does no more.
#include "apiserver/bootstrap.h"
#include "base/text.h"

namespace sampan::apiserver {

using schema::Value;

namespace {

constexpr std::string_view kManagedLabel = "kube-aggregator.kubernetes.io/automanaged", kOnStart = "onstart";

}  // namespace

void add_api_services(const Catalog& catalog, StandardObjects& out) {
  for (const auto& it : catalog.group_versions()) {
    // The group of the APIServices themselves is the aggregator's own.
    if (it.group == "apiregistration.k8s.io" || it.resources.empty()) continue;
    const schema::Resource* resource = it.resources.front()->resource;
    out.push_back({"apiregistration.k8s.io", "apiservices", "", concat(it.version, ".", it.group), [resource](Value object, Arena&) {
                     object["metadata"].ensure_object("labels").set(kManagedLabel, kOnStart);
                     Value spec = object.ensure_object("spec");
                     if (!resource->group.empty()) spec.set("group", resource->group);
                     spec.set("version", resource->version);
                     spec.set("groupPriorityMinimum", static_cast<int64_t>(resource->group_priority));
                     spec.set("versionPriority", static_cast<int64_t>(resource->version_priority));
                   }});
  }
}

Result<void> remove_stale_api_services(Catalog& catalog) {
  const Served* services = catalog.find("apiregistration.k8s.io", "apiservices");
  if (!services) return {};
  std::vector<std::string> stale;
  services->store->cache().snapshot().each({}, {}, [&](std::string_view name, const schema::ObjectRef& service) {
    const auto& object = *service;
    auto group = object["spec"]["group"].as_string();
    bool ours = object["metadata"]["labels"][kManagedLabel].as_string() == kOnStart && group != "apiregistration.k8s.io";
    if (ours && !catalog.group_version(group, object["spec"]["version"].as_string())) stale.emplace_back(name);
    return true;
  });
  for (const auto& name : stale) {
    auto removed = services->store->remove("", name, {});
    if (!removed && !removed.error().is(Reason::NotFound)) return fail(std::move(removed).error());
  }
  return {};
}

}  // namespace sampan::apiserver
