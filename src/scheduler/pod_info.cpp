#include "scheduler/pod_info.h"

#include "base/text.h"

namespace sampan::scheduler {

std::vector<HostPort> host_ports(const core_v1::Pod& pod) {
  std::vector<HostPort> ports;
  auto collect = [&](const core_v1::Container& container) {
    for (auto port : container.ports()) {
      if (port.host_port() <= 0) continue;
      ports.push_back({std::string(port.host_ip().empty() ? HostPort::kAll : port.host_ip()),
                       std::string(port.protocol().empty() ? "TCP" : port.protocol()), port.host_port()});
    }
  };
  for (auto container : pod.spec().containers()) collect(container);
  for (auto container : pod.spec().init_containers())
    if (container.restart_policy() == "Always") collect(container);
  return ports;
}

std::string claim_name(const core_v1::Pod& pod, const core_v1::Volume& volume) {
  if (volume.has_persistent_volume_claim()) return std::string(volume.persistent_volume_claim().claim_name());
  if (volume.has_ephemeral()) return concat(pod.metadata().name(), "-", volume.name());
  return {};
}

bool is_finished(const core_v1::Pod& pod) {
  auto phase = pod.status().phase();
  return phase == "Succeeded" || phase == "Failed";
}

int64_t start_time(const core_v1::Pod& pod, int64_t now_seconds) { return pod.status().start_time().value_or(now_seconds); }

bool more_important(const PodInfo& a, const PodInfo& b, int64_t now_seconds) {
  if (a.priority != b.priority) return a.priority > b.priority;
  return start_time(a.pod, now_seconds) < start_time(b.pod, now_seconds);
}

}  // namespace sampan::scheduler
