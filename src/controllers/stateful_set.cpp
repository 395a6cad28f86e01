#include "controllers/stateful_set.h"

#include "base/text.h"
#include "controllers/owners.h"

namespace sampan::controllers {

using schema::Object;
using schema::Value;

PodPlace PodPlace::of(std::string_view name) {
  size_t dash = name.rfind('-');
  if (dash == std::string_view::npos || dash + 1 == name.size()) return {};
  std::string_view digits = name.substr(dash + 1);
  if (digits.find_first_not_of("0123456789") != std::string_view::npos) return {};
  PodPlace place{name.substr(0, dash)};
  if (!parse_int(digits, place.ordinal)) place.ordinal = -1;
  return place;
}

Ordinals Ordinals::of(StatefulSet set) {
  Ordinals ordinals{set.spec().has_ordinals() ? set.spec().ordinals().start() : 0, set.spec().replicas().value_or(1)};
  ordinals.count = std::min(ordinals.count, INT32_MAX - ordinals.first);
  return ordinals;
}

std::string claim_name(std::string_view claim_template, std::string_view set, int ordinal) {
  return concat(claim_template, "-", set, "-", ordinal);
}

ClaimOwners ClaimOwners::wanted(StatefulSet set, bool in_range) {
  auto policy = set.spec().persistent_volume_claim_retention_policy();
  bool with_set = policy.when_deleted() == "Delete", with_pod = policy.when_scaled() == "Delete" && !in_range;
  return {.set = with_set && !with_pod, .pod = with_pod};
}

namespace {

using Reference = api::meta_v1::OwnerReference;

bool is_of(Reference reference, const OwnerKind& kind, std::string_view name) {
  return reference.api_version() == kind.api_version && reference.kind() == kind.kind && reference.name() == name;
}

constexpr OwnerKind kPods{"", "pods", "v1", "Pod"};

// The first reference of the name decides.
bool is_stale(const Object& claim, const OwnerKind& kind, std::string_view name, std::string_view uid) {
  for (auto reference : metadata_of(claim).owner_references())
    if (is_of(reference, kind, name)) return reference.uid() != uid;
  return false;
}

}  // namespace

bool has_stale_pod(const Object& claim, std::string_view pod_name, std::string_view pod_uid) { return is_stale(claim, kPods, pod_name, pod_uid); }

ClaimState ClaimState::of(const Object& claim, const Object& set, std::string_view pod_name, std::string_view pod_uid, ClaimOwners wanted) {
  auto set_metadata = metadata_of(set);
  ClaimState state;
  state.stale = is_stale(claim, kStatefulSets, set_metadata.name(), set_metadata.uid()) || has_stale_pod(claim, pod_name, pod_uid);
  auto policy = set.as<StatefulSet>().spec().persistent_volume_claim_retention_policy();
  bool has_policy = policy.when_deleted() == "Delete" || policy.when_scaled() == "Delete";
  bool has_set = false, has_pod = false, is_no_controller = false;
  for (auto reference : metadata_of(claim).owner_references()) {
    bool of_set = reference.uid() == set_metadata.uid(), of_pod = !pod_uid.empty() && reference.uid() == pod_uid;
    has_set |= of_set;
    has_pod |= of_pod;
    is_no_controller |= (of_set || of_pod) && !reference.controller().value_or(false);
    bool known_name = is_of(reference, kStatefulSets, set_metadata.name()) || is_of(reference, kPods, pod_name);
    state.foreign |= has_policy && (known_name ? !of_set && !of_pod : reference.controller().value_or(false));
  }
  if (state.stale) return state;
  if (state.foreign) state.up_to_date = !has_set && !has_pod;
  else state.up_to_date = !is_no_controller && has_set == wanted.set && has_pod == wanted.pod;
  return state;
}

void set_claim_owners(Value claim, const Object& set, std::string_view pod_name, std::string_view pod_uid, const ClaimState& state,
                      ClaimOwners wanted) {
  Arena& arena = claim.arena();
  Value metadata = claim["metadata"], before = metadata["ownerReferences"], after = Value::list(arena);
  auto is = [](Value reference, const OwnerKind& kind, std::string_view name) {
    return reference["apiVersion"].as_string() == kind.api_version && reference["kind"].as_string() == kind.kind &&
           reference["name"].as_string() == name;
  };
  for (Value reference : before.items())
    if (!is(reference, kStatefulSets, metadata_of(set).name()) && !is(reference, kPods, pod_name)) after.push(reference);
  if (!state.foreign && wanted.set) after.push(controller_reference(kStatefulSets, set, arena));
  if (!state.foreign && wanted.pod) {
    Value reference = controller_reference(kStatefulSets, set, arena);
    reference.set("apiVersion", kPods.api_version);
    reference.set("kind", kPods.kind);
    reference.set("name", arena.copy(pod_name));
    reference.set("uid", arena.copy(pod_uid));
    after.push(reference);
  }
  metadata.set("ownerReferences", after);
}

}  // namespace sampan::controllers
