// Decisions of the deployment controller: how large each replica set should be, and what annotations say of it. What follows from them is in
// deployment_rollout.h.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/apps_v1.h"
#include "base/held.h"
#include "controllers/pods.h"
#include "schema/value.h"

namespace sampan::controllers {

using Deployment = api::apps_v1::Deployment;
using ReplicaSet = api::apps_v1::ReplicaSet;

inline constexpr std::string_view kRevision = "deployment.kubernetes.io/revision";
inline constexpr std::string_view kRevisionHistory = "deployment.kubernetes.io/revision-history";
inline constexpr std::string_view kDesiredReplicas = "deployment.kubernetes.io/desired-replicas";
inline constexpr std::string_view kMaxReplicas = "deployment.kubernetes.io/max-replicas";
inline constexpr std::string_view kRollbackTo = "deprecated.deployment.rollback.to";
inline constexpr std::string_view kTemplateHash = "pod-template-hash";

// A deployment's spec in numbers.
struct RolloutLimits {
  int32_t replicas = 0;
  int32_t surge = 0;        // how many more there may be
  int32_t unavailable = 0;  // how many fewer may be available
  int32_t most() const { return add_held(replicas, surge); }
  bool rolling = true;
  static RolloutLimits of(Deployment deployment);
};

struct SetSize {
  int64_t created = 0;
  std::string_view name;
  int32_t replicas = 0;
  int32_t max_replicas = 0;  // as the set's annotation says of the deployment when it was last scaled; 0: not known
};

// When a rollout is under way and the deployment is scaled, its active sets share the difference in proportion to their sizes, so that the risk stays spread as
// it was. `total_before` is the deployment's status.replicas. The new sizes, in the order of `sets`.
std::vector<int32_t> proportional_sizes(const RolloutLimits& limits, std::span<const SetSize> sets, int32_t total_before);

// How large the new set of a rolling update may be now, with `total` replicas in all sets.
int32_t new_set_size(const RolloutLimits& limits, int32_t new_set_now, int32_t total);

// The revision in an object's annotation; 0 if it has none. False: it is no number.
bool revision_of(const schema::Object& object, int64_t& revision);
int64_t max_revision(const Objects& sets);
int64_t second_revision(const Objects& sets);  // the one before the last

// Changes the tree of a replica set so that its annotations are those of the deployment and its revision is at least `revision`; whether that made a difference.
bool set_new_set_annotations(schema::Value set, Deployment deployment, int64_t revision, const RolloutLimits& limits, bool exists);
bool set_replicas_annotations(schema::Value set, const RolloutLimits& limits);
bool replicas_annotations_differ(const schema::Object& set, const RolloutLimits& limits);
std::optional<int32_t> desired_replicas_annotation(const schema::Object& set);
bool is_deployments_own(std::string_view annotation);  // not copied between a deployment and its sets

// "web-5d4f8c7b9", cut so that it is a name.
std::string replica_set_name(std::string_view deployment, std::string_view hash);

}  // namespace sampan::controllers
