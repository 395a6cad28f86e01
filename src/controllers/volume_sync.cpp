// The volumes' side of the volume binder.
#include "base/text.h"
#include "controllers/volume_binder.h"
#include "controllers/volume_match.h"

namespace sampan::controllers {

// The claim that the volume's reference is to, or null if it is gone. Volumes are not taken back before that is certain.
Result<ObjectRef> VolumeBinder::claim_of(const Object& volume) {
  AnyView reference = volume["spec"]["claimRef"];
  auto space = reference["namespace"].as_string(), name = reference["name"].as_string(), uid = reference["uid"].as_string();
  auto claim = claims_->find(space, name);
  if (claim && uid_of(*claim) == uid) return claim;
  auto phase = volume["status"]["phase"].as_string();
  if (!claim && (phase == "Released" || phase == "Failed")) return ObjectRef();
  auto latest = environment_.api.get(claims_->resource(), space, name);
  if (!latest && !latest.error().is(Reason::NotFound)) return fail(std::move(latest).error());
  if (!latest || uid_of(**latest) != uid) return ObjectRef();
  return *latest;
}

Result<Again> VolumeBinder::sync_volume(const Object& volume) {
  AnyView reference = volume["spec"]["claimRef"];
  if (!reference.present() || reference["uid"].as_string().empty()) {
    TRY(set_volume_phase(volume, "Available"));
    return Again::never();
  }
  auto claim = TRY(claim_of(volume));
  if (!claim) {
    TRY(release(volume));
    return Again::never();
  }
  auto wanted = (*claim)["spec"]["volumeName"].as_string();
  if (wanted.empty()) {
    if (same_volume_mode(volume, *claim)) return sync_claim(*claim);
    tell_volume(volume, client::kWarning, "VolumeMismatch",
                concat("Cannot bind PersistentVolume to requested PersistentVolumeClaim ", quoted(name_of(*claim)), " due to incompatible volumeMode."));
    tell_claim(*claim, client::kWarning, "VolumeMismatch",
               concat("Cannot bind PersistentVolume ", quoted(name_of(volume)), " to requested PersistentVolumeClaim due to incompatible volumeMode."));
    return Again::never();
  }
  if (wanted == name_of(volume)) {
    TRY(set_volume_phase(volume, "Bound"));
    return Again::never();
  }
  // The claim has another volume. One that was made for it has lost its use.
  if (has_annotation(volume, kProvisionedBy) && volume["spec"]["persistentVolumeReclaimPolicy"].as_string() == "Delete")
    TRY(release(volume));
  else
    TRY(unbind(volume));
  return Again::never();
}

Result<void> VolumeBinder::release(const Object& volume) {
  auto phase = volume["status"]["phase"].as_string();
  if (phase == "Released" || phase == "Failed") return reclaim(volume);
  auto released = TRY(set_volume_phase(volume, "Released"));
  return reclaim(*released);
}

Result<void> VolumeBinder::reclaim(const Object& volume) {
  auto policy = volume["spec"]["persistentVolumeReclaimPolicy"].as_string();
  if (policy == "Retain") return {};
  if (policy == "Recycle") return fail_volume(volume, "VolumeFailedRecycle", "No recycler plugin found for the volume!");
  if (policy != "Delete") return fail_volume(volume, "VolumeUnknownReclaimPolicy", "Volume has unrecognized PersistentVolumeReclaimPolicy");
  // Who made it deletes it.
  if (has_annotation(volume, kProvisionedBy)) return {};
  return fail_volume(volume, "VolumeFailedDelete",
                     concat("error getting deleter volume plugin for volume ", quoted(name_of(volume)), ": no deletable volume plugin matched"));
}

Result<void> VolumeBinder::fail_volume(const Object& volume, std::string_view reason, std::string message) {
  if (volume["status"]["phase"].as_string() == "Failed") return {};
  TRY(set_volume_phase(volume, "Failed", message));
  tell_volume(volume, client::kWarning, reason, std::move(message));
  return {};
}

Result<void> VolumeBinder::unbind(const Object& volume) {
  Arena arena;
  Value tree = schema::thaw(volume, arena);
  if (has_annotation(volume, kBoundByController)) {
    tree["spec"].remove("claimRef");
    tree["metadata"]["annotations"].remove(kBoundByController);
  } else {
    tree["spec"]["claimRef"].remove("uid");  // the user wanted this very claim: any of its name may have it
  }
  auto unbound = TRY(environment_.api.update(volumes_->resource(), tree));
  TRY(set_volume_phase(*unbound, "Available"));
  return {};
}

}  // namespace sampan::controllers
