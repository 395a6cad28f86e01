// PodTopologySpread: pods that a selector means are to be spread evenly over the values of a node label. The counts are kept by node (PodSet); a cycle
// adds them up by domain.
#include <cmath>

#include "base/text.h"
#include "scheduler/node_match.h"
#include "scheduler/plugins/makers.h"

namespace sampan::scheduler {
namespace {

constexpr std::string_view kHostname = "kubernetes.io/hostname";
constexpr int32_t kNoDomain = -1;

struct Constraint {
  int32_t max_skew = 1, min_domains = 1;
  bool honor_affinity = true, honor_taints = false, hostname = false;
  schema::LabelSelector selector;
  std::string key;  // of the topology
  std::shared_ptr<Topology> topology;
  std::shared_ptr<const PodSet> pods;    // null: the selector is empty and counts nothing
  std::vector<int32_t> counts;           // by topology value; kNoDomain where no node comes into question
  int32_t least = 0;
  int32_t count_on(uint32_t slot) const { return pods ? pods->counts[slot] : 0; }
};
using Constraints = std::vector<Constraint>;

schema::LabelSelector selector_of(const core_v1::TopologySpreadConstraint& constraint, const schema::Labels& labels) {
  auto selector = schema::LabelSelector::from(any(constraint.label_selector()));
  if (!selector) return schema::LabelSelector::nothing();
  for (auto key : constraint.match_label_keys())
    if (auto value = labels.get(key)) {
      auto pinned = selector->require(key, "In", {std::string(*value)});
      if (!pinned) return schema::LabelSelector::nothing();
    }
  return *std::move(selector);
}

bool has_all_keys(const core_v1::Node& node, const Constraints& constraints) {
  return std::all_of(constraints.begin(), constraints.end(), [&](auto& one) { return node.metadata().labels().has(one.key); });
}

class PodTopologySpread final : public Plugin {
 public:
  PodTopologySpread(Environment& environment, std::vector<ObjectRef> defaults, bool system_defaults)
      : Plugin(environment), defaults_(std::move(defaults)), system_defaults_(system_defaults) {}
  std::string_view name() const override { return "PodTopologySpread"; }
  uint32_t points() const override { return kPreFilter | kFilter | kPreScore | kScore; }
  bool depends_on_pods() const override { return true; }
  std::vector<Interest> interests() const override {
    return {{EventResource::Pod, kAdd | kPodLabel | kPodToleration | kDelete}, {EventResource::Node, kAdd | kDelete | kNodeLabel | kNodeTaint}};
  }
  bool may_help(const PodInfo& pod, const ClusterEvent& event) const override {
    return is_pod(event) ? pod_may_help(pod, event) : node_may_help(pod, event);
  }

  Status pre_filter(Cycle& cycle, std::optional<std::set<std::string>>&) override {
    hard_ = constraints(cycle.pod, "DoNotSchedule");
    if (hard_.empty()) return Status::skip();
    open(cycle, hard_);
    for (auto& one : hard_) one.counts.assign(one.topology->limit(), kNoDomain);
    for (auto* node : cycle.state.nodes()) {
      if (!on_all(hard_, node->slot)) continue;
      for (auto& one : hard_) {
        if (!comes_into_question(one, node->slot)) continue;
        auto& count = one.counts[(*one.topology)[node->slot]];
        if (count == kNoDomain) count = 0;
        count += one.count_on(node->slot);
      }
    }
    for (auto& one : hard_) {
      int32_t domains = 0;
      one.least = INT32_MAX;
      for (auto count : one.counts) {
        if (count == kNoDomain) continue;
        domains++;
        one.least = std::min(one.least, count);
      }
      if (domains < one.min_domains) one.least = 0;
    }
    return Status::success();
  }

  Verdict filter(Cycle& cycle, const NodeInfo& node) override {
    for (auto& one : hard_) {
      auto value = (*one.topology)[node.slot];
      if (value == 0) return refuse("node(s) didn't match pod topology spread constraints (missing required label)");
      int64_t count = std::max(0, one.counts[value]);
      int64_t own = one.selector.matches(cycle.pod.labels) ? 1 : 0;
      if (count + own - one.least > one.max_skew)
        return refuse("node(s) didn't match pod topology spread constraints", Code::Unschedulable);
    }
    return {};
  }

  Status pre_score(Cycle& cycle, NodeList nodes) override {
    soft_ = constraints(cycle.pod, "ScheduleAnyway");
    if (soft_.empty()) return Status::skip();
    open(cycle, soft_);
    bool all_keys = !cycle.pod.pod.spec().topology_spread_constraints().empty() || !system_defaults_;
    ignored_.assign(cycle.state.slots(), false);
    size_t kept = 0;
    for (auto& one : soft_) one.counts.assign(one.topology->limit(), kNoDomain);
    weights_.assign(soft_.size(), 0);
    for (auto* node : nodes) {
      if (all_keys && !on_all(soft_, node->slot)) {
        ignored_[node->slot] = true;
        continue;
      }
      kept++;
      for (size_t i = 0; i < soft_.size(); i++) {
        if (soft_[i].hostname) continue;
        auto& count = soft_[i].counts[(*soft_[i].topology)[node->slot]];
        if (count != kNoDomain) continue;
        count = 0;
        weights_[i]++;
      }
    }
    for (size_t i = 0; i < soft_.size(); i++)
      weights_[i] = std::log((soft_[i].hostname ? static_cast<double>(kept) : weights_[i]) + 2);
    add_up_soft(cycle, all_keys);
    return Status::success();
  }

  void score(Cycle&, NodeList nodes, std::span<int64_t> scores) override {
    int64_t least = INT64_MAX, most = 0;
    for (size_t i = 0; i < nodes.size(); i++) {
      uint32_t slot = nodes[i]->slot;
      if (ignored_[slot]) continue;
      double sum = 0;
      for (size_t j = 0; j < soft_.size(); j++) {
        auto& one = soft_[j];
        auto value = (*one.topology)[slot];
        if (value == 0) continue;
        int32_t count = one.hostname ? one.count_on(slot) : one.counts[value];
        sum += count * weights_[j] + (one.max_skew - 1);
      }
      scores[i] = std::llround(sum);
      least = std::min(least, scores[i]);
      most = std::max(most, scores[i]);
    }
    for (size_t i = 0; i < nodes.size(); i++) {
      if (ignored_[nodes[i]->slot]) scores[i] = 0;
      else if (most == 0) scores[i] = kScoreMax;
      else scores[i] = kScoreMax * (most + least - scores[i]) / most;
    }
  }

 private:
  // The pod's constraints of one kind, or else the defaults of it with the selector of what owns the pod. Only what they say, no counts yet.
  Constraints constraints(const PodInfo& pod, std::string_view when) const {
    Constraints out;
    auto own = pod.pod.spec().topology_spread_constraints();
    for (auto view : own)
      if (view.when_unsatisfiable() == when) out.push_back(read(view, selector_of(view, pod.labels)));
    if (!own.empty()) return out;
    for (auto& object : defaults_) {
      auto view = object->as<core_v1::TopologySpreadConstraint>();
      if (view.when_unsatisfiable() == when) out.push_back(read(view, {}));
    }
    if (out.empty()) return out;
    auto selector = default_selector(environment_.lister, pod);
    if (selector.empty()) return {};
    for (auto& one : out) one.selector = selector;
    return out;
  }

  static Constraint read(const core_v1::TopologySpreadConstraint& view, schema::LabelSelector selector) {
    Constraint one;
    one.max_skew = view.max_skew();
    one.min_domains = view.min_domains().value_or(1);
    one.honor_affinity = view.node_affinity_policy().value_or("Honor") == "Honor";
    one.honor_taints = view.node_taints_policy().value_or("Ignore") == "Honor";
    one.key = view.topology_key();
    one.hostname = one.key == kHostname;
    one.selector = std::move(selector);
    return one;
  }

  void open(Cycle& cycle, Constraints& constraints) {
    affinity_ = required_nodes(cycle.state, cycle.pod);
    taints_ = nullptr;
    for (auto& one : constraints) {
      if (one.honor_taints) taints_ = untolerated_nodes(cycle.state, cycle.pod);
      one.topology = cycle.state.topology(one.key);
      cycle.pod.keep(one.topology);
      if (one.selector.empty()) continue;
      PodMatcher matcher;
      matcher.namespaces.emplace_back(cycle.pod.name_space);
      matcher.selector = one.selector;
      one.pods = cycle.state.pod_set({cycle.state.matcher(std::move(matcher))}, true);
      cycle.pod.keep(one.pods);
    }
  }

  static bool on_all(const Constraints& constraints, uint32_t slot) {
    for (auto& one : constraints)
      if ((*one.topology)[slot] == 0) return false;
    return true;
  }
  bool comes_into_question(const Constraint& one, uint32_t slot) const {
    if (one.honor_affinity && affinity_ && !(*affinity_)[slot]) return false;
    return !one.honor_taints || !(*taints_)[slot];
  }

  void add_up_soft(Cycle& cycle, bool all_keys) {
    for (auto* node : cycle.state.nodes()) {
      if (all_keys && !on_all(soft_, node->slot)) continue;
      for (auto& one : soft_) {
        if (one.hostname || !comes_into_question(one, node->slot)) continue;
        auto& count = one.counts[(*one.topology)[node->slot]];
        if (count != kNoDomain) count += one.count_on(node->slot);
      }
    }
  }

  bool pod_may_help(const PodInfo& pod, const ClusterEvent& event) const {
    auto before = pod_before(event), after = pod_after(event);
    auto involved = [&](const core_v1::Pod& other) {
      return other.metadata().uid() == pod.uid || (!is_nowhere(other) && other.metadata().namespace_() == pod.name_space);
    };
    if ((event.before && !involved(before)) || (event.after && !involved(after))) return false;
    auto all = constraints(pod, "DoNotSchedule");
    auto means = [&](const core_v1::Pod& other) {
      return std::any_of(all.begin(), all.end(), [&](auto& one) { return one.selector.matches(other.metadata().labels()); });
    };
    if (!event.before) return means(after);
    if (!event.after) return means(before);
    bool honors_taints = std::any_of(all.begin(), all.end(), [](auto& one) { return one.honor_taints; });
    if (after.metadata().uid() == pod.uid && honors_taints && before.spec().tolerations().size() != after.spec().tolerations().size()) return true;
    return std::any_of(all.begin(), all.end(), [&](auto& one) {
      return one.selector.matches(before.metadata().labels()) != one.selector.matches(after.metadata().labels());
    });
  }

  bool node_may_help(const PodInfo& pod, const ClusterEvent& event) const {
    auto all = constraints(pod, "DoNotSchedule");
    auto before = node_before(event), after = node_after(event);
    bool matched = event.before && has_all_keys(before, all), matches = event.after && has_all_keys(after, all);
    if (!event.before || !event.after) return matched || matches;
    if (matched != matches) return true;
    if (!matches) return false;
    for (auto& one : all)
      if (before.metadata().labels().get(one.key) != after.metadata().labels().get(one.key)) return true;
    return !(*event.before)["spec"]["taints"].equals((*event.after)["spec"]["taints"]);
  }

  const std::vector<ObjectRef> defaults_;
  const bool system_defaults_;
  Constraints hard_, soft_;
  std::vector<double> weights_;
  std::vector<bool> ignored_;
  std::shared_ptr<const NodeColumn> affinity_, taints_;
};

}  // namespace

MadePlugin make_pod_topology_spread(Environment& environment, schema::Value args) {
  std::vector<ObjectRef> defaults;
  Arena arena;
  auto type = args["defaultingType"].as_string();
  bool system = type.empty() || type == "System";
  if (!system && type != "List") return fail(bad_request(concat("defaultingType: Unsupported value: ", quoted(type))));
  if (system && !args["defaultConstraints"].empty())
    return fail(bad_request("defaultConstraints: when .defaultingType is System, it must be empty"));
  auto add = [&](schema::Value value) -> Result<void> {
    defaults.push_back(TRY(typed(value, core_v1::TopologySpreadConstraint::schema_type())));
    return {};
  };
  for (auto value : args["defaultConstraints"].items()) TRY(add(value));
  struct Default {
    std::string_view key;
    int max_skew;
  };
  for (auto [key, max_skew] : {Default{kHostname, 3}, Default{"topology.kubernetes.io/zone", 5}}) {
    if (!system) break;
    auto value = schema::Value::object(arena);
    value.set("maxSkew", max_skew);
    value.set("topologyKey", key);
    value.set("whenUnsatisfiable", "ScheduleAnyway");
    TRY(add(value));
  }
  return std::make_unique<PodTopologySpread>(environment, std::move(defaults), system);
}

}  // namespace sampan::scheduler
