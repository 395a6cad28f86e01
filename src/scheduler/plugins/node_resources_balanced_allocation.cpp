// NodeResourcesBalancedAllocation: rather a node on which the pod makes the shares of cpu, memory ... that are given away more alike.
#include <cmath>

#include "scheduler/plugins/resource_scoring.h"

namespace sampan::scheduler {
namespace {

class BalancedAllocation final : public Plugin {
 public:
  BalancedAllocation(Environment& environment, std::vector<CountedResource> resources)
      : Plugin(environment), usage_(std::move(resources), false) {}
  std::string_view name() const override { return "NodeResourcesBalancedAllocation"; }
  uint32_t points() const override { return kPreScore | kScore; }

  Status pre_score(Cycle& cycle, NodeList) override {
    usage_.prepare(cycle.pod);
    return usage_.asks_for_nothing() ? Status::skip() : Status::success();
  }
  void score(Cycle&, NodeList nodes, std::span<int64_t> scores) override {
    std::vector<double> before, after;
    for (size_t i = 0; i < nodes.size(); i++) {
      before.clear();
      after.clear();
      for (size_t resource = 0; resource < usage_.resources().size(); resource++) {
        auto usage = usage_.of(resource, *nodes[i]);
        if (usage.there == 0) continue;
        auto there = static_cast<double>(usage.there);
        before.push_back(std::min(1.0, static_cast<double>(usage.before) / there));
        after.push_back(std::min(1.0, static_cast<double>(usage.with_pod) / there));
      }
      scores[i] = kScoreMax / 2 + (kScoreMax / 2 + balance(after) - balance(before)) / 2;
    }
  }

 private:
  // How alike the shares are.
  static int64_t balance(const std::vector<double>& shares) {
    double deviation = 0;
    if (shares.size() == 2) {
      deviation = std::fabs(shares[0] - shares[1]) / 2;
    } else if (shares.size() > 2) {
      double mean = 0, sum = 0;
      for (double share : shares) mean += share / static_cast<double>(shares.size());
      for (double share : shares) sum += (share - mean) * (share - mean);
      deviation = std::sqrt(sum / static_cast<double>(shares.size()));
    }
    return static_cast<int64_t>((1 - deviation) * static_cast<double>(kScoreMax));
  }

  ResourceUsage usage_;
};

}  // namespace

MadePlugin make_node_resources_balanced_allocation(Environment& environment, schema::Value args) {
  auto resources = TRY(read_resources(args["resources"], "resources"));
  return std::make_unique<BalancedAllocation>(environment, std::move(resources));
}

}  // namespace sampan::scheduler
