// What the scheduler writes of pods but for the binding: conditions, nominations, evictions, events.
#include "base/encoding.h"
#include "base/log.h"
#include "base/text.h"
#include "scheduler/metrics.h"
#include "scheduler/scheduler.h"

namespace sampan::scheduler {

using schema::Value;

namespace {

const schema::Resource& pods() {
  static const schema::Resource& resource = client::builtin("", "pods");
  return resource;
}

Value condition(Arena& arena, const core_v1::Pod& pod, std::string_view type, std::string_view status, std::string_view reason,
                std::string_view message, int64_t now) {
  Value out = Value::object(arena);
  out.set("type", type);
  out.set("status", status);
  out.set("observedGeneration", pod.metadata().generation());
  out.set("reason", reason);
  out.set("message", arena.copy(message));
  // The time is of the last change of the status, not of the reason.
  int64_t since = now;
  for (auto before : pod.status().conditions())
    if (before.type() == type && before.status() == status) since = before.last_transition_time();
  std::string text;
  append_time(text, since);
  out.set("lastTransitionTime", arena.copy(text));
  return out;
}

bool has_condition(const core_v1::Pod& pod, std::string_view type, std::string_view status, std::string_view reason, std::string_view message) {
  for (auto one : pod.status().conditions())
    if (one.type() == type)
      return one.status() == status && one.reason() == reason && one.message() == message &&
             one.observed_generation() == pod.metadata().generation();
  return false;
}

}  // namespace

void Scheduler::tell(const PodInfo& pod, const PodInfo* related, std::string_view type, std::string_view reason, std::string_view action,
                     std::string note) {
  auto at = events_.find(pod.pod.spec().scheduler_name());
  if (at == events_.end()) at = events_.begin();
  auto about = client::Reference::of(pods(), *pod.object);
  if (!related) return at->second->tell(about, nullptr, type, reason, action, std::move(note));
  auto other = client::Reference::of(pods(), *related->object);
  at->second->tell(about, &other, type, reason, action, std::move(note));
}

void Scheduler::write_status(const PodRef& pod, std::string reason, std::string message, std::optional<std::string> nominate) {
  bool same_node = !nominate || *nominate == pod->pod.status().nominated_node_name();
  bool same_condition = has_condition(pod->pod, "PodScheduled", "False", reason, message);
  if (same_node && same_condition) return;
  writer_->post(pod->uid, [this, pod, reason = std::move(reason), message = std::move(message), nominate = std::move(nominate), same_node] {
    Arena arena;
    Value patch = Value::object(arena), status = patch.ensure_object("status");
    patch.ensure_object("metadata").set("uid", pod->uid);
    Value list = status.ensure_list("conditions");
    list.push(condition(arena, pod->pod, "PodScheduled", "False", reason, message, setup_.clock->now_us() / 1'000'000));
    if (!same_node) status.set("nominatedNodeName", nominate->empty() ? Value::null() : Value(std::string_view(*nominate)));
    auto written = api_->patch(pods(), pod->name_space, pod->name, client::PatchType::Strategic, patch, {.subresource = "status"});
    if (!written && !written.error().is(Reason::NotFound)) LOG_V(1, "status of ", pod->key, ": ", written.error().message());
  });
}

void Scheduler::clear_nomination(const PodRef& pod) {
  writer_->post(pod->uid, [this, pod] {
    Arena arena;
    Value patch = Value::object(arena);
    patch.ensure_object("metadata").set("uid", pod->uid);
    patch.ensure_object("status").set("nominatedNodeName", Value::null());
    auto written = api_->patch(pods(), pod->name_space, pod->name, client::PatchType::Strategic, patch, {.subresource = "status"});
    if (!written && !written.error().is(Reason::NotFound)) LOG_V(1, "nomination of ", pod->key, ": ", written.error().message());
  });
}

// False: it could not be told to go.
bool Scheduler::evict(const PodInfo& preemptor, const PodInfo& victim, std::string_view node) {
  Arena arena;
  auto message = concat(preemptor.pod.spec().scheduler_name(), ": preempting to accommodate a higher priority pod");
  Value patch = Value::object(arena);
  patch.ensure_object("metadata").set("uid", victim.uid);
  patch.ensure_object("status").ensure_list("conditions").push(
      condition(arena, victim.pod, "DisruptionTarget", "True", "PreemptionByScheduler", message, setup_.clock->now_us() / 1'000'000));
  auto patched = api_->patch(pods(), victim.name_space, victim.name, client::PatchType::Strategic, patch, {.subresource = "status"});
  if (!patched) return patched.error().is(Reason::NotFound);
  auto removed = api_->remove(pods(), victim.name_space, victim.name, {.uid = victim.uid});
  if (!removed) return removed.error().is(Reason::NotFound);
  tell(victim, &preemptor, client::kNormal, "Preempted", "Preempting", concat("Preempted by pod ", preemptor.uid, " on node ", node));
  return true;
}

// Under the mutex: called while a pod is being decided on.
void Scheduler::preempt(const PodRef& preemptor, const std::vector<PodRef>& victims, std::string_view node) {
  metrics().preemption_attempts.with({}).add();
  std::vector<PodRef> to_go;
  for (auto& victim : victims)
    if (!victim->terminating) to_go.push_back(victim);
  // Pods of lower priority that were promised this node look for another.
  if (auto* promised = state_.nominated(node))
    for (auto& pod : std::vector<PodRef>(*promised))
      if (pod->priority < preemptor->priority) {
        state_.withdraw(pod->uid);
        clear_nomination(pod);
      }
  if (to_go.empty()) return;
  metrics().preemption_victims.with({}).observe(static_cast<double>(victims.size()));
  preempting_.insert(std::string(preemptor->uid));
  writer_->post(concat("preempt ", preemptor->uid), [this, preemptor, to_go, node = std::string(node)] {
    bool all = true;
    for (auto& victim : to_go) all &= evict(*preemptor, *victim, node);
    std::lock_guard lock(mutex_);
    preempting_.erase(std::string(preemptor->uid));
    if (!all) queue_->activate(preemptor->uid);
    kick();
  });
}

}  // namespace sampan::scheduler
