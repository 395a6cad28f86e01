// NodeName: a pod that names its node goes nowhere else.
#include "scheduler/plugins/makers.h"

namespace sampan::scheduler {
namespace {

class NodeName final : public Plugin {
 public:
  using Plugin::Plugin;
  std::string_view name() const override { return "NodeName"; }
  uint32_t points() const override { return kFilter | kPreFilter; }
  std::vector<Interest> interests() const override { return {{EventResource::Node, kAdd}}; }

  Status pre_filter(Cycle& cycle, std::optional<std::set<std::string>>&) override {
    return cycle.pod.pod.spec().node_name().empty() ? Status::skip() : Status::success();
  }
  Verdict filter(Cycle& cycle, const NodeInfo& node) override {
    if (cycle.pod.pod.spec().node_name() == node.name) return {};
    return refuse("node(s) didn't match the requested node name");
  }
};

}  // namespace

MadePlugin make_node_name(Environment& environment, schema::Value) { return std::make_unique<NodeName>(environment); }

}  // namespace sampan::scheduler
