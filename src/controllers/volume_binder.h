// Binds claims and volumes to each other and takes volumes back. Binding is four writes, volume first; each step is repeated until it is there, so that it
// may be broken off anywhere.
//
// Keys: "claim/NAMESPACE/NAME" and "volume/NAME".
#pragma once
#include "controllers/controller.h"
#include "controllers/tree.h"

namespace sampan::controllers {

class VolumeBinder final : public Controller {
 public:
  explicit VolumeBinder(Environment& environment)
      : environment_(environment), events_(environment.api, environment.clock, environment.executor, "persistentvolume-controller") {}
  void watch(Watches& watches) override;
  Result<Again> reconcile(const Key& key) override;

 private:
  // ---- claims (claim_sync.cpp) ----
  Result<Again> sync_claim(const Object& claim);
  Result<Again> sync_unbound(const Object& claim);
  Result<Again> sync_named(const Object& claim);
  Result<void> sync_bound(const Object& claim);
  Result<bool> assign_default_class(const Object& claim);
  Result<void> ask_provisioner(const Object& claim);
  void tell_of_waiting(const Object& claim);
  Result<bool> waits_for_node(const Object& claim);
  Result<void> lose(const Object& claim, std::string_view reason, std::string_view message);

  // ---- binding (volume_binder.cpp) ----
  Result<void> bind(const Object& volume, const Object& claim);
  Result<ObjectRef> bind_volume(const Object& volume, const Object& claim);
  Result<ObjectRef> bind_claim(const Object& claim, const Object& volume);
  // `volume` is null unless the phase is Bound.
  Result<void> set_claim_phase(const Object& claim, std::string_view phase, const Object* volume);
  Result<ObjectRef> set_volume_phase(const Object& volume, std::string_view phase, std::string_view message = {});

  // ---- volumes (volume_sync.cpp) ----
  Result<Again> sync_volume(const Object& volume);
  Result<ObjectRef> claim_of(const Object& volume);
  Result<void> release(const Object& volume);
  Result<void> reclaim(const Object& volume);
  Result<void> unbind(const Object& volume);
  Result<void> fail_volume(const Object& volume, std::string_view reason, std::string message);

  void tell_claim(const Object& claim, std::string_view type, std::string_view reason, std::string message);
  void tell_volume(const Object& volume, std::string_view type, std::string_view reason, std::string message);

  Environment& environment_;
  client::Events events_;
  Informer *claims_ = nullptr, *volumes_ = nullptr, *classes_ = nullptr, *pods_ = nullptr;
  Index *volumes_by_claim_ = nullptr, *pods_by_claim_ = nullptr;
};

// The name of the default storage class: of several the newest; null if there is none.
ObjectRef default_class(const Informer& classes);
// "namespace/name" of the claims that a pod uses, those made for its ephemeral volumes too.
void claims_of_pod(const Object& pod, std::vector<std::string>& keys);

}  // namespace sampan::controllers
