// TaintToleration: keeps pods off nodes whose taints they do not tolerate, and rather away from those with taints of effect PreferNoSchedule.
#include "scheduler/node_match.h"
#include "scheduler/plugins/makers.h"

namespace sampan::scheduler {
namespace {

class TaintToleration final : public Plugin {
 public:
  using Plugin::Plugin;
  std::string_view name() const override { return "TaintToleration"; }
  uint32_t points() const override { return kPreFilter | kFilter | kPreScore | kScore; }
  std::vector<Interest> interests() const override {
    return {{EventResource::Node, kAdd | kNodeTaint}, {EventResource::Pod, kPodToleration}};
  }
  bool may_help(const PodInfo& pod, const ClusterEvent& event) const override {
    if (is_pod(event)) return pod_after(event).metadata().uid() == pod.uid;
    auto tolerations = pod.pod.spec().tolerations();
    bool refused_before = !event.before || has_untolerated_taint(node_before(event), tolerations);
    return refused_before && !has_untolerated_taint(node_after(event), tolerations);
  }

  Status pre_filter(Cycle& cycle, std::optional<std::set<std::string>>&) override {
    untolerated_ = untolerated_nodes(cycle.state, cycle.pod);
    return Status::success();
  }
  Verdict filter(Cycle&, const NodeInfo& node) override {
    if (!(*untolerated_)[node.slot]) return {};
    return refuse("node(s) had untolerated taint(s)");
  }

  Status pre_score(Cycle& cycle, NodeList) override {
    disliked_ = cycle.state.column(key_of("disliked:", any(cycle.pod.pod.spec())["tolerations"]), [&] {
      return [object = cycle.pod.object](const core_v1::Node& node) { return count(node, object->as<core_v1::Pod>()); };
    });
    cycle.pod.keep(disliked_);
    return Status::success();
  }
  void score(Cycle&, NodeList nodes, std::span<int64_t> scores) override {
    for (size_t i = 0; i < nodes.size(); i++) scores[i] = (*disliked_)[nodes[i]->slot];
    normalize(scores, true);
  }

 private:
  static int32_t count(const core_v1::Node& node, const core_v1::Pod& pod) {
    int32_t count = 0;
    for (auto taint : node.spec().taints())
      if (taint.effect() == "PreferNoSchedule" && !tolerated(pod.spec().tolerations(), taint.key(), taint.value(), taint.effect())) count++;
    return count;
  }
  std::shared_ptr<const NodeColumn> untolerated_, disliked_;
};

}  // namespace

MadePlugin make_taint_toleration(Environment& environment, schema::Value) { return std::make_unique<TaintToleration>(environment); }

}  // namespace sampan::scheduler
