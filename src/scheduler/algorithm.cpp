#include "scheduler/algorithm.h"

#include "base/text.h"

namespace sampan::scheduler {

size_t Algorithm::enough_nodes(size_t all, int percentage) {
  constexpr size_t kLeast = 100;
  constexpr int kLeastPercentage = 5;
  if (all < kLeast) return all;
  if (percentage == 0) percentage = std::max(kLeastPercentage, 50 - static_cast<int>(all / 125));
  return std::max(kLeast, all * static_cast<size_t>(percentage) / 100);
}

Status Algorithm::filter(Profile& profile, Cycle& cycle, NodeList nodes, size_t start, Diagnosis& diagnosis, std::vector<NodeInfo*>& feasible) {
  int percentage = profile.percentage_of_nodes_to_score() >= 0 ? profile.percentage_of_nodes_to_score() : percentage_;
  size_t wanted = profile.has_scores() ? enough_nodes(nodes.size(), percentage) : 1;
  for (size_t i = 0; i < nodes.size() && feasible.size() < wanted; i++) {
    auto* node = nodes[(start + i) % nodes.size()];
    auto verdict = profile.filter(cycle, *node);
    if (verdict.ok()) {
      feasible.push_back(node);
      continue;
    }
    if (verdict.code == Code::Error) {
      auto texts = state_.reasons.texts(verdict.reasons);
      return Status::of(Code::Error, concat("running ", quoted(profile.plugins()[verdict.plugin]->name()), " filter plugin: ", texts.empty() ? "failed" : texts[0]));
    }
    diagnosis.failed.emplace_back(node->slot, verdict);
    diagnosis.plugins.insert(profile.plugins()[verdict.plugin]->name());
  }
  return Status::success();
}

Status Algorithm::find_feasible(Profile& profile, Cycle& cycle, Diagnosis& diagnosis, std::vector<NodeInfo*>& feasible) {
  std::optional<std::set<std::string>> only;
  std::set<std::string_view> named_by;
  auto status = profile.pre_filter(cycle, only, named_by);
  diagnosis.plugins = named_by;
  if (is_rejection(status.code)) {
    diagnosis.others = status.code;
    diagnosis.pre_filter_message = status.message();
    diagnosis.plugins.insert(status.plugin);
    return Status::success();
  }
  if (!status.ok()) {
    status.reasons = {concat("running PreFilter plugin ", quoted(status.plugin), ": ", status.message())};
    return status;
  }
  // The node it was promised is likely the only one that will do.
  auto nominated = cycle.state.nominated_node(cycle.pod.uid);
  if (auto* node = nominated.empty() ? nullptr : state_.find_node(nominated)) {
    Diagnosis aside;
    status = filter(profile, cycle, NodeList(&node, 1), 0, aside, feasible);
    if (status.ok() && !feasible.empty()) return status;
    feasible.clear();
  }
  if (!only) {
    auto& nodes = state_.nodes();
    status = filter(profile, cycle, nodes, next_start_, diagnosis, feasible);
    next_start_ = (next_start_ + feasible.size() + diagnosis.failed.size()) % nodes.size();
    return status;
  }
  std::vector<NodeInfo*> nodes;
  for (auto& name : *only)
    if (auto* node = state_.find_node(name)) nodes.push_back(node);
  std::string list;
  for (auto name : named_by) append(list, list.empty() ? "" : " ", name);
  diagnosis.others_reason = concat("node(s) didn't satisfy plugin(s) [", list, "]");
  return filter(profile, cycle, nodes, 0, diagnosis, feasible);
}

size_t Algorithm::best_of(const std::vector<int64_t>& scores) {
  size_t best = 0, equals = 1;
  for (size_t i = 1; i < scores.size(); i++) {
    if (scores[i] > scores[best]) {
      best = i;
      equals = 1;
    } else if (scores[i] == scores[best]) {
      dice_ ^= dice_ << 13;  // xorshift
      dice_ ^= dice_ >> 7;
      dice_ ^= dice_ << 17;
      if (dice_ % ++equals == 0) best = i;
    }
  }
  return best;
}

Decision Algorithm::decide(Profile& profile, Cycle& cycle, Diagnosis& diagnosis) {
  Decision decision;
  diagnosis.all_nodes = state_.nodes().size();
  std::vector<NodeInfo*> feasible;
  decision.error = find_feasible(profile, cycle, diagnosis, feasible);
  decision.feasible = feasible.size();
  decision.evaluated = feasible.size() + diagnosis.failed.size();
  if (!decision.error.ok() || feasible.empty()) return decision;
  if (feasible.size() == 1) {
    decision.node = feasible[0];
    return decision;
  }
  std::vector<int64_t> scores;
  decision.error = profile.score(cycle, feasible, scores);
  if (decision.error.ok()) decision.node = feasible[best_of(scores)];
  return decision;
}

}  // namespace sampan::scheduler
