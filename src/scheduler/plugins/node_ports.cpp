// NodePorts: a host port of a node has one user.
#include "scheduler/plugins/makers.h"

namespace sampan::scheduler {
namespace {

bool conflict(const std::vector<HostPort>& wanted, const std::vector<HostPort>& used) {
  for (auto& port : wanted)
    for (auto& other : used)
      if (port.conflicts(other)) return true;
  return false;
}

class NodePorts final : public Plugin {
 public:
  using Plugin::Plugin;
  std::string_view name() const override { return "NodePorts"; }
  uint32_t points() const override { return kPreFilter | kFilter; }
  std::vector<Interest> interests() const override { return {{EventResource::Pod, kDelete}, {EventResource::Node, kAdd}}; }
  bool may_help(const PodInfo& pod, const ClusterEvent& event) const override {
    if (!is_pod(event)) return true;
    auto gone = pod_before(event);
    return !is_nowhere(gone) && conflict(pod.ports, host_ports(gone));
  }

  Status pre_filter(Cycle& cycle, std::optional<std::set<std::string>>&) override {
    return cycle.pod.ports.empty() ? Status::skip() : Status::success();
  }
  Verdict filter(Cycle& cycle, const NodeInfo& node) override {
    if (!conflict(cycle.pod.ports, node.ports)) return {};
    return refuse("node(s) didn't have free ports for the requested pod ports", Code::Unschedulable);
  }
};

}  // namespace

MadePlugin make_node_ports(Environment& environment, schema::Value) { return std::make_unique<NodePorts>(environment); }

}  // namespace sampan::scheduler
