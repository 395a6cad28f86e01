// See claims.h.
#include "kubelet/volumes/claims.h"

#include "base/text.h"
#include "kubelet/failure.h"
#include "schema/label_selector.h"

namespace sampan::kubelet {

namespace {

constexpr std::string_view kProtection = "kubernetes.io/pvc-protection";

// A finalizer that keeps the claim as long as a pod uses it.
bool is_protected(const core_v1::PersistentVolumeClaim& claim) {
  for (auto finalizer : claim.metadata().finalizers())
    if (finalizer == kProtection) return true;
  return false;
}

bool belongs_to(const core_v1::PersistentVolumeClaim& claim, const core_v1::Pod& pod) {
  for (auto owner : claim.metadata().owner_references())
    if (owner.controller().value_or(false) && owner.uid() == pod.metadata().uid()) return true;
  return false;
}

Result<schema::ObjectRef> get_claim(Cluster& cluster, const core_v1::Pod& pod, std::string_view name) {
  auto object = cluster.get("v1", "persistentvolumeclaims", pod.metadata().namespace_(), name);
  if (!object) return fail(failure(concat("failed to fetch PVC from API server: ", object.error().message())));
  auto claim = (*object)->as<core_v1::PersistentVolumeClaim>();
  if (claim.metadata().deletion_timestamp() && !is_protected(claim)) return fail(failure("PVC is being deleted"));
  if (claim.status().phase() != "Bound") return fail(failure("PVC is not bound"));
  if (claim.spec().volume_name().empty()) return fail(failure("PVC has empty pvc.Spec.VolumeName"));
  return object;
}

Result<schema::ObjectRef> get_volume(Cluster& cluster, const schema::ObjectRef& of) {
  auto claim = of->as<core_v1::PersistentVolumeClaim>();
  auto name = claim.spec().volume_name();
  auto object = cluster.get("v1", "persistentvolumes", {}, name);
  if (!object) return fail(failure(concat("failed to fetch PV ", name, " from API server: ", object.error().message())));
  auto reference = (*object)->as<core_v1::PersistentVolume>().spec().claim_ref();
  if (!reference.present()) return fail(failure(concat("found PV object ", name, " but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim")));
  if (reference.uid() != claim.metadata().uid())
    return fail(failure(concat("found PV object ", name, " but its pv.Spec.ClaimRef.UID ", reference.uid(), " does not point to claim.UID ", claim.metadata().uid())));
  return object;
}

bool matches(const core_v1::NodeSelectorTerm& term, const schema::Object& node) {
  if (term.match_expressions().empty() || !term.match_fields().empty()) return false;  // only labels can be held against
  schema::LabelSelector selector;
  for (auto expression : term.match_expressions()) {
    std::vector<std::string> values;
    for (auto value : expression.values()) values.emplace_back(value);
    if (!selector.require(expression.key(), expression.operator_(), std::move(values))) return false;
  }
  return selector.matches(node);
}

}  // namespace

bool has_claim(const core_v1::Volume& volume) { return volume.has_persistent_volume_claim() || volume.has_ephemeral(); }

std::string claim_name(const core_v1::Pod& pod, const core_v1::Volume& volume) {
  if (volume.has_persistent_volume_claim()) return std::string(volume.persistent_volume_claim().claim_name());
  return concat(pod.metadata().name(), "-", volume.name());
}

Result<BoundClaim> bound_claim(Cluster& cluster, const core_v1::Pod& pod, const core_v1::Volume& volume) {
  auto meta = pod.metadata();
  auto name = claim_name(pod, volume);
  auto refuse = [&](const Error& error) { return fail(failure(concat("error processing PVC ", meta.namespace_(), "/", name, ": ", error.message()))); };
  auto object = get_claim(cluster, pod, name);
  if (!object) return refuse(object.error());
  auto claim = (*object)->as<core_v1::PersistentVolumeClaim>();
  if (volume.has_ephemeral() && !belongs_to(claim, pod))
    return fail(failure(concat("PVC ", meta.namespace_(), "/", name, " was not created for pod ", meta.namespace_(), "/", meta.name(), " (pod is not owner)")));
  auto bound = get_volume(cluster, *object);
  if (!bound) return refuse(bound.error());
  return BoundClaim{std::move(*object), std::move(*bound), volume.persistent_volume_claim().read_only()};
}

Result<void> check_node_affinity(Cluster& cluster, const core_v1::PersistentVolume& volume, std::string_view node_name) {
  auto required = volume.spec().node_affinity().required();
  if (!required.present()) return {};
  auto node = TRY(cluster.get("v1", "nodes", {}, node_name));
  for (auto term : required.node_selector_terms())
    if (matches(term, *node)) return {};
  return fail(failure("no matching NodeSelectorTerms"));
}

}  // namespace sampan::kubelet
