#include "scheduler/scheduler.h"

#include "base/log.h"
#include "base/text.h"
#include "scheduler/metrics.h"

namespace sampan::scheduler {

namespace {
constexpr unsigned kDecideAtOnce = 16;  // pods in one go, so that news is heard between
}  // namespace

Scheduler::Scheduler(Setup setup) : setup_(std::move(setup)) {
  api_ = setup_.connect({"system:kube-scheduler", {"system:authenticated"}, "kube-scheduler"});
}

Result<std::unique_ptr<Scheduler>> Scheduler::create(Setup setup) {
  std::unique_ptr<Scheduler> scheduler(new Scheduler(std::move(setup)));
  TRY(scheduler->open());
  return scheduler;
}

Result<void> Scheduler::open() {
  auto& informers = *setup_.informers;
  lister_ = TRY(InformerLister::open(informers));
  nodes_ = TRY(informers.of(client::builtin("", "nodes")));
  namespaces_ = TRY(informers.of(client::builtin("", "namespaces")));
  for (auto& config : setup_.config.profiles) {
    auto profile = TRY(Profile::create(config, Environment{state_, *lister_, *this, *api_, *setup_.clock, *setup_.random}));
    auto name = profile->name();
    events_[name] = std::make_unique<client::Events>(*api_, *setup_.clock, *setup_.executor, name);
    profiles_[name] = std::move(profile);
  }
  Queue::Options options;
  options.initial_backoff_us = setup_.config.pod_initial_backoff_seconds * 1'000'000;
  options.max_backoff_us = setup_.config.pod_max_backoff_seconds * 1'000'000;
  queue_ = std::make_unique<Queue>(*setup_.clock, [this](const PodInfo& pod) { return profile_of(pod); }, options);
  algorithm_ = std::make_unique<Algorithm>(state_, *setup_.random, setup_.config.percentage_of_nodes_to_score);
  writer_ = std::make_unique<Writer>(*setup_.clock, *setup_.executor, setup_.writes_at_once);
  return {};
}

Scheduler::~Scheduler() {
  subscriptions_.clear();
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
    if (timer_due_us_ >= 0) setup_.executor->cancel(timer_);
  }
  scope_.close();
  writer_.reset();
}

void Scheduler::start() {
  subscribe();
  setup_.informers->start();
  // What is there is known before the first decision: nodes and volumes first, so that no pod is told that there are none.
  setup_.informers->each([](client::Informer& informer) { informer.catch_up(); });
  std::lock_guard lock(mutex_);
  started_ = true;
  kick();
}

bool Scheduler::idle() {
  std::lock_guard lock(mutex_);
  return !posted_ && !queue_->has_work() && being_placed_.empty() && preempting_.empty() && writer_->idle();
}

Profile* Scheduler::profile_of(const PodInfo& pod) const {
  auto at = profiles_.find(pod.pod.spec().scheduler_name());
  return at == profiles_.end() ? nullptr : at->second.get();
}

// Whatever may have given the queue work to do ends with this.
void Scheduler::kick() {
  if (!started_ || closing_) return;
  if (!posted_ && queue_->has_work()) {
    posted_ = true;
    setup_.executor->post(scope_.guard([this] { run(); }));
  }
  arm_timer();
}

void Scheduler::arm_timer() {
  int64_t due = queue_->next_due_us();
  if (due == timer_due_us_) return;
  if (timer_due_us_ >= 0) setup_.executor->cancel(timer_);
  timer_due_us_ = due;
  if (due < 0) return;
  int64_t delay = std::max<int64_t>(0, due - setup_.clock->monotonic_us());
  timer_ = setup_.executor->after(delay, scope_.guard([this] {
    std::lock_guard lock(mutex_);
    timer_due_us_ = -1;
    queue_->flush();
    kick();
  }));
}

void Scheduler::run() {
  std::lock_guard lock(mutex_);
  posted_ = false;
  for (unsigned i = 0; i < kDecideAtOnce && !closing_; i++) {
    auto queued = queue_->pop();
    if (!queued) break;
    decide_one(std::move(*queued));
  }
  kick();
}

// Pods that need no decision (any more).
bool Scheduler::skip(const QueuedPod& queued) {
  auto& pod = *queued.pod;
  if (pod.terminating) {
    tell(pod, nullptr, client::kWarning, "FailedScheduling", "Scheduling", concat("skip schedule deleting pod: ", pod.key));
    return true;
  }
  return state_.is_placed(pod.uid);
}

void Scheduler::decide_one(QueuedPod queued) {
  auto* profile = profile_of(*queued.pod);
  if (!profile || skip(queued)) return;
  state_.sweep();
  int64_t started = setup_.clock->monotonic_us();
  Failure failure{Code::UnschedulableAndUnresolvable, "no nodes available to schedule pods", {}, std::string(), started};
  if (state_.nodes().empty()) return failed(std::move(queued), *profile, std::move(failure));
  Cycle cycle{state_, queued.pod, *queued.pod};
  Diagnosis diagnosis;
  auto decision = algorithm_->decide(*profile, cycle, diagnosis);
  metrics().algorithm_duration.with({}).observe(seconds_since(*setup_.clock, started));
  if (!decision.error.ok()) {
    failure = {Code::Error, decision.error.message(), {}, std::string(), started};
    return failed(std::move(queued), *profile, std::move(failure));
  }
  if (!decision.node) {
    auto result = profile->post_filter(cycle, diagnosis);
    diagnosis.post_filter_message = result.status.message();
    failure = {Code::Unschedulable, diagnosis.message(state_.reasons), diagnosis.plugins, std::move(result.nominate), started};
    return failed(std::move(queued), *profile, std::move(failure));
  }
  auto pod = queued;
  auto status = hold_place(queued, *profile, cycle, *decision.node);
  if (status.ok()) return;
  failure = {status.code, status.message(), {}, std::string(), started};
  if (is_rejection(status.code)) {
    Diagnosis one;
    one.all_nodes = 1;
    Verdict verdict{status.code, 0, 0};
    for (auto& reason : status.reasons) verdict.reasons = state_.reasons.add(verdict.reasons, reason);
    one.failed.emplace_back(decision.node->slot, verdict);
    failure.message = one.message(state_.reasons);
    failure.refused_by.insert(status.plugin);
  }
  failed(std::move(pod), *profile, std::move(failure));
}

// The pod takes its place in the state at once, so that the next decision knows of it; the rest is carried out beside.
Status Scheduler::hold_place(QueuedPod& queued, Profile& profile, Cycle& cycle, NodeInfo& node) {
  auto placement = std::make_shared<Placement>();
  placement->pod = queued.pod;
  placement->node = node.name;
  placement->started_us = setup_.clock->monotonic_us();
  placement->attempts = queued.attempts;
  state_.assume(queued.pod, node);
  auto undo = [&] {
    profile.unreserve(*placement);
    state_.forget(placement->pod->uid);
  };
  if (auto status = profile.reserve(cycle, *placement); !status.ok()) {
    undo();
    return status;
  }
  auto permit = profile.permit(*placement);
  if (!permit.ok() && permit.code != Code::Wait) {
    undo();
    return permit;
  }
  state_.withdraw(placement->pod->uid);
  std::string uid(placement->pod->uid);
  being_placed_[uid] = std::move(queued);
  if (permit.code == Code::Wait)
    wait_for_permit(placement, permit);
  else
    writer_->post(uid, [this, placement] { carry_out(placement); });
  return Status::success();
}

void Scheduler::failed(QueuedPod queued, Profile& profile, Failure failure) {
  bool refused = is_rejection(failure.code);
  auto& name = profile.name();
  metrics().attempts.with({refused ? "unschedulable" : "error", name}).add();
  metrics().attempt_duration.with({refused ? "unschedulable" : "error", name}).observe(seconds_since(*setup_.clock, failure.started_us));
  if (!refused) LOG_WARNING("scheduling ", queued.pod->key, ": ", failure.message);
  // The newest there is of it: it may have changed, or be placed or gone, since it came into the queue.
  auto object = lister_->find(Kind::Pod, queued.pod->name_space, queued.pod->name);
  if (!object) return;
  auto now = object->as<core_v1::Pod>();
  if (now.metadata().uid() != queued.pod->uid || !now.spec().node_name().empty()) return;
  if (object->revision() != queued.pod->object->revision()) queued.pod = state_.make_pod(object);
  auto pod = queued.pod;
  queued.refused_by = std::move(failure.refused_by);
  queue_->give_back(std::move(queued));
  if (failure.nominate)
    state_.nominate(pod, *failure.nominate);
  else if (auto node = now.status().nominated_node_name(); !node.empty())
    state_.nominate(pod, node);
  constexpr size_t kNoteMax = 1024;
  auto note = failure.message.size() <= kNoteMax ? failure.message : concat(failure.message.substr(0, kNoteMax - 4), " ...");
  tell(*pod, nullptr, client::kWarning, "FailedScheduling", "Scheduling", std::move(note));
  write_status(pod, refused ? "Unschedulable" : "SchedulerError", std::move(failure.message), std::move(failure.nominate));
}

void Scheduler::write_metrics(std::string& out) {
  {
    std::lock_guard lock(mutex_);
    queue_->write_metrics();
    metrics().cache_size.with({"nodes"}).set(static_cast<int64_t>(state_.nodes().size()));
    metrics().cache_size.with({"pods"}).set(static_cast<int64_t>(state_.pods()));
    metrics().cache_size.with({"assumed_pods"}).set(static_cast<int64_t>(state_.assumed()));
  }
  metrics().write(out);
}

}  // namespace sampan::scheduler
