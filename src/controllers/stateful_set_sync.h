// One look at one stateful set: brings its pods to be one at each ordinal, in order or all at once, and then to the newest revision.
#pragma once
#include <map>

#include "controllers/controller.h"
#include "controllers/owners.h"
#include "controllers/revisions.h"
#include "controllers/stateful_set.h"

namespace sampan::controllers {

class StatefulSetSync {
 public:
  StatefulSetSync(Environment& environment, Informer& claims, ObjectRef set, Objects pods, Objects revisions);
  Result<Again> run();

 private:
  struct Replica {
    int ordinal = 0;
    ObjectRef pod;  // null: there is none
    std::string name;
    std::string_view uid() const { return pod ? metadata_of(*pod).uid() : std::string_view(); }
  };
  enum class Then : uint8_t { GoOn, Stop };  // of pods that come one after another

  StatefulSet set() const { return object_->as<StatefulSet>(); }
  std::string_view name() const { return metadata_of(*object_).name(); }
  bool in_order() const { return set().spec().pod_management_policy() != "Parallel"; }
  bool available(const Replica& replica) const;    // and not being deleted
  void tell(std::string_view type, std::string_view reason, std::string message);
  void tell_pod(std::string_view verb, std::string_view pod, const Error* error);

  // stateful_set_sync.cpp
  void place(Objects pods);
  Result<void> find_revisions();
  Result<void> create_revision(std::string_view data);
  Result<void> manage();
  Result<Then> for_all(std::vector<Replica>& replicas, Result<Then> (StatefulSetSync::*step)(Replica&));
  Result<Then> keep(Replica& replica);
  Result<Then> condemn(Replica& replica);
  Result<void> update();
  Result<void> update_one_by_one(int lowest);
  Result<ObjectRef> tell_status();
  Result<void> drop_old_revisions();

  // stateful_set_pods.cpp
  Result<void> create_pod(Replica& replica);
  Result<void> remove_pod(Replica& replica);
  bool is_right(const Replica& replica) const;
  Result<void> correct_pod(Replica& replica);
  bool gets_old_revision(int ordinal) const;
  void give_identity(Value pod, const Replica& replica) const;
  void give_storage(Value pod, const Replica& replica) const;
  Result<void> create_claims(const Replica& replica);
  Result<bool> create_claim(const Replica& replica, uint32_t index);
  bool claims_are_right(const Replica& replica) const;
  bool claim_is_stale(const Replica& replica) const;
  Result<Then> correct_claims(Replica& replica);
  ObjectRef claim_of(const Replica& replica, uint32_t index) const;

  Environment& environment_;
  Informer& claims_;
  ObjectRef object_;
  Objects pods_, revisions_;
  ObjectRef current_, newest_;  // revisions
  int32_t collisions_;
  Ordinals ordinals_;
  std::vector<Replica> replicas_, condemned_;
  int places() const { return static_cast<int>(replicas_.size()); }
  const Object* first_unavailable_ = nullptr;
  int32_t updating_ = 0;  // pods of the current revision that were removed for the newest
  int64_t look_again_us_ = -1;
};

}  // namespace sampan::controllers
