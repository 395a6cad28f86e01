// See pod_step.h.
#include "kubelet/pod_step.h"

#include <unistd.h>

#include <algorithm>

#include "api/core_v1_edit.h"
#include "base/held.h"
#include "base/log.h"
#include "base/text.h"
#include "kubelet/files.h"
#include "kubelet/termination_message.h"

namespace sampan::kubelet {

using schema::Value;

namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kRetryMax = 10 * kSecond;
constexpr int64_t kVolumeRetryFirst = kSecond / 2, kVolumeRetryMax = 122 * kSecond;
constexpr int64_t kVolumesPatience = 123 * kSecond;
constexpr int64_t kResizeRetry = 180 * kSecond;
constexpr int kStaleLooksMax = 10;
constexpr useconds_t kStaleLook_us = 10'000;
constexpr int64_t kStaleRetryFirst = kSecond / 10, kStaleRetryMax = 5 * kSecond;

}  // namespace

int64_t PodWorkers::Step::run() {
  auto at = decide();
  if (!stale_) {
    worker_.stale_steps = 0;
    return at;
  }
  auto again = parts_.clock.now_us() + std::min(kStaleRetryFirst << std::min(worker_.stale_steps++, 10u), kStaleRetryMax);
  return at == 0 ? again : std::min(at, again);
}

int64_t PodWorkers::Step::decide() {
  {
    std::lock_guard lock(worker_.mutex);
    pod_ = wanted_ = worker_.pod, shown_ = worker_.shown;
    removed_ = worker_.removed, eviction_ = worker_.eviction, life_ = worker_.life;
  }
  take_granted();
  if (auto looked = look(); !looked) return retry(looked.error(), "cannot look at the containers of");
  if (life_ == PodLife::New)
    if (auto at = begin(); life_ == PodLife::New) return at;
  if (life_ == PodLife::Active) {
    auto at = should_end() ? 0 : activate();
    if (!should_end()) return at;
    begin_end();
  }
  if (life_ == PodLife::Terminating)
    if (auto at = terminate(); life_ == PodLife::Terminating) return at;
  return finish();
}

// What the runtime knows now. Its own news may be ahead of what it answers: by a moment usually, by seconds where the machine is busy. What it said has
// ended is remembered until it agrees, for it says so only once.
Result<void> PodWorkers::Step::look() {
  std::vector<std::string> ended;
  {
    std::lock_guard lock(worker_.mutex);
    ended = worker_.ended;
  }
  auto still_runs = [this](const std::string& id) {
    auto same = [&](auto& one) { return one.id == id; };
    auto container = std::ranges::find_if(runtime_.containers, same);
    auto sandbox = std::ranges::find_if(runtime_.sandboxes, same);
    return (container != runtime_.containers.end() && container->state == ContainerState::Running) || (sandbox != runtime_.sandboxes.end() && sandbox->ready);
  };
  for (int looks = 0;; looks++) {
    runtime_ = TRY(read_pod_runtime(parts_.runtime, worker_.uid));
    stale_ = std::ranges::any_of(ended, still_runs);
    if (!stale_ || looks == kStaleLooksMax) break;
    ::usleep(kStaleLook_us);
  }
  {
    std::lock_guard lock(worker_.mutex);
    std::erase_if(worker_.ended, [&](auto& id) { return std::ranges::find(ended, id) != ended.end() && !still_runs(id); });
  }
  for (auto& container : runtime_.containers) {
    add_termination_message(container);
    all_.know_container(container.id, worker_.uid);
  }
  for (auto& sandbox : runtime_.sandboxes) all_.know_container(sandbox.id, worker_.uid);
  all_.tell_stopped(runtime_);
  std::lock_guard lock(worker_.mutex);
  worker_.runtime = std::make_shared<PodRuntime>(runtime_);
  return {};
}

void PodWorkers::Step::set_life(PodLife life) {
  life_ = life;
  {
    std::lock_guard lock(worker_.mutex);
    worker_.life = life;
  }
  if (life == PodLife::Terminated) all_.poke_who_waits_for_room();
}

bool PodWorkers::Step::should_end() const {
  auto pod = view();
  return removed_ || eviction_ || pod.metadata().deletion_timestamp() || is_terminal(pod.status().phase()) || is_terminal(phase_) || is_terminal(last().phase());
}

int64_t PodWorkers::Step::begin() {
  // A pod that an earlier agent ran is not asked again whether it may.
  bool is_new = runtime_.sandboxes.empty() && runtime_.containers.empty();
  if (is_new && !should_end()) {
    if (auto refusal = parts_.admit(pod_)) {
      refuse(*refusal);
      set_life(PodLife::Terminated);
      return 0;
    }
  }
  worker_.granted = worker_.had = is_new ? pod_ : granted_before(pod_);
  for (auto condition : view().status().conditions())
    if (condition.type() == "PodResizeInProgress") worker_.resize_in_progress = ResizeNote{"", "", condition.observed_generation()};
  take_granted();
  set_life(PodLife::Active);
  return 0;
}

void PodWorkers::Step::refuse(const Parts::Refusal& refusal) {
  parts_.recorder.pod(view(), EventType::Warning, refusal.reason, refusal.message);
  Arena arena;
  auto status = schema::thaw(*pod_, arena)["status"].clone(arena);
  if (status.is_missing()) status = Value::object(arena);
  core_v1::PodStatusEdit edit(status);
  edit.set_phase("Failed");
  edit.set_reason(refusal.reason);
  edit.set_message(concat("Pod was rejected: ", refusal.message));
  edit.set_qos_class(name_of(qos_of(view())));
  if (!last().start_time()) edit.set_start_time(parts_.clock.now_us() / kSecond);
  worker_.refused = true;
  publish(status, arena, false);
}

std::optional<int64_t> PodWorkers::Step::deadline() const {
  auto seconds = view().spec().active_deadline_seconds();
  auto started = last().start_time();
  if (!seconds || !started) return {};
  return *started * kSecond + microseconds_of(*seconds);
}

int64_t PodWorkers::Step::activate() {
  auto now = parts_.clock.now_us();
  auto ends = deadline();
  if (ends && *ends <= now) {
    parts_.recorder.pod(view(), EventType::Normal, "DeadlineExceeded", "Pod was active on the node longer than the specified deadline");
    eviction_ = Eviction{"DeadlineExceeded", "Pod was active on the node longer than the specified deadline", {}, false};
    std::lock_guard lock(worker_.mutex);
    worker_.eviction = eviction_;
    worker_.must_end = true;
    return 0;
  }
  consider_resize();
  show(false, true);
  if (should_end()) return 0;
  if (auto error = parts_.network_error(); !error.empty() && !view().spec().host_network()) {
    parts_.recorder.pod(view(), EventType::Warning, "NetworkNotReady", concat("network is not ready: ", error));
    return now + 5 * kSecond;
  }
  if (auto prepared = prepare(); !prepared) return retry(prepared.error(), "cannot prepare");
  auto mounted = parts_.volumes.mount(view());
  if (!mounted.errors.empty()) return retry_volumes(mounted.errors);
  worker_.volume_tries = 0, worker_.volumes_missing_since = 0;
  worker_.volume_errors.clear();
  if (worker_.refresh_wanted.exchange(false) || !worker_.refresh_at || *worker_.refresh_at <= now) {
    auto next = parts_.volumes.refresh(view());
    worker_.refresh_at = next.value_or(INT64_MAX);
  }

  parts_.probes.update(pod_, runtime_, last(), false);
  auto plan = plan_for(view(), runtime_, parts_.probes);
  if (worker_.resize_in_progress) plan_restarts(resizes_of(view(), runtime_, parts_.facts()->resources), plan);
  auto uid = worker_.uid;
  Starter starter(
      parts_, pod_, runtime_, mounted.volumes, worker_.failures, [this] { return worker_.must_end.load(); },
      [this, uid](const std::string& id) { all_.know_container(id, uid); },
      [this] { show(false, true); });
  auto done = starter.run(plan);
  if (starter.did_something()) {
    if (auto looked = look(); !looked) return retry(looked.error(), "cannot look at the containers of");
    parts_.probes.update(pod_, runtime_, last(), false);
    prune();
  }
  auto resized = done && worker_.resize_in_progress ? carry_out_resize() : Result<void>();
  show(false, true);
  if (!done) return retry(done.error(), "cannot run");
  if (!resized) return retry(resized.error(), "cannot resize");
  worker_.failures_in_a_row = 0;
  int64_t at = starter.wake_at();
  if (starter.did_something() && has_more()) at = now;
  auto sooner = [&](int64_t other) { at = at == 0 ? other : std::min(at, other); };
  if (ends) sooner(*ends);
  if (worker_.refresh_at && *worker_.refresh_at != INT64_MAX) sooner(*worker_.refresh_at);
  if (worker_.resize_pending) sooner(now + kResizeRetry);
  return at;
}

void PodWorkers::Step::take_granted() {
  if (worker_.granted && !ask_the_same(view(), worker_.granted->as<core_v1::Pod>())) pod_ = with_resources_of(wanted_, worker_.granted);
}

// Whether the pod may have what is asked for by now.
void PodWorkers::Step::consider_resize() {
  auto before = worker_.resize_pending;
  worker_.resize_pending.reset();
  auto wanted = wanted_->as<core_v1::Pod>();
  auto generation = wanted.metadata().generation();
  if (!ask_the_same(wanted, worker_.granted->as<core_v1::Pod>())) {
    if (auto refusal = parts_.admit(wanted_)) {
      worker_.resize_pending = ResizeNote{"Deferred", refusal->message, generation};
      if (worker_.resize_pending != before)
        parts_.recorder.pod(wanted, EventType::Warning, "ResizeDeferred", resize_event("Pod resize Deferred", wanted, generation, refusal->message));
    } else {
      if (!worker_.resize_in_progress) worker_.had = worker_.granted;
      worker_.granted = pod_ = wanted_;
      worker_.resize_in_progress = ResizeNote{"", "", generation};
      parts_.recorder.pod(wanted, EventType::Normal, "ResizeStarted", resize_event("Pod resize started", wanted, generation));
    }
  }
  worker_.waits_for_room = worker_.resize_pending.has_value();
}

Result<void> PodWorkers::Step::carry_out_resize() {
  auto pod = view();
  auto options = parts_.facts()->resources;
  auto done = resize_in_place(parts_, pod, worker_.had->as<core_v1::Pod>(), resizes_of(pod, runtime_, options));
  if (auto looked = look(); !looked) return looked;
  if (!done) {
    ResizeNote note{"Error", done.error().message(), worker_.resize_in_progress->generation};
    if (worker_.resize_in_progress != note)
      parts_.recorder.pod(pod, EventType::Warning, "ResizeError", resize_event("Pod resize error", pod, note.generation, note.message));
    worker_.resize_in_progress = std::move(note);
    return done;
  }
  if (!resizes_of(pod, runtime_, options).empty()) return {};  // what is to be restarted is not back yet
  parts_.recorder.pod(pod, EventType::Normal, "ResizeCompleted", resize_event("Pod resize completed", pod, worker_.resize_in_progress->generation));
  worker_.had = worker_.granted;
  worker_.resize_in_progress.reset();
  all_.poke_who_waits_for_room();
  return {};
}

// Whether what was just done lets something else be done: the next init container after a sidecar has started.
bool PodWorkers::Step::has_more() {
  auto plan = plan_for(view(), runtime_, parts_.probes);
  auto is_new = [&](const auto& list, const auto& indexes) {
    return std::ranges::any_of(indexes, [&](unsigned index) { return !worker_.failures.contains(list[index].name()); });
  };
  return plan.kill_pod || !plan.kills.empty() || is_new(view().spec().init_containers(), plan.start_init) || is_new(view().spec().containers(), plan.start_regular);
}

int64_t PodWorkers::Step::retry(const Error& error, std::string_view what) {
  LOG_V(1, what, " pod ", pod_ ? text_of(view()) : worker_.uid, ": ", error.message());
  auto delay = std::min(kSecond << std::min(worker_.failures_in_a_row++, 10u), kRetryMax);
  return parts_.clock.now_us() + delay;
}

int64_t PodWorkers::Step::retry_volumes(const std::vector<VolumeError>& errors) {
  auto now = parts_.clock.now_us();
  std::string names;
  for (auto& error : errors) {
    parts_.recorder.pod(view(), EventType::Warning, error.reason, error.message);
    append(names, names.empty() ? "" : " ", error.volume);
  }
  if (worker_.volumes_missing_since == 0) worker_.volumes_missing_since = now;
  if (now - worker_.volumes_missing_since >= kVolumesPatience) {
    parts_.recorder.pod(view(), EventType::Warning, "FailedMount",
                        concat("Unable to attach or mount volumes: unmounted volumes=[", names, "], unattached volumes=[], failed to process volumes=[]: timed out waiting for the condition"));
    worker_.volumes_missing_since = now;
  }
  show(false, true);
  return now + std::min(kVolumeRetryFirst << std::min(worker_.volume_tries++, 10u), kVolumeRetryMax);
}

Result<void> PodWorkers::Step::prepare() {
  if (worker_.prepared) return {};
  auto facts = parts_.facts();
  auto pod = view();
  if (auto made = parts_.cgroups.create(pod_cgroup(facts->cgroup_root, pod), pod_resources(pod, facts->resources)); !made) {
    parts_.recorder.pod(pod, EventType::Warning, "FailedCreatePodContainer", concat("unable to ensure pod container exists: ", made.error().message()));
    return made;
  }
  for (auto& folder : {facts->paths.pod(worker_.uid), facts->paths.volumes(worker_.uid), facts->paths.pod(worker_.uid) + "/plugins"})
    if (auto made = make_folders(folder, 0750); !made) {
      parts_.recorder.pod(pod, EventType::Warning, "Failed", concat("error making pod data directories: ", made.error().message()));
      return made;
    }
  worker_.prepared = true;
  return {};
}

// Of each container the last run and the one before are kept: what happened then, and its log, can be asked for.
void PodWorkers::Step::prune() {
  std::map<std::string, int> kept;
  for (auto& container : runtime_.containers) {
    if (container.state == ContainerState::Running || ++kept[container.name] <= (runtime_.newest(container.name)->state == ContainerState::Running ? 1 : 2)) continue;
    (void)parts_.runtime.remove_container(container.id);
    if (!container.log_path.empty()) (void)::unlink(container.log_path.c_str());
  }
  for (size_t i = 1; i < runtime_.sandboxes.size(); i++) {
    auto& old = runtime_.sandboxes[i];
    bool in_use = std::ranges::any_of(runtime_.containers, [&](auto& container) { return container.sandbox_id == old.id; });
    if (!old.ready && !in_use) (void)parts_.runtime.remove_sandbox(old.id);
  }
}

void PodWorkers::Step::begin_end() {
  auto pod = view();
  std::lock_guard lock(worker_.mutex);
  auto grace = pod.spec().termination_grace_period_seconds().value_or(30);
  if (auto wanted = pod.metadata().deletion_grace_period_seconds()) grace = *wanted;
  if (eviction_ && eviction_->grace_seconds) grace = std::min(grace, *eviction_->grace_seconds);
  worker_.grace = std::max<int64_t>(grace, 1);
  worker_.must_end = true;
  worker_.life = life_ = PodLife::Terminating;
}

int64_t PodWorkers::Step::terminate() {
  parts_.probes.update(pod_, runtime_, last(), true);
  show(false, true);
  int64_t grace = 0;
  {
    std::lock_guard lock(worker_.mutex);
    grace = worker_.grace;
  }
  if (auto killed = kill_pod(parts_, view(), runtime_, grace); !killed) {
    parts_.recorder.pod(view(), EventType::Warning, "FailedKillPod", concat("error killing pod: ", killed.error().message()));
    return retry(killed.error(), "cannot end");
  }
  if (auto looked = look(); !looked) return retry(looked.error(), "cannot look at the containers of");
  if (runtime_.any_running()) return parts_.clock.now_us() + kSecond;
  parts_.probes.forget(worker_.uid);
  show(true, false);
  set_life(PodLife::Terminated);
  return 0;
}

// Volumes and cgroups go; the containers stay, for their logs, until the pod itself is removed.
int64_t PodWorkers::Step::finish() {
  auto facts = parts_.facts();
  if (auto unmounted = parts_.volumes.unmount(worker_.uid); !unmounted) return retry(unmounted.error(), "cannot unmount the volumes of");
  if (!runtime_.any_running())
    if (auto removed = parts_.cgroups.remove(pod_cgroup(facts->cgroup_root, view())); !removed) return retry(removed.error(), "cannot remove the cgroup of");
  worker_.prepared = false;
  show_finished();
  if (removed_) return clean_up();
  return 0;
}

int64_t PodWorkers::Step::clean_up() {
  auto facts = parts_.facts();
  for (auto& container : runtime_.containers)
    if (auto removed = parts_.runtime.remove_container(container.id); !removed) return retry(removed.error(), "cannot remove a container of");
  for (auto& sandbox : runtime_.sandboxes)
    if (auto removed = parts_.runtime.remove_sandbox(sandbox.id); !removed) return retry(removed.error(), "cannot remove a sandbox of");
  auto meta = view().metadata();
  if (auto removed = remove_tree(facts->paths.pod(worker_.uid)); !removed) return retry(removed.error(), "cannot remove the folder of");
  (void)remove_tree(facts->paths.pod_log_directory(meta.namespace_(), meta.name(), worker_.uid));
  worker_.gone = true;
  return 0;
}

void PodWorkers::Step::show(bool is_final, bool may_run) {
  Arena arena;
  auto facts = parts_.facts();
  auto pod = view();
  StatusInput input{{pod, last(), runtime_, parts_.probes, worker_.failures, facts->runtime_name, facts->started_at}, is_final, may_run && runtime_.any_running()};
  if (eviction_) input.phase = "Failed", input.reason = eviction_->reason, input.message = eviction_->message;
  if (eviction_ && eviction_->is_disruption) input.has_disruption = true, input.disruption_message = eviction_->message;
  input.host_ips = facts->ips;
  input.resize_pending = worker_.resize_pending, input.resize_in_progress = worker_.resize_in_progress;
  input.now = parts_.clock.now_us() / kSecond;
  auto status = make_status(input, arena);
  phase_ = status.phase;
  // A pod that ends by itself is ended by us as well; until then its containers' ends are news, not its phase.
  publish(status.tree, arena, false);
}

void PodWorkers::Step::show_finished() {
  Arena arena;
  auto shown = shown_ ? shown_ : pod_;
  auto tree = schema::thaw(*shown, arena)["status"].clone(arena);
  if (tree.is_missing()) tree = Value::object(arena);
  if (!worker_.refused) make_final(view(), tree);  // of a refused one no container ever was
  publish(tree, arena, true);
}

void PodWorkers::Step::publish(Value status, Arena& arena, bool finished) {
  auto tree = schema::thaw(*pod_, arena);
  tree.set("status", status);
  auto made = schema::freeze(tree, core_v1::Pod::schema_type());
  if (!made) {
    LOG_ERROR("the status of pod ", text_of(view()), " does not conform: ", made.error().message());
    return;
  }
  (*made)->set_revision(pod_->revision());
  shown_ = *made;
  {
    std::lock_guard lock(worker_.mutex);
    worker_.shown = shown_;
  }
  parts_.publish(shown_, pod_, finished);
}

}  // namespace sampan::kubelet
