// From a decision to a bound pod: permit, pre-bind, bind, post-bind; and back, where one of them does not come about.
#include "base/log.h"
#include "base/text.h"
#include "scheduler/metrics.h"
#include "scheduler/scheduler.h"

namespace sampan::scheduler {

// On a writer's thread, without the mutex.
void Scheduler::carry_out(const PlacementRef& placement) {
  auto& profile = *profile_of(*placement->pod);
  auto status = profile.pre_bind(*placement);
  if (status.code == Code::Wait) return wait_for_volumes(placement, status.wait_us);
  if (status.ok()) status = profile.bind(*placement);
  if (!status.ok()) return give_up(placement, status);
  placed(*placement);
  profile.post_bind(*placement);
}

void Scheduler::placed(const Placement& placement) {
  auto& pod = *placement.pod;
  tell(pod, nullptr, client::kNormal, "Scheduled", "Binding", concat("Successfully assigned ", pod.key, " to ", placement.node));
  int64_t now = setup_.clock->monotonic_us();
  auto seconds = [now](int64_t since) { return static_cast<double>(now - since) / 1e6; };
  auto& name = profile_of(pod)->name();
  metrics().attempts.with({"scheduled", name}).add();
  metrics().attempt_duration.with({"scheduled", name}).observe(seconds(placement.started_us));
  metrics().pod_attempts.with({}).observe(placement.attempts);
  std::lock_guard lock(mutex_);
  auto queued = being_placed_.find(std::string(pod.uid));
  if (queued == being_placed_.end()) return;
  auto attempts = placement.attempts >= 15 ? std::string("15+") : concat(placement.attempts);
  metrics().sli_duration.with({attempts}).observe(seconds(queued->second.first_attempt_us));
  if (queued->second.flushed) metrics().after_flush.with({}).add();
  being_placed_.erase(queued);
}

void Scheduler::wait_for_volumes(const PlacementRef& placement, int64_t us) {
  std::string uid(placement->pod->uid);
  std::lock_guard lock(mutex_);
  waiting_[uid] = placement;
  setup_.executor->after(us, scope_.guard([this, uid] {
    std::lock_guard lock(mutex_);
    resume(uid);
  }));
}

// Under the mutex. Whoever comes first, news or the time, looks again.
void Scheduler::resume(const std::string& uid) {
  auto at = waiting_.find(uid);
  if (at == waiting_.end() || closing_) return;
  auto placement = std::move(at->second);
  waiting_.erase(at);
  writer_->post(uid, [this, placement] { carry_out(placement); });
}

// Under the mutex.
void Scheduler::wait_for_permit(const PlacementRef& placement, const Status& status) {
  std::string uid(placement->pod->uid);
  awaiting_permit_[uid] = placement;
  auto why = concat("rejected due to timeout after waiting ", status.wait_us / 1'000'000, "s at plugin ", status.plugin);
  setup_.executor->after(status.wait_us, scope_.guard([this, uid, why] { reject(uid, why); }));
}

void Scheduler::allow(std::string_view uid) {
  std::lock_guard lock(mutex_);
  auto at = awaiting_permit_.find(std::string(uid));
  if (at == awaiting_permit_.end()) return;
  auto placement = std::move(at->second);
  awaiting_permit_.erase(at);
  writer_->post(uid, [this, placement] { carry_out(placement); });
}

void Scheduler::reject(std::string_view uid, std::string_view why) {
  PlacementRef placement;
  {
    std::lock_guard lock(mutex_);
    auto at = awaiting_permit_.find(std::string(uid));
    if (at == awaiting_permit_.end()) return;
    placement = std::move(at->second);
    awaiting_permit_.erase(at);
  }
  give_up(placement, Status::of(Code::Unschedulable, std::string(why)));
}

// What was held is let go; the pod comes into the queue again, where it is not placed or gone after all.
void Scheduler::give_up(const PlacementRef& placement, const Status& status) {
  std::lock_guard lock(mutex_);
  if (closing_) return;
  auto& pod = placement->pod;
  auto& profile = *profile_of(*pod);
  profile.unreserve(*placement);
  bool was_held = state_.forget(pod->uid);
  auto entry = being_placed_.find(std::string(pod->uid));
  if (entry == being_placed_.end()) return kick();
  auto queued = std::move(entry->second);
  being_placed_.erase(entry);
  Failure failure{status.code, status.message(), {}, std::string(), placement->started_us};
  if (is_rejection(status.code) && !status.plugin.empty()) failure.refused_by.insert(status.plugin);
  if (was_held) failed(std::move(queued), profile, std::move(failure));
  // Its room is free again, as if it had been deleted. Its object names no node yet, by which plug-ins could tell that.
  ClusterEvent event{EventResource::Any, kAll, pod->object.get(), nullptr, "AssignedPodDelete"};
  if (was_held) queue_->move(event, [&](const PodInfo& other) { return other.uid != pod->uid; });
  kick();
}

}  // namespace sampan::scheduler
