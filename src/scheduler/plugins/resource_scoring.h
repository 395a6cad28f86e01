// What the scores of NodeResourcesFit and NodeResourcesBalancedAllocation share: which resources count, with which weight, and how much of them a node
// would have given away with the pod on it.
#pragma once
#include "scheduler/plugins/makers.h"

namespace sampan::scheduler {

struct CountedResource {
  std::string name;
  int64_t weight = 1;
};

// The list in the arguments, or cpu and memory.
Result<std::vector<CountedResource>> read_resources(schema::Value list, std::string_view field);

// Of one resource on one node; `there` 0: the node has none, or the pod wants none of something extended, and it does not count.
struct Usage {
  int64_t with_pod = 0, before = 0, there = 0;
};

class ResourceUsage {
 public:
  // `as_if` counts containers that ask for nothing with a default, so that they spread, too.
  ResourceUsage(std::vector<CountedResource> resources, bool as_if) : resources_(std::move(resources)), as_if_(as_if) {}
  const std::vector<CountedResource>& resources() const { return resources_; }
  void prepare(const PodInfo& pod);
  bool asks_for_nothing() const;
  Usage of(size_t resource, const NodeInfo& node) const;

 private:
  const std::vector<CountedResource> resources_;
  const bool as_if_;
  std::vector<int64_t> asked_;
};

}  // namespace sampan::scheduler
