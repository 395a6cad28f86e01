// Who belongs to whom: controllers own their pods (and replica sets, revisions) by an owner reference with controller=true, take in what matches
// their selector and belongs to nobody, and let go of what matches no longer.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/meta_v1.h"
#include "controllers/controller.h"
#include "controllers/pods.h"
#include "schema/label_selector.h"

namespace sampan::controllers {

// A kind of owner, as the owner references to it say.
struct OwnerKind {
  std::string_view group, resource, api_version, kind;
  const client::Resource& served() const { return client::builtin(group, resource); }
};

inline constexpr OwnerKind kDeployments{"apps", "deployments", "apps/v1", "Deployment"};
inline constexpr OwnerKind kReplicaSets{"apps", "replicasets", "apps/v1", "ReplicaSet"};
inline constexpr OwnerKind kReplicationControllers{"", "replicationcontrollers", "v1", "ReplicationController"};
inline constexpr OwnerKind kStatefulSets{"apps", "statefulsets", "apps/v1", "StatefulSet"};
inline constexpr OwnerKind kDaemonSets{"apps", "daemonsets", "apps/v1", "DaemonSet"};
inline constexpr OwnerKind kJobs{"batch", "jobs", "batch/v1", "Job"};
inline constexpr OwnerKind kCronJobs{"batch", "cronjobs", "batch/v1", "CronJob"};

inline api::meta_v1::ObjectMeta metadata_of(const Object& object) { return object["metadata"].as<api::meta_v1::ObjectMeta>(); }
// Absent if nobody controls it.
api::meta_v1::OwnerReference controller_of(const Object& object);
inline bool is_controlled_by(const Object& object, const Object& owner) {
  return controller_of(object).uid() == metadata_of(owner).uid();
}
// An owner reference that makes `owner` the controller.
Value controller_reference(const OwnerKind& kind, const Object& owner, Arena& arena);

// What a workload selects: a LabelSelector or, of a replication controller, a map.
Result<schema::LabelSelector> selector_of(const Object& workload);

// The objects of one resource that owners of one kind have or could take in.
class Dependents {
 public:
  // Watches them: the owner's key comes up when one of its dependents changes, and when an orphan appears that its selector (see
  // `selects`, spec.selector if there is none) matches.
  using Selects = std::function<bool(const Object& owner, const Object& orphan)>;
  Dependents(Watches& watches, const OwnerKind& owner, Informer& owners, std::string_view group, std::string_view resource, Selects selects = {});

  Objects owned_by(const Object& owner) const;  // by uid, whatever their labels
  Objects orphans_in(std::string_view name_space) const;
  Objects candidates(const Object& owner) const;  // both
  const client::Resource& resource() const { return informer_.resource(); }

 private:
  Informer& informer_;
  Index* by_owner_;
};

struct Claim {
  client::Api& api;
  const OwnerKind& kind;
  const Object& owner;
  const client::Resource& resource;  // of the dependents
  std::function<bool(const Object&)> matches;
  std::string_view finalizer;  // that comes and goes with the ownership; "" for none
};

// Those of the candidates that belong to the owner after orphans that match were adopted and what matches no longer was released. An error is one of
// several there may have been, after all were tried.
Result<Objects> claim(const Claim& claim, const Objects& candidates);

}  // namespace sampan::controllers
