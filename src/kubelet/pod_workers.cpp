// See pod_workers.h.
#include "kubelet/pod_workers.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "kubelet/pod_step.h"

namespace sampan::kubelet {

namespace {

bool mounts(const core_v1::Pod& pod, std::string_view resource, std::string_view name) {
  bool is_secret = resource == "secrets";
  for (auto volume : pod.spec().volumes()) {
    if (is_secret ? volume.secret().secret_name() == name : volume.config_map().name() == name) return true;
    for (auto source : volume.projected().sources())
      if (is_secret ? source.secret().name() == name : source.config_map().name() == name) return true;
  }
  return false;
}

}  // namespace

PodWorkers::PodWorkers(Parts parts) : parts_(std::move(parts)) {}

PodWorkers::~PodWorkers() {
  stop();
  std::unique_lock lock(mutex_);
  no_steps_.wait(lock, [&] { return steps_ == 0; });
}

void PodWorkers::stop() {
  stopped_ = true;
  std::lock_guard lock(mutex_);
  for (auto& [uid, worker] : workers_) {
    std::lock_guard inner(worker->mutex);
    parts_.timers.cancel(worker->timer);
  }
}

PodWorkers::WorkerRef PodWorkers::get(const std::string& uid) const {
  std::lock_guard lock(mutex_);
  auto at = workers_.find(uid);
  return at == workers_.end() ? nullptr : at->second;
}

void PodWorkers::update(const schema::ObjectRef& pod) {
  auto view = pod->as<core_v1::Pod>();
  auto uid = std::string(view.metadata().uid());
  WorkerRef worker;
  {
    std::lock_guard lock(mutex_);
    auto& slot = workers_[uid];
    if (!slot) slot = std::make_shared<Worker>(uid);
    worker = slot;
  }
  std::shared_ptr<const PodRuntime> stop_faster;
  int64_t grace = 0;
  {
    std::lock_guard lock(worker->mutex);
    worker->pod = pod;
    worker->refresh_wanted = true;  // its labels may be shown in a volume
    if (view.metadata().deletion_timestamp()) {
      worker->must_end = true;
      grace = std::max<int64_t>(view.metadata().deletion_grace_period_seconds().value_or(30), 1);
      if (worker->life == PodLife::Terminating && grace < worker->grace) {
        worker->grace = grace;
        stop_faster = worker->runtime;
      }
    }
  }
  // The step that ends it waits for the runtime; who wants it sooner asks the runtime again.
  if (stop_faster)
    for (auto& container : stop_faster->containers)
      if (container.state == ContainerState::Running)
        parts_.workers.post([this, id = container.id, grace] { (void)parts_.runtime.stop_container(id, grace); });
  parts_.images.wake();
  queue(worker);
}

void PodWorkers::remove(const std::string& uid) {
  auto worker = get(uid);
  if (!worker) return;
  {
    std::lock_guard lock(worker->mutex);
    worker->removed = true;
    worker->must_end = true;
  }
  parts_.images.wake();
  queue(worker);
}

void PodWorkers::evict(const std::string& uid, Eviction eviction) {
  auto worker = get(uid);
  if (!worker) return;
  {
    std::lock_guard lock(worker->mutex);
    if (worker->eviction) return;
    worker->eviction = std::move(eviction);
    worker->must_end = true;
  }
  parts_.images.wake();
  queue(worker);
}

void PodWorkers::poke(const std::string& uid) {
  if (auto worker = get(uid)) queue(worker);
}

void PodWorkers::poke_all() {
  std::vector<WorkerRef> all;
  {
    std::lock_guard lock(mutex_);
    for (auto& [uid, worker] : workers_) all.push_back(worker);
  }
  for (auto& worker : all) queue(worker);
}

void PodWorkers::on_change(std::string_view resource, std::string_view namespace_, std::string_view name) {
  std::vector<WorkerRef> all;
  {
    std::lock_guard lock(mutex_);
    for (auto& [uid, worker] : workers_) all.push_back(worker);
  }
  for (auto& worker : all) {
    {
      std::lock_guard lock(worker->mutex);
      auto pod = worker->pod->as<core_v1::Pod>();
      if (pod.metadata().namespace_() != namespace_ || !mounts(pod, resource, name)) continue;
    }
    worker->refresh_wanted = true;
    queue(worker);
  }
}

void PodWorkers::refresh_all() {
  std::vector<WorkerRef> all;
  {
    std::lock_guard lock(mutex_);
    for (auto& [uid, worker] : workers_) all.push_back(worker);
  }
  for (auto& worker : all) {
    {
      std::lock_guard lock(worker->mutex);
      if (worker->life != PodLife::Active || worker->pod->as<core_v1::Pod>().spec().volumes().empty()) continue;
    }
    worker->refresh_wanted = true;
    queue(worker);
  }
}

void PodWorkers::on_event(const RuntimeEvent& event) {
  if (event.id.empty()) return poke_all();
  WorkerRef worker;
  {
    std::lock_guard lock(mutex_);
    auto known = pod_of_.find(event.id);
    auto at = known == pod_of_.end() ? workers_.end() : workers_.find(known->second);
    if (at == workers_.end()) return;
    worker = at->second;
  }
  if (event.type == RuntimeEvent::Type::Started) return;  // it was us, and we have looked
  if (event.type == RuntimeEvent::Type::Stopped) {
    std::lock_guard lock(worker->mutex);
    worker->ended.push_back(event.id);
  }
  queue(worker);
}

void PodWorkers::queue(const WorkerRef& worker) {
  if (stopped_) return;
  {
    std::lock_guard lock(worker->mutex);
    worker->dirty = true;
    if (worker->queued) return;
    worker->queued = true;
  }
  {
    std::lock_guard lock(mutex_);
    steps_++;
  }
  parts_.workers.post([this, worker] {
    run(worker);
    std::lock_guard lock(mutex_);
    if (--steps_ == 0) no_steps_.notify_all();
  });
}

void PodWorkers::run(const WorkerRef& worker) {
  while (true) {
    {
      std::lock_guard lock(worker->mutex);
      worker->dirty = false;
      parts_.timers.cancel(worker->timer);
      worker->timer_at = 0;
    }
    auto next = stopped_ ? 0 : Step(*this, *worker).run();
    if (worker->gone) {
      parts_.images.forget(worker->uid);
      parts_.crashes.forget_all_of(worker->uid + "_");
      std::lock_guard lock(mutex_);
      workers_.erase(worker->uid);
      std::erase_if(pod_of_, [&](auto& entry) { return entry.second == worker->uid; });
      return;
    }
    std::lock_guard lock(worker->mutex);
    if (worker->dirty && !stopped_) continue;
    worker->queued = false;
    if (next) wake_at(worker, next);
    return;
  }
}

void PodWorkers::wake_at(const WorkerRef& worker, int64_t at_us) {
  worker->timer_at = at_us;
  auto delay = std::max<int64_t>(at_us - parts_.clock.now_us(), 0);
  worker->timer = parts_.timers.after(delay, [this, weak = std::weak_ptr<Worker>(worker)] {
    if (auto worker = weak.lock()) queue(worker);
  });
}

void PodWorkers::poke_who_waits_for_room() {
  std::vector<WorkerRef> waiting;
  {
    std::lock_guard lock(mutex_);
    for (auto& [uid, worker] : workers_)
      if (worker->waits_for_room) waiting.push_back(worker);
  }
  for (auto& worker : waiting) queue(worker);
}

void PodWorkers::know_container(const std::string& id, const std::string& uid) {
  std::lock_guard lock(mutex_);
  pod_of_[id] = uid;
}

void PodWorkers::tell_stopped(const PodRuntime& runtime) {
  std::vector<std::function<void()>> calls;
  {
    std::lock_guard lock(mutex_);
    if (waiting_.empty()) return;
    for (auto& container : runtime.containers) {
      if (container.state == ContainerState::Running) continue;
      std::erase_if(waiting_, [&](auto& entry) {
        if (entry.second.first != container.id) return false;
        calls.push_back(std::move(entry.second.second));
        return true;
      });
    }
  }
  for (auto& call : calls) call();
}

uint64_t PodWorkers::when_stopped(const std::string& container_id, std::function<void()> changed) {
  std::string uid;
  uint64_t number = 0;
  {
    std::lock_guard lock(mutex_);
    number = next_waiting_++;
    waiting_[number] = {container_id, std::move(changed)};
    if (auto at = pod_of_.find(container_id); at != pod_of_.end()) uid = at->second;
  }
  poke(uid);  // it may have stopped before
  return number;
}

void PodWorkers::forget(uint64_t number) {
  std::lock_guard lock(mutex_);
  waiting_.erase(number);
}

std::vector<KnownPod> PodWorkers::pods() const {
  std::vector<WorkerRef> all;
  {
    std::lock_guard lock(mutex_);
    for (auto& [uid, worker] : workers_) all.push_back(worker);
  }
  std::vector<KnownPod> out;
  for (auto& worker : all) {
    std::lock_guard lock(worker->mutex);
    out.push_back({worker->shown ? worker->shown : worker->pod, worker->life, worker->runtime});
  }
  return out;
}

std::optional<KnownPod> PodWorkers::find(const std::string& uid) const {
  auto worker = get(uid);
  if (!worker) return {};
  std::lock_guard lock(worker->mutex);
  return KnownPod{worker->shown ? worker->shown : worker->pod, worker->life, worker->runtime};
}

bool PodWorkers::knows(const std::string& uid) const { return get(uid) != nullptr; }

void PodWorkers::adopt_orphans() {
  auto sandboxes = parts_.runtime.sandboxes({});
  if (!sandboxes) return;
  for (auto& sandbox : *sandboxes) {
    auto uid = label(sandbox.labels, kPodUidLabel);
    if (uid.empty() || knows(uid)) continue;  // not ours, or not without an owner
    std::lock_guard lock(mutex_);
    if (stopped_ || !orphans_.insert(uid).second) continue;
    steps_++;
    parts_.workers.post([this, uid] {
      end_orphan(uid);
      std::lock_guard inner(mutex_);
      orphans_.erase(uid);
      if (--steps_ == 0) no_steps_.notify_all();
    });
  }
}

// Nobody remembers how it was to be ended: quickly.
void PodWorkers::end_orphan(const std::string& uid) {
  auto runtime = read_pod_runtime(parts_.runtime, uid);
  if (!runtime || knows(uid)) return;
  LOG_INFO("ending what is left of pod ", uid, ", which is no longer known");
  for (auto& container : runtime->containers) {
    if (container.state == ContainerState::Running) (void)parts_.runtime.stop_container(container.id, 2);
    (void)parts_.runtime.remove_container(container.id);
  }
  for (auto& sandbox : runtime->sandboxes) {
    (void)parts_.runtime.stop_sandbox(sandbox.id);
    (void)parts_.runtime.remove_sandbox(sandbox.id);
  }
}

}  // namespace sampan::kubelet
