#include "scheduler/node_info.h"

#include "base/check.h"

namespace sampan::scheduler {

namespace {
std::string zone_of(const core_v1::Node& node) {
  auto labels = node.metadata().labels();
  auto either = [&](std::string_view name, std::string_view old_name) {
    if (auto value = labels.get(old_name)) return *value;
    return labels.get(name).value_or("");
  };
  auto zone = either("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone");
  auto region = either("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region");
  if (zone.empty() && region.empty()) return {};
  std::string out(region);
  out.append(":\0:", 3).append(zone);
  return out;
}
}  // namespace

void NodeInfo::set(schema::ObjectRef now) {
  object = std::move(now);
  node = object ? object->as<core_v1::Node>() : core_v1::Node();
  unschedulable = object && node.spec().unschedulable();
  allocatable = object ? amounts_of(node.status().allocatable()) : Amounts();
  zone = object ? zone_of(node) : std::string();
}

void NodeInfo::add(const PodRef& pod) {
  pods.push_back(pod);
  requested.add(pod->amounts.requests);
  add_around(nonzero_milli_cpu, pod->amounts.nonzero_milli_cpu);
  add_around(nonzero_memory, pod->amounts.nonzero_memory);
  ports.insert(ports.end(), pod->ports.begin(), pod->ports.end());
}

void NodeInfo::remove(const PodInfo& pod) {
  auto at = std::find_if(pods.begin(), pods.end(), [&](const PodRef& one) { return one.get() == &pod; });
  check(at != pods.end());
  requested.subtract(pod.amounts.requests);
  subtract_around(nonzero_milli_cpu, pod.amounts.nonzero_milli_cpu);
  subtract_around(nonzero_memory, pod.amounts.nonzero_memory);
  for (auto& port : pod.ports) {
    auto used = std::find_if(ports.begin(), ports.end(), [&](const HostPort& one) {
      return one.port == port.port && one.protocol == port.protocol && one.ip == port.ip;
    });
    check(used != ports.end());
    ports.erase(used);
  }
  *at = pods.back();
  pods.pop_back();
}

}  // namespace sampan::scheduler
