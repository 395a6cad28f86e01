// Empties a namespace that is being deleted, pods first, and then takes its finalizer away. What is left and why is told in its conditions.
#include <algorithm>

#include "base/held.h"
#include "base/text.h"
#include "controllers/controllers.h"
#include "controllers/namespace_conditions.h"
#include "controllers/tree.h"

namespace sampan::controllers {

namespace {

constexpr std::string_view kFinalizer = "kubernetes";
constexpr int64_t kFinalizerEstimateSeconds = 15;

class Namespaces final : public Controller {
 public:
  explicit Namespaces(Environment& environment) : environment_(environment) {}

  void watch(Watches& watches) override {
    namespaces_ = &watches.on("", "namespaces", [](const Change& change, const Watches::Enqueue& enqueue) {
      if (change.object && is_deleting(*change.object)) enqueue(name_of(*change.object));
    });
    // The rest need not wait for the end of the pods' estimated grace once the pods have gone.
    pods_ = &watches.on("", "pods", [this](const Change& change, const Watches::Enqueue& enqueue) {
      if (change.object) return;
      auto space = namespaces_->find({}, namespace_of(*change.previous));
      if (space && is_deleting(*space)) enqueue(name_of(*space));
    });
  }

  Result<Again> reconcile(const Key& key) override {
    auto& api = environment_.api;
    auto current = api.get(namespaces_->resource(), {}, key.name);
    if (!current && current.error().is(Reason::NotFound)) return Again::never();
    if (!current) return fail(std::move(current).error());
    const Object& space = **current;
    if (!is_deleting(space) || (space["spec"]["finalizers"].size() == 0)) return Again::never();

    NamespaceRemains remains;
    int64_t estimate = remove_content(space, remains);
    auto told = client::update_latest(api, namespaces_->resource(), {}, key.name, {.subresource = "status"},
                                      [&](const Object& latest, Value tree) -> Result<bool> {
                                        if (uid_of(latest) != uid_of(space)) return false;
                                        Value status = tree.ensure_object("status");
                                        status.set("phase", "Terminating");
                                        bool changed = set_namespace_conditions(status, remains, environment_.now_seconds());
                                        return changed || latest["status"]["phase"].as_string() != "Terminating";
                                      });
    if (!told && told.error().is(Reason::NotFound)) return Again::never();
    if (!remains.errors.empty()) return fail(internal_error(join(remains.errors, ", ")));
    if (estimate > 0) return Again::in(microseconds_of(estimate / 2 + 1));
    if (!told) return fail(std::move(told).error());
    TRY(finalize(key, space));
    return Again::never();
  }

 private:
  // Returns how long what is left may take, in seconds; 0: nothing is left.
  int64_t remove_content(const Object& space, NamespaceRemains& remains) {
    auto resources = environment_.api.resources();
    if (!resources) {
      remains.discovery_errors.push_back(resources.error().message());
      remains.errors.push_back(resources.error().message());
      return 0;
    }
    std::erase_if(*resources, [](const client::Resource* resource) { return !resource->namespaced || !(resource->verbs & schema::Delete); });
    auto is_pods = [](const client::Resource* resource) { return resource->group.empty() && resource->resource == "pods"; };
    std::stable_partition(resources->begin(), resources->end(), is_pods);
    int64_t estimate = 0;
    for (const auto* resource : *resources) {
      estimate = std::max(estimate, remove_all(*resource, space, remains));
      // Other things may be what the pods need to come to a good end.
      if (is_pods(resource) && !remains.resources.empty()) break;
    }
    return estimate;
  }

  int64_t remove_all(const client::Resource& resource, const Object& space, NamespaceRemains& remains) {
    auto& api = environment_.api;
    auto give_up = [&](const Error& error) {
      if (error.is(Reason::NotFound) || error.is(Reason::MethodNotAllowed)) return int64_t{0};
      remains.errors.push_back(error.message());
      return int64_t{0};
    };
    auto objects = api.list(resource, name_of(space));
    if (!objects) return give_up(objects.error());
    if (objects->empty()) return 0;
    int64_t estimate = grace_of(resource, *objects, space);
    for (const auto& object : *objects) {
      auto removed = ignore_not_found(api.remove(resource, name_of(space), name_of(*object), {.propagation = "Background"}));
      if (!removed && !removed.error().is(Reason::MethodNotAllowed)) return give_up(removed.error());
    }
    objects = api.list(resource, name_of(space));
    if (!objects) return give_up(objects.error());
    if (objects->empty()) return 0;
    remains.resources[concat(resource.resource, ".", resource.group)] = objects->size();
    bool any_finalizer = false;
    for (const auto& object : *objects) {
      AnyView finalizers = (*object)["metadata"]["finalizers"];
      for (AnyView finalizer : each(finalizers)) remains.finalizers[std::string(finalizer.as_string())]++;
      any_finalizer |= finalizers.size() > 0;
    }
    if (estimate > 0) return estimate;
    if (any_finalizer) return kFinalizerEstimateSeconds;
    remains.errors.push_back(concat("unexpected items still remain in namespace: ", name_of(space), " for gvr: ", resource.group, "/",
                                    resource.version, ", Resource=", resource.resource));
    return 0;
  }

  // Pods may take their grace period, counted from the namespace's deletion.
  int64_t grace_of(const client::Resource& resource, const std::vector<ObjectRef>& objects, const Object& space) {
    if (!resource.group.empty() || resource.resource != "pods") return 0;
    int64_t longest = 0;
    for (const auto& pod : objects) {
      auto phase = (*pod)["status"]["phase"].as_string();
      if (phase == "Succeeded" || phase == "Failed") continue;
      longest = std::max(longest, (*pod)["spec"]["terminationGracePeriodSeconds"].as_int());
    }
    int64_t since = environment_.now_seconds() - space["metadata"]["deletionTimestamp"].as_int();
    return since >= longest ? 0 : longest;
  }

  Result<void> finalize(const Key& key, const Object& space) {
    auto done = client::update_latest(environment_.api, namespaces_->resource(), {}, key.name, {.subresource = "finalize"},
                                      [&](const Object& latest, Value tree) -> Result<bool> {
                                        if (uid_of(latest) != uid_of(space)) return false;
                                        Value finalizers = tree["spec"]["finalizers"];
                                        for (uint32_t i = 0; i < finalizers.size(); i++) {
                                          if (finalizers.at(i).as_string() != kFinalizer) continue;
                                          finalizers.erase(i);
                                          return true;
                                        }
                                        return false;
                                      });
    if (!done && !done.error().is(Reason::NotFound)) return fail(std::move(done).error());
    // Whoever takes the last finalizer away deletes the namespace for good.
    if (done && *done && (**done)["spec"]["finalizers"].size() == 0)
      return ignore(ignore_not_found(environment_.api.remove(namespaces_->resource(), {}, key.name, {.uid = uid_of(space)})), Reason::Conflict);
    return {};
  }

  Environment& environment_;
  Informer *namespaces_ = nullptr, *pods_ = nullptr;
};

}  // namespace

std::unique_ptr<Controller> make_namespace(Environment& environment) { return std::make_unique<Namespaces>(environment); }

}  // namespace sampan::controllers
