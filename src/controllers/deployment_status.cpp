// What a deployment says of itself: counts, and the conditions Available, Progressing and ReplicaFailure.
#include "base/text.h"
#include "controllers/conditions.h"
#include "controllers/deployment_rollout.h"

namespace sampan::controllers {

namespace {

constexpr ConditionForm kForm{.update_time = true, .keep_transition = true};

}  // namespace

void Rollout::tell(std::string_view type, std::string_view reason, std::string message) {
  environment_.events.tell(client::Reference::of(kDeployments.served(), *object_), type, reason, std::move(message));
}

bool Rollout::has_deadline() const {
  auto deadline = deployment().spec().progress_deadline_seconds();
  return deadline && *deadline != INT32_MAX;
}

bool Rollout::complete(const ObjectRef& object) const {
  auto status = object->as<Deployment>().status();
  return status.updated_replicas() == limits_.replicas && status.replicas() == limits_.replicas &&
         status.available_replicas() == limits_.replicas && status.observed_generation() >= deployment().metadata().generation();
}

Result<void> Rollout::write(const Change& change) {
  Arena arena;
  Value tree = schema::thaw(*object_, arena);
  change(tree);
  ObjectRef wanted = TRY(schema::freeze(tree, object_->type()));
  if (wanted->view().equals(object_->view())) return {};
  object_ = TRY(environment_.api.update_status(kDeployments.served(), tree));
  return {};
}

void Rollout::put_progress(Value status, std::string_view truth, std::string_view reason, std::string message) const {
  set_condition(status, {"Progressing", truth, reason, std::move(message)}, environment_.now_seconds(), kForm);
}

Result<void> Rollout::note_pause() {
  if (!has_deadline()) return {};
  auto reason = find_condition(deployment().status().conditions(), "Progressing").reason();
  bool paused = deployment().spec().paused(), said = reason == "DeploymentPaused";
  if (reason == "ProgressDeadlineExceeded" || paused == said) return {};
  return write([&](Value tree) {
    if (paused) put_progress(tree.ensure_object("status"), "Unknown", "DeploymentPaused", "Deployment is paused");
    else put_progress(tree.ensure_object("status"), "Unknown", "DeploymentResumed", "Deployment is resumed");
  });
}

void Rollout::count(Value status) const {
  Objects all = all_sets();
  int32_t replicas = 0, ready = 0, available = available_replicas(all), terminating = 0;
  bool terminating_known = true;
  for (const auto& set : all) {
    auto of_set = set_of(set).status();
    replicas += of_set.replicas();
    ready += of_set.ready_replicas();
    terminating += of_set.terminating_replicas().value_or(0);
    terminating_known &= of_set.terminating_replicas().has_value() || of_set.observed_generation() == 0;
  }
  status.set("observedGeneration", deployment().metadata().generation());
  status.set("replicas", replicas);
  status.set("updatedReplicas", newest_ ? set_of(newest_).status().replicas() : 0);
  status.set("readyReplicas", ready);
  status.set("availableReplicas", available);
  status.set("unavailableReplicas", std::max(0, total_replicas(all) - available));
  if (terminating_known) status.set("terminatingReplicas", terminating);
  else status.remove("terminatingReplicas");
  Condition enough{"Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability."};
  if (available < limits_.replicas - limits_.unavailable)
    enough = {"Available", "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability."};
  set_condition(status, enough, environment_.now_seconds(), kForm);
}

Result<Again> Rollout::tell_status() {
  TRY(write([&](Value tree) { count(tree.ensure_object("status")); }));
  return Again::never();
}

// Compares the counts in the tree with those of the status that is still the deployment's.
void Rollout::judge_progress(Value status) const {
  if (!has_deadline()) return remove_condition(status, "Progressing");
  auto before = deployment().status();
  auto current = find_condition(before.conditions(), "Progressing");
  auto now = [&](const char* field) { return static_cast<int32_t>(status[field].as_int()); };
  if (now("replicas") == now("updatedReplicas") && current.reason() == "NewReplicaSetAvailable") return;
  std::string subject = newest_ ? concat("ReplicaSet ", quoted(metadata_of(*newest_).name()))
                                : concat("Deployment ", quoted(deployment().metadata().name()));
  bool done = now("updatedReplicas") == limits_.replicas && now("replicas") == limits_.replicas && now("availableReplicas") == limits_.replicas;
  if (done) return put_progress(status, "True", "NewReplicaSetAvailable", concat(subject, " has successfully progressed."));
  bool moved = now("updatedReplicas") > before.updated_replicas() ||
               now("replicas") - now("updatedReplicas") < before.replicas() - before.updated_replicas() ||
               now("readyReplicas") > before.ready_replicas() || now("availableReplicas") > before.available_replicas();
  if (moved) {
    // Said anew even if it was said before, for its time is what the deadline counts from.
    Value said = condition_in(status, "Progressing"), transition = said["lastTransitionTime"];
    bool was_true = said["status"].as_string() == "True";
    remove_condition(status, "Progressing");
    put_progress(status, "True", "ReplicaSetUpdated", concat(subject, " is progressing."));
    if (was_true && transition.is_string()) condition_in(status, "Progressing").set("lastTransitionTime", transition);
    return;
  }
  if (!current.present() || current.reason() == "NewReplicaSetAvailable") return;
  int64_t deadline_us = (current.last_update_time() + *deployment().spec().progress_deadline_seconds()) * 1'000'000;
  if (current.reason() == "ProgressDeadlineExceeded" || deadline_us < environment_.clock.now_us())
    put_progress(status, "False", "ProgressDeadlineExceeded", concat(subject, " has timed out progressing."));
}

// The new set's failure, or one of any set.
void Rollout::report_failures(Value status) const {
  Objects all = all_sets();
  if (newest_) all.insert(all.begin(), newest_);
  for (const auto& set : all) {
    auto failure = find_condition(set_of(set).status().conditions(), "ReplicaFailure");
    if (!failure.present()) continue;
    Condition condition{"ReplicaFailure", failure.status(), failure.reason(), std::string(failure.message())};
    set_condition(status, condition, failure.last_transition_time(), kForm);
    return;
  }
  remove_condition(status, "ReplicaFailure");
}

Result<Again> Rollout::tell_rollout() {
  TRY(write([&](Value tree) {
    Value status = tree.ensure_object("status");
    count(status);
    judge_progress(status);
    report_failures(status);
  }));
  return when_stuck();
}

// Nothing may happen any more when the deadline passes.
Again Rollout::when_stuck() const {
  auto current = find_condition(deployment().status().conditions(), "Progressing");
  if (!has_deadline() || !current.present() || current.reason() == "ProgressDeadlineExceeded" || complete(object_)) return Again::never();
  int64_t deadline_us = (current.last_update_time() + *deployment().spec().progress_deadline_seconds()) * 1'000'000;
  return Again::in(std::max<int64_t>(deadline_us - environment_.clock.now_us(), 0) + 1'000'000);
}

}  // namespace sampan::controllers
