// What `kubectl get pods` shows.
#include "base/text.h"
#include "registry/columns.h"
#include "registry/core/pod_kind.h"
#include "registry/core/pod_rules.h"
#include "registry/human_duration.h"

namespace sampan::registry {

namespace {

constexpr Column kColumns[] = {
    kNameColumn,
    {"Ready", "string", "", "The aggregate readiness state of this pod for accepting traffic."},
    {"Status", "string", "", "The aggregate status of the containers in this pod."},
    {"Restarts", "string", "",
     "The number of times the containers in this pod have been restarted and when the last container in this pod has restarted."},
    kAgeColumn,
    {"IP", "string", "", "podIP address allocated to the pod. Routable at least within the cluster. Empty if not yet allocated.", 1},
    {"Node", "string", "",
     "NodeName indicates in which node this pod is scheduled. If empty, this pod is a candidate for scheduling by the scheduler defined in "
     "schedulerName. Once this field is set, the kubelet for this node becomes responsible for the lifecycle of this pod. This field should not be "
     "used to express a desire for the pod to be scheduled on a specific node. "
     "https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#nodename",
     1},
    {"Nominated Node", "string", "",
     "nominatedNodeName is set only when this pod preempts other pods on the node, but it cannot be scheduled right away as preemption victims "
     "receive their graceful termination periods. This field does not guarantee that the pod will be scheduled on this node. Scheduler may decide to "
     "place the pod elsewhere if other nodes become available sooner. Scheduler may also decide to give the resources on this node to a higher priority "
     "pod that is created after preemption. As a result, this field may be different than PodSpec.nodeName when the pod is scheduled.",
     1},
    {"Readiness Gates", "string", "",
     "If specified, all readiness gates will be evaluated for pod readiness. A pod is ready when all its containers are ready AND all conditions "
     "specified in the readiness gates have status equal to \"True\" More info: "
     "https://git.k8s.io/enhancements/keps/sig-network/580-pod-readiness-gates",
     1},
};

// How many restarts there were, and when the last one was.
struct Restarts {
  int64_t count = 0, last = 0;
  void add(const AnyView& status) {
    count += status["restartCount"].as_int();
    last = std::max(last, status["lastState"]["terminated"]["finishedAt"].as_int());
  }
};

bool is_true(const AnyView& flag) { return flag.present() && flag.as_bool(); }

const AnyView condition_of(const AnyView& status, std::string_view type) {
  AnyView conditions = status["conditions"];
  for (uint32_t i = 0; i < conditions.size(); i++)
    if (conditions.item(i)["type"].as_string() == type) return conditions.item(i);
  return {};
}
bool is_condition_true(const AnyView& status, std::string_view type) {
  return condition_of(status, type)["status"].as_string() == "True";
}

std::string why_terminated(const AnyView& terminated) {
  if (auto reason = terminated["reason"].as_string(); !reason.empty()) return std::string(reason);
  if (int64_t signal = terminated["signal"].as_int(); signal != 0) return concat("Signal:", signal);
  return concat("ExitCode:", terminated["exitCode"].as_int());
}

// Walks a pod's statuses as kubectl's users know the result: "Init:0/2", "CrashLoopBackOff", "Completed" ...
class Summary {
 public:
  explicit Summary(const Object& pod) : spec_(pod["spec"]), status_(pod["status"]) {
    reason_ = status_["phase"].as_string();
    if (auto reason = status_["reason"].as_string(); !reason.empty()) reason_ = reason;
    if (condition_of(status_, "PodScheduled")["reason"].as_string() == "SchedulingGated") reason_ = "SchedulingGated";
    total = spec_["containers"].size();
    for (uint32_t i = 0; i < spec_["initContainers"].size(); i++) total += is_sidecar(spec_["initContainers"].item(i));
    bool initializing = walk_init_containers();
    if (!initializing || is_condition_true(status_, "Initialized")) walk_containers();
    if (!is_being_deleted(pod)) return;
    auto phase = status_["phase"].as_string();
    if (status_["reason"].as_string() == "NodeLost")
      reason_ = "Unknown";
    else if (phase != "Succeeded" && phase != "Failed")
      reason_ = "Terminating";
  }

  const std::string& reason() const { return reason_; }
  uint32_t total = 0, ready = 0;
  Restarts restarts;

 private:
  bool is_sidecar_named(std::string_view name) const {
    AnyView containers = spec_["initContainers"];
    bool sidecar = false;
    for (uint32_t i = 0; i < containers.size(); i++)
      if (containers.item(i)["name"].as_string() == name) sidecar = is_sidecar(containers.item(i));
    return sidecar;
  }

  // True if one of them is not done.
  bool walk_init_containers() {
    AnyView statuses = status_["initContainerStatuses"];
    for (uint32_t i = 0; i < statuses.size(); i++) {
      AnyView container = statuses.item(i), terminated = container["state"]["terminated"], waiting = container["state"]["waiting"];
      restarts.add(container);
      bool sidecar = is_sidecar_named(container["name"].as_string());
      if (sidecar) sidecar_restarts_.add(container);
      if (terminated.present() && terminated["exitCode"].as_int() == 0) continue;
      if (sidecar && is_true(container["started"])) {
        ready += is_true(container["ready"]);
        continue;
      }
      auto why = waiting["reason"].as_string();
      if (terminated.present())
        reason_ = concat("Init:", why_terminated(terminated));
      else if (!why.empty() && why != "PodInitializing")
        reason_ = concat("Init:", why);
      else
        reason_ = concat("Init:", i, "/", spec_["initContainers"].size());
      return true;
    }
    return false;
  }

  void walk_containers() {
    restarts = sidecar_restarts_;
    bool has_running = false;
    std::string error;
    AnyView statuses = status_["containerStatuses"];
    for (uint32_t i = statuses.size(); i-- > 0;) {
      AnyView container = statuses.item(i), state = container["state"];
      restarts.add(container);
      if (auto why = state["waiting"]["reason"].as_string(); !why.empty()) {
        reason_ = why;
      } else if (state["terminated"].present()) {
        reason_ = why_terminated(state["terminated"]);
        if (state["terminated"]["exitCode"].as_int() != 0) error = reason_;
      } else if (is_true(container["ready"]) && state["running"].present()) {
        has_running = true;
        ready++;
      }
    }
    if (reason_ != "Completed") return;
    if (has_running && is_condition_true(status_, "Ready"))
      reason_ = "Running";
    else if (!error.empty())
      reason_ = error;
    else if (has_running)
      reason_ = "NotReady";
  }

  AnyView spec_, status_;
  std::string reason_;
  Restarts sidecar_restarts_;
};

std::string_view or_none(std::string_view text) { return text.empty() ? "<none>" : text; }

std::string readiness_gates(const Object& pod) {
  AnyView gates = pod["spec"]["readinessGates"];
  if (gates.size() == 0) return "<none>";
  uint32_t open = 0;
  for (uint32_t i = 0; i < gates.size(); i++)
    open += is_condition_true(pod["status"], gates.item(i)["conditionType"].as_string());
  return concat(open, "/", gates.size());
}

}  // namespace

std::span<const Column> pod_columns() { return kColumns; }

void pod_row(const Object& pod, Row& row) {
  Summary summary(pod);
  name_cell(pod, row);
  row.text(concat(summary.ready, "/", summary.total));
  row.text(summary.reason());
  if (summary.restarts.count != 0 && summary.restarts.last != 0)
    row.text(concat(summary.restarts.count, " (", human_duration(row.now_seconds() - summary.restarts.last), " ago)"));
  else
    row.text(concat(summary.restarts.count));
  age_cell(pod, row);
  AnyView ips = pod["status"]["podIPs"];
  row.text(or_none(ips.size() ? ips.item(0)["ip"].as_string() : std::string_view()));
  row.text(or_none(pod["spec"]["nodeName"].as_string()));
  row.text(or_none(pod["status"]["nominatedNodeName"].as_string()));
  row.text(readiness_gates(pod));
  auto phase = pod["status"]["phase"].as_string();
  if (phase == "Succeeded") row.completed(phase, "The pod has completed successfully.");
  if (phase == "Failed") row.completed(phase, "The pod failed.");
}

}  // namespace sampan::registry
