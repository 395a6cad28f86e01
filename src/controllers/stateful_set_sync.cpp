// What comes in which order.
#include "controllers/stateful_set_sync.h"

#include "base/held.h"
#include "base/text.h"
#include "controllers/pod_control.h"
#include "controllers/scaled_value.h"
#include "controllers/template_hash.h"

namespace sampan::controllers {

namespace {

std::string_view revision_of_pod(const Object& pod) { return metadata_of(pod).labels().get(kRevisionHash).value_or(""); }

}  // namespace

StatefulSetSync::StatefulSetSync(Environment& environment, Informer& claims, ObjectRef set, Objects pods, Objects revisions)
    : environment_(environment),
      claims_(claims),
      object_(std::move(set)),
      pods_(std::move(pods)),
      revisions_(std::move(revisions)),
      collisions_(this->set().status().collision_count().value_or(0)),
      ordinals_(Ordinals::of(this->set())) {
  sort_revisions(revisions_);
}

void StatefulSetSync::tell(std::string_view type, std::string_view reason, std::string message) {
  environment_.events.tell(client::Reference::of(kStatefulSets.served(), *object_), type, reason, std::move(message));
}

// verb: "Create", "Update", "Delete"
void StatefulSetSync::tell_pod(std::string_view verb, std::string_view pod, const Error* error) {
  std::string what = concat(verb, " Pod ", pod, " in StatefulSet ", name());
  if (error) tell(client::kWarning, concat("Failed", verb), concat(what, " failed error: ", error->message()));
  else tell(client::kNormal, concat("Successful", verb), concat(what, " successful"));
}

bool StatefulSetSync::available(const Replica& replica) const {
  if (!replica.pod || is_deleted(pod_of(*replica.pod))) return false;
  return is_available(pod_of(*replica.pod), set().spec().min_ready_seconds(), environment_.clock.now_us());
}

// Each pod to its ordinal; those without one are condemned, the highest first.
void StatefulSetSync::place(Objects pods) {
  // No more empty places than can be filled in one go: how many there are to be is a user's word, the memory is that of the whole control plane.
  constexpr size_t kEmptyMax = 5000;
  replicas_.resize(std::min(static_cast<size_t>(ordinals_.count), pods.size() + kEmptyMax));
  for (int i = 0; i < places(); i++) replicas_[i] = {ordinals_.first + i, nullptr, concat(name(), "-", ordinals_.first + i)};
  for (auto& pod : pods) {
    std::string pod_name(metadata_of(*pod).name());
    int ordinal = PodPlace::of(pod_name).ordinal;
    if (ordinals_.has(ordinal)) {
      if (ordinal - ordinals_.first < places()) replicas_[ordinal - ordinals_.first].pod = std::move(pod);
    } else if (ordinal >= 0) condemned_.push_back({ordinal, std::move(pod), std::move(pod_name)});
  }
  std::sort(condemned_.begin(), condemned_.end(), [](const Replica& a, const Replica& b) { return a.ordinal > b.ordinal; });
  for (const auto& replica : replicas_)
    if (!available(replica)) {
      first_unavailable_ = replica.pod.get();
      return;
    }
  for (auto at = condemned_.rbegin(); at != condemned_.rend(); ++at)
    if (!available(*at)) {
      first_unavailable_ = at->pod.get();
      return;
    }
}

Result<Again> StatefulSetSync::run() {
  TRY(find_revisions());
  place(pods_);
  Result<void> managed;
  if (!metadata_of(*object_).deletion_timestamp()) managed = manage();
  ObjectRef told = TRY(tell_status());
  TRY(drop_old_revisions());
  if (!managed) return fail(std::move(managed).error());
  int32_t min_ready = set().spec().min_ready_seconds();
  auto status = told->as<StatefulSet>().status();
  if (min_ready > 0 && status.ready_replicas() != status.available_replicas()) {
    int64_t next = next_available_us(pods_, min_ready, environment_.clock.now_us());
    int64_t in = next >= 0 ? next : int64_t{min_ready} * 1'000'000;
    if (look_again_us_ < 0 || in < look_again_us_) look_again_us_ = in;
  }
  return Again{look_again_us_};
}

Result<void> StatefulSetSync::find_revisions() {
  std::string data = revision_data((*object_)["spec"]["template"]);
  int64_t next = revisions_.empty() ? 1 : add_held<int64_t>(revision_number(*revisions_.back()), 1);
  ObjectRef equal;
  for (const auto& revision : revisions_)
    if ((*revision)["data"].as_string() == data) equal = revision;
  if (!equal && !revisions_.empty()) {
    // Written by a version that knew other fields or defaults, but it means the same.
    if (auto content = revision_template(*revisions_.back()); content && same_template((**content).view(), (*object_)["spec"]["template"]))
      equal = revisions_.back();
  }
  if (!equal) TRY(create_revision(data));
  else if (equal == revisions_.back()) newest_ = equal;
  else newest_ = TRY(renumber_revision(environment_.api, equal, next));
  for (const auto& revision : revisions_)
    if (metadata_of(*revision).name() == set().status().current_revision()) current_ = revision;
  if (!current_) current_ = newest_;
  return {};
}

Result<void> StatefulSetSync::create_revision(std::string_view data) {
  int64_t number = revisions_.empty() ? 1 : add_held<int64_t>(revision_number(*revisions_.back()), 1);
  const auto& resource = client::builtin("apps", "controllerrevisions");
  auto name_space = metadata_of(*object_).namespace_();
  while (true) {
    std::string hash = revision_data_hash(data, collisions_), revision = revision_name(name(), hash);
    Arena arena;
    Value tree = new_revision(kStatefulSets, *object_, revision, data, number, arena);
    tree["metadata"].ensure_object("labels").set(kRevisionDataHash, std::string_view(hash));
    auto made = environment_.api.create(resource, name_space, tree);
    if (!made && made.error().is(Reason::AlreadyExists)) {
      made = environment_.api.get(resource, name_space, revision);
      if (made && (**made)["data"].as_string() != data) {
        collisions_++;
        continue;
      }
    }
    newest_ = TRY(std::move(made));
    return {};
  }
}

Result<StatefulSetSync::Then> StatefulSetSync::for_all(std::vector<Replica>& replicas, Result<Then> (StatefulSetSync::*step)(Replica&)) {
  if (in_order()) {
    for (auto& replica : replicas)
      if (TRY((this->*step)(replica)) == Then::Stop) return Then::Stop;
    return Then::GoOn;
  }
  auto batch = slow_start(static_cast<int>(replicas.size()), [&](int i) -> Result<void> {
    TRY((this->*step)(replicas[i]));
    return {};
  });
  if (batch.error) return fail(std::move(*batch.error));
  return Then::GoOn;
}

Result<void> StatefulSetSync::manage() {
  if (TRY(for_all(replicas_, &StatefulSetSync::keep)) == Then::Stop) return {};
  if (TRY(for_all(condemned_, &StatefulSetSync::correct_claims)) == Then::Stop) return {};
  if (TRY(for_all(condemned_, &StatefulSetSync::condemn)) == Then::Stop) return {};
  if (set().spec().update_strategy().type() == "OnDelete") return {};
  return update();
}

// A pod that shall be there.
Result<StatefulSetSync::Then> StatefulSetSync::keep(Replica& replica) {
  if (replica.pod && is_finished(pod_of(*replica.pod))) {
    if (!is_deleted(pod_of(*replica.pod))) TRY(remove_pod(replica));
    return Then::Stop;
  }
  if (!replica.pod) {
    if (claim_is_stale(replica)) {
      look_again_us_ = 1'000'000;  // it goes with the pod that was
      return Then::Stop;
    }
    TRY(create_pod(replica));
    return in_order() ? Then::Stop : Then::GoOn;
  }
  Pod pod = pod_of(*replica.pod);
  if (pod.status().phase() == "Pending") {
    TRY(create_claims(replica));
    TRY(correct_claims(replica));
  }
  if (in_order() && (is_deleted(pod) || pod.status().phase() != "Running" || !available(replica))) return Then::Stop;
  if (!is_right(replica)) TRY(correct_pod(replica));
  if (!claims_are_right(replica)) TRY(correct_claims(replica));
  return Then::GoOn;
}

// A pod that shall go, once all those that stay are well; one that is itself the trouble need not wait for that.
Result<StatefulSetSync::Then> StatefulSetSync::condemn(Replica& replica) {
  if (is_deleted(pod_of(*replica.pod))) return Then::Stop;
  if (in_order() && !available(replica) && replica.pod.get() != first_unavailable_) return Then::Stop;
  TRY(remove_pod(replica));
  return Then::Stop;
}

Result<void> StatefulSetSync::update() {
  auto rolling = set().spec().update_strategy().rolling_update();
  int lowest = rolling.partition().value_or(0);
  if (!rolling.max_unavailable()) return update_one_by_one(lowest);
  int32_t limit = std::max(1, scaled_value(rolling.max_unavailable(), ordinals_.count, Round::Down));
  limit -= ordinals_.count - places();
  for (const auto& replica : replicas_) limit -= !available(replica);
  for (int i = places() - 1; i >= lowest && limit > 0; i--) {
    Replica& replica = replicas_[i];
    if (!replica.pod || revision_of_pod(*replica.pod) == metadata_of(*newest_).name() || is_deleted(pod_of(*replica.pod))) continue;
    TRY(remove_pod(replica));
    updating_++;
    limit--;
  }
  return {};
}

// From the highest down; the next only when those above are of the new revision and available.
Result<void> StatefulSetSync::update_one_by_one(int lowest) {
  for (int i = places() - 1; i >= lowest; i--) {
    Replica& replica = replicas_[i];
    if (!replica.pod) return {};
    if (revision_of_pod(*replica.pod) != metadata_of(*newest_).name() && !is_deleted(pod_of(*replica.pod))) {
      TRY(remove_pod(replica));
      updating_++;
      return {};
    }
    if (!available(replica)) return {};
  }
  return {};
}

Result<ObjectRef> StatefulSetSync::tell_status() {
  int32_t replicas = 0, ready = 0, available = 0, current = 0, updated = 0;
  auto current_name = metadata_of(*current_).name(), newest_name = metadata_of(*newest_).name();
  auto count = [&](const Replica& replica) {
    if (!replica.pod) return;
    Pod pod = pod_of(*replica.pod);
    replicas++;
    bool runs = pod.status().phase() == "Running" && is_ready(pod);
    ready += runs;
    available += runs && is_available(pod, set().spec().min_ready_seconds(), environment_.clock.now_us());
    if (is_deleted(pod)) return;
    current += revision_of_pod(*replica.pod) == current_name;
    updated += revision_of_pod(*replica.pod) == newest_name;
  };
  for (const auto& replica : replicas_) count(replica);
  for (const auto& replica : condemned_) count(replica);
  current -= updating_;
  int32_t wanted = ordinals_.count;
  if (set().spec().update_strategy().type() == "RollingUpdate" && updated == wanted && ready == wanted && replicas == wanted) {
    current = updated;
    current_name = newest_name;
  }
  return write_status(environment_.api, kStatefulSets.served(), object_, [&](Value status, Arena&) {
    status.set("observedGeneration", metadata_of(*object_).generation());
    status.set("replicas", replicas);
    status.set("readyReplicas", ready);
    status.set("availableReplicas", available);
    status.set("currentReplicas", current);
    status.set("updatedReplicas", updated);
    status.set("currentRevision", current_name);
    status.set("updateRevision", newest_name);
    status.set("collisionCount", collisions_);
  });
}

Result<void> StatefulSetSync::drop_old_revisions() {
  int32_t limit = set().spec().revision_history_limit().value_or(10);
  Objects unused;
  for (const auto& revision : revisions_) {
    auto revision_name = metadata_of(*revision).name();
    bool used = revision_name == metadata_of(*current_).name() || revision_name == metadata_of(*newest_).name();
    for (const auto& pod : pods_) used |= revision_of_pod(*pod) == revision_name;
    if (!used) unused.push_back(revision);
  }
  if (limit < 0) return {};
  for (size_t i = 0; i + static_cast<size_t>(limit) < unused.size(); i++) {
    auto removed = environment_.api.remove(client::builtin("apps", "controllerrevisions"), metadata_of(*object_).namespace_(),
                                           metadata_of(*unused[i]).name());
    if (!removed && !removed.error().is(Reason::NotFound)) return removed;
  }
  return {};
}

}  // namespace sampan::controllers
