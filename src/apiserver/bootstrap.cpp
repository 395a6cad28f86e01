// What every cluster has from its first start: namespaces, priority classes and the `kubernetes` service.
#include "apiserver/bootstrap.h"
#include "base/log.h"
#include "base/text.h"

namespace sampan::apiserver {

using schema::Value;

Result<void> ensure_object(Catalog& catalog, std::string_view group, std::string_view resource, std::string_view name_space, std::string_view name,
                           const std::function<void(Value, Arena&)>& fill) {
  const Served* served = catalog.find(group, resource);
  if (!served) return {};  // switched off by --runtime-config
  auto found = served->store->get(name_space, name);
  if (found) return {};
  if (!found.error().is(Reason::NotFound)) return fail(std::move(found).error());
  Arena arena;
  Value object = Value::object(arena);
  Value metadata = object.ensure_object("metadata");
  metadata.set("name", name);
  if (!name_space.empty()) metadata.set("namespace", name_space);
  fill(object, arena);
  if (served->rules->defaults) served->rules->defaults(object, served->resource->version);
  auto outcome = served->store->create(name_space, object, arena, {});
  if (!outcome && !outcome.error().is(Reason::AlreadyExists)) return fail(std::move(outcome).error());
  return {};
}

namespace {

Result<void> ensure_namespaces(Catalog& catalog) {
  for (std::string_view name : {"kube-system", "kube-public", "kube-node-lease", "default"})
    TRY(ensure_object(catalog, "", "namespaces", "", name, [](Value, Arena&) {}));
  return {};
}

Result<void> ensure_priority_classes(Catalog& catalog) {
  struct Class {
    std::string_view name;
    int64_t value;
    std::string_view description;
  };
  constexpr Class classes[] = {
      {"system-node-critical", 2000001000,
       "Used for system critical pods that must not be moved from their current node."},
      {"system-cluster-critical", 2000000000,
       "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary."},
  };
  for (const Class& it : classes)
    TRY(ensure_object(catalog, "scheduling.k8s.io", "priorityclasses", "", it.name, [&](Value object, Arena&) {
      object.set("value", it.value);
      object.set("description", it.description);
      object.set("preemptionPolicy", "PreemptLowerPriority");
    }));
  return {};
}

}  // namespace

Result<void> bootstrap(Catalog& catalog, const BootstrapOptions& options) {
  TRY(ensure_namespaces(catalog));
  TRY(ensure_priority_classes(catalog));
  TRY(ensure_kubernetes_service(catalog, options));
  return {};
}

}  // namespace sampan::apiserver
