// NodeUnschedulable: nothing goes to a node with spec.unschedulable but what tolerates the taint that stands for it.
#include "scheduler/node_match.h"
#include "scheduler/plugins/makers.h"

namespace sampan::scheduler {
namespace {

class NodeUnschedulable final : public Plugin {
 public:
  using Plugin::Plugin;
  std::string_view name() const override { return "NodeUnschedulable"; }
  uint32_t points() const override { return kFilter; }
  std::vector<Interest> interests() const override {
    return {{EventResource::Node, kAdd | kNodeTaint}, {EventResource::Pod, kPodToleration}};
  }
  bool may_help(const PodInfo& pod, const ClusterEvent& event) const override {
    if (is_pod(event)) return pod_after(event).metadata().uid() == pod.uid && tolerates_it(pod_after(event));
    bool was_closed = !event.before || node_before(event).spec().unschedulable();
    return was_closed && !node_after(event).spec().unschedulable();
  }

  Verdict filter(Cycle& cycle, const NodeInfo& node) override {
    if (!node.unschedulable || tolerates_it(cycle.pod.pod)) return {};
    return refuse("node(s) were unschedulable");
  }

 private:
  static bool tolerates_it(const core_v1::Pod& pod) {
    return tolerated(pod.spec().tolerations(), "node.kubernetes.io/unschedulable", "", "NoSchedule");
  }
};

}  // namespace

MadePlugin make_node_unschedulable(Environment& environment, schema::Value) { return std::make_unique<NodeUnschedulable>(environment); }

}  // namespace sampan::scheduler
