// What the node and its pods use, read from the kernel when somebody asks.
#pragma once
#include "kubelet/cgroups.h"
#include "kubelet/machine.h"
#include "kubelet/parts.h"
#include "kubelet/pod_workers.h"
#include "schema/value.h"

namespace sampan::kubelet {

class Stats {
 public:
  Stats(std::function<std::vector<KnownPod>()> pods, Runtime& runtime, Volumes& volumes, Cgroups& cgroups, Clock& clock, std::function<std::shared_ptr<const NodeFacts>()> facts, Machine machine, std::string cgroup_mount);

  std::string summary(bool only_cpu_and_memory);  // JSON of stats/v1alpha1 Summary
  std::string resource_metrics();                 // as /metrics/resource
  // The same for one pod: what eviction goes by.
  CgroupUsage of_pod(const core_v1::Pod& pod);

 private:
  uint64_t rate(const std::string& key, uint64_t cpu_ns, int64_t started_us);
  schema::Value cpu(Arena& arena, const std::string& key, std::optional<uint64_t> ns, int64_t started_us);
  schema::Value memory(Arena& arena, const CgroupUsage& usage, uint64_t limit);
  schema::Value filesystem(Arena& arena, const std::string& path, std::optional<uint64_t> used, std::optional<uint64_t> inodes_used);
  schema::Value node(Arena& arena, bool only_cpu_and_memory);
  schema::Value pod(Arena& arena, const KnownPod& pod, const std::map<std::string, ContainerStats>& layers, bool only_cpu_and_memory);
  schema::Value network(Arena& arena, const std::vector<InterfaceUsage>& interfaces);

  const std::function<std::vector<KnownPod>()> pods_;
  Runtime& runtime_;
  Volumes& volumes_;
  Cgroups& cgroups_;
  Clock& clock_;
  const std::function<std::shared_ptr<const NodeFacts>()> facts_;
  const Machine machine_;
  const std::string cgroup_mount_;
  std::mutex mutex_;
  struct Sample {
    int64_t at_us = 0;
    uint64_t cpu_ns = 0, rate = 0;
  };
  std::map<std::string, Sample> samples_;
};

}  // namespace sampan::kubelet
