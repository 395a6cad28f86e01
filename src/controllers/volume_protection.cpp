// Claims, volumes and classes of volume attributes that are deleted while they are in use stay until they no longer are: a finalizer holds them.
#include "base/text.h"
#include "controllers/controllers.h"
#include "controllers/tree.h"
#include "controllers/volume_binder.h"

namespace sampan::controllers {

namespace {

// What the three have in common; what "in use" means is said by each.
class Protection : public Controller {
 public:
  Protection(Environment& environment, std::string_view finalizer) : environment_(environment), finalizer_(finalizer) {}

  Result<Again> reconcile(const Key& key) override {
    auto object = objects_->find(key.name_space, key.name);
    if (!object) return Again::never();
    bool has = has_finalizer(*object, finalizer_);
    bool add = !is_deleting(*object) && !has, remove = is_deleting(*object) && has;
    if (remove) remove = !TRY(is_used(*object));
    if (!add && !remove) return Again::never();
    Arena arena;
    Value tree = schema::thaw(*object, arena);
    add ? add_finalizer(tree, finalizer_) : remove_finalizer(tree, finalizer_);
    auto done = environment_.api.update(objects_->resource(), tree);
    if (!done && !done.error().is(Reason::NotFound)) return fail(std::move(done).error());
    return Again::never();
  }

 protected:
  virtual Result<bool> is_used(const Object& object) = 0;

  Environment& environment_;
  Informer* objects_ = nullptr;

 private:
  const std::string_view finalizer_;
};

bool uses_claim(const Object& pod, const Object& claim) {
  if (pod["spec"]["nodeName"].as_string().empty()) return false;
  bool is_shut_down = is_deleting(pod) && pod["metadata"]["deletionGracePeriodSeconds"].present() &&
                      pod["metadata"]["deletionGracePeriodSeconds"].as_int() == 0;
  for (AnyView volume : each(pod["spec"]["volumes"])) {
    if (volume["persistentVolumeClaim"].present() && volume["persistentVolumeClaim"]["claimName"].as_string() == name_of(claim)) return true;
    if (!is_shut_down && volume["ephemeral"].present() && name_of(claim) == concat(name_of(pod), "-", volume["name"].as_string()) &&
        controlling_owner(claim)["uid"].as_string() == uid_of(pod))
      return true;
  }
  return false;
}

class ClaimProtection final : public Protection {
 public:
  explicit ClaimProtection(Environment& environment) : Protection(environment, "kubernetes.io/pvc-protection") {}

  void watch(Watches& watches) override {
    objects_ = &watches.each("", "persistentvolumeclaims");
    pods_ = &watches.on("", "pods", [](const Change& change, const Watches::Enqueue& enqueue) {
      auto phase = change.any()["status"]["phase"].as_string();
      if (change.object && phase != "Succeeded" && phase != "Failed" && !is_deleting(*change.object)) return;
      std::vector<std::string> keys;
      claims_of_pod(change.any(), keys);
      for (const auto& key : keys) enqueue(key);
    });
    pods_by_claim_ = &pods_->index(claims_of_pod);
  }

 private:
  // A pod that is not known here yet counts too, so the API server is asked before the claim goes.
  Result<bool> is_used(const Object& claim) override {
    for (const auto& pod : pods_by_claim_->find(key_of(claim)))
      if (uses_claim(*pod, claim)) return true;
    for (const auto& pod : TRY(environment_.api.list(pods_->resource(), namespace_of(claim))))
      if (uses_claim(*pod, claim)) return true;
    return false;
  }

  Informer* pods_ = nullptr;
  Index* pods_by_claim_ = nullptr;
};

class VolumeProtection final : public Protection {
 public:
  explicit VolumeProtection(Environment& environment) : Protection(environment, "kubernetes.io/pv-protection") {}
  void watch(Watches& watches) override { objects_ = &watches.each("", "persistentvolumes"); }

 private:
  Result<bool> is_used(const Object& volume) override { return volume["status"]["phase"].as_string() == "Bound"; }
};

class AttributesClassProtection final : public Protection {
 public:
  explicit AttributesClassProtection(Environment& environment) : Protection(environment, "kubernetes.io/vac-protection") {}

  void watch(Watches& watches) override {
    auto enqueue_names = [](const Change& change, const Watches::Enqueue& enqueue) {
      if (!change.previous) return;
      for (auto name : names_in(*change.previous))
        if (!name.empty()) enqueue(name);
    };
    objects_ = &watches.each("storage.k8s.io", "volumeattributesclasses");
    claims_ = &watches.on("", "persistentvolumeclaims", enqueue_names);
    volumes_ = &watches.on("", "persistentvolumes", enqueue_names);
  }

 private:
  static std::array<std::string_view, 3> names_in(const Object& object) {
    AnyView status = object["status"];
    return {object["spec"]["volumeAttributesClassName"].as_string(), status["currentVolumeAttributesClassName"].as_string(),
            status["modifyVolumeStatus"]["targetVolumeAttributesClassName"].as_string()};
  }

  Result<bool> is_used(const Object& object) override {
    bool used = false;
    for (auto* informer : {claims_, volumes_})
      informer->snapshot().each({}, {}, [&](std::string_view, const ObjectRef& user) {
        for (auto name : names_in(*user)) used |= name == name_of(object);
        return !used;
      });
    return used;
  }

  Informer *claims_ = nullptr, *volumes_ = nullptr;
};

}  // namespace

std::unique_ptr<Controller> make_claim_protection(Environment& environment) { return std::make_unique<ClaimProtection>(environment); }
std::unique_ptr<Controller> make_volume_protection(Environment& environment) { return std::make_unique<VolumeProtection>(environment); }
std::unique_ptr<Controller> make_attributes_class_protection(Environment& environment) {
  return std::make_unique<AttributesClassProtection>(environment);
}

}  // namespace sampan::controllers
