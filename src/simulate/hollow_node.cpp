#include "simulate/hollow_node.h"

#include "api/core_v1.h"
#include "api/core_v1_edit.h"
#include "base/check.h"
#include "base/encoding.h"
#include "base/text.h"

namespace sampan::simulate {

using api::core_v1::Pod;
using api::core_v1::PodStatusEdit;
using schema::Object;
using schema::ObjectRef;
using schema::Value;

namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kExitUs = kSecondUs;           // how long a container that exits runs
constexpr int64_t kStopUs = kSecondUs / 2;       // how long containers take to end
constexpr int64_t kRestartUs = 10 * kSecondUs;

const client::Resource& pods() { return client::builtin("", "pods"); }

std::string key_of(const Object& object) {
  auto metadata = object["metadata"];
  return concat(metadata["namespace"].as_string(), "/", metadata["name"].as_string());
}

// The code that a container is to end with; none: it runs on.
std::optional<int> exit_code(api::core_v1::Container container) {
  auto command = container.command();
  int code = 0;
  if (command.size() != 2 || command[0] != "exit" || !parse_int(command[1], code)) return {};
  return code;
}

void set_condition(PodStatusEdit status, std::string_view type, bool holds, int64_t now) {
  for (auto condition : status.ensure_conditions()) {
    if (condition.type() != type) continue;
    if ((condition.status() == "True") == holds) return;
    condition.set_status(holds ? "True" : "False");
    condition.set_last_transition_time(now);
    return;
  }
  auto condition = status.ensure_conditions().add();
  condition.set_type(type);
  condition.set_status(holds ? "True" : "False");
  condition.set_last_transition_time(now);
}

unsigned number_of(std::string_view name) {
  unsigned number = 0;
  for (char c : name) number = number * 31 + static_cast<unsigned char>(c);
  return number % 250 + 1;
}

}  // namespace

HollowNode::HollowNode(std::string name, std::unique_ptr<client::Api> api, client::Informers& informers, Clock& clock, Executor& executor,
                       int64_t start_us)
    : name_(std::move(name)),
      api_(std::move(api)),
      clock_(clock),
      executor_(executor),
      start_us_(start_us),
      number_(number_of(name_)),
      queue_(clock, executor, [this](const std::string& key) { look_at(key); }, {.workers = 1}) {
  auto opened = informers.of(pods());
  check(opened.has_value());
  pods_ = *opened;
  pods_->start();
  subscription_ = pods_->on_change([this](const client::Change& change) {
    if (change.object && (*change.object)["spec"]["nodeName"].as_string() == name_) queue_.add(key_of(*change.object));
  });
  renew();
}

void HollowNode::renew() {
  if (stopped_) return;
  if (!registered_) registered_ = register_node().has_value();
  const auto& leases = client::builtin("coordination.k8s.io", "leases");
  Arena arena;
  Value lease = Value::object(arena);
  Value metadata = lease.ensure_object("metadata");
  metadata.set("name", std::string_view(name_));
  metadata.set("namespace", "kube-node-lease");
  Value spec = lease.ensure_object("spec");
  spec.set("holderIdentity", std::string_view(name_));
  spec.set("leaseDurationSeconds", 40);
  std::string now;
  append_micro_time(now, clock_.now_us());
  spec.set("renewTime", std::string_view(now));
  (void)api_->patch(leases, "kube-node-lease", name_, client::PatchType::Apply, lease, {.force = true});
  executor_.after(10 * kSecondUs, [this] { renew(); });
}

Result<void> HollowNode::register_node() {
  const auto& nodes = client::builtin("", "nodes");
  Arena arena;
  Value node = Value::object(arena);
  Value metadata = node.ensure_object("metadata");
  metadata.set("name", std::string_view(name_));
  Value labels = metadata.ensure_object("labels");
  labels.set("kubernetes.io/hostname", std::string_view(name_));
  labels.set("kubernetes.io/os", "linux");
  labels.set("kubernetes.io/arch", "amd64");
  auto created = api_->create(nodes, "", node);
  if (!created && !created.error().is(Reason::AlreadyExists)) return fail(std::move(created).error());
  TRY(client::update_latest(*api_, nodes, "", name_, {.subresource = "status"}, [&](const Object&, Value tree) -> Result<bool> {
    api::core_v1::NodeStatusEdit status(tree.ensure_object("status"));
    for (std::string_view list : {"capacity", "allocatable"}) {
      Value amounts = status.value.ensure_object(list);
      amounts.set("cpu", "32");
      amounts.set("memory", "256Gi");
      amounts.set("pods", "110");
      amounts.set("ephemeral-storage", "100Gi");
    }
    status.value.set("conditions", Value::list(tree.arena()));
    auto ready = status.ensure_conditions().add();
    ready.set_type("Ready");
    ready.set_status("True");
    ready.set_reason("KubeletReady");
    ready.set_message("kubelet is posting ready status");
    ready.set_last_heartbeat_time(clock_.now_us() / kSecondUs);
    ready.set_last_transition_time(clock_.now_us() / kSecondUs);
    return true;
  }));
  return {};
}

void HollowNode::look_at(const std::string& key) {
  if (stopped_) return;
  auto slash = key.find('/');
  auto pod = pods_->find(key.substr(0, slash), key.substr(slash + 1));
  if (!pod) return;
  auto view = pod->as<Pod>();
  auto phase = view.status().phase();
  bool ended = phase == "Succeeded" || phase == "Failed";
  Result<void> done;
  if ((*pod)["metadata"]["deletionTimestamp"].present())
    done = end_pod(*pod);
  else if (!ended)
    done = start_pod(*pod);
  if (done)
    queue_.forget(key);
  else
    queue_.add_failed(key);
}

// Brings the pod's status to what it would be at this time, and comes back when it is to change again.
Result<void> HollowNode::start_pod(const Object& pod) {
  auto view = pod.as<Pod>();
  auto key = key_of(pod);
  int64_t now = clock_.now_us();
  if (!view.status().start_time()) {
    TRY(client::update_latest(*api_, pods(), view.metadata().namespace_(), view.metadata().name(), {.subresource = "status"},
                              [&](const Object&, Value tree) -> Result<bool> {
                                PodStatusEdit status(tree.ensure_object("status"));
                                status.set_start_time(now / kSecondUs);
                                return true;
                              }));
    queue_.add_after(key, start_us_);
    return {};
  }
  bool to_change = view.status().phase() != "Running";
  bool exits = false, fails = false;
  for (auto container : view.spec().containers()) {
    auto code = exit_code(container);
    exits |= code.has_value();
    fails |= code && *code != 0;
  }
  auto policy = view.spec().restart_policy();
  if (to_change) {
    TRY(client::update_latest(*api_, pods(), view.metadata().namespace_(), view.metadata().name(), {.subresource = "status"},
                              [&](const Object& current, Value tree) -> Result<bool> {
                                tree.set("status", running_status(current, tree.arena()));
                                return true;
                              }));
    if (exits) queue_.add_after(key, kExitUs);
    return {};
  }
  if (!exits) return {};
  auto started = view.status().container_statuses();
  int64_t since_us = started.empty() ? now : started[0].state().running().started_at() * kSecondUs;
  if (now - since_us < kExitUs) {
    queue_.add_after(key, kExitUs - (now - since_us));
    return {};
  }
  bool restarts = policy == "Always" || (policy == "OnFailure" && fails);
  TRY(client::update_latest(*api_, pods(), view.metadata().namespace_(), view.metadata().name(), {.subresource = "status"},
                            [&](const Object& current, Value tree) -> Result<bool> {
                              if (!restarts) {
                                tree.set("status", ended_status(current, since_us, tree.arena()));
                                return true;
                              }
                              for (auto container : PodStatusEdit(tree["status"]).container_statuses()) {
                                container.set_restart_count(container.restart_count() + 1);
                                container.ensure_state().ensure_running().set_started_at((now + kRestartUs) / kSecondUs);
                              }
                              return true;
                            }));
  if (restarts) queue_.add_after(key, kRestartUs + kExitUs);
  return {};
}

Result<void> HollowNode::end_pod(const Object& pod) {
  auto view = pod.as<Pod>();
  auto metadata = view.metadata();
  int64_t asked_at = metadata.deletion_timestamp().value_or(0) - metadata.deletion_grace_period_seconds().value_or(0);
  int64_t stop_at_us = asked_at * kSecondUs + kStopUs;
  if (clock_.now_us() < stop_at_us) {
    queue_.add_after(key_of(pod), stop_at_us - clock_.now_us());
    return {};
  }
  auto phase = view.status().phase();
  if (phase != "Succeeded" && phase != "Failed") {
    TRY(client::update_latest(*api_, pods(), view.metadata().namespace_(), view.metadata().name(), {.subresource = "status"},
                              [&](const Object& current, Value tree) -> Result<bool> {
                                tree.set("status", ended_status(current, clock_.now_us(), tree.arena()));
                                return true;
                              }));
  }
  auto removed = api_->remove(pods(), view.metadata().namespace_(), view.metadata().name(), {.grace_seconds = 0, .uid = view.metadata().uid()});
  if (!removed && !removed.error().is(Reason::NotFound) && !removed.error().is(Reason::Conflict)) return removed;
  return {};
}

Value HollowNode::running_status(const Object& pod, Arena& arena) {
  int64_t now = clock_.now_us() / kSecondUs;
  PodStatusEdit status(schema::thaw(pod["status"], arena).clone(arena));
  status.set_phase("Running");
  if (status.pod_ip().empty()) {
    addresses_++;
    status.set_pod_ip(concat("10.244.", number_, ".", addresses_ % 250 + 1));
    status.value.set("podIPs", Value::list(arena));
    status.ensure_pod_ips().add().set_ip(status.pod_ip());
    status.set_host_ip(concat("10.0.0.", number_));
  }
  for (auto type : {"PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"}) set_condition(status, type, true, now);
  status.value.set("containerStatuses", Value::list(arena));
  for (auto container : pod.as<Pod>().spec().containers()) {
    auto shown = status.ensure_container_statuses().add();
    shown.set_name(container.name());
    shown.set_image(container.image());
    shown.set_image_id(container.image());
    shown.set_ready(true);
    shown.set_started(true);
    shown.set_restart_count(0);
    shown.set_container_id(concat("hollow://", pod["metadata"]["uid"].as_string(), "-", container.name()));
    shown.ensure_state().ensure_running().set_started_at(now);
  }
  return status.value;
}

Value HollowNode::ended_status(const Object& pod, int64_t started_us, Arena& arena) {
  int64_t now = clock_.now_us() / kSecondUs;
  PodStatusEdit status(schema::thaw(pod["status"], arena).clone(arena));
  bool failed = false;
  status.value.set("containerStatuses", Value::list(arena));
  for (auto container : pod.as<Pod>().spec().containers()) {
    int code = exit_code(container).value_or(0);
    failed |= code != 0;
    auto shown = status.ensure_container_statuses().add();
    shown.set_name(container.name());
    shown.set_image(container.image());
    shown.set_image_id(container.image());
    shown.set_ready(false);
    shown.set_started(false);
    shown.set_restart_count(0);
    auto terminated = shown.ensure_state().ensure_terminated();
    terminated.set_exit_code(code);
    terminated.set_reason(code ? "Error" : "Completed");
    terminated.set_started_at(started_us / kSecondUs);
    terminated.set_finished_at(now);
  }
  status.set_phase(failed ? "Failed" : "Succeeded");
  for (auto type : {"Ready", "ContainersReady"}) set_condition(status, type, false, now);
  return status.value;
}

}  // namespace sampan::simulate
