// The claims' side of the volume binder.
#include "base/text.h"
#include "controllers/volume_binder.h"
#include "controllers/volume_match.h"

namespace sampan::controllers {

namespace {

// Who waits is told again why, as long as he waits.
constexpr int64_t kLookAgainUs = 15'000'000;

}  // namespace

Result<Again> VolumeBinder::sync_claim(const Object& claim) {
  if (!has_annotation(claim, kBindCompleted)) return claim["spec"]["volumeName"].as_string().empty() ? sync_unbound(claim) : sync_named(claim);
  TRY(sync_bound(claim));
  return Again::never();
}

Result<bool> VolumeBinder::waits_for_node(const Object& claim) {
  auto name = storage_class_of(claim);
  auto storage_class = name.empty() ? ObjectRef() : classes_->find({}, name);
  return storage_class && (*storage_class)["volumeBindingMode"].as_string() == "WaitForFirstConsumer";
}

Result<Again> VolumeBinder::sync_unbound(const Object& claim) {
  bool waits = TRY(waits_for_node(claim));
  auto volume = find_volume(volumes_->all(), claim, waits);
  if (volume) {
    TRY(bind(*volume, claim));
    return Again::never();
  }
  if (TRY(assign_default_class(claim))) return Again::never();
  if (waits && !has_annotation(claim, kSelectedNode)) {
    tell_of_waiting(claim);
  } else if (!storage_class_of(claim).empty()) {
    TRY(ask_provisioner(claim));
    return Again::in(kLookAgainUs);
  } else {
    tell_claim(claim, client::kNormal, "FailedBinding", "no persistent volumes available for this claim and no storage class is set");
  }
  TRY(set_claim_phase(claim, "Pending", nullptr));
  return Again::in(kLookAgainUs);
}

// A claim that asks for a certain volume.
Result<Again> VolumeBinder::sync_named(const Object& claim) {
  auto name = claim["spec"]["volumeName"].as_string();
  auto volume = volumes_->find({}, name);
  if (!volume) {
    TRY(set_claim_phase(claim, "Pending", nullptr));
    return Again::never();
  }
  if (!(*volume)["spec"]["claimRef"].present()) {
    auto why = why_unfit(*volume, claim);
    if (why.empty()) {
      TRY(bind(*volume, claim));
      return Again::never();
    }
    tell_claim(claim, client::kWarning, "VolumeMismatch", concat("Cannot bind to requested volume ", quoted(name), ": ", why));
    TRY(set_claim_phase(claim, "Pending", nullptr));
    return Again::in(kLookAgainUs);
  }
  if (is_bound_to(*volume, claim)) {
    TRY(bind(*volume, claim));
    return Again::never();
  }
  tell_claim(claim, client::kWarning, "FailedBinding", concat("volume ", quoted(name), " already bound to a different claim."));
  if (has_annotation(claim, kBoundByController)) {
    AnyView other = (*volume)["spec"]["claimRef"];
    return fail(internal_error(concat("invalid binding of claim ", quoted(key_of(claim)), " to volume ", quoted(name), ": volume already claimed by ",
                                      quoted(concat(other["namespace"].as_string(), "/", other["name"].as_string())))));
  }
  TRY(set_claim_phase(claim, "Pending", nullptr));
  return Again::in(kLookAgainUs);
}

Result<void> VolumeBinder::lose(const Object& claim, std::string_view reason, std::string_view message) {
  if (claim["status"]["phase"].as_string() == "Lost") return {};
  TRY(set_claim_phase(claim, "Lost", nullptr));
  tell_claim(claim, client::kWarning, reason, std::string(message));
  return {};
}

Result<void> VolumeBinder::sync_bound(const Object& claim) {
  auto name = claim["spec"]["volumeName"].as_string();
  if (name.empty()) return lose(claim, "ClaimLost", "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!");
  auto volume = volumes_->find({}, name);
  if (!volume) {
    // What was just made may not be known here yet.
    auto latest = environment_.api.get(volumes_->resource(), {}, name);
    if (!latest && !latest.error().is(Reason::NotFound)) return fail(std::move(latest).error());
    if (!latest) return lose(claim, "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!");
    volume = *latest;
  }
  AnyView reference = (*volume)["spec"]["claimRef"];
  if (!reference.present() || reference["uid"].as_string() == uid_of(claim)) return bind(*volume, claim);
  return lose(claim, "ClaimMisbound", "Two claims are bound to the same volume, this one is bound incorrectly");
}

Result<bool> VolumeBinder::assign_default_class(const Object& claim) {
  if (has_storage_class(claim)) return false;
  auto storage_class = default_class(*classes_);
  if (!storage_class) return false;
  Arena arena;
  Value tree = schema::thaw(claim, arena);
  tree["spec"].set("storageClassName", text_in(arena, name_of(*storage_class)));
  TRY(environment_.api.update(claims_->resource(), tree));
  return true;
}

void VolumeBinder::tell_of_waiting(const Object& claim) {
  std::vector<std::string> pods;
  for (const auto& pod : pods_by_claim_->find(key_of(claim))) {
    auto phase = (*pod)["status"]["phase"].as_string();
    if (phase != "Succeeded" && phase != "Failed" && (*pod)["spec"]["nodeName"].as_string().empty()) pods.emplace_back(name_of(*pod));
  }
  if (pods.empty())
    return tell_claim(claim, client::kNormal, "WaitForFirstConsumer", "waiting for first consumer to be created before binding");
  tell_claim(claim, client::kNormal, "WaitForPodScheduled", concat("waiting for pod", pods.size() > 1 ? "s " : " ", join(pods, ","), " to be scheduled"));
}

// Provisioners watch for claims that carry their name.
Result<void> VolumeBinder::ask_provisioner(const Object& claim) {
  auto name = storage_class_of(claim);
  auto storage_class = classes_->find({}, name);
  if (!storage_class) {
    tell_claim(claim, client::kWarning, "ProvisioningFailed", concat("storageclass.storage.k8s.io ", quoted(name), " not found"));
    return {};
  }
  auto provisioner = (*storage_class)["provisioner"].as_string();
  if (provisioner.starts_with("kubernetes.io/")) {
    tell_claim(claim, client::kWarning, "ProvisioningFailed", concat("no volume plugin matched name: ", provisioner));
    return {};
  }
  if (annotation_of(claim, kStorageProvisioner) != provisioner || annotation_of(claim, kBetaStorageProvisioner) != provisioner) {
    Arena arena;
    Value tree = schema::thaw(claim, arena);
    Value annotations = tree["metadata"].ensure_object("annotations");
    annotations.set(kBetaStorageProvisioner, text_in(arena, provisioner));
    annotations.set(kStorageProvisioner, text_in(arena, provisioner));
    TRY(environment_.api.update(claims_->resource(), tree));
  }
  tell_claim(claim, client::kNormal, "ExternalProvisioning",
             concat("Waiting for a volume to be created either by the external provisioner '", provisioner,
                    "' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and "
                    "correctly registered."));
  return {};
}

}  // namespace sampan::controllers
