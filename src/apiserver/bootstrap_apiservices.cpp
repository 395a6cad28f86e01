// An APIService for each group and version that this server serves itself.
#include "apiserver/bootstrap.h"
#include "base/text.h"

namespace sampan::apiserver {

using schema::Value;

void add_api_services(const Catalog& catalog, StandardObjects& out) {
  for (const auto& it : catalog.group_versions()) {
    // The group of the APIServices themselves is the aggregator's own.
    if (it.group == "apiregistration.k8s.io" || it.resources.empty()) continue;
    const schema::Resource* resource = it.resources.front()->resource;
    out.push_back({"apiregistration.k8s.io", "apiservices", "", concat(it.version, ".", it.group), [resource](Value object, Arena&) {
                     object["metadata"].ensure_object("labels").set("kube-aggregator.kubernetes.io/automanaged", "onstart");
                     Value spec = object.ensure_object("spec");
                     if (!resource->group.empty()) spec.set("group", resource->group);
                     spec.set("version", resource->version);
                     spec.set("groupPriorityMinimum", static_cast<int64_t>(resource->group_priority));
                     spec.set("versionPriority", static_cast<int64_t>(resource->version_priority));
                   }});
  }
}

}  // namespace sampan::apiserver
