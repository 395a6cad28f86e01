// The daemon set controller: revisions, pods, status.
#include <map>
#include <mutex>

#include "base/held.h"
#include "base/text.h"
#include "controllers/daemon_set.h"
#include "controllers/pod_control.h"
#include "controllers/revisions.h"
#include "controllers/template_hash.h"

namespace sampan::controllers {

using schema::AnyView;

namespace {

constexpr size_t kDaemonBurst = 250;

const client::Resource& revision_resource() { return client::builtin("apps", "controllerrevisions"); }

// Failed pods of a node are replaced later and later.
class FailureWaits {
 public:
  // How long the next one still has to wait; if it has not, that is noted as a failure more.
  int64_t wait_us(const std::string& key, int64_t now_us) {
    std::lock_guard lock(mutex_);
    if (auto at = waits_.find(key); at != waits_.end()) {
      if (now_us - at->second.since_us > 2 * kMaxUs) waits_.erase(at);
      else if (now_us - at->second.since_us < at->second.us) return at->second.since_us + at->second.us - now_us;
    }
    auto [at, is_new] = waits_.try_emplace(key);
    at->second = {is_new ? kFirstUs : std::min(2 * at->second.us, kMaxUs), now_us};
    std::erase_if(waits_, [now_us](const auto& entry) { return now_us - entry.second.since_us > 2 * kMaxUs; });
    return 0;
  }

 private:
  static constexpr int64_t kFirstUs = 1'000'000, kMaxUs = 900'000'000;
  struct Wait {
    int64_t us = 0, since_us = 0;
  };
  std::mutex mutex_;
  std::map<std::string, Wait> waits_;
};

class DaemonSetSync {
 public:
  DaemonSetSync(Environment& environment, FailureWaits& waits, ObjectRef set, Objects nodes, Objects pods, Objects revisions)
      : environment_(environment),
        waits_(waits),
        object_(std::move(set)),
        nodes_(std::move(nodes)),
        pods_(std::move(pods)),
        revisions_(std::move(revisions)) {}

  Result<Again> run();

 private:
  DaemonSet set() const { return object_->as<DaemonSet>(); }
  void tell(std::string_view type, std::string_view reason, std::string message) {
    environment_.events.tell(client::Reference::of(kDaemonSets.served(), *object_), type, reason, std::move(message));
  }
  bool is_current(const Object& revision) const;
  Result<void> find_revisions();
  Result<void> snapshot(int64_t number);
  Result<void> merge_current(Objects current);
  Result<void> carry_out(const DaemonPlan& plan);
  Result<void> create_pod(const std::string& node);
  Result<void> drop_old_revisions();
  Result<void> tell_status(const DaemonView& view, DaemonCounts& counts);

  Environment& environment_;
  FailureWaits& waits_;
  ObjectRef object_;
  Objects nodes_, pods_, revisions_, old_;
  std::string hash_;
};

Result<Again> DaemonSetSync::run() {
  TRY(find_revisions());
  std::map<std::string, Objects, std::less<>> by_node;
  for (const auto& pod : pods_) {
    if (is_finished(pod_of(*pod)) && is_deleted(pod_of(*pod))) continue;
    if (auto node = target_node(pod_of(*pod)); !node.empty()) by_node[std::string(node)].push_back(pod);
  }
  int64_t now_us = environment_.clock.now_us();
  DaemonView view{*object_, nodes_, by_node, hash_, now_us, [&](std::string_view node) {
                    return waits_.wait_us(concat(metadata_of(*object_).uid(), "/", set().status().observed_generation(), "/", node), now_us);
                  }};
  DaemonPlan plan = plan_daemon(view);
  auto done = carry_out(plan);
  if (done && plan.empty() && set().spec().update_strategy().type() == "RollingUpdate") done = carry_out(plan_daemon_update(view));
  if (done) done = drop_old_revisions();
  DaemonCounts counts;
  auto told = tell_status(view, counts);
  if (!done) return fail(std::move(done).error());
  if (!told) return fail(std::move(told).error());
  Again again{plan.look_again_us};
  int32_t min_ready = set().spec().min_ready_seconds();
  if (min_ready > 0 && counts.ready != counts.available) {
    int64_t next = next_available_us(pods_, min_ready, now_us);
    if (next < 0) next = int64_t{min_ready} * 1'000'000;
    if (again.after_us < 0 || next < again.after_us) again.after_us = next;
  }
  return again;
}

bool DaemonSetSync::is_current(const Object& revision) const {
  AnyView pod_template = (*object_)["spec"]["template"];
  if (revision["data"].as_string() == revision_data(pod_template)) return true;
  // Written by a version that knew other fields or defaults, but it means the same.
  auto content = revision_template(revision);
  return content && same_template((**content).view(), pod_template);
}

Result<void> DaemonSetSync::find_revisions() {
  Objects current;
  int64_t number = 1;
  for (auto& revision : revisions_) {
    if (!metadata_of(*revision).labels().has(kRevisionHash)) {
      Arena arena;
      Value tree = schema::thaw(*revision, arena);
      tree["metadata"].ensure_object("labels").set(kRevisionHash, metadata_of(*revision).name());
      revision = TRY(environment_.api.update(revision_resource(), tree));
    }
    if (is_current(*revision)) {
      current.push_back(revision);
    } else {
      old_.push_back(revision);
      number = std::max(number, add_held<int64_t>(revision_number(*revision), 1));
    }
  }
  if (current.empty()) return snapshot(number);
  sort_revisions(current);
  ObjectRef newest = current.back();
  hash_ = metadata_of(*newest).labels().get(kRevisionHash).value_or("");
  if (current.size() > 1) TRY(merge_current(current));
  if (revision_number(*newest) < number) TRY(renumber_revision(environment_.api, newest, number));
  return {};
}

// Several revisions of one template: the pods of all become the newest one's.
Result<void> DaemonSetSync::merge_current(Objects current) {
  for (auto& pod : pods_) {
    auto labels = pod_of(*pod).metadata().labels();
    bool of_other = false;
    for (const auto& revision : current) of_other |= labels.get(kRevisionHash) == metadata_of(*revision).labels().get(kRevisionHash);
    if (!of_other || labels.get(kRevisionHash) == std::string_view(hash_)) continue;
    Arena arena;
    Value patch = Value::object(arena, 1);
    patch.ensure_object("metadata").ensure_object("labels").set(kRevisionHash, std::string_view(hash_));
    pod = TRY(environment_.api.patch(client::builtin("", "pods"), metadata_of(*object_).namespace_(), metadata_of(*pod).name(),
                                     client::PatchType::Merge, patch));
  }
  current.pop_back();
  for (const auto& revision : current) {
    auto removed = environment_.api.remove(revision_resource(), metadata_of(*object_).namespace_(), metadata_of(*revision).name());
    if (!removed && !removed.error().is(Reason::NotFound)) return removed;
  }
  return {};
}

Result<void> DaemonSetSync::snapshot(int64_t number) {
  AnyView pod_template = (*object_)["spec"]["template"];
  hash_ = pod_template_hash(pod_template, set().status().collision_count());
  std::string name = concat(metadata_of(*object_).name(), "-", hash_), data = revision_data(pod_template);
  auto name_space = metadata_of(*object_).namespace_();
  Arena arena;
  Value tree = new_revision(kDaemonSets, *object_, name, data, number, arena);
  tree["metadata"].ensure_object("labels").set(kRevisionHash, std::string_view(hash_));
  auto made = environment_.api.create(revision_resource(), name_space, tree);
  if (made) return {};
  if (!made.error().is(Reason::AlreadyExists)) return fail(std::move(made).error());
  ObjectRef existing = TRY(environment_.api.get(revision_resource(), name_space, name));
  if (is_controlled_by(*existing, *object_) && is_current(*existing)) return {};
  // Another template has the same hash.
  TRY(client::update_latest(environment_.api, kDaemonSets.served(), name_space, metadata_of(*object_).name(), {.subresource = "status"},
                            [&](const Object& latest, Value status_of) -> Result<bool> {
                              auto count = latest.as<DaemonSet>().status().collision_count();
                              if (count != set().status().collision_count()) return false;  // somebody has done so
                              status_of.ensure_object("status").set("collisionCount", count.value_or(0) + 1);
                              return true;
                            }));
  return fail(std::move(made).error());
}

Result<void> DaemonSetSync::create_pod(const std::string& node) {
  Arena arena;
  Value pod = pod_from_template(kDaemonSets, *object_, (*object_)["spec"]["template"], arena);
  aim_at_node(pod, node);
  Value labels = pod["metadata"].ensure_object("labels");
  auto generation = set().metadata().annotations().get("deprecated.daemonset.template.generation");
  int64_t number;
  if (generation && parse_int(*generation, number)) labels.set("pod-template-generation", arena.copy(concat(number)));
  labels.set(kRevisionHash, std::string_view(hash_));
  auto made = PodControl(environment_, kDaemonSets, *object_).create(pod);
  if (!made && !is_namespace_terminating(made.error())) return fail(std::move(made).error());
  return {};
}

Result<void> DaemonSetSync::carry_out(const DaemonPlan& plan) {
  auto message = [](std::string_view how, const Object& pod, std::string_view then) {
    return concat("Found ", how, " daemon pod ", metadata_of(pod).namespace_(), "/", metadata_of(pod).name(), " on node ",
                  target_node(pod_of(pod)), ", will try to ", then, " it");
  };
  for (const auto& pod : plan.failed) tell(client::kWarning, "FailedDaemonPod", message("failed", *pod, "kill"));
  for (const auto& pod : plan.succeeded) tell(client::kNormal, "SucceededDaemonPod", message("succeeded", *pod, "delete"));
  auto create = static_cast<int>(std::min(plan.create_on.size(), kDaemonBurst));
  auto batch = slow_start(create, [&](int i) { return create_pod(plan.create_on[i]); });
  std::optional<Error> error = std::move(batch.error);
  PodControl pods(environment_, kDaemonSets, *object_);
  for (size_t i = 0; i < plan.remove.size() && i < kDaemonBurst; i++)
    if (auto removed = pods.remove(*plan.remove[i]); !removed && !error) error = std::move(removed).error();
  if (error) return fail(std::move(*error));
  return {};
}

Result<void> DaemonSetSync::drop_old_revisions() {
  auto surplus = static_cast<int64_t>(old_.size()) - set().spec().revision_history_limit().value_or(10);
  sort_revisions(old_);
  for (const auto& revision : old_) {
    if (surplus <= 0) break;
    auto hash = metadata_of(*revision).labels().get(kRevisionHash);
    bool used = false;
    for (const auto& pod : pods_) used |= pod_of(*pod).metadata().labels().get(kRevisionHash) == hash;
    if (used) continue;
    auto removed = environment_.api.remove(revision_resource(), metadata_of(*object_).namespace_(), metadata_of(*revision).name());
    if (!removed && !removed.error().is(Reason::NotFound))
      return fail(std::move(removed).error().context("failed to clean up revisions of DaemonSet: "));
    surplus--;
  }
  return {};
}

Result<void> DaemonSetSync::tell_status(const DaemonView& view, DaemonCounts& counts) {
  counts = count_daemon(view);
  auto written = write_status(environment_.api, kDaemonSets.served(), object_, [&](Value status, Arena&) {
    status.set("observedGeneration", metadata_of(*object_).generation());
    status.set("desiredNumberScheduled", counts.desired);
    status.set("currentNumberScheduled", counts.current);
    status.set("numberMisscheduled", counts.misscheduled);
    status.set("numberReady", counts.ready);
    status.set("updatedNumberScheduled", counts.updated);
    status.set("numberAvailable", counts.available);
    status.set("numberUnavailable", counts.desired - counts.available);
  });
  if (!written) return fail(std::move(written).error());
  return {};
}

class DaemonSetController final : public Controller {
 public:
  explicit DaemonSetController(Environment& environment) : environment_(environment) {}

  void watch(Watches& watches) override {
    sets_ = &watches.each("apps", "daemonsets");
    pods_ = std::make_unique<Dependents>(watches, kDaemonSets, *sets_, "", "pods");
    revisions_ = std::make_unique<Dependents>(watches, kDaemonSets, *sets_, "apps", "controllerrevisions");
    nodes_ = &watches.on("", "nodes", [this](const Change& change, const Watches::Enqueue& enqueue) {
      // What a heartbeat changes is no reason to look.
      if (change.object && change.previous && (*change.object)["metadata"]["labels"].equals((*change.previous)["metadata"]["labels"]) &&
          (*change.object)["spec"]["taints"].equals((*change.previous)["spec"]["taints"]))
        return;
      for (const auto& set : sets_->all()) enqueue(key_of(*set));
    });
  }

  Result<Again> reconcile(const Key& key) override {
    ObjectRef set = sets_->find(key.name_space, key.name);
    if (!set) return Again::never();
    auto selector = TRY(selector_of(*set));
    if (selector.empty()) {
      environment_.events.tell(client::Reference::of(kDaemonSets.served(), *set), client::kWarning, "SelectingAll",
                               "This daemon set is selecting all pods. A non-empty selector is required.");
      return Again::never();
    }
    if (metadata_of(*set).deletion_timestamp()) return Again::never();
    auto matches = [&](const Object& object) { return selector.matches(object); };
    Objects revisions = TRY(claim({environment_.api, kDaemonSets, *set, revisions_->resource(), matches, {}}, revisions_->candidates(*set)));
    Objects pods = TRY(claim({environment_.api, kDaemonSets, *set, pods_->resource(), matches, {}}, pods_->candidates(*set)));
    return DaemonSetSync(environment_, waits_, set, nodes_->all(), std::move(pods), std::move(revisions)).run();
  }

 private:
  Environment& environment_;
  Informer *sets_ = nullptr, *nodes_ = nullptr;
  std::unique_ptr<Dependents> pods_, revisions_;
  FailureWaits waits_;
};

}  // namespace

std::unique_ptr<Controller> make_daemon_set_controller(Environment& environment) { return std::make_unique<DaemonSetController>(environment); }

}  // namespace sampan::controllers
