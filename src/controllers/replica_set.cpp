// Replica sets and replication controllers: so many pods of one template. One controller serves both kinds, which differ in their names and in a field.
#include "controllers/replica_set.h"

#include <map>

#include "base/text.h"
#include "controllers/conditions.h"
#include "controllers/pod_control.h"

namespace sampan::controllers {

using schema::AnyView;

ReplicaPlan plan_replicas(int32_t wanted, const Objects& active, std::span<const ObjectRef> related, int64_t now_us) {
  ReplicaPlan plan;
  int have = static_cast<int>(active.size());
  if (have < wanted) plan.create = std::min(wanted - have, kBurst);
  if (have <= wanted) return plan;
  int surplus = std::min(have - wanted, kBurst);
  std::map<std::string_view, int> on_node;
  for (const auto& pod : related)
    if (is_active(pod_of(*pod))) on_node[pod_of(*pod).spec().node_name()]++;
  std::vector<std::pair<ObjectRef, int>> ranked;
  for (const auto& pod : active) ranked.emplace_back(pod, on_node[pod_of(*pod).spec().node_name()]);
  if (surplus < have) sort_by_deletion(ranked, now_us);
  for (int i = 0; i < surplus; i++) plan.remove.push_back(ranked[i].first);
  return plan;
}

namespace {

class ReplicaController final : public Controller {
 public:
  ReplicaController(Environment& environment, const OwnerKind& kind) : environment_(environment), kind_(kind) {}

  void watch(Watches& watches) override {
    sets_ = &watches.each(kind_.group, kind_.resource);
    pods_ = std::make_unique<Dependents>(watches, kind_, *sets_, "", "pods");
    siblings_ = &sets_->index([](const Object& set, std::vector<std::string>& keys) {
      if (auto owner = controller_of(set); owner.present()) keys.emplace_back(owner.uid());
    });
  }

  Result<Again> reconcile(const Key& key) override;

 private:
  struct Counts {
    int32_t labeled = 0, ready = 0, available = 0;
  };

  Counts count(const Object& set, const Objects& active, int64_t now_us) const;
  Objects related_pods(const Object& set) const;
  std::optional<Error> change_pods(const Object& set, const Objects& active);
  Result<ObjectRef> tell_status(const ObjectRef& set, const Objects& active, int32_t terminating, const std::optional<Error>& error);

  Environment& environment_;
  const OwnerKind& kind_;
  Informer* sets_ = nullptr;
  Index* siblings_ = nullptr;
  std::unique_ptr<Dependents> pods_;
};

int32_t wanted_replicas(const Object& set) { return static_cast<int32_t>(set["spec"]["replicas"].as_int()); }
int32_t min_ready_seconds(const Object& set) {
  auto seconds = set["spec"]["minReadySeconds"];
  return seconds.present() ? static_cast<int32_t>(seconds.as_int()) : 0;
}

Result<Again> ReplicaController::reconcile(const Key& key) {
  ObjectRef set = sets_->find(key.name_space, key.name);
  if (!set) return Again::never();
  auto selector = selector_of(*set);
  if (!selector) return Again::never();

  Objects active, finished_or_going;
  for (auto& pod : pods_->candidates(*set)) (is_active(pod_of(*pod)) ? active : finished_or_going).push_back(std::move(pod));
  Claim owner{environment_.api, kind_, *set, pods_->resource(), [&](const Object& pod) { return selector->matches(pod); }, {}};
  active = TRY(claim(owner, active));
  int32_t terminating = 0;
  for (const auto& pod : finished_or_going)
    terminating += is_terminating(pod_of(*pod)) && is_controlled_by(*pod, *set) && selector->matches(*pod);

  std::optional<Error> error;
  if (!metadata_of(*set).deletion_timestamp()) error = change_pods(*set, active);
  int64_t now_us = environment_.clock.now_us();
  ObjectRef told = TRY(tell_status(set, active, terminating, error));
  if (error) return fail(std::move(*error));

  int32_t min_ready = min_ready_seconds(*told);
  if (min_ready == 0 || (*told)["status"]["readyReplicas"].equals((*told)["status"]["availableReplicas"])) return Again::never();
  int64_t next = next_available_us(active, min_ready, now_us);
  return Again::in(next >= 0 ? next : int64_t{min_ready} * 1'000'000);
}

// Pods of the sets that have the same controller, a deployment, as this one.
Objects ReplicaController::related_pods(const Object& set) const {
  Objects out;
  auto owner = controller_of(set);
  if (!owner.present()) return out;
  for (const auto& sibling : siblings_->find(owner.uid()))
    for (auto& pod : pods_->owned_by(*sibling)) out.push_back(std::move(pod));
  return out;
}

std::optional<Error> ReplicaController::change_pods(const Object& set, const Objects& active) {
  int32_t wanted = wanted_replicas(set);
  auto plan = plan_replicas(wanted, active, static_cast<int>(active.size()) > wanted ? related_pods(set) : Objects(),
                            environment_.clock.now_us());
  PodControl pods(environment_, kind_, set);
  std::optional<Error> error;
  if (plan.create > 0) {
    auto batch = slow_start(plan.create, [&](int) -> Result<void> {
      Arena arena;
      auto made = pods.create(pod_from_template(kind_, set, set["spec"]["template"], arena));
      if (!made && !is_namespace_terminating(made.error())) return fail(std::move(made).error());
      return {};
    });
    error = std::move(batch.error);
  }
  for (const auto& pod : plan.remove)
    if (auto removed = pods.remove(*pod); !removed && !error) error = std::move(removed).error();
  return error;
}

ReplicaController::Counts ReplicaController::count(const Object& set, const Objects& active, int64_t now_us) const {
  Counts counts;
  AnyView labels = set["spec"]["template"]["metadata"]["labels"];
  for (const auto& object : active) {
    Pod pod = pod_of(*object);
    bool has_all = true;
    for (uint32_t i = 0; i < labels.size() && has_all; i++)
      has_all = pod.metadata().labels().get(labels.key(i)) == labels.value(i).as_string();
    counts.labeled += has_all;
    counts.ready += is_ready(pod);
    counts.available += is_available(pod, min_ready_seconds(set), now_us);
  }
  return counts;
}

Result<ObjectRef> ReplicaController::tell_status(const ObjectRef& set, const Objects& active, int32_t terminating,
                                                 const std::optional<Error>& error) {
  Counts counts = count(*set, active, environment_.clock.now_us());
  auto have = static_cast<int32_t>(active.size());
  return write_status(environment_.api, kind_.served(), set, [&](Value status, Arena&) {
    bool failed = condition_in(status, "ReplicaFailure").is_object();
    if (error && !failed) {
      int32_t surplus = have - wanted_replicas(*set);
      set_condition(status, {"ReplicaFailure", "True", surplus < 0 ? "FailedCreate" : surplus > 0 ? "FailedDelete" : "", error->message()},
                    environment_.now_seconds());
    } else if (!error && failed) {
      remove_condition(status, "ReplicaFailure");
    }
    status.set("replicas", have);
    status.set("fullyLabeledReplicas", counts.labeled);
    status.set("readyReplicas", counts.ready);
    status.set("availableReplicas", counts.available);
    if (kind_.kind == kReplicaSets.kind) status.set("terminatingReplicas", terminating);
    status.set("observedGeneration", metadata_of(*set).generation());
  });
}

}  // namespace

std::unique_ptr<Controller> make_replica_set_controller(Environment& environment) {
  return std::make_unique<ReplicaController>(environment, kReplicaSets);
}
std::unique_ptr<Controller> make_replication_controller_controller(Environment& environment) {
  return std::make_unique<ReplicaController>(environment, kReplicationControllers);
}

}  // namespace sampan::controllers
