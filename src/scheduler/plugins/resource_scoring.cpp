#include "scheduler/plugins/resource_scoring.h"

#include "base/held.h"
#include "base/text.h"

namespace sampan::scheduler {

Result<std::vector<CountedResource>> read_resources(schema::Value list, std::string_view field) {
  if (list.empty()) return std::vector<CountedResource>{{"cpu", 1}, {"memory", 1}};
  std::vector<CountedResource> resources;
  for (auto value : list.items()) {
    CountedResource resource{std::string(value["name"].as_string()), value["weight"].is_missing() ? 1 : value["weight"].as_int()};
    if (resource.weight == 0) resource.weight = 1;
    if (resource.name.empty() || resource.weight < 1 || resource.weight > 100)
      return fail(bad_request(concat(field, ": each needs a name and a weight from 1 to 100")));
    for (auto& other : resources)
      if (other.name == resource.name) return fail(bad_request(concat(field, ": Duplicate value: ", quoted(resource.name))));
    resources.push_back(std::move(resource));
  }
  return resources;
}

void ResourceUsage::prepare(const PodInfo& pod) {
  asked_.clear();
  for (auto& resource : resources_) {
    if (as_if_ && resource.name == "cpu") asked_.push_back(pod.amounts.nonzero_milli_cpu);
    else if (as_if_ && resource.name == "memory") asked_.push_back(pod.amounts.nonzero_memory);
    else asked_.push_back(pod.amounts.requests.of(resource.name));
  }
}

bool ResourceUsage::asks_for_nothing() const {
  return std::all_of(asked_.begin(), asked_.end(), [](int64_t amount) { return amount == 0; });
}

Usage ResourceUsage::of(size_t i, const NodeInfo& node) const {
  auto& name = resources_[i].name;
  Usage usage;
  if (name == "cpu") {
    usage = {0, as_if_ ? node.nonzero_milli_cpu : node.requested.milli_cpu, node.allocatable.milli_cpu};
  } else if (name == "memory") {
    usage = {0, as_if_ ? node.nonzero_memory : node.requested.memory, node.allocatable.memory};
  } else if (name == "ephemeral-storage") {
    usage = {0, node.requested.ephemeral_storage, node.allocatable.ephemeral_storage};
  } else if (asked_[i] != 0) {
    usage = {0, node.requested.scalar(name), node.allocatable.scalar(name)};
  }
  if (usage.there == 0) return {};
  usage.with_pod = std::max<int64_t>(add_held(usage.before, asked_[i]), 0);
  return usage;
}

}  // namespace sampan::scheduler
