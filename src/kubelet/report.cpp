// See report.h.
#include "kubelet/report.h"

#include <algorithm>

#include "base/text.h"

namespace sampan::kubelet {

namespace {

constexpr int64_t kNanoseconds = 1'000'000'000;
constexpr std::string_view kStatusUnknown = "ContainerStatusUnknown";
constexpr size_t kMessagesBytesMax = 12 * 1024;  // of all termination messages of a pod

ReportedState read(const core_v1::ContainerState& state) {
  ReportedState out;
  if (state.has_running()) {
    out.kind = ReportedState::Running;
    out.started_at = state.running().started_at();
  } else if (state.has_terminated()) {
    auto ended = state.terminated();
    out.kind = ReportedState::Terminated;
    out.reason = ended.reason(), out.message = ended.message(), out.container_id = ended.container_id();
    out.started_at = ended.started_at(), out.finished_at = ended.finished_at(), out.exit_code = ended.exit_code();
  } else if (state.has_waiting()) {
    out.kind = ReportedState::Waiting;
    out.reason = state.waiting().reason(), out.message = state.waiting().message();
  }
  return out;
}

class Reporter {
 public:
  explicit Reporter(const ReportInput& in) : in_(in) {}

  ContainerReport report(const ContainerSpec& spec) const {
    ContainerReport out;
    out.spec = spec;
    auto name = spec.container.name();
    auto old = told_before(spec);
    out.image = spec.container.image();
    out.state = {ReportedState::Waiting, in_.pod.spec().init_containers().empty() ? "ContainerCreating" : "PodInitializing", ""};
    auto old_state = read(old.state());
    if (old.present()) {
      out.restarts = static_cast<uint32_t>(old.restart_count());
      out.last = read(old.last_state());
      if (old_state.kind == ReportedState::Terminated) {
        out.state = old_state;
        out.image = old.image(), out.image_id = old.image_id(), out.container_id = old.container_id();
        out.ready = old.ready(), out.started = old.started().value_or(false);
      }
    }
    if (auto known = in_.runtime.newest(name)) {
      take(out, *known, old, old_state);
    } else if (old.present() && old_state.kind == ReportedState::Running && out.last.kind == ReportedState::None) {
      // It ran, and nobody knows how it ended: it did not stay as if it had never been.
      out.last = {ReportedState::Terminated, std::string(kStatusUnknown),
                  "The container could not be located when the pod was deleted.  The container used to be Running", 0, 0, 137, ""};
      if (!in_.pod.metadata().deletion_timestamp()) out.restarts++;
    }
    show_failure(out);
    judge(out, old);
    return out;
  }

 private:
  core_v1::ContainerStatus told_before(const ContainerSpec& spec) const {
    auto list = spec.kind == ContainerKind::Init      ? in_.last.init_container_statuses()
                : spec.kind == ContainerKind::Regular ? in_.last.container_statuses()
                                                      : in_.last.ephemeral_container_statuses();
    for (auto status : list)
      if (status.name() == spec.container.name()) return status;
    return {};
  }

  std::string id_of(const Container& known) const { return concat(in_.runtime_name, "://", known.id); }

  ReportedState state_of(const Container& known) const {
    ReportedState out;
    switch (known.state) {
      case ContainerState::Running:
        out.kind = ReportedState::Running;
        out.started_at = known.started_at / kNanoseconds;
        break;
      case ContainerState::Exited: {
        out.kind = ReportedState::Terminated;
        out.exit_code = known.exit_code;
        out.reason = known.reason;
        auto share = kMessagesBytesMax / std::max<size_t>(containers_of(in_.pod).size(), 1);
        out.message = known.message.substr(0, share);
        out.started_at = known.started_at / kNanoseconds, out.finished_at = known.finished_at / kNanoseconds;
        out.container_id = id_of(known);
        break;
      }
      case ContainerState::Created:
      case ContainerState::Unknown: out.kind = ReportedState::Waiting;
    }
    return out;
  }

  void take(ContainerReport& out, const Container& known, const core_v1::ContainerStatus& old, const ReportedState& old_state) const {
    out.known = &known;
    out.state = state_of(known);
    out.image = known.image, out.image_id = known.image_ref, out.container_id = id_of(known);
    out.restarts = restart_count(known);
    out.ready = out.started = false;
    if (known.state == ContainerState::Unknown && old_state.kind == ReportedState::Running) {
      out.state = {ReportedState::Terminated, std::string(kStatusUnknown), "The container could not be located when the pod was terminated", 0, 0, 137, ""};
      out.restarts = static_cast<uint32_t>(old.restart_count()) + 1;
    }
    // The one before it, which the runtime keeps for a while.
    for (auto& earlier : in_.runtime.containers)
      if (earlier.name == known.name && &earlier != &known && earlier.state == ContainerState::Exited) {
        out.last = state_of(earlier);
        return;
      }
    if (old_state.kind == ReportedState::Terminated && old_state.container_id != out.container_id) out.last = old_state;
  }

  // A container that is to be started and could not be is waiting, for a reason.
  void show_failure(ContainerReport& out) const {
    auto& container = out.spec.container;
    auto known = out.known;
    if (out.spec.kind == ContainerKind::Init) {
      if (known && known->state == ContainerState::Exited && known->exit_code == 0 && !is_sidecar(container)) return;
      if (!known && !is_sidecar(container) && out.state.kind == ReportedState::Waiting && any_regular_container_created(in_.pod, in_.runtime)) {
        out.state = {ReportedState::Terminated, "Completed",
                     "Unable to get init container status from container runtime and pod has been initialized, treat it as exited normally", 0, 0, 0, ""};
        return;
      }
    }
    bool ephemeral_ran = out.spec.kind == ContainerKind::Ephemeral && known;
    if (ephemeral_ran || !is_to_be_started(in_.pod, container, in_.runtime)) return;
    auto failure = in_.failures.find(container.name());
    if (failure == in_.failures.end()) return;
    if (out.state.kind == ReportedState::Terminated) out.last = out.state;
    out.state = {ReportedState::Waiting, failure->second.reason, failure->second.message};
  }

  // started and ready, from the probes.
  void judge(ContainerReport& out, const core_v1::ContainerStatus& old) const {
    auto& container = out.spec.container;
    if (out.spec.kind == ContainerKind::Ephemeral) return;
    if (out.spec.kind == ContainerKind::Init && !is_sidecar(container)) {
      out.started = out.state.kind == ReportedState::Running;
      out.ready = out.state.kind == ReportedState::Terminated && out.state.exit_code == 0;
      return;
    }
    out.ready = out.started = false;
    if (out.state.kind != ReportedState::Running || !out.known) return;
    bool same = old.present() && old.container_id() == out.container_id;
    auto startup = in_.probes.result(ProbeKind::Startup, out.known->id);
    out.started = startup != ProbeResult::Unknown ? startup == ProbeResult::Success
                                                  : !container.has_startup_probe() || (same && old.started().value_or(false));
    if (!out.started) return;
    auto readiness = in_.probes.result(ProbeKind::Readiness, out.known->id);
    bool from_before = same && old.ready() && out.state.started_at < in_.agent_started_at;
    out.ready = readiness != ProbeResult::Unknown ? readiness == ProbeResult::Success : !container.has_readiness_probe() || from_before;
  }

  const ReportInput& in_;
};

}  // namespace

std::vector<ContainerReport> report_containers(const ReportInput& input) {
  Reporter reporter(input);
  std::vector<ContainerReport> out;
  for (auto& spec : containers_of(input.pod)) out.push_back(reporter.report(spec));
  std::stable_sort(out.begin(), out.end(), [](auto& a, auto& b) {
    if (a.spec.kind != b.spec.kind) return a.spec.kind < b.spec.kind;
    return a.spec.kind != ContainerKind::Init && a.spec.container.name() < b.spec.container.name();
  });
  return out;
}

std::string_view phase_of(const core_v1::Pod& pod, const std::vector<ContainerReport>& reports, bool is_final) {
  bool init_pending = false, sidecar_pending = false, init_failed = false, any_main_active = false;
  unsigned waiting = 0, running = 0, stopped = 0, succeeded = 0, restartable = 0;
  for (auto& report : reports) {
    auto& container = report.spec.container;
    auto& state = report.state;
    // How its last run ended, also while it waits for the next.
    auto& ended = state.kind == ReportedState::Terminated ? state : report.last;
    bool has_ended = state.kind != ReportedState::Running && ended.kind == ReportedState::Terminated;
    if (report.spec.kind == ContainerKind::Regular) {
      any_main_active |= report.known && (state.kind == ReportedState::Running || state.kind == ReportedState::Terminated);
      if (state.kind == ReportedState::Running) {
        running++;
      } else if (has_ended) {
        stopped++;
        succeeded += state.kind == ReportedState::Terminated && ended.exit_code == 0;
        restartable += restarts_after(pod, container, ended.exit_code);
      } else {
        waiting++;
      }
    } else if (report.spec.kind == ContainerKind::Init && is_sidecar(container)) {
      if (state.kind == ReportedState::Running) {
        running++;
        sidecar_pending |= !report.started;
      } else if (!has_ended) {
        waiting++;
        sidecar_pending = true;
      }
    } else if (report.spec.kind == ContainerKind::Init) {
      if (!has_ended)
        init_pending = true;
      else if (ended.exit_code != 0)
        init_failed |= !restarts_after(pod, container, ended.exit_code);
    }
  }
  if (init_failed) return "Failed";
  if (init_pending || (sidecar_pending && !any_main_active) || waiting > 0) return "Pending";
  if (running > 0) return "Running";
  if (stopped == 0) return "Pending";
  bool over = (is_final && !is_static(pod)) || restartable == 0;
  if (!over) return "Running";  // on the way to the next run
  return stopped == succeeded ? "Succeeded" : "Failed";
}

}  // namespace sampan::kubelet
