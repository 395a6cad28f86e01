// InterPodAffinity: pods that want to be near other pods, or far from them. Who is where is kept by node, both of what a term means (PodSet) and of
// the terms that placed pods have (TermGroup); a cycle looks at no pod but its own.
#include "base/text.h"
#include "scheduler/plugins/makers.h"

namespace sampan::scheduler {
namespace {

// Counts by node, added up by the values of a label.
class Domains {
 public:
  Domains(std::shared_ptr<Topology> topology) : topology_(std::move(topology)), sums_(topology_->limit()) {}
  void add(const std::vector<int32_t>& counts, int64_t weight, uint32_t slots) {
    for (uint32_t slot = 0; slot < slots; slot++)
      if (counts[slot]) sums_[(*topology_)[slot]] += weight * counts[slot];
    sums_[0] = 0;  // nodes without the label are in no domain
  }
  const Topology* topology() const { return topology_.get(); }
  bool has_label(const NodeInfo& node) const { return (*topology_)[node.slot] != 0; }
  int64_t at(const NodeInfo& node) const { return sums_[(*topology_)[node.slot]]; }
  bool all_zero() const {
    return std::all_of(sums_.begin(), sums_.end(), [](int64_t sum) { return sum == 0; });
  }

 private:
  std::shared_ptr<Topology> topology_;
  std::vector<int64_t> sums_;
};

bool means_all(const std::vector<AffinityTerm>& terms, const core_v1::Pod& pod, const State& state) {
  if (terms.empty()) return false;
  auto metadata = pod.metadata();
  return std::all_of(terms.begin(), terms.end(), [&](const AffinityTerm& term) {
    return term.matcher->matches(metadata.namespace_(), state.namespace_labels(metadata.namespace_()), metadata.labels());
  });
}

struct Arguments {
  int64_t hard_weight = 1;
  bool ignore_preferred_of_others = false;
};

class InterPodAffinity final : public Plugin {
 public:
  InterPodAffinity(Environment& environment, Arguments arguments) : Plugin(environment), arguments_(arguments) {}
  std::string_view name() const override { return "InterPodAffinity"; }
  uint32_t points() const override { return kPreFilter | kFilter | kPreScore | kScore; }
  bool depends_on_pods() const override { return true; }
  std::vector<Interest> interests() const override {
    return {{EventResource::Pod, kAdd | kPodLabel | kDelete}, {EventResource::Node, kAdd | kNodeLabel}};
  }
  bool may_help(const PodInfo& pod, const ClusterEvent& event) const override {
    return is_pod(event) ? pod_may_help(pod, event) : node_may_help(pod, event);
  }

  Status pre_filter(Cycle& cycle, std::optional<std::set<std::string>>&) override {
    auto& pod = cycle.pod;
    if (!pod.broken_affinity.empty()) return Status::of(Code::UnschedulableAndUnresolvable, concat("parsing pod: ", pod.broken_affinity));
    attract_.clear();
    repel_.clear();
    repelled_by_.clear();
    cycle.state.groups_that_mean(pod, [&](TermGroup& group) {
      if (group.kind != TermGroup::Kind::RequiredAntiAffinity) return;
      repelled_by_.emplace_back(group.topology).add(group.counts, 1, cycle.state.slots());
      if (repelled_by_.back().all_zero()) repelled_by_.pop_back();
    });
    if (!pod.required_affinity.empty()) {
      std::vector<MatcherRef> all;
      for (auto& term : pod.required_affinity) all.push_back(term.matcher);
      auto set = set_of(cycle, std::move(all));
      for (auto& term : pod.required_affinity) attract_.emplace_back(term.topology).add(set->counts, 1, cycle.state.slots());
      first_of_its_kind_ = std::all_of(attract_.begin(), attract_.end(), [](auto& domains) { return domains.all_zero(); }) &&
                           means_all(pod.required_affinity, pod.pod, cycle.state);
    }
    for (auto& term : pod.required_anti_affinity)
      repel_.emplace_back(term.topology).add(set_of(cycle, {term.matcher})->counts, 1, cycle.state.slots());
    return attract_.empty() && repel_.empty() && repelled_by_.empty() ? Status::skip() : Status::success();
  }

  Verdict filter(Cycle&, const NodeInfo& node) override {
    bool there = true;
    for (auto& domains : attract_) {
      if (!domains.has_label(node)) return refuse("node(s) didn't match pod affinity rules");
      there &= domains.at(node) > 0;
    }
    // The first of pods that want to be together may go anywhere.
    if (!there && !first_of_its_kind_) return refuse("node(s) didn't match pod affinity rules");
    for (auto& domains : repel_)
      if (domains.at(node) > 0) return refuse("node(s) didn't match pod anti-affinity rules", Code::Unschedulable);
    for (auto& domains : repelled_by_)
      if (domains.at(node) > 0) return refuse("node(s) didn't satisfy existing pods anti-affinity rules", Code::Unschedulable);
    return {};
  }

  Status pre_score(Cycle& cycle, NodeList) override {
    auto& pod = cycle.pod;
    sums_.clear();
    bool own = !pod.preferred_affinity.empty() || !pod.preferred_anti_affinity.empty();
    if (arguments_.ignore_preferred_of_others && !own) return Status::skip();
    uint32_t slots = cycle.state.slots();
    for (auto& term : pod.preferred_affinity) sum_of(term.topology).add(set_of(cycle, {term.matcher})->counts, term.weight, slots);
    for (auto& term : pod.preferred_anti_affinity) sum_of(term.topology).add(set_of(cycle, {term.matcher})->counts, -term.weight, slots);
    cycle.state.groups_that_mean(pod, [&](TermGroup& group) {
      if (int64_t weight = weight_of(group)) sum_of(group.topology).add(group.counts, weight, slots);
    });
    std::erase_if(sums_, [](auto& domains) { return domains.all_zero(); });
    return sums_.empty() ? Status::skip() : Status::success();
  }
  void score(Cycle&, NodeList nodes, std::span<int64_t> scores) override {
    int64_t least = INT64_MAX, most = INT64_MIN;
    for (size_t i = 0; i < nodes.size(); i++) {
      for (auto& domains : sums_) scores[i] += domains.at(*nodes[i]);
      least = std::min(least, scores[i]);
      most = std::max(most, scores[i]);
    }
    auto range = static_cast<double>(most - least);
    for (auto& score : scores) score = most > least ? static_cast<int64_t>(kScoreMax * (static_cast<double>(score - least) / range)) : 0;
  }

 private:
  static std::shared_ptr<const PodSet> set_of(Cycle& cycle, std::vector<MatcherRef> matchers) {
    auto set = cycle.state.pod_set(std::move(matchers), false);
    cycle.pod.keep(set);
    return set;
  }
  Domains& sum_of(const std::shared_ptr<Topology>& topology) {
    for (auto& domains : sums_)
      if (domains.topology() == topology.get()) return domains;
    return sums_.emplace_back(topology);
  }
  int64_t weight_of(const TermGroup& group) const {
    switch (group.kind) {
      case TermGroup::Kind::RequiredAffinity: return arguments_.hard_weight;
      case TermGroup::Kind::PreferredAffinity: return group.weight;
      case TermGroup::Kind::PreferredAntiAffinity: return -group.weight;
      case TermGroup::Kind::RequiredAntiAffinity: break;
    }
    return 0;
  }

  bool pod_may_help(const PodInfo& pod, const ClusterEvent& event) const {
    auto& state = environment_.state;
    auto before = pod_before(event), after = pod_after(event);
    if (event.before && event.after && after.metadata().uid() == pod.uid) return true;
    if ((event.after && is_nowhere(after)) || (event.before && is_nowhere(before))) return false;
    auto& near = pod.required_affinity;
    auto& far = pod.required_anti_affinity;
    if (event.before && event.after)
      return (!means_all(near, before, state) && means_all(near, after, state)) || (means_all(far, before, state) && !means_all(far, after, state));
    if (event.after) return means_all(near, after, state);
    if (means_all(far, before, state)) return true;
    // It may have been the one that kept this pod away.
    auto gone = state.make_pod(ObjectRef(event.before));
    return means_all(gone->required_anti_affinity, pod.pod, state);
  }

  static bool node_may_help(const PodInfo& pod, const ClusterEvent& event) {
    auto before = node_before(event).metadata().labels(), after = node_after(event).metadata().labels();
    for (auto& term : pod.required_affinity) {
      auto now = after.get(term.topology->key());
      if (now && (!event.before || before.get(term.topology->key()) != now)) return true;
    }
    for (auto& term : pod.required_anti_affinity) {
      if (!event.before) return true;
      auto was = before.get(term.topology->key());
      if (was && was != after.get(term.topology->key())) return true;
    }
    return false;
  }

  const Arguments arguments_;
  std::vector<Domains> attract_, repel_, repelled_by_, sums_;
  bool first_of_its_kind_ = false;
};

}  // namespace

MadePlugin make_inter_pod_affinity(Environment& environment, schema::Value args) {
  Arguments arguments;
  if (auto weight = args["hardPodAffinityWeight"]; !weight.is_missing()) {
    if (!weight.is_int() || weight.as_int() < 0 || weight.as_int() > 100)
      return fail(bad_request("hardPodAffinityWeight: not in valid range [0, 100]"));
    arguments.hard_weight = weight.as_int();
  }
  arguments.ignore_preferred_of_others = args["ignorePreferredTermsOfExistingPods"].as_bool();
  return std::make_unique<InterPodAffinity>(environment, arguments);
}

}  // namespace sampan::scheduler
