// SchedulingGates: a pod with gates waits until somebody has taken them all away.
#include "base/text.h"
#include "scheduler/plugins/makers.h"

namespace sampan::scheduler {
namespace {

class SchedulingGates final : public Plugin {
 public:
  using Plugin::Plugin;
  std::string_view name() const override { return "SchedulingGates"; }
  uint32_t points() const override { return kPreEnqueue; }
  std::vector<Interest> interests() const override { return {{EventResource::UnscheduledPod, kPodGatesEliminated}}; }
  bool may_help(const PodInfo& pod, const ClusterEvent& event) const override { return pod_after(event).metadata().uid() == pod.uid; }

  Status pre_enqueue(const PodInfo& pod) override {
    auto gates = pod.pod.spec().scheduling_gates();
    if (gates.empty()) return Status::success();
    std::string names;
    for (auto gate : gates) append(names, names.empty() ? "" : " ", gate.name());
    return Status::of(Code::UnschedulableAndUnresolvable, concat("waiting for scheduling gates: [", names, "]"));
  }
};

}  // namespace

MadePlugin make_scheduling_gates(Environment& environment, schema::Value) { return std::make_unique<SchedulingGates>(environment); }

}  // namespace sampan::scheduler
