// News of the cluster: into the state, and to the pods that it may help.
#include "scheduler/scheduler.h"

namespace sampan::scheduler {

namespace {

// Pods that have ended take no room and are not to be placed: as if they were not there.
ObjectRef unless_finished(const ObjectRef& object) {
  return object && !is_finished(object->as<core_v1::Pod>()) ? object : ObjectRef();
}
bool is_assigned(const ObjectRef& object) { return object && !object->as<core_v1::Pod>().spec().node_name().empty(); }

}  // namespace

void Scheduler::subscribe() {
  auto other = [this](Kind kind, EventResource resource) {
    subscriptions_.push_back(lister_->of(kind).on_change([this, resource](const client::Change& change) { on_other(resource, change); }));
  };
  subscriptions_.push_back(namespaces_->on_change([this](const client::Change& change) {
    std::lock_guard lock(mutex_);
    if (change.object && change.previous && (*change.object)["metadata"]["labels"].equals((*change.previous)["metadata"]["labels"])) return;
    state_.set_namespace(change.any()["metadata"]["name"].as_string(), change.object);
  }));
  subscriptions_.push_back(nodes_->on_change([this](const client::Change& change) { on_node(change); }));
  subscriptions_.push_back(lister_->of(Kind::Pod).on_change([this](const client::Change& change) { on_pod(change); }));
  other(Kind::PersistentVolume, EventResource::PersistentVolume);
  other(Kind::PersistentVolumeClaim, EventResource::PersistentVolumeClaim);
  other(Kind::StorageClass, EventResource::StorageClass);
  other(Kind::CsiNode, EventResource::CsiNode);
  other(Kind::CsiDriver, EventResource::CsiDriver);
  other(Kind::CsiStorageCapacity, EventResource::CsiStorageCapacity);
  other(Kind::VolumeAttachment, EventResource::VolumeAttachment);
  other(Kind::ResourceClaim, EventResource::ResourceClaim);
  other(Kind::ResourceSlice, EventResource::ResourceSlice);
  other(Kind::DeviceClass, EventResource::DeviceClass);
}

void Scheduler::on_other(EventResource resource, const client::Change& change) {
  std::lock_guard lock(mutex_);
  uint32_t action = !change.previous ? kAdd : !change.object ? kDelete : kUpdate;
  queue_->move({resource, action, change.previous.get(), change.object.get()});
  if (resource == EventResource::PersistentVolume || resource == EventResource::PersistentVolumeClaim || resource == EventResource::ResourceClaim) {
    std::vector<std::string> uids;
    for (auto& [uid, placement] : waiting_) uids.push_back(uid);
    for (auto& uid : uids) resume(uid);
  }
  kick();
}

void Scheduler::on_node(const client::Change& change) {
  std::lock_guard lock(mutex_);
  if (!change.object) {
    queue_->move({EventResource::Node, kDelete, change.previous.get(), nullptr});
    state_.remove_node(change.previous->as<core_v1::Node>().metadata().name());
    return kick();
  }
  if (!change.previous) {
    state_.set_node(change.object);
    queue_->move({EventResource::Node, kAdd, nullptr, change.object.get()});
    return kick();
  }
  state_.set_node(change.object);
  for (auto action : node_changes(*change.previous, *change.object))
    queue_->move({EventResource::Node, action, change.previous.get(), change.object.get()});
  kick();
}

void Scheduler::on_pod(const client::Change& change) {
  auto before = unless_finished(change.previous), after = unless_finished(change.object);
  std::lock_guard lock(mutex_);
  auto uid_of = [](const ObjectRef& object) { return object->as<core_v1::Pod>().metadata().uid(); };
  if (change.previous && change.object && uid_of(change.previous) != uid_of(change.object)) {  // another pod of the same name
    on_pod_states(before, nullptr);
    before = nullptr;
  }
  on_pod_states(before, after);
  kick();
}

void Scheduler::on_pod_states(const ObjectRef& before, const ObjectRef& after) {
  if (is_assigned(after)) return pod_assigned(before, after);
  if (after) return pod_waits(before, after);
  if (before) pod_gone(before);
}

void Scheduler::pod_assigned(const ObjectRef& before, const ObjectRef& after) {
  auto uid = after->as<core_v1::Pod>().metadata().uid();
  bool was_there = state_.set_pod(after);
  if (was_there && before) {
    for (auto action : pod_changes(*before, *after)) queue_->move({EventResource::AssignedPod, action, before.get(), after.get()});
    return;
  }
  queue_->remove(uid);
  state_.withdraw(uid);
  queue_->move({EventResource::AssignedPod, kAdd, nullptr, after.get()});
}

void Scheduler::pod_waits(const ObjectRef& before, const ObjectRef& after) {
  auto pod = state_.make_pod(after);
  if (!profile_of(*pod)) return;
  if (state_.is_placed(pod->uid)) return;  // it is being bound; if nobody wants it any more, the binding fails
  before ? queue_->update(*before, pod) : queue_->add(pod);
  auto nominated = pod->pod.status().nominated_node_name();
  auto was = before ? before->as<core_v1::Pod>().status().nominated_node_name() : std::string_view();
  if (nominated.empty() && was.empty()) {
    // What was decided here and is not written yet stays.
    if (auto node = std::string(state_.nominated_node(pod->uid)); !node.empty()) state_.nominate(pod, node);
    return;
  }
  state_.nominate(pod, nominated);
  if (was.empty() || was == nominated) return;
  // The room that was kept for it is free for others that are no more important.
  queue_->move({EventResource::AssignedPod, kDelete, before.get(), nullptr},
               [&](const PodInfo& other) { return other.priority <= pod->priority && other.uid != pod->uid; });
}

void Scheduler::pod_gone(const ObjectRef& before) {
  auto view = before->as<core_v1::Pod>();
  auto uid = view.metadata().uid();
  bool had_room = state_.is_placed(uid) || !view.status().nominated_node_name().empty() || !state_.nominated_node(uid).empty();
  queue_->remove(uid);
  state_.withdraw(uid);
  // One that was still being bound names no node, by which plug-ins could tell that it had room.
  bool assumed = state_.is_assumed(uid);
  state_.remove_pod(uid);
  if (assumed)
    queue_->move({EventResource::Any, kAll, before.get(), nullptr, "AssignedPodDelete"});
  else if (had_room)
    queue_->move({EventResource::AssignedPod, kDelete, before.get(), nullptr});
}

}  // namespace sampan::scheduler
