// What every cluster has from its first start: namespaces, priority classes and what the other files of this name add.
#include "apiserver/bootstrap.h"

#include <thread>

#include "base/text.h"
#include "base/time_text.h"
#include "schema/apply/apply.h"
#include "schema/conform.h"

namespace sampan::apiserver {

using schema::Value;

namespace {

Value named(const StandardObject& it, Arena& arena) {
  Value object = Value::object(arena);
  Value metadata = object.ensure_object("metadata");
  metadata.set("name", std::string_view(it.name));
  if (!it.name_space.empty()) metadata.set("namespace", std::string_view(it.name_space));
  return object;
}

schema::FieldManager manager_of(std::string_view name, std::string_view api_version, Clock& clock) {
  schema::FieldManager manager;
  manager.name = name;
  manager.api_version = api_version;
  manager.now_seconds = clock.now_us() / 1'000'000;
  return manager;
}

Result<void> apply_status(const Served& served, const StandardObject& it, Clock& clock) {
  auto api_version = served.api_version();
  auto produce = [&](const schema::ObjectRef& current, Arena& arena) -> Result<Value> {
    Value applied = named(it, arena);
    applied.set("apiVersion", std::string_view(api_version));
    applied.set("kind", served.resource->kind);
    it.status(applied, arena);
    auto manager = manager_of(it.status_manager, api_version, clock);
    manager.subresource = "status";
    manager.reset_fields = served.rules->status_reset_fields;
    Value object = TRY(schema::apply(current.get(), applied, *served.resource->type, manager, true, arena));
    schema::Conformance found;
    TRY(schema::conform(object, *served.resource->type, found));
    return object;
  };
  registry::WriteOptions options;
  options.subresource = "status";
  auto outcome = served.store->update(it.name_space, it.name, produce, {}, false, options);
  if (!outcome) return fail(std::move(outcome).error());
  return {};
}

Result<void> reconcile(const Served& served, const StandardObject& it, bool& replaced) {
  auto found = TRY(served.store->get(it.name_space, it.name));
  Arena arena;
  Value current = schema::thaw(*found, arena), wanted = named(it, arena);
  it.fill(wanted, arena);
  if (it.must_replace && it.must_replace(current, wanted)) {
    TRY(served.store->remove(it.name_space, it.name, {}));
    replaced = true;
    return {};
  }
  if (!it.reconcile(current, wanted)) return {};
  auto produce = [&](const schema::ObjectRef& now, Arena& tree_arena) -> Result<Value> {
    if (!now) return fail(not_found(it.group, it.resource, it.name));
    Value tree = schema::thaw(*now, tree_arena), goal = named(it, tree_arena);
    it.fill(goal, tree_arena);
    it.reconcile(tree, goal);
    return tree;
  };
  TRY(served.store->update(it.name_space, it.name, produce, {}, false, {}));
  return {};
}

void add_namespaces(StandardObjects& out) {
  for (std::string_view name : {"kube-system", "kube-public", "kube-node-lease", "default"})
    out.push_back({"", "namespaces", "", std::string(name), [](Value, Arena&) {}});
}

void add_priority_classes(StandardObjects& out) {
  struct Class {
    std::string_view name;
    int64_t value;
    std::string_view description;
  };
  static constexpr Class kClasses[] = {
      {"system-node-critical", 2000001000, "Used for system critical pods that must not be moved from their current node."},
      {"system-cluster-critical", 2000000000,
       "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary."},
  };
  for (const Class& it : kClasses)
    out.push_back({"scheduling.k8s.io", "priorityclasses", "", std::string(it.name), [&it](Value object, Arena&) {
                     object.set("value", it.value);
                     object.set("description", it.description);
                     object.set("preemptionPolicy", "PreemptLowerPriority");
                   }});
}

// What the extensions of the API, and the accounting of old tokens, look up.
void add_config_maps(const BootstrapOptions& options, Clock& clock, StandardObjects& out) {
  out.push_back({"", "configmaps", "kube-system", "extension-apiserver-authentication", [&options](Value object, Arena&) {
                   if (!options.client_ca.empty()) object.ensure_object("data").set("client-ca-file", std::string_view(options.client_ca));
                 }});
  out.push_back({"", "configmaps", "kube-system", "kube-apiserver-legacy-service-account-token-tracking", [&clock](Value object, Arena& arena) {
                   auto date = rfc3339(clock.now_us() / 1'000'000).substr(0, 10);
                   object.ensure_object("data").set("since", arena.copy(date));
                 }});
}

}  // namespace

Result<void> ensure_object(Catalog& catalog, const StandardObject& it, Clock& clock) {
  static constexpr std::string_view kStatus[] = {"status"};
  const Served* served = catalog.find(it.group, it.resource);
  if (!served) return {};  // switched off by --runtime-config
  auto found = served->store->get(it.name_space, it.name);
  if (!found && !found.error().is(Reason::NotFound)) return fail(std::move(found).error());
  bool replaced = false;
  if (found && it.reconcile) TRY(reconcile(*served, it, replaced));
  if (found && !replaced) return {};
  Arena arena;
  Value object = named(it, arena);
  it.fill(object, arena);
  if (served->rules->defaults) served->rules->defaults(object, served->resource->version);
  auto api_version = served->api_version();
  auto manager = manager_of(it.manager, api_version, clock);
  if (served->subresource("status")) manager.reset_fields = kStatus;
  TRY(schema::update_managed_fields(object, nullptr, *served->resource->type, manager));
  if (it.unowned) it.unowned(object, arena);
  auto outcome = served->store->create(it.name_space, object, arena, {});
  if (!outcome) {
    if (outcome.error().is(Reason::AlreadyExists)) return {};
    return fail(std::move(outcome).error());
  }
  if (it.status) TRY(apply_status(*served, it, clock));
  return {};
}

Result<void> ensure_objects(Catalog& catalog, const StandardObjects& objects, Clock& clock) {
  constexpr size_t kWriters = 24;
  std::atomic<size_t> next = 0;
  std::vector<Result<void>> results(kWriters);
  std::vector<std::thread> writers;
  for (size_t i = 0; i < kWriters; i++)
    writers.emplace_back([&, i] {
      for (size_t k; results[i] && (k = next++) < objects.size();) results[i] = ensure_object(catalog, objects[k], clock);
    });
  for (auto& writer : writers) writer.join();
  for (auto& result : results) TRY(std::move(result));
  return {};
}

Result<void> bootstrap(Catalog& catalog, const BootstrapOptions& options) {
  Clock& clock = options.clock ? *options.clock : real_clock();
  StandardObjects objects;
  add_namespaces(objects);
  add_priority_classes(objects);
  add_config_maps(options, clock, objects);
  add_flow_control(clock, objects);
  add_rbac(objects);
  if (catalog.has_group(kUsageGroup)) add_usage_reader(objects);
  add_api_services(catalog, objects);
  TRY(add_kubernetes_service(options, objects));
  TRY(ensure_objects(catalog, objects, clock));
  return remove_stale_api_services(catalog);
}

}  // namespace sampan::apiserver
