// How much a pod asks for and may use, and what that means for the kernel.
#pragma once
#include "kubelet/containers.h"
#include "schema/quantity.h"

namespace sampan::kubelet {

enum class QosClass : uint8_t { Guaranteed, Burstable, BestEffort };
std::string_view name_of(QosClass qos);
QosClass qos_of(const core_v1::Pod& pod);

using Quantities = std::map<std::string, schema::Quantity, std::less<>>;

Quantities quantities(schema::MapView<std::string_view> map);
// Of the whole pod: what its containers and sidecars need together, at least what its largest init container needs, and its overhead.
Quantities requests_of(const core_v1::Pod& pod);
// As a container is limited: by its own limits or, where it has none, the pod's.
Quantities limits_of(const core_v1::Pod& pod, const core_v1::Container& container);

int64_t cpu_shares(int64_t milli_cpu);                      // 2 .. 262144
int64_t cpu_quota(int64_t milli_cpu, int64_t period_us);    // 0: no limit
int64_t oom_score_adj(const core_v1::Pod& pod, const core_v1::Container& container, int64_t memory_capacity);

struct ResourceOptions {
  int64_t memory_capacity = 0;
  bool cpu_quota = true;
  int64_t cpu_period_us = 100'000;
  bool cgroup_v2 = false;
};
Resources container_resources(const core_v1::Pod& pod, const ContainerSpec& spec, const ResourceOptions& options);
// Of the cgroup that all of the pod's containers are in. Zero: not limited.
Resources pod_resources(const core_v1::Pod& pod, const ResourceOptions& options);

// Where the pod's cgroup is below the root of them: "/kubepods/burstable/podUID".
std::string pod_cgroup(std::string_view root, const core_v1::Pod& pod);

}  // namespace sampan::kubelet
