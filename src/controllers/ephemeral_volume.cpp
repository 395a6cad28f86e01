// Makes the claims that pods ask for in ephemeral volumes; they belong to their pod and go with it.
#include "base/text.h"
#include "controllers/controllers.h"
#include "controllers/tree.h"

namespace sampan::controllers {

namespace {

class EphemeralVolumes final : public Controller {
 public:
  explicit EphemeralVolumes(Environment& environment)
      : environment_(environment), events_(environment.api, environment.clock, environment.executor, "ephemeral_volume") {}

  void watch(Watches& watches) override {
    pods_ = &watches.on("", "pods", [](const Change& change, const Watches::Enqueue& enqueue) {
      if (!change.object || change.previous) return;
      for (AnyView volume : each((*change.object)["spec"]["volumes"]))
        if (volume["ephemeral"].present()) return enqueue(key_of(*change.object));
    });
    claims_ = &watches.on("", "persistentvolumeclaims", [](const Change& change, const Watches::Enqueue& enqueue) {
      if (change.object) return;
      AnyView owner = controlling_owner(*change.previous);
      if (owner["kind"].as_string() == "Pod") enqueue(concat(namespace_of(*change.previous), "/", owner["name"].as_string()));
    });
  }

  Result<Again> reconcile(const Key& key) override {
    auto pod = pods_->find(key.name_space, key.name);
    if (!pod || is_deleting(*pod)) return Again::never();
    for (AnyView volume : each((*pod)["spec"]["volumes"])) {
      if (!volume["ephemeral"].present()) continue;
      auto made = ensure_claim(*pod, volume);
      if (made) continue;
      events_.tell(client::Reference::of(pods_->resource(), *pod), client::kWarning, "FailedBinding",
                   concat("ephemeral volume ", volume["name"].as_string(), ": ", made.error().message()));
      return fail(std::move(made).error().context(concat("pod ", key_of(*pod), ", ephemeral volume ", volume["name"].as_string(), ": ")));
    }
    return Again::never();
  }

 private:
  Result<void> ensure_claim(const Object& pod, const AnyView& volume) {
    auto name = concat(name_of(pod), "-", volume["name"].as_string());
    if (auto claim = claims_->find(namespace_of(pod), name)) {
      if (controlling_owner(*claim)["uid"].as_string() == uid_of(pod)) return {};
      return fail(internal_error(concat("PVC ", key_of(*claim), " was not created for pod ", key_of(pod), " (pod is not owner)")));
    }
    Arena arena;
    AnyView pattern = volume["ephemeral"]["volumeClaimTemplate"];
    Value metadata = tree_of(arena, {{"name", std::string_view(name)},
                                     {"ownerReferences", list_of(arena, {owner_reference(arena, pods_->resource(), pod)})}});
    for (std::string_view field : {"annotations", "labels"})
      if (AnyView value = pattern["metadata"][field]; value.present()) metadata.set(field, schema::thaw(value, arena));
    Value claim = tree_of(arena, {{"metadata", metadata}, {"spec", schema::thaw(pattern["spec"], arena)}});
    auto made = environment_.api.create(claims_->resource(), namespace_of(pod), claim);
    if (!made) return fail(std::move(made).error().context(concat("create PVC ", name, ": ")));
    return {};
  }

  Environment& environment_;
  client::Events events_;
  Informer *pods_ = nullptr, *claims_ = nullptr;
};

}  // namespace

std::unique_ptr<Controller> make_ephemeral_volume(Environment& environment) { return std::make_unique<EphemeralVolumes>(environment); }

}  // namespace sampan::controllers
