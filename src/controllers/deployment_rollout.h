// One look at one deployment: finds its replica sets, makes the new one, moves replicas from the old ones to it, and says how that goes.
#pragma once
#include <string>
#include <string_view>

#include "controllers/controller.h"
#include "controllers/deployment.h"
#include "controllers/owners.h"

namespace sampan::controllers {

class Rollout {
 public:
  // `sets` are those that the deployment has claimed.
  Rollout(Environment& environment, Informer& pods, ObjectRef deployment, Objects sets);
  Result<Again> run();

 private:
  Deployment deployment() const { return object_->as<Deployment>(); }
  static ReplicaSet set_of(const ObjectRef& object) { return object->as<ReplicaSet>(); }
  static int32_t replicas_of(const ObjectRef& set) { return set_of(set).spec().replicas().value_or(1); }
  // A set that was just scaled down still says that all are available: of what it shall have, no more than that can be counted on.
  static int32_t reliable_replicas(const ObjectRef& set) { return std::min(set_of(set).status().available_replicas(), replicas_of(set)); }
  int32_t total_replicas(const Objects& sets) const;
  int32_t available_replicas(const Objects& sets) const;
  Objects active(const Objects& sets) const;
  Objects all_sets() const;  // old ones, then the new one
  bool has_deadline() const;
  bool complete(const ObjectRef& deployment) const;  // as its status says

  // deployment_sets.cpp: the sets
  enum class Missing : uint8_t { Leave, Create };
  Result<void> find_sets(Missing missing);
  Result<void> adjust_new_set();
  Result<void> create_new_set();
  Result<void> resolve_name_taken(Error error, std::string_view name, int64_t revision);
  Result<bool> scale_set(ObjectRef& set, int32_t replicas, bool even_if_same = false);
  Result<void> clean_up();
  Result<Again> roll_back();
  Result<void> clear_rollback(const Object* set);

  // deployment_rollout.cpp: the moves
  bool is_scaling() const;
  Result<Again> scale_only();
  Result<void> scale();
  Result<void> scale_in_proportion();
  Result<Again> recreate();
  Result<Again> roll();
  Result<bool> grow_new_set();
  Result<bool> shrink_old_sets();
  bool old_pods_running() const;

  // deployment_status.cpp: what is told
  using Change = std::function<void(Value deployment)>;
  Result<void> write(const Change& change);  // the status and the annotations, if that makes a difference
  Result<void> note_pause();
  void count(Value status) const;
  void judge_progress(Value status) const;
  void report_failures(Value status) const;
  Result<Again> tell_status();  // without progress
  Result<Again> tell_rollout();
  Again when_stuck() const;
  void put_progress(Value status, std::string_view truth, std::string_view reason, std::string message) const;
  void tell(std::string_view type, std::string_view reason, std::string message);
  void replace(const ObjectRef& set);

  Environment& environment_;
  Informer& pods_;
  ObjectRef object_;
  Objects sets_;
  ObjectRef newest_;  // the set of the deployment's template; null if there is none
  Objects old_;
  RolloutLimits limits_;
};

}  // namespace sampan::controllers
