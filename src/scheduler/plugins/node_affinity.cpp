// NodeAffinity: node selectors, required and preferred node affinity, and an affinity that the administrator adds to all pods of a profile.
#include "scheduler/node_match.h"
#include "scheduler/plugins/makers.h"

namespace sampan::scheduler {
namespace {

class NodeAffinity final : public Plugin {
 public:
  NodeAffinity(Environment& environment, ObjectRef added) : Plugin(environment), added_(std::move(added)) {
    if (!added_) return;
    auto affinity = added_->as<core_v1::NodeAffinity>();
    if (affinity.has_required_during_scheduling_ignored_during_execution())
      added_required_ = std::make_shared<const NodeSelector>(affinity.required_during_scheduling_ignored_during_execution());
    if (!affinity.preferred_during_scheduling_ignored_during_execution().empty())
      added_preferred_ = std::make_shared<const PreferredNodes>(affinity.preferred_during_scheduling_ignored_during_execution());
  }
  std::string_view name() const override { return "NodeAffinity"; }
  uint32_t points() const override { return kPreFilter | kFilter | kPreScore | kScore; }
  std::vector<Interest> interests() const override { return {{EventResource::Node, kAdd | kNodeLabel}}; }
  bool may_help(const PodInfo& pod, const ClusterEvent& event) const override {
    if (added_required_ && !added_required_->matches(node_after(event))) return false;
    RequiredNodes required(pod.pod.spec());
    if (!required.matches(node_after(event))) return false;
    return !event.before || !required.matches(node_before(event));
  }

  Status pre_filter(Cycle& cycle, std::optional<std::set<std::string>>& only) override {
    required_ = required_nodes(cycle.state, cycle.pod);
    added_matches_ = nullptr;
    if (added_required_) {
      added_matches_ = cycle.state.column(key_of("added:", added_->view()), [this] {
        return [selector = added_required_](const core_v1::Node& node) -> int32_t { return selector->matches(node); };
      });
      kept_ = added_matches_;
    }
    if (!required_ && !added_matches_) return Status::skip();
    only = named_nodes(cycle.pod.pod);
    if (only && only->empty()) return Status::of(Code::UnschedulableAndUnresolvable, "pod affinity terms conflict");
    return Status::success();
  }
  Verdict filter(Cycle&, const NodeInfo& node) override {
    if (added_matches_ && !(*added_matches_)[node.slot]) return refuse("node(s) didn't match scheduler-enforced node affinity");
    if (required_ && !(*required_)[node.slot]) return refuse("node(s) didn't match Pod's node affinity/selector");
    return {};
  }

  Status pre_score(Cycle& cycle, NodeList) override {
    auto terms = cycle.pod.pod.spec().affinity().node_affinity().preferred_during_scheduling_ignored_during_execution();
    preferred_ = nullptr;
    if (!terms.empty()) {
      preferred_ = cycle.state.column(key_of("preferred:", any(cycle.pod.pod.spec().affinity().node_affinity())), [&] {
        auto preferred = std::make_shared<const PreferredNodes>(terms);
        return [preferred](const core_v1::Node& node) { return preferred->score(node); };
      });
      cycle.pod.keep(preferred_);
    }
    return preferred_ || added_preferred_ ? Status::success() : Status::skip();
  }
  void score(Cycle&, NodeList nodes, std::span<int64_t> scores) override {
    for (size_t i = 0; i < nodes.size(); i++) {
      if (preferred_) scores[i] += (*preferred_)[nodes[i]->slot];
      if (added_preferred_) scores[i] += added_preferred_->score(nodes[i]->node);
    }
    normalize(scores, false);
  }

 private:
  // Where every term names nodes by metadata.name, only these come into question.
  static std::optional<std::set<std::string>> named_nodes(const core_v1::Pod& pod) {
    auto affinity = pod.spec().affinity().node_affinity();
    auto terms = affinity.required_during_scheduling_ignored_during_execution().node_selector_terms();
    if (terms.empty()) return std::nullopt;
    std::set<std::string> all;
    for (auto term : terms) {
      std::optional<std::set<std::string>> of_term;
      for (auto field : term.match_fields()) {
        if (field.key() != "metadata.name" || field.operator_() != "In") continue;
        std::set<std::string> names;
        for (auto value : field.values()) names.emplace(value);
        if (of_term)
          std::erase_if(*of_term, [&](auto& name) { return !names.contains(name); });
        else
          of_term = std::move(names);
      }
      if (!of_term) return std::nullopt;
      all.merge(*of_term);
    }
    return all;
  }

  const ObjectRef added_;
  std::shared_ptr<const NodeSelector> added_required_;
  std::shared_ptr<const PreferredNodes> added_preferred_;
  std::shared_ptr<const NodeColumn> required_, preferred_, added_matches_, kept_;
};

}  // namespace

MadePlugin make_node_affinity(Environment& environment, schema::Value args) {
  auto added = TRY(typed(args["addedAffinity"], core_v1::NodeAffinity::schema_type()));
  return std::make_unique<NodeAffinity>(environment, std::move(added));
}

}  // namespace sampan::scheduler
