// See status.h.
#include "kubelet/status.h"

#include <algorithm>

#include "api/core_v1_edit.h"
#include "base/text.h"
#include "kubelet/resources.h"

namespace sampan::kubelet {

using schema::Value;

namespace {

constexpr std::string_view kOwnConditions[] = {"PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled", "PodResizePending",
                                               "PodResizeInProgress"};

bool is_own(std::string_view type) { return std::ranges::find(kOwnConditions, type) != std::end(kOwnConditions); }

void write(const core_v1::ContainerStateEdit& out, const ReportedState& state) {
  if (state.kind == ReportedState::Running) {
    out.ensure_running().set_started_at(state.started_at);
  } else if (state.kind == ReportedState::Waiting) {
    auto waiting = out.ensure_waiting();
    if (!state.reason.empty()) waiting.set_reason(state.reason);
    if (!state.message.empty()) waiting.set_message(state.message);
  } else if (state.kind == ReportedState::Terminated) {
    auto ended = out.ensure_terminated();
    ended.set_exit_code(state.exit_code);
    if (!state.reason.empty()) ended.set_reason(state.reason);
    if (!state.message.empty()) ended.set_message(state.message);
    if (state.started_at) ended.set_started_at(state.started_at);
    if (state.finished_at) ended.set_finished_at(state.finished_at);
    if (!state.container_id.empty()) ended.set_container_id(state.container_id);
  }
}

// What the container really has in place of what it was granted, where the two differ: while a resize goes on.
void show_actual(Value resources, const Resources& actual, Arena& arena) {
  constexpr int64_t kLeastMilliLimit = 10, kLeastMilliRequest = 2;  // below these the kernel makes no difference
  auto show = [&](std::string_view list, std::string_view name, const schema::Quantity& quantity, int64_t least) {
    if (!resources[list].is_object()) return;
    auto granted = schema::Quantity::stored(resources[list][name].as_string());
    if (quantity.sign() <= 0 || quantity == granted) return;
    if (quantity.milli_value() <= least && granted.milli_value() <= least) return;
    resources[list].set(name, arena.copy(quantity.text()));
  };
  if (actual.cpu_period > 0) show("limits", "cpu", schema::Quantity::milli(actual.cpu_quota * 1000 / actual.cpu_period), kLeastMilliLimit);
  show("limits", "memory", schema::Quantity(actual.memory_limit, schema::Quantity::Format::BinarySi), 0);
  show("requests", "cpu", schema::Quantity::milli((actual.cpu_shares * 1000 + 1023) / 1024), kLeastMilliRequest);
}

void write(const core_v1::ContainerStatusEdit& out, const ContainerReport& report, Arena& arena) {
  auto& container = report.spec.container;
  out.set_name(container.name());
  out.ensure_state();
  write(out.state(), report.state);
  out.ensure_last_state();
  write(out.last_state(), report.last);
  out.set_ready(report.ready);
  out.set_restart_count(static_cast<int32_t>(report.restarts));
  out.set_image(report.image);
  out.set_image_id(report.image_id);
  if (!report.container_id.empty()) out.set_container_id(report.container_id);
  if (report.spec.kind != ContainerKind::Ephemeral) out.set_started(report.started);
  if (report.known) {
    auto resources = container.resources();
    auto tree = resources.present() ? schema::thaw(schema::AnyView(&core_v1::ResourceRequirements::schema_type(), resources.base, resources.at), arena)
                                    : Value::object(arena);
    if (tree["requests"].size() > 0) out.value.set("allocatedResources", tree["requests"].clone(arena));
    if (report.known->state == ContainerState::Running && report.known->resources) show_actual(tree, *report.known->resources, arena);
    out.value.set("resources", tree);
    if (report.known->user) {
      auto user = out.ensure_user().ensure_linux();
      user.set_uid(report.known->user->uid);
      user.set_gid(report.known->user->gid);
      for (auto group : report.known->user->supplemental_groups) user.ensure_supplemental_groups().push(group);
    }
  }
  for (auto mount : container.volume_mounts()) {
    auto one = out.ensure_volume_mounts().add();
    one.set_name(mount.name());
    one.set_mount_path(mount.mount_path());
    if (!mount.read_only()) continue;
    one.set_read_only(true);
    bool recursive = false;
    if (report.known)
      for (auto& real : report.known->mounts) recursive |= real.container_path == mount.mount_path() && real.recursive_read_only;
    one.set_recursive_read_only(recursive ? "Enabled" : "Disabled");
  }
}

// "[a b]", as Go prints a list.
std::string listed(const std::vector<std::string_view>& names) {
  std::string out = "[";
  for (auto name : names) append(out, out.size() > 1 ? " " : "", name);
  return out + "]";
}

class Conditions {
 public:
  Conditions(const StatusInput& in, const core_v1::PodStatusEdit& out, std::string_view phase, const std::vector<ContainerReport>& reports)
      : in_(in), pod_(in.report.pod), out_(out), phase_(phase), reports_(reports) {}

  void write() {
    for (auto condition : pod_.status().conditions())
      if (!is_own(condition.type()) && !(in_.has_disruption && condition.type() == "DisruptionTarget")) keep(condition);
    if (auto& note = in_.resize_pending) add("PodResizePending", true, note->reason, note->message, note->generation);
    if (auto& note = in_.resize_in_progress) add("PodResizeInProgress", true, note->reason, note->message, note->generation);
    if (in_.has_disruption) add("DisruptionTarget", true, "TerminationByKubelet", in_.disruption_message);
    add("PodReadyToStartContainers", !sandbox_need(pod_, in_.report.runtime).is_new);
    initialized();
    auto [ready, reason, message] = containers_ready();
    auto gates = ready ? missing_gates() : "";
    if (!gates.empty())
      add("Ready", false, "ReadinessGatesNotReady", gates);
    else
      add("Ready", ready, reason, message);
    add("ContainersReady", ready, reason, message);
    add("PodScheduled", true);
  }

 private:
  void keep(const core_v1::PodCondition& condition) {
    auto tree = schema::thaw(schema::AnyView(&core_v1::PodCondition::schema_type(), condition.base, condition.at), out_.value.arena());
    out_.ensure_conditions().value.push(tree);
  }

  // `generation` 0: the pod's.
  void add(std::string_view type, bool is_true, std::string_view reason = {}, std::string_view message = {}, int64_t generation = 0) {
    auto status = is_true ? std::string_view("True") : std::string_view("False");
    auto condition = out_.ensure_conditions().add();
    condition.set_type(type);
    if (generation == 0) generation = pod_.metadata().generation();
    if (generation) condition.set_observed_generation(generation);
    condition.set_status(status);
    if (!reason.empty()) condition.set_reason(reason);
    if (!message.empty()) condition.set_message(message);
    int64_t since = in_.now;
    for (auto list : {pod_.status().conditions(), in_.report.last.conditions()})
      for (auto old : list)
        if (old.type() == type && old.status() == status && old.last_transition_time()) since = old.last_transition_time();
    condition.set_last_transition_time(since);
  }

  void initialized() {
    std::vector<std::string_view> incomplete;
    bool any_main_started = false;
    for (auto& report : reports_) {
      if (report.spec.kind == ContainerKind::Init) {
        bool done = is_sidecar(report.spec.container) ? report.started : report.ready;
        if (!done) incomplete.push_back(report.spec.container.name());
      } else if (report.spec.kind == ContainerKind::Regular) {
        any_main_started |= report.state.kind == ReportedState::Running || report.state.kind == ReportedState::Terminated;
      }
    }
    if (phase_ == "Succeeded") return add("Initialized", true, "PodCompleted");
    if (any_main_started || incomplete.empty()) return add("Initialized", true);
    add("Initialized", false, "ContainersNotInitialized", concat("containers with incomplete status: ", listed(incomplete)));
  }

  std::tuple<bool, std::string, std::string> containers_ready() {
    if (phase_ == "Succeeded") return {false, "PodCompleted", ""};
    if (phase_ == "Failed") return {false, "PodFailed", ""};
    // In the order of the spec, sidecars first.
    std::vector<std::string_view> unready;
    for (auto& spec : containers_of(pod_)) {
      if (spec.kind == ContainerKind::Ephemeral || (spec.kind == ContainerKind::Init && !is_sidecar(spec.container))) continue;
      for (auto& report : reports_)
        if (report.spec.container.name() == spec.container.name() && !report.ready) unready.push_back(spec.container.name());
    }
    if (unready.empty()) return {true, "", ""};
    return {false, "ContainersNotReady", concat("containers with unready status: ", listed(unready))};
  }

  std::string missing_gates() {
    std::string out;
    for (auto gate : pod_.spec().readiness_gates()) {
      std::optional<std::string_view> status;
      for (auto condition : pod_.status().conditions())
        if (condition.type() == gate.condition_type()) status = condition.status();
      if (status == "True") continue;
      if (!out.empty()) out += ", ";
      if (status)
        append(out, "the status of pod readiness gate ", quoted(gate.condition_type()), " is not \"True\", but ", *status);
      else
        append(out, "corresponding condition of pod readiness gate ", quoted(gate.condition_type()), " does not exist.");
    }
    return out;
  }

  const StatusInput& in_;
  const core_v1::Pod& pod_;
  const core_v1::PodStatusEdit& out_;
  const std::string_view phase_;
  const std::vector<ContainerReport>& reports_;
};

void write_addresses(const core_v1::PodStatusEdit& out, const StatusInput& in) {
  auto& pod = in.report.pod;
  auto ips = in.report.runtime.ips();
  auto& last = in.report.last;
  // Without a sandbox, the address that the pod had is told on.
  bool has_sandbox = std::ranges::any_of(in.report.runtime.sandboxes, [](auto& sandbox) { return sandbox.ready; });
  if (ips.empty() && (!has_sandbox || pod.spec().host_network()))
    for (auto ip : last.pod_ips()) ips.emplace_back(ip.ip());
  if (!in.host_ips.empty()) {
    out.set_host_ip(in.host_ips[0]);
    for (auto& ip : in.host_ips) out.ensure_host_ips().add().set_ip(ip);
    if (pod.spec().host_network() && ips.empty() && !in.report.runtime.sandboxes.empty()) ips = in.host_ips;
  }
  if (ips.empty()) return;
  out.set_pod_ip(ips[0]);
  for (auto& ip : ips) out.ensure_pod_ips().add().set_ip(ip);
}

// What others write into a pod's status.
void keep_foreign(const core_v1::PodStatusEdit& out, const core_v1::PodStatus& api) {
  schema::AnyView view(&core_v1::PodStatus::schema_type(), api.base, api.at);
  if (!api.present()) return;
  for (auto name : {"nominatedNodeName", "resourceClaimStatuses", "extendedResourceClaimStatus", "nodeAllocatableResourceClaimStatuses"})
    if (auto field = view[name]; field.present()) out.value.set(name, schema::thaw(field, out.value.arena()));
}

}  // namespace

PodStatus make_status(const StatusInput& in, Arena& arena) {
  auto& pod = in.report.pod;
  auto& last = in.report.last;
  auto reports = report_containers(in.report);
  PodStatus out{Value::object(arena), std::string(phase_of(pod, reports, in.is_final))};
  if (!in.phase.empty()) out.phase = in.phase;
  // A pod never leaves a final phase.
  if (is_terminal(pod.status().phase()))
    out.phase = pod.status().phase();
  else if (is_terminal(last.phase()))
    out.phase = last.phase();

  core_v1::PodStatusEdit status(out.tree);
  std::string_view shown = out.phase;
  if (is_terminal(shown) && in.may_run && !is_terminal(last.phase())) shown = last.phase().empty() ? "Pending" : last.phase();
  if (pod.metadata().generation()) status.set_observed_generation(pod.metadata().generation());
  status.set_phase(shown);
  if (!in.reason.empty() && shown == out.phase) {
    status.set_reason(in.reason);
    if (!in.message.empty()) status.set_message(in.message);
  } else if (shown == last.phase()) {
    if (!last.reason().empty()) status.set_reason(last.reason());
    if (!last.message().empty()) status.set_message(last.message());
  }
  status.set_start_time(last.start_time().value_or(in.now));
  status.set_qos_class(name_of(qos_of(pod)));
  write_addresses(status, in);
  keep_foreign(status, pod.status());
  for (auto& report : reports) {
    auto list = report.spec.kind == ContainerKind::Init      ? status.ensure_init_container_statuses()
                : report.spec.kind == ContainerKind::Regular ? status.ensure_container_statuses()
                                                             : status.ensure_ephemeral_container_statuses();
    write(list.add(), report, arena);
  }
  Conditions(in, status, shown, reports).write();
  return out;
}

void make_final(const core_v1::Pod& pod, Value tree) {
  core_v1::PodStatusEdit status(tree);
  for (auto list : {status.init_container_statuses(), status.container_statuses()}) {
    for (auto container : list) {
      bool is_init = list.value.items().data() == status.init_container_statuses().value.items().data();
      if (container.state().terminated()) continue;
      // An init container that never started says nothing; one of several that did not end well fails the pod as a whole.
      if (is_init && !container.state().running() && !container.last_state().terminated()) continue;
      container.value.set("state", Value::object(tree.arena()));
      auto ended = container.ensure_state().ensure_terminated();
      ended.set_exit_code(137);
      ended.set_reason("ContainerStatusUnknown");
      ended.set_message("The container could not be located when the pod was terminated");
    }
  }
  if (!is_static(pod) && !is_terminal(status.phase())) status.set_phase("Failed");
}

}  // namespace sampan::kubelet
