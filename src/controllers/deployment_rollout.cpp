// The moves of a rollout, and the controller itself.
#include "controllers/deployment_rollout.h"

#include "base/text.h"
#include "controllers/pod_control.h"

namespace sampan::controllers {

namespace {

bool is_older(const ObjectRef& a, const ObjectRef& b) {
  auto x = metadata_of(*a), y = metadata_of(*b);
  if (x.creation_timestamp() != y.creation_timestamp()) return x.creation_timestamp() < y.creation_timestamp();
  return x.name() < y.name();
}

}  // namespace

Rollout::Rollout(Environment& environment, Informer& pods, ObjectRef deployment, Objects sets)
    : environment_(environment),
      pods_(pods),
      object_(std::move(deployment)),
      sets_(std::move(sets)),
      limits_(RolloutLimits::of(this->deployment())) {
  std::stable_sort(sets_.begin(), sets_.end(), is_older);
}

int32_t Rollout::total_replicas(const Objects& sets) const {
  int32_t total = 0;
  for (const auto& set : sets) total = add_held(total, replicas_of(set));
  return total;
}
int32_t Rollout::available_replicas(const Objects& sets) const {
  int32_t total = 0;
  for (const auto& set : sets) total += set_of(set).status().available_replicas();
  return total;
}
Objects Rollout::active(const Objects& sets) const {
  Objects out;
  for (const auto& set : sets)
    if (replicas_of(set) > 0) out.push_back(set);
  return out;
}
Objects Rollout::all_sets() const {
  Objects all = old_;
  if (newest_) all.push_back(newest_);
  return all;
}

Result<Again> Rollout::run() {
  auto d = deployment();
  if (d.spec().has_selector() && d.spec().selector().match_labels().empty() && d.spec().selector().match_expressions().empty()) {
    tell(client::kWarning, "SelectingAll", "This deployment is selecting all pods. A non-empty selector is required.");
    TRY(write([&](Value tree) { tree.ensure_object("status").set("observedGeneration", metadata_of(*object_).generation()); }));
    return Again::never();
  }
  if (d.metadata().deletion_timestamp()) {
    TRY(find_sets(Missing::Leave));
    return tell_status();
  }
  TRY(note_pause());
  if (d.spec().paused()) {
    TRY(find_sets(Missing::Leave));
    return scale_only();
  }
  int64_t revision;
  if (auto text = d.metadata().annotations().get(kRollbackTo); text && parse_int(*text, revision)) return roll_back();
  TRY(find_sets(Missing::Leave));
  if (is_scaling()) return scale_only();
  return limits_.rolling ? roll() : recreate();
}

// The sets were last scaled for another number of replicas than the deployment has now.
bool Rollout::is_scaling() const {
  for (const auto& set : active(all_sets()))
    if (auto desired = desired_replicas_annotation(*set); desired && *desired != limits_.replicas) return true;
  return false;
}

Result<Again> Rollout::scale_only() {
  TRY(scale());
  if (deployment().spec().paused()) TRY(clean_up());
  return tell_status();
}

Result<void> Rollout::scale() {
  Objects all = all_sets(), running = active(all);
  if (all.empty()) return {};
  if (running.size() <= 1) {
    // The only one that runs; none runs: the new one, or the youngest of the old ones.
    ObjectRef set = !running.empty() ? running[0] : newest_ ? newest_ : old_.back();
    if (replicas_of(set) != limits_.replicas) TRY(scale_set(set, limits_.replicas));
    return {};
  }
  bool saturated = newest_ && replicas_of(newest_) == limits_.replicas && desired_replicas_annotation(*newest_) == limits_.replicas &&
                   set_of(newest_).status().available_replicas() == limits_.replicas;
  if (saturated) {
    for (auto& set : active(old_)) TRY(scale_set(set, 0));
    return {};
  }
  if (!limits_.rolling) return {};
  return scale_in_proportion();
}

Result<void> Rollout::scale_in_proportion() {
  Objects running = active(all_sets());
  std::vector<SetSize> sizes;
  for (const auto& set : running) {
    SetSize size{metadata_of(*set).creation_timestamp(), metadata_of(*set).name(), replicas_of(set), 0};
    if (auto max = metadata_of(*set).annotations().get(kMaxReplicas); max && !parse_int(*max, size.max_replicas)) size.max_replicas = 0;
    sizes.push_back(size);
  }
  auto wanted = proportional_sizes(limits_, sizes, deployment().status().replicas());
  for (size_t i = 0; i < running.size(); i++) TRY(scale_set(running[i], wanted[i], true));
  return {};
}

Result<Again> Rollout::roll() {
  TRY(find_sets(Missing::Create));
  if (TRY(grow_new_set())) return tell_rollout();
  if (TRY(shrink_old_sets())) return tell_rollout();
  if (complete(object_)) TRY(clean_up());
  return tell_rollout();
}

Result<bool> Rollout::grow_new_set() {
  int32_t now = replicas_of(newest_);
  if (now == limits_.replicas) return false;
  if (now > limits_.replicas) return scale_set(newest_, limits_.replicas);
  return scale_set(newest_, new_set_size(limits_, now, total_replicas(all_sets())));
}

// First what does not work anyway, then as much as leaves enough that is available.
Result<bool> Rollout::shrink_old_sets() {
  Objects old = active(old_);
  if (old.empty()) return false;
  int32_t available_min = limits_.replicas - limits_.unavailable;
  int32_t new_unavailable = replicas_of(newest_) - reliable_replicas(newest_);
  int32_t may_go = total_replicas(all_sets()) - available_min - new_unavailable;
  if (may_go <= 0) return false;
  int32_t gone = 0;
  for (auto& set : old) {
    int32_t unhealthy = replicas_of(set) - reliable_replicas(set);
    if (gone >= may_go) break;
    if (unhealthy <= 0) continue;
    int32_t less = std::min(may_go - gone, unhealthy);
    TRY(scale_set(set, replicas_of(set) - less));
    gone += less;
  }
  int32_t spare = -available_min;
  for (const auto& set : all_sets()) spare += reliable_replicas(set);
  for (auto& set : old) {
    if (spare <= 0) break;
    int32_t less = std::min(replicas_of(set), spare);
    if (less == 0) continue;
    TRY(scale_set(set, replicas_of(set) - less));
    spare -= less;
    gone += less;
  }
  return gone > 0;
}

Result<Again> Rollout::recreate() {
  bool scaled = false;
  for (auto& set : active(old_)) scaled |= TRY(scale_set(set, 0));
  if (scaled || old_pods_running()) return tell_rollout();
  if (!newest_) TRY(find_sets(Missing::Create));
  TRY(scale_set(newest_, limits_.replicas));
  if (complete(object_)) TRY(clean_up());
  return tell_rollout();
}

bool Rollout::old_pods_running() const {
  for (const auto& set : old_)
    if (set_of(set).status().replicas() > 0) return true;
  for (const auto& object : pods_.all(metadata_of(*object_).namespace_())) {
    if (is_finished(pod_of(*object))) continue;
    auto owner = controller_of(*object).uid();
    for (const auto& set : old_)
      if (!owner.empty() && metadata_of(*set).uid() == owner) return true;
  }
  return false;
}

namespace {

class DeploymentController final : public Controller {
 public:
  explicit DeploymentController(Environment& environment) : environment_(environment) {}

  void watch(Watches& watches) override {
    deployments_ = &watches.each("apps", "deployments");
    auto selects = [](const Object& deployment, const Object& set) {
      auto selector = selector_of(deployment);
      return selector && !selector->empty() && selector->matches(set);
    };
    sets_ = std::make_unique<Dependents>(watches, kDeployments, *deployments_, "apps", "replicasets", selects);
    set_informer_ = &watches.read("apps", "replicasets");
    // Recreate waits for the last old pod to go.
    pods_ = &watches.on("", "pods", [this](const Change& change, const Watches::Enqueue& enqueue) { pod_changed(change, enqueue); });
  }

  Result<Again> reconcile(const Key& key) override {
    ObjectRef deployment = deployments_->find(key.name_space, key.name);
    if (!deployment) return Again::never();
    auto selector = selector_of(*deployment);
    if (!selector) return fail(std::move(selector).error().context(concat("deployment ", key.name_space, "/", key.name, " has invalid label selector: ")));
    Claim owner{environment_.api, kDeployments, *deployment, sets_->resource(), [&](const Object& set) { return selector->matches(set); }, {}};
    Objects sets = TRY(claim(owner, sets_->candidates(*deployment)));
    auto again = Rollout(environment_, *pods_, deployment, std::move(sets)).run();
    // Nothing can come of it, and the namespace's end will end it.
    if (!again && is_namespace_terminating(again.error())) return Again::never();
    return again;
  }

 private:
  void pod_changed(const Change& change, const Watches::Enqueue& enqueue) {
    if (change.object && !is_finished(pod_of(*change.object))) return;
    auto name_space = metadata_of(change.any()).namespace_();
    auto owner = controller_of(change.any());
    if (owner.kind() != kReplicaSets.kind) return;
    ObjectRef set = set_informer_->find(name_space, owner.name());
    if (!set) return;
    auto deployment_name = controller_of(*set).name();
    ObjectRef deployment = deployments_->find(name_space, deployment_name);
    if (deployment && deployment->as<Deployment>().spec().strategy().type() == "Recreate") enqueue(key_of(*deployment));
  }

  Environment& environment_;
  Informer *deployments_ = nullptr, *set_informer_ = nullptr, *pods_ = nullptr;
  std::unique_ptr<Dependents> sets_;
};

}  // namespace

std::unique_ptr<Controller> make_deployment_controller(Environment& environment) {
  return std::make_unique<DeploymentController>(environment);
}

}  // namespace sampan::controllers
