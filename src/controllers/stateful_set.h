// Decisions of the stateful set controller: which pod has which place, and who owns which claim.
#pragma once
#include <string>
#include <string_view>

#include "api/apps_v1.h"
#include "controllers/pods.h"
#include "schema/value.h"

namespace sampan::controllers {

using StatefulSet = api::apps_v1::StatefulSet;

struct PodPlace {
  std::string_view set;  // "" if the name is not of the form "web-3"
  int ordinal = -1;
  static PodPlace of(std::string_view pod_name);
};

// The ordinals that the set has.
struct Ordinals {
  int first = 0, count = 0;
  static Ordinals of(StatefulSet set);
  bool has(int ordinal) const { return ordinal >= first && ordinal - first < count; }
};

std::string claim_name(std::string_view claim_template, std::string_view set, int ordinal);

// Who the retention policy wants a claim to be owned by, so that it goes when its owner goes.
struct ClaimOwners {
  bool set = false, pod = false;
  static ClaimOwners wanted(StatefulSet set, bool pod_is_in_range);
};

// The places of a claim's owners as they are.
struct ClaimState {
  bool up_to_date = true;
  bool foreign = false;  // somebody else is the controller; the policy does not apply
  bool stale = false;    // owned by a pod or set of the same name that is gone; it will go too
  // `pod_uid` is "" while the pod does not exist.
  static ClaimState of(const schema::Object& claim, const schema::Object& set, std::string_view pod_name, std::string_view pod_uid, ClaimOwners wanted);
};
bool has_stale_pod(const schema::Object& claim, std::string_view pod_name, std::string_view pod_uid);
// Puts the owners of the claim's tree right.
void set_claim_owners(schema::Value claim, const schema::Object& set, std::string_view pod_name, std::string_view pod_uid, const ClaimState& state,
                      ClaimOwners wanted);

}  // namespace sampan::controllers
