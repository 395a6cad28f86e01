// See probes.h.
#include "kubelet/probes/probes.h"

#include "base/text.h"

namespace sampan::kubelet {

// One probe of one run of a container.
struct Probes::Watch {
  schema::ObjectRef pod;
  ContainerSpec spec;
  ProbeKind kind;
  std::string container_id, pod_ip;
  int64_t started_us = 0;  // the container, wall clock
  ProbeResult result = ProbeResult::Unknown;
  Finding::Kind last = Finding::Error;
  int run = 0;            // how often it said the same
  bool over = false;      // nothing more to find out
  bool begun = false, is_running = false;
  Executor::Timer timer = 0;

  core_v1::Probe probe() const {
    auto& container = spec.container;
    return kind == ProbeKind::Startup ? container.startup_probe() : kind == ProbeKind::Liveness ? container.liveness_probe() : container.readiness_probe();
  }
};

struct Probes::State : std::enable_shared_from_this<State> {
  using Key = std::pair<std::string, ProbeKind>;  // by the container's id

  State(Runtime& r, Recorder& e, Workers& w, Executor& t, Clock& c, std::function<void(const std::string&)> f)
      : runtime(r), recorder(e), workers(w), timers(t), clock(c), changed(std::move(f)) {}

  ProbeResult known(ProbeKind kind, const std::string& id) const {
    auto at = watches.find({id, kind});
    return at == watches.end() ? ProbeResult::Unknown : at->second->result;
  }

  void schedule(const std::shared_ptr<Watch>& watch, int64_t delay_us) {
    if (stopped || watch->over) return;
    watch->timer = timers.after(delay_us, [self = weak_from_this(), watch] {
      if (auto state = self.lock()) state->workers.post([state, watch] { state->probe(watch); });
    });
  }

  // Liveness and readiness wait for the startup probe.
  bool has_started(const Watch& watch) const {
    return watch.kind == ProbeKind::Startup || !watch.spec.container.has_startup_probe() ||
           known(ProbeKind::Startup, watch.container_id) == ProbeResult::Success;
  }

  void probe(const std::shared_ptr<Watch>& watch) {
    {
      std::lock_guard lock(mutex);
      if (stopped || watch->over) return;
      watch->is_running = true;
    }
    auto finding = check_once(runtime, watch->probe(), watch->spec.container, watch->container_id, watch->pod_ip);
    bool told = false;
    {
      std::lock_guard lock(mutex);
      watch->is_running = false;
      if (stopped || watch->over) return;
      tell(*watch, finding);
      told = take(*watch, finding);
      if (!watch->over) schedule(watch, std::max(watch->probe().period_seconds(), 1) * int64_t{1'000'000});
      if (told && watch->kind == ProbeKind::Startup && watch->result == ProbeResult::Success) release(*watch);
    }
    if (told) changed(std::string(uid_of(*watch)));
  }

  void tell(const Watch& watch, const Finding& finding) {
    static constexpr std::string_view kinds[] = {"Startup", "Liveness", "Readiness"};
    auto kind = kinds[static_cast<int>(watch.kind)];
    auto pod = watch.pod->as<core_v1::Pod>();
    if (finding.kind == Finding::Failure)
      recorder.container(pod, watch.spec, EventType::Warning, "Unhealthy", concat(kind, " probe failed: ", finding.text));
    else if (finding.kind == Finding::Error)
      recorder.container(pod, watch.spec, EventType::Warning, "Unhealthy", concat(kind, " probe errored and resulted in unknown state: ", finding.text));
    else if (finding.kind == Finding::Warning)
      recorder.container(pod, watch.spec, EventType::Warning, "ProbeWarning", concat(kind, " probe warning: ", finding.text));
  }

  // Whether what is known has changed.
  bool take(Watch& watch, const Finding& finding) {
    if (finding.kind == Finding::Error) return false;  // says nothing about the container
    auto kind = finding.kind == Finding::Warning ? Finding::Success : finding.kind;
    watch.run = watch.last == kind ? watch.run + 1 : 1;
    watch.last = kind;
    auto probe = watch.probe();
    int threshold = kind == Finding::Success ? probe.success_threshold() : probe.failure_threshold();
    if (watch.run < threshold) return false;
    auto result = kind == Finding::Success ? ProbeResult::Success : ProbeResult::Failure;
    // A container that does not live or start is stopped: asking on would only get in its way. One that has started has started.
    if (watch.kind == ProbeKind::Startup || (watch.kind == ProbeKind::Liveness && result == ProbeResult::Failure)) watch.over = true;
    if (watch.result == result) return false;
    watch.result = result;
    return true;
  }

  // The probes that waited for the startup probe.
  void release(const Watch& startup) {
    for (auto kind : {ProbeKind::Liveness, ProbeKind::Readiness})
      if (auto at = watches.find({startup.container_id, kind}); at != watches.end() && !at->second->begun) begin(at->second);
  }

  void begin(const std::shared_ptr<Watch>& watch) {
    watch->begun = true;
    auto delay = watch->started_us + int64_t{1'000'000} * watch->probe().initial_delay_seconds() - clock.now_us();
    schedule(watch, std::max<int64_t>(delay, 0));
  }

  void end(Watch& watch) {
    watch.over = true;
    timers.cancel(watch.timer);
  }

  static std::string_view uid_of(const Watch& watch) { return watch.pod->as<core_v1::Pod>().metadata().uid(); }

  Runtime& runtime;
  Recorder& recorder;
  Workers& workers;
  Executor& timers;
  Clock& clock;
  const std::function<void(const std::string&)> changed;
  mutable std::mutex mutex;
  bool stopped = false;
  std::map<Key, std::shared_ptr<Watch>> watches;
};

Probes::Probes(Runtime& runtime, Recorder& recorder, Workers& workers, Executor& timers, Clock& clock, std::function<void(const std::string&)> changed)
    : state_(std::make_shared<State>(runtime, recorder, workers, timers, clock, std::move(changed))) {}

Probes::~Probes() {
  std::lock_guard lock(state_->mutex);
  state_->stopped = true;
  for (auto& [key, watch] : state_->watches) state_->timers.cancel(watch->timer);
}

void Probes::update(const schema::ObjectRef& pod, const PodRuntime& runtime, const core_v1::PodStatus& last, bool is_ending) {
  auto view = pod->as<core_v1::Pod>();
  auto ips = runtime.ips();
  auto pod_ip = !ips.empty() ? ips[0] : std::string(last.pod_ip());
  auto was_started = [&](std::string_view id) {
    for (auto list : {last.container_statuses(), last.init_container_statuses()})
      for (auto status : list)
        if (status.container_id().ends_with(id) && status.started().value_or(false)) return true;
    return false;
  };
  std::lock_guard lock(state_->mutex);
  auto& watches = state_->watches;
  for (auto at = watches.begin(); at != watches.end();) {
    auto& watch = *at->second;
    bool of_this = State::uid_of(watch) == view.metadata().uid();
    auto known = of_this ? runtime.newest(watch.spec.container.name()) : nullptr;
    bool runs = known && known->id == watch.container_id && known->state == ContainerState::Running;
    if (of_this && !runs) {
      state_->end(watch);
      at = watches.erase(at);
      continue;
    }
    if (of_this && is_ending && watch.kind != ProbeKind::Readiness) state_->end(watch);
    ++at;
  }
  if (is_ending) return;
  for (auto& spec : containers_of(view)) {
    auto known = runtime.newest(spec.container.name());
    if (!known || known->state != ContainerState::Running || spec.kind == ContainerKind::Ephemeral) continue;
    for (auto kind : {ProbeKind::Startup, ProbeKind::Liveness, ProbeKind::Readiness}) {
      auto watch = std::make_shared<Watch>();
      watch->pod = pod, watch->spec = spec, watch->kind = kind;
      if (!watch->probe().present()) continue;
      auto [at, is_new] = watches.emplace(State::Key{known->id, kind}, watch);
      if (!is_new) {
        if (!at->second->is_running) at->second->pod = pod, at->second->spec = spec, at->second->pod_ip = pod_ip;
        continue;
      }
      watch->container_id = known->id;
      watch->pod_ip = pod_ip;
      watch->started_us = known->started_at / 1000;
      if (kind == ProbeKind::Startup && was_started(known->id)) {
        watch->result = ProbeResult::Success;
        watch->over = true;
      } else if (state_->has_started(*watch)) {
        state_->begin(watch);
      }
    }
  }
}

void Probes::forget(const std::string& uid) {
  std::lock_guard lock(state_->mutex);
  std::erase_if(state_->watches, [&](auto& entry) {
    if (State::uid_of(*entry.second) != uid) return false;
    state_->end(*entry.second);
    return true;
  });
}

ProbeResult Probes::result(ProbeKind kind, const std::string& container_id) const {
  std::lock_guard lock(state_->mutex);
  return state_->known(kind, container_id);
}

}  // namespace sampan::kubelet
