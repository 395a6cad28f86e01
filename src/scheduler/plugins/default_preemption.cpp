// DefaultPreemption: makes room for a pod by evicting pods of lower priority, as few and as unimportant ones as will do, sparing disruption budgets
// where it can. What a node would look like without its victims is tried on the state itself (Hypothesis).
#include <array>

#include "base/text.h"
#include "scheduler/plugins/makers.h"

namespace sampan::scheduler {
namespace {

struct Arguments {
  int64_t candidates_percent = 10, candidates_least = 100;
};

struct Budget {
  ObjectRef object;
  std::string_view name_space;
  schema::LabelSelector selector;
  schema::AnyView disrupted;
  int64_t allowed = 0;
};

struct Candidate {
  NodeInfo* node;
  std::vector<PodRef> victims;  // the most important first
  int64_t violations = 0;       // of budgets
};

class DefaultPreemption final : public Plugin {
 public:
  DefaultPreemption(Environment& environment, Arguments arguments) : Plugin(environment), arguments_(arguments) {}
  std::string_view name() const override { return "DefaultPreemption"; }
  uint32_t points() const override { return kPostFilter; }

  PostFilterResult post_filter(Cycle& cycle, Diagnosis& diagnosis) override {
    auto result = preempt(cycle, diagnosis);
    for (auto& reason : result.status.reasons) reason = concat("preemption: ", reason);
    return result;
  }
 private:
  PostFilterResult preempt(Cycle& cycle, const Diagnosis& diagnosis) {
    now_ = environment_.clock.now_us() / 1'000'000;
    if (auto why = not_eligible(cycle, diagnosis); !why.empty()) return {Status::of(Code::Unschedulable, std::move(why)), std::nullopt};
    auto nodes = potential_nodes(cycle, diagnosis);
    Diagnosis failed;
    failed.all_nodes = cycle.state.nodes().size();
    failed.others_reason = "Preemption is not helpful for scheduling";
    auto candidates = nodes.empty() ? std::vector<Candidate>() : find_candidates(cycle, nodes, failed);
    if (candidates.empty()) return {Status::of(Code::Unschedulable, failed.message(cycle.state.reasons)), std::string()};
    auto& best = choose(candidates);
    environment_.effects.preempt(cycle.ref, best.victims, best.node->name);
    return {Status::success(), best.node->name};
  }

  // Why the pod may not preempt; "" if it may.
  std::string not_eligible(Cycle& cycle, const Diagnosis& diagnosis) const {
    if (cycle.pod.pod.spec().preemption_policy() == "Never") return "not eligible due to preemptionPolicy=Never.";
    if (environment_.effects.is_preempting(cycle.pod.uid)) return "waiting for the preemption for this pod to be finished";
    auto nominated = cycle.state.nominated_node(cycle.pod.uid);
    auto* node = nominated.empty() ? nullptr : cycle.state.find_node(nominated);
    if (!node) return {};
    for (auto& [slot, verdict] : diagnosis.failed)
      if (slot == node->slot && verdict.code == Code::UnschedulableAndUnresolvable) return {};
    for (auto& pod : node->pods)
      if (pod->priority < cycle.pod.priority && is_leaving_for_another(*pod)) return "not eligible due to a terminating pod on the nominated node.";
    return {};
  }

  static bool is_leaving_for_another(const PodInfo& pod) {
    if (!pod.terminating) return false;
    for (auto condition : pod.pod.status().conditions())
      if (condition.type() == "DisruptionTarget") return condition.status() == "True" && condition.reason() == "PreemptionByScheduler";
    return false;
  }

  // Those that refused the pod only for what is on them.
  static std::vector<NodeInfo*> potential_nodes(Cycle& cycle, const Diagnosis& diagnosis) {
    std::vector<NodeInfo*> nodes;
    if (diagnosis.others == Code::Unschedulable) {
      std::vector<bool> hopeless(cycle.state.slots());
      for (auto& [slot, verdict] : diagnosis.failed) hopeless[slot] = verdict.code != Code::Unschedulable;
      for (auto* node : cycle.state.nodes())
        if (!hopeless[node->slot]) nodes.push_back(node);
      return nodes;
    }
    for (auto& [slot, verdict] : diagnosis.failed)
      if (verdict.code == Code::Unschedulable) nodes.push_back(cycle.state.at(slot));
    return nodes;
  }

  std::vector<Candidate> find_candidates(Cycle& cycle, const std::vector<NodeInfo*>& nodes, Diagnosis& failed) {
    read_budgets();
    auto count = static_cast<int64_t>(nodes.size());
    int64_t wanted = std::min(count, std::max(count * arguments_.candidates_percent / 100, arguments_.candidates_least));
    size_t offset = environment_.random.below(nodes.size());
    std::vector<Candidate> sparing, violating;  // of budgets
    for (size_t i = 0; i < nodes.size(); i++) {
      Candidate candidate{nodes[(offset + i) % nodes.size()], {}, 0};
      auto verdict = select_victims(cycle, candidate);
      if (!verdict.ok()) {
        failed.failed.emplace_back(candidate.node->slot, verdict);
        continue;
      }
      (candidate.violations ? violating : sparing).push_back(std::move(candidate));
      if (!sparing.empty() && static_cast<int64_t>(sparing.size() + violating.size()) >= wanted) break;
    }
    for (auto& candidate : violating) sparing.push_back(std::move(candidate));
    return sparing;
  }

  Verdict select_victims(Cycle& cycle, Candidate& candidate) {
    Hypothesis without(cycle.state);
    auto& node = *candidate.node;
    std::vector<PodRef> lower;
    for (auto& pod : node.pods)
      if (pod->priority < cycle.pod.priority) lower.push_back(pod);
    if (lower.empty()) return refuse("No preemption victims found for incoming pod");
    for (auto& pod : lower) without.remove(pod, node);
    if (auto verdict = environment_.filters->filter_anew(cycle, node); !verdict.ok()) return verdict;
    std::sort(lower.begin(), lower.end(), [&](auto& a, auto& b) { return more_important(*a, *b, now_); });
    std::vector<PodRef> violating, others;
    for (auto& budget : budgets_) budget.allowed = (*budget.object)["status"]["disruptionsAllowed"].as_int();
    for (auto& pod : lower) (violates_budget(*pod) ? violating : others).push_back(pod);
    // One after the other is spared if the pod fits all the same.
    auto spare = [&](const PodRef& pod) {
      without.add(pod, node);
      if (environment_.filters->filter_anew(cycle, node).ok()) return true;
      without.remove(pod, node);
      candidate.victims.push_back(pod);
      return false;
    };
    for (auto& pod : violating)
      if (!spare(pod)) candidate.violations++;
    for (auto& pod : others) spare(pod);
    std::sort(candidate.victims.begin(), candidate.victims.end(), [&](auto& a, auto& b) { return more_important(*a, *b, now_); });
    if (candidate.victims.empty()) return {Code::Error, 0, cycle.state.reasons.of("expected at least one victim pod")};
    return {};
  }

  void read_budgets() {
    budgets_.clear();
    environment_.lister.each(Lister::Kind::DisruptionBudget, "", [&](const ObjectRef& object) {
      auto selector = schema::LabelSelector::from((*object)["spec"]["selector"]);
      if (!selector || selector->empty()) return;
      Budget budget;
      budget.object = object;
      budget.name_space = (*object)["metadata"]["namespace"].as_string();
      budget.selector = *std::move(selector);
      budget.disrupted = (*object)["status"]["disruptedPods"];
      budgets_.push_back(std::move(budget));
    });
  }

  bool violates_budget(const PodInfo& pod) {
    if (pod.labels.empty()) return false;
    bool violated = false;
    for (auto& budget : budgets_) {
      if (budget.name_space != pod.name_space || !budget.selector.matches(pod.labels)) continue;
      if (budget.disrupted[pod.name].present()) continue;  // is on its way already
      if (--budget.allowed < 0) violated = true;
    }
    return violated;
  }

  // Fewest budget violations; then the least important first victim, the smallest sum of priorities, the fewest victims, and where the most important
  // victims have run for the shortest time.
  Candidate& choose(std::vector<Candidate>& candidates) const {
    auto rank = [&](const Candidate& candidate) {
      int64_t sum = 0, earliest = INT64_MAX;
      for (auto& pod : candidate.victims) {
        sum += int64_t{pod->priority} + INT32_MAX + 1;
        if (pod->priority == candidate.victims[0]->priority) earliest = std::min(earliest, start_time(pod->pod, now_));
      }
      return std::array<int64_t, 5>{candidate.violations, candidate.victims[0]->priority, sum, static_cast<int64_t>(candidate.victims.size()),
                                    -earliest};
    };
    size_t best = 0;
    auto best_rank = rank(candidates[0]);
    for (size_t i = 1; i < candidates.size(); i++) {
      auto other = rank(candidates[i]);
      if (other >= best_rank) continue;
      best = i;
      best_rank = other;
    }
    return candidates[best];
  }

  const Arguments arguments_;
  int64_t now_ = 0;
  std::vector<Budget> budgets_;
};

}  // namespace

MadePlugin make_default_preemption(Environment& environment, schema::Value args) {
  Arguments arguments;
  auto read = [&](std::string_view field, int64_t& into, int64_t most) -> Result<void> {
    auto value = args[field];
    if (value.is_missing()) return {};
    if (!value.is_int() || value.as_int() < 0 || value.as_int() > most) return fail(bad_request(concat(field, ": not in valid range")));
    into = value.as_int();
    return {};
  };
  TRY(read("minCandidateNodesPercentage", arguments.candidates_percent, 100));
  TRY(read("minCandidateNodesAbsolute", arguments.candidates_least, INT32_MAX));
  if (arguments.candidates_percent == 0 && arguments.candidates_least == 0)
    return fail(bad_request("minCandidateNodesPercentage and minCandidateNodesAbsolute cannot both be zero"));
  return std::make_unique<DefaultPreemption>(environment, arguments);
}

}  // namespace sampan::scheduler
