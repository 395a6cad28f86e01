// See plan.h.
#include "kubelet/plan.h"

#include <algorithm>

#include "base/text.h"

namespace sampan::kubelet {

namespace {

std::string_view state_name(ContainerState state) {
  static constexpr std::string_view names[] = {"created", "running", "exited", "unknown"};
  return names[static_cast<int>(state)];
}

bool is_changed(const core_v1::Container& container, const Container& known) {
  return label(known.annotations, kHashAnnotation) != hash_of(container);
}

// All is made anew, from the first init container on; or nothing, if the pod has done its work.
void plan_new_sandbox(const core_v1::Pod& pod, const PodRuntime& runtime, Plan& plan) {
  bool never = pod.spec().restart_policy() == "Never";
  if (never && plan.attempt != 0 && !runtime.containers.empty()) {
    plan.create_sandbox = false;
    return;
  }
  unsigned index = 0;
  for (auto container : pod.spec().containers()) {
    auto policy = container.restart_policy().value_or(pod.spec().restart_policy());
    auto known = runtime.newest(container.name());
    bool done = policy == "OnFailure" && known && known->state == ContainerState::Exited && known->exit_code == 0;
    if (!done) plan.start_regular.push_back(index);
    index++;
  }
  if (plan.start_regular.empty() && any_regular_container_created(pod, runtime)) {
    plan.create_sandbox = false;
    return;
  }
  if (!pod.spec().init_containers().empty()) {
    plan.start_regular.clear();
    plan.start_init = {0};
  }
}

// One step of the walk over the init containers, from the last to the first.
class InitWalk {
 public:
  InitWalk(const core_v1::Pod& pod, const PodRuntime& runtime, const ProbeResults& probes, Plan& plan)
      : pod_(pod), runtime_(runtime), probes_(probes), plan_(plan) {}

  // Whether the regular containers may run.
  bool run() {
    auto list = pod_.spec().init_containers();
    if (list.empty()) return true;
    for (auto container : pod_.spec().containers()) {
      auto known = runtime_.newest(container.name());
      initialized_ |= known && (known->state == ContainerState::Created || known->state == ContainerState::Running);
    }
    past_ = initialized_;
    // Backwards: what has completed may have been removed from the runtime, so the last one that is known tells how far the pod has come.
    for (unsigned i = list.size(); i-- > 0;) {
      auto container = list[i];
      auto known = runtime_.newest(container.name());
      if (!known) {
        if (past_ && is_sidecar(container)) start(i);
        continue;
      }
      if (past_ && !is_sidecar(container)) continue;  // it has done its work
      if (!look(container, *known, i, i + 1 == list.size())) return false;
      past_ = true;
    }
    if (!past_) start(0);
    std::reverse(plan_.start_init.begin(), plan_.start_init.end());
    return initialized_;
  }

 private:
  void start(unsigned index) { plan_.start_init.push_back(index); }
  void kill(const Container& known, std::string message, KillReason reason) {
    plan_.kills.push_back({known.id, known.name, std::move(message), reason});
  }
  // The one after this may start, or the regular containers if it was the last.
  void done(unsigned index, bool is_last) {
    if (is_last)
      initialized_ = true;
    else if (!past_)
      start(index + 1);
  }

  // False: the pod has failed.
  bool look(const core_v1::Container& container, const Container& known, unsigned index, bool is_last) {
    switch (known.state) {
      case ContainerState::Created:  // the runtime could not start it
        start(index);
        return true;
      case ContainerState::Running:
        if (is_sidecar(container)) look_at_sidecar(container, known, index, is_last);
        return true;
      case ContainerState::Exited:
        if (is_sidecar(container)) {
          start(index);
        } else if (known.exit_code == 0) {
          done(index, is_last);
        } else if (restarts_after(pod_, container, known.exit_code)) {
          start(index);
        } else {
          return give_up();
        }
        return true;
      case ContainerState::Unknown: {
        auto policy = container.restart_policy().value_or(pod_.spec().restart_policy());
        if (policy == "Never") return give_up();
        kill(known, concat("Init container is in ", quoted(state_name(known.state)), " state, try killing it before restart"),
             KillReason::Unknown);
        start(index);
        return true;
      }
    }
    return true;
  }

  void look_at_sidecar(const core_v1::Container& container, const Container& known, unsigned index, bool is_last) {
    if (container.has_startup_probe()) {
      auto startup = probes_.result(ProbeKind::Startup, known.id);
      if (startup == ProbeResult::Failure) {
        kill(known, concat("Init container ", container.name(), " failed startup probe"), KillReason::StartupProbe);
        start(index);
      }
      if (startup != ProbeResult::Success) return;
    }
    done(index, is_last);
    if (is_changed(container, known)) {
      kill(known, concat("Init container ", container.name(), " definition changed"), KillReason::Unknown);
      start(index);
    } else if (container.has_liveness_probe() && probes_.result(ProbeKind::Liveness, known.id) == ProbeResult::Failure) {
      kill(known, concat("Init container ", container.name(), " failed liveness probe"), KillReason::LivenessProbe);
      start(index);
    }
  }

  bool give_up() {
    plan_.kill_pod = true;
    plan_.start_init.clear();
    return false;
  }

  const core_v1::Pod& pod_;
  const PodRuntime& runtime_;
  const ProbeResults& probes_;
  Plan& plan_;
  bool initialized_ = false;
  bool past_ = false;  // a later init container, or a regular one, has been started before
};

// Whether a running container goes on as it is.
bool keeps_running(const core_v1::Pod& pod, const core_v1::Container& container, const Container& known,
                   const ProbeResults& probes, unsigned index, Plan& plan) {
  bool restart = container.restart_policy().value_or(pod.spec().restart_policy()) != "Never";
  std::string message;
  auto reason = KillReason::Unknown;
  if (is_changed(container, known)) {
    message = concat("Container ", container.name(), " definition changed");
    restart = true;
  } else if (probes.result(ProbeKind::Liveness, known.id) == ProbeResult::Failure) {
    message = concat("Container ", container.name(), " failed liveness probe");
    reason = KillReason::LivenessProbe;
  } else if (probes.result(ProbeKind::Startup, known.id) == ProbeResult::Failure) {
    message = concat("Container ", container.name(), " failed startup probe");
    reason = KillReason::StartupProbe;
  } else {
    return true;
  }
  if (restart) {
    message += ", will be restarted";
    plan.start_regular.push_back(index);
  }
  plan.kills.push_back({known.id, known.name, std::move(message), reason});
  return false;
}

}  // namespace

SandboxNeed sandbox_need(const core_v1::Pod& pod, const PodRuntime& runtime) {
  if (runtime.sandboxes.empty()) return {true, 0, ""};
  auto& newest = runtime.sandboxes.front();
  size_t ready = 0;
  for (auto& sandbox : runtime.sandboxes) ready += sandbox.ready;
  auto next = newest.attempt + 1;
  if (ready > 1 || !newest.ready) return {true, next, newest.id};
  bool on_host = pod.spec().host_network();
  if ((newest.namespaces.network == NamespaceMode::Node) != on_host) return {true, next, ""};
  if (!on_host && newest.ips.empty()) return {true, next, newest.id};
  return {false, newest.attempt, newest.id};
}

Plan plan_for(const core_v1::Pod& pod, const PodRuntime& runtime, const ProbeResults& probes) {
  Plan plan;
  auto need = sandbox_need(pod, runtime);
  plan.kill_pod = plan.create_sandbox = need.is_new;
  plan.attempt = need.attempt;
  plan.sandbox_id = need.id;
  if (need.is_new) {
    plan_new_sandbox(pod, runtime, plan);
    return plan;
  }
  unsigned index = 0;
  for (auto container : pod.spec().ephemeral_containers()) {
    if (!runtime.newest(container.name())) plan.start_ephemeral.push_back(index);  // run once, whatever becomes of them
    index++;
  }
  if (!InitWalk(pod, runtime, probes, plan).run()) return plan;

  size_t kept = 0;
  index = 0;
  for (auto container : pod.spec().containers()) {
    auto known = runtime.newest(container.name());
    if (known && known->state == ContainerState::Running) {
      kept += keeps_running(pod, container, *known, probes, index, plan);
    } else if (is_to_be_started(pod, container, runtime)) {
      plan.start_regular.push_back(index);
      if (known && known->state == ContainerState::Unknown)  // it may run all the same: never two of them
        plan.kills.push_back({known->id, known->name,
                              concat("Container is in ", quoted(state_name(known->state)), " state, try killing it before restart"),
                              KillReason::Unknown});
    }
    index++;
  }
  if (kept == 0 && plan.start_regular.empty()) {
    plan.kill_pod = true;  // all is done: sidecars do not keep a pod alive
    plan.start_init.clear();
  }
  return plan;
}

}  // namespace sampan::kubelet
