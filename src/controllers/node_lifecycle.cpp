// Watches over nodes: who gives no sign for too long is Unknown and gets the taint that drives its pods away, slowly where much of a zone is gone and not
// at all where everything seems gone, because then it is rather us who are cut off.
//
// Keys: "all" looks at the health of all nodes; "node/NAME" keeps the taints that follow from conditions, and labels; "pod/NAMESPACE/NAME" is
// a pod that came to a node that is not ready.
#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "controllers/controllers.h"
#include "controllers/node_health.h"
#include "controllers/taints.h"
#include "controllers/tree.h"

namespace sampan::controllers {

namespace {

struct ConditionTaint {
  std::string_view condition, status, key;
};
constexpr ConditionTaint kConditionTaints[] = {
    {"Ready", "False", kNotReady},
    {"Ready", "Unknown", kUnreachable},
    {"MemoryPressure", "True", "node.kubernetes.io/memory-pressure"},
    {"DiskPressure", "True", "node.kubernetes.io/disk-pressure"},
    {"NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"},
    {"PIDPressure", "True", "node.kubernetes.io/pid-pressure"},
};
constexpr std::string_view kUnschedulable = "node.kubernetes.io/unschedulable";
constexpr std::pair<std::string_view, std::string_view> kLabelCopies[] = {{"kubernetes.io/os", "beta.kubernetes.io/os"},
                                                                          {"kubernetes.io/arch", "beta.kubernetes.io/arch"}};

bool is_ours(const Taint& taint) {
  if (taint.effect != "NoSchedule") return false;
  for (const auto& known : kConditionTaints)
    if (taint.key == known.key) return true;
  return taint.key == kUnschedulable;
}

// The NoSchedule taints that a node's conditions ask for.
std::vector<Taint> wanted_taints(const Object& node) {
  std::vector<Taint> taints;
  for (const auto& known : kConditionTaints)
    if (condition_of(node["status"]["conditions"], known.condition)["status"].as_string() == known.status)
      taints.push_back({std::string(known.key), "", "NoSchedule"});
  if (truth(node["spec"]["unschedulable"])) taints.push_back({std::string(kUnschedulable), "", "NoSchedule"});
  return taints;
}

Taint no_execute(std::string_view key) { return {std::string(key), "", "NoExecute"}; }

struct Zone {
  ZoneState state = ZoneState::Normal;
  TokenBucket tokens{eviction_rate(ZoneState::Normal, 0)};
  std::vector<std::string> queue;  // nodes to be tainted, in the order in which they went silent
  int ready = 0, not_ready = 0;    // of this look
};

class NodeLifecycle final : public Controller {
 public:
  explicit NodeLifecycle(Environment& environment)
      : environment_(environment), events_(environment.api, environment.clock, environment.executor, "node-controller") {}

  void watch(Watches& watches) override {
    nodes_ = &watches.on("", "nodes", [](const Change& change, const Watches::Enqueue& enqueue) {
      if (change.object) enqueue(concat("node/", name_of(*change.object)));
      if (!change.object || !change.previous) enqueue("all");
    });
    leases_ = &watches.read("coordination.k8s.io", "leases");
    pods_ = &watches.on("", "pods", [](const Change& change, const Watches::Enqueue& enqueue) {
      if (!change.object || (*change.object)["spec"]["nodeName"].as_string().empty()) return;
      if (change.previous && !(*change.previous)["spec"]["nodeName"].as_string().empty()) return;
      enqueue(concat("pod/", key_of(*change.object)));
    });
    pods_by_node_ = &pods_->index([](const Object& pod, std::vector<std::string>& keys) {
      if (auto node = pod["spec"]["nodeName"].as_string(); !node.empty()) keys.emplace_back(node);
    });
    watches.every(environment_.settings.nodes.period_us, "all");
  }

  Result<Again> reconcile(const Key& key) override {
    if (key.name == "all" && key.name_space.empty()) return look_at_all();
    auto text = concat(key.name_space, "/", key.name);
    if (text.starts_with("pod/")) return look_at_pod(Key::of(std::string_view(text).substr(4)));
    TRY(keep_taints(key.name));
    TRY(keep_labels(key.name));
    return Again::never();
  }

 private:
  // ---- one node ----

  Result<void> keep_taints(std::string_view name) {
    auto node = nodes_->find({}, name);
    if (!node) return {};
    auto wanted = wanted_taints(*node), has = taints_of(*node, "NoSchedule");
    std::vector<Taint> add, remove;
    auto has_key = [](const std::vector<Taint>& taints, const Taint& taint) {
      return std::any_of(taints.begin(), taints.end(), [&](const Taint& other) { return other.key == taint.key; });
    };
    for (const Taint& taint : wanted)
      if (!has_key(has, taint)) add.push_back(taint);
    for (const Taint& taint : has)
      if (is_ours(taint) && !has_key(wanted, taint)) remove.push_back(taint);
    if (add.empty() && remove.empty()) return {};
    return swap_taints(environment_.api, nodes_->resource(), name, add, remove, environment_.now_seconds());
  }

  Result<void> keep_labels(std::string_view name) {
    auto node = nodes_->find({}, name);
    if (!node) return {};
    AnyView labels = (*node)["metadata"]["labels"];
    bool right = true;
    for (const auto& [from, to] : kLabelCopies)
      right &= !labels[from].present() || (labels[to].present() && labels[to].as_string() == labels[from].as_string());
    if (right) return {};
    auto done = client::update_latest(environment_.api, nodes_->resource(), {}, name, {}, [](const Object& latest, Value tree) -> Result<bool> {
      Value to_change = tree["metadata"]["labels"];
      for (const auto& [from, to] : kLabelCopies)
        if (AnyView value = latest["metadata"]["labels"][from]; value.present()) to_change.set(to, text_in(tree.arena(), value.as_string()));
      return true;
    });
    if (!done && !done.error().is(Reason::NotFound)) return fail(std::move(done).error());
    return {};
  }

  Result<Again> look_at_pod(const Key& key) {
    auto pod = pods_->find(key.name_space, key.name);
    if (!pod) return Again::never();
    auto node = nodes_->find({}, (*pod)["spec"]["nodeName"].as_string());
    if (!node) return Again::never();
    AnyView ready = condition_of((*node)["status"]["conditions"], "Ready");
    if (ready.present() && ready["status"].as_string() != "True") TRY(mark_not_ready(*pod));
    return Again::never();
  }

  Result<void> mark_not_ready(const Object& pod) {
    if (!is_true(pod["status"]["conditions"], "Ready")) return {};
    auto done = client::update_latest(environment_.api, pods_->resource(), namespace_of(pod), name_of(pod), {.subresource = "status"},
                                      [&](const Object& latest, Value tree) -> Result<bool> {
                                        if (uid_of(latest) != uid_of(pod) || !is_true(latest["status"]["conditions"], "Ready")) return false;
                                        for (Value condition : tree["status"]["conditions"].items()) {
                                          if (condition["type"].as_string() != "Ready") continue;
                                          condition.set("status", "False");
                                          condition.set("lastTransitionTime", time_in(tree.arena(), environment_.now_seconds()));
                                        }
                                        return true;
                                      });
    if (!done && done.error().is(Reason::NotFound)) return {};
    if (!done) return fail(std::move(done).error());
    events_.tell(client::Reference::of(pods_->resource(), pod), client::kWarning, "NodeNotReady", "Node is not ready");
    return {};
  }

  // ---- all nodes ----

  void tell(std::string_view node, std::string_view uid, std::string_view reason, std::string message) {
    client::Reference about;
    about.api_version = "v1", about.kind = "Node", about.name = node, about.uid = uid;
    events_.tell(about, client::kNormal, reason, std::move(message));
  }

  void notice_comings_and_goings(const std::vector<ObjectRef>& nodes) {
    std::set<std::string_view> present;
    for (const auto& node : nodes) {
      present.insert(name_of(*node));
      if (!known_.emplace(name_of(*node), uid_of(*node)).second) continue;
      tell(name_of(*node), uid_of(*node), "RegisteredNode",
           concat("Node ", name_of(*node), " event: Registered Node ", name_of(*node), " in Controller"));
    }
    for (auto known = known_.begin(); known != known_.end();) {
      if (present.contains(known->first)) {
        ++known;
        continue;
      }
      tell(known->first, known->second, "RemovingNode",
           concat("Node ", known->first, " event: Removing Node ", known->first, " from Controller"));
      health_.erase(known->first);
      unmarked_.erase(known->first);
      last_ready_.erase(known->first);
      known = known_.erase(known);
    }
  }

  Result<Again> look_at_all() {
    auto nodes = nodes_->all();
    notice_comings_and_goings(nodes);
    for (auto& [name, zone] : zones_) zone.ready = zone.not_ready = 0;
    for (auto& node : nodes) {
      // What cannot be written now is looked at again in the next round.
      auto judged = judge(node);
      if (!judged) continue;
      node = *judged;
      bool is_ready = is_true((*node)["status"]["conditions"], "Ready");
      Zone& zone = zones_[zone_of(*node)];
      if (!(*node)["metadata"]["labels"]["node.kubernetes.io/exclude-disruption"].present()) (is_ready ? zone.ready : zone.not_ready)++;
      queue_taint(*node, zone);
    }
    handle_disruption(nodes);
    return taint_queued();
  }

  // Tells of a node that has gone silent; returns it as it then is.
  Result<ObjectRef> judge(const ObjectRef& node) {
    std::string name(name_of(*node));
    auto lease = leases_->find("kube-node-lease", name);
    bool was_ready = is_true((*node)["status"]["conditions"], "Ready");
    ObjectRef latest = node;
    if (is_silent(health_[name], signs_of(*node, lease ? &*lease : nullptr), environment_.clock.now_us(), environment_.settings.nodes))
      latest = TRY(mark_unknown(node));
    AnyView ready = condition_of((*latest)["status"]["conditions"], "Ready");
    if (!ready.present()) return latest;
    bool is_ready = ready["status"].as_string() == "True";
    if (was_ready && !is_ready)
      tell(name, name, "NodeNotReady", concat("Node ", name, " status is now: NodeNotReady"));
    // Its pods say so too; also when it was the node itself that said it is not ready.
    bool to_be_marked = !is_ready && (was_ready || last_ready_[name] || unmarked_.contains(name));
    last_ready_[name] = is_ready;
    if (is_ready) unmarked_.erase(name);
    if (to_be_marked && mark_pods(name))
      unmarked_.erase(name);
    else if (to_be_marked)
      unmarked_.insert(name);
    return latest;
  }

  bool mark_pods(const std::string& node) {
    bool all = true;
    for (const auto& pod : pods_by_node_->find(node)) all &= mark_not_ready(*pod).has_value();
    return all;
  }

  Result<ObjectRef> mark_unknown(const ObjectRef& node) {
    AnyView ready = condition_of((*node)["status"]["conditions"], "Ready");
    if (ready.present() && ready["status"].as_string() == "Unknown") return node;
    Arena arena;
    Value tree = schema::thaw(*node, arena);
    Value conditions = tree.ensure_object("status").ensure_list("conditions");
    Value now = time_in(arena, environment_.now_seconds());
    for (std::string_view type : {"Ready", "MemoryPressure", "DiskPressure", "PIDPressure"}) {
      Value found;
      for (Value condition : conditions.items())
        if (condition["type"].as_string() == type) found = condition;
      if (found.is_absent()) {
        conditions.push(tree_of(arena, {{"type", type},
                                        {"status", "Unknown"},
                                        {"reason", "NodeStatusNeverUpdated"},
                                        {"message", "Kubelet never posted node status."},
                                        {"lastHeartbeatTime", time_in(arena, (*node)["metadata"]["creationTimestamp"].as_int())},
                                        {"lastTransitionTime", now}}));
      } else if (found["status"].as_string() != "Unknown") {
        found.set("status", "Unknown");
        found.set("reason", "NodeStatusUnknown");
        found.set("message", "Kubelet stopped posting node status.");
        found.set("lastTransitionTime", now);
      }
    }
    return environment_.api.update_status(nodes_->resource(), tree);
  }

  // A ready node loses its taints at once; one that is not gets in line, unless it already has a taint that is only to be exchanged.
  void queue_taint(const Object& node, Zone& zone) {
    AnyView ready = condition_of(node["status"]["conditions"], "Ready");
    std::string name(name_of(node));
    auto waiting = std::find(zone.queue.begin(), zone.queue.end(), name);
    if (!ready.present()) return;
    auto status = ready["status"].as_string();
    if (status == "True") {
      if (waiting != zone.queue.end()) zone.queue.erase(waiting);
      free(node);
      return;
    }
    std::string_view right = status == "False" ? kNotReady : kUnreachable, wrong = status == "False" ? kUnreachable : kNotReady;
    bool has_right = has_taint(node, right, "NoExecute"), has_wrong = has_taint(node, wrong, "NoExecute");
    if (has_wrong)
      (void)swap_taints(environment_.api, nodes_->resource(), name, {no_execute(right)}, {no_execute(wrong)}, environment_.now_seconds());
    else if (!has_right && waiting == zone.queue.end())
      zone.queue.push_back(name);
  }

  // What fails is done in the next round.
  void free(const Object& node) {
    if (!has_taint(node, kNotReady, "NoExecute") && !has_taint(node, kUnreachable, "NoExecute")) return;
    (void)swap_taints(environment_.api, nodes_->resource(), name_of(node), {}, {no_execute(kNotReady), no_execute(kUnreachable)},
                      environment_.now_seconds());
  }

  void handle_disruption(const std::vector<ObjectRef>& nodes) {
    int64_t now_us = environment_.clock.now_us();
    std::erase_if(zones_, [](const auto& zone) { return zone.second.ready + zone.second.not_ready == 0 && zone.second.queue.empty(); });
    bool all_gone = true;
    for (const auto& [name, zone] : zones_) all_gone &= zone_state(zone.ready, zone.not_ready) == ZoneState::FullDisruption;
    if (zones_.empty()) return;
    if (all_gone) {
      if (!everything_gone_)
        for (const auto& node : nodes) free(*node);
      for (auto& [name, zone] : zones_) {
        zone.queue.clear();
        zone.state = ZoneState::FullDisruption;
        zone.tokens.set_rate(0, now_us);
      }
      everything_gone_ = true;
      return;
    }
    if (everything_gone_) {
      // We were cut off: nobody was heard for a while, so everybody gets his time anew.
      for (auto& [name, health] : health_) health.sign_us = now_us;
      everything_gone_ = false;
    }
    for (auto& [name, zone] : zones_) {
      zone.state = zone_state(zone.ready, zone.not_ready);
      zone.tokens.set_rate(eviction_rate(zone.state, zone.ready + zone.not_ready), now_us);
    }
  }

  Result<Again> taint_queued() {
    int64_t now_us = environment_.clock.now_us(), next_us = -1;
    for (auto& [zone_name, zone] : zones_) {
      while (!zone.queue.empty() && zone.tokens.take(now_us)) {
        std::string name = zone.queue.front();
        zone.queue.erase(zone.queue.begin());
        auto node = nodes_->find({}, name);
        auto status = node ? condition_of((*node)["status"]["conditions"], "Ready")["status"].as_string() : std::string_view();
        if (status.empty() || status == "True") continue;
        std::string_view right = status == "False" ? kNotReady : kUnreachable, wrong = status == "False" ? kUnreachable : kNotReady;
        auto done = swap_taints(environment_.api, nodes_->resource(), name, {no_execute(right)}, {no_execute(wrong)}, environment_.now_seconds());
        if (!done) zone.queue.push_back(name);
      }
      int64_t wait_us = zone.queue.empty() ? -1 : zone.tokens.next_us(now_us);
      if (wait_us >= 0 && (next_us < 0 || wait_us < next_us)) next_us = wait_us;
    }
    return next_us < 0 ? Again::never() : Again::in(std::max<int64_t>(next_us, 100'000));
  }

  Environment& environment_;
  client::Events events_;
  Informer *nodes_ = nullptr, *leases_ = nullptr, *pods_ = nullptr;
  Index* pods_by_node_ = nullptr;
  // Of the key "all" alone.
  std::map<std::string, std::string, std::less<>> known_;  // name: uid
  std::map<std::string, NodeHealth> health_;
  std::map<std::string, bool> last_ready_;
  std::set<std::string, std::less<>> unmarked_;  // nodes whose pods could not all be marked
  std::map<std::string, Zone> zones_;
  bool everything_gone_ = false;
};

}  // namespace

std::unique_ptr<Controller> make_node_lifecycle(Environment& environment) { return std::make_unique<NodeLifecycle>(environment); }

}  // namespace sampan::controllers
