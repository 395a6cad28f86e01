// See resources.h.
#include "kubelet/resources.h"

#include <algorithm>

#include "base/held.h"
#include "base/text.h"

namespace sampan::kubelet {

using schema::Quantity;

namespace {

constexpr int64_t kMinShares = 2, kMaxShares = 262'144;
constexpr int64_t kMinQuota = 1000;
constexpr int64_t kGuaranteedOomScore = -997, kBestEffortOomScore = 1000;

void add(Quantities& to, const Quantities& from) {
  for (auto& [name, value] : from) {
    auto [at, is_new] = to.emplace(name, value);
    if (!is_new) at->second += value;
  }
}

void raise(Quantities& to, const Quantities& from) {
  for (auto& [name, value] : from) {
    auto [at, is_new] = to.emplace(name, value);
    if (!is_new && at->second < value) at->second = value;
  }
}

void grow(int64_t& sum, int64_t by) { sum = add_held(sum, by); }

int64_t milli(const Quantities& map, std::string_view name) {
  auto at = map.find(name);
  return at == map.end() ? 0 : at->second.milli_value();
}

int64_t value(const Quantities& map, std::string_view name) {
  auto at = map.find(name);
  return at == map.end() ? 0 : at->second.value();
}

}  // namespace

std::string_view name_of(QosClass qos) {
  static constexpr std::string_view names[] = {"Guaranteed", "Burstable", "BestEffort"};
  return names[static_cast<int>(qos)];
}

Quantities quantities(schema::MapView<std::string_view> map) {
  Quantities out;
  for (auto entry : map) out.emplace(entry.key, Quantity::stored(entry.value));
  return out;
}

QosClass qos_of(const core_v1::Pod& pod) {
  auto given = pod.status().qos_class();
  if (given == "Guaranteed") return QosClass::Guaranteed;
  if (given == "Burstable") return QosClass::Burstable;
  if (given == "BestEffort") return QosClass::BestEffort;

  bool any = false, guaranteed = true;
  auto look = [&](const core_v1::ResourceRequirements& resources) {
    for (std::string_view name : {"cpu", "memory"}) {
      auto request = Quantity::stored(resources.requests().get(name).value_or("0"));
      auto limit = Quantity::stored(resources.limits().get(name).value_or("0"));
      any |= !request.is_zero() || !limit.is_zero();
      guaranteed &= !limit.is_zero() && (request.is_zero() || request == limit);
    }
  };
  if (pod.spec().has_resources()) {
    look(pod.spec().resources());
  } else {
    for (auto container : pod.spec().init_containers()) look(container.resources());
    for (auto container : pod.spec().containers()) look(container.resources());
  }
  if (!any) return QosClass::BestEffort;
  return guaranteed ? QosClass::Guaranteed : QosClass::Burstable;
}

Quantities requests_of(const core_v1::Pod& pod) {
  Quantities sum, sidecars, largest;
  for (auto container : pod.spec().containers()) add(sum, quantities(container.resources().requests()));
  for (auto container : pod.spec().init_containers()) {
    auto own = quantities(container.resources().requests());
    if (is_sidecar(container)) {
      add(sidecars, own);
      add(sum, own);
      own = sidecars;
    } else {
      add(own, sidecars);  // an init container runs beside the sidecars before it
    }
    raise(largest, own);
  }
  raise(sum, largest);
  for (auto& [name, quantity] : quantities(pod.spec().resources().requests())) sum[name] = quantity;
  add(sum, quantities(pod.spec().overhead()));
  return sum;
}

Quantities limits_of(const core_v1::Pod& pod, const core_v1::Container& container) {
  auto out = quantities(container.resources().limits());
  for (auto& [name, quantity] : quantities(pod.spec().resources().limits())) out.emplace(name, quantity);
  return out;
}

int64_t cpu_shares(int64_t milli_cpu) {
  if (milli_cpu == 0) return kMinShares;
  return std::clamp(std::min(milli_cpu, kMaxShares) * 1024 / 1000, kMinShares, kMaxShares);
}

int64_t cpu_quota(int64_t milli_cpu, int64_t period_us) {
  if (milli_cpu == 0) return 0;
  return std::max(multiply_held(milli_cpu, period_us) / 1000, kMinQuota);
}

int64_t oom_score_adj(const core_v1::Pod& pod, const core_v1::Container& container, int64_t memory_capacity) {
  if (pod.spec().priority_class_name() == "system-node-critical") return kGuaranteedOomScore;
  auto qos = qos_of(pod);
  if (qos == QosClass::Guaranteed) return kGuaranteedOomScore;
  if (qos == QosClass::BestEffort || memory_capacity <= 0) return kBestEffortOomScore;
  auto score_of = [&](const core_v1::Container& c) {
    auto request = value(quantities(c.resources().requests()), "memory");
    return 1000 - static_cast<int64_t>(1000.0 * static_cast<double>(request) / static_cast<double>(memory_capacity));
  };
  auto score = score_of(container);
  if (is_sidecar(container))  // as long-lived as the containers it serves
    for (auto main : pod.spec().containers()) score = std::min(score, score_of(main));
  // Killed after all best-effort ones, before all guaranteed ones.
  return std::clamp<int64_t>(score, 1000 + kGuaranteedOomScore, kBestEffortOomScore - 1);
}

Resources container_resources(const core_v1::Pod& pod, const ContainerSpec& spec, const ResourceOptions& options) {
  Resources out;
  auto requests = quantities(spec.container.resources().requests());
  auto limits = limits_of(pod, spec.container);
  auto cpu_request = milli(requests, "cpu");
  auto cpu_limit = milli(limits, "cpu");
  if (!requests.contains("cpu") && cpu_limit != 0) cpu_request = cpu_limit;
  out.cpu_shares = cpu_shares(cpu_request);
  if (options.cpu_quota) {
    out.cpu_period = options.cpu_period_us;
    out.cpu_quota = cpu_quota(cpu_limit, options.cpu_period_us);
  }
  out.memory_limit = value(limits, "memory");
  out.oom_score_adj = oom_score_adj(pod, spec.container, options.memory_capacity);
  for (auto& [name, quantity] : limits) {
    constexpr std::string_view prefix = "hugepages-";
    if (!name.starts_with(prefix)) continue;
    auto size = name.substr(prefix.size());  // "2Mi"
    if (size.ends_with("i")) size.back() = 'B';
    out.huge_page_limits[size] = static_cast<uint64_t>(quantity.value());
  }
  // The kernel kills the container as a whole, not one process of it.
  if (options.cgroup_v2) out.unified["memory.oom.group"] = "1";
  return out;
}

Resources pod_resources(const core_v1::Pod& pod, const ResourceOptions& options) {
  Resources out;
  auto requests = requests_of(pod);
  auto qos = qos_of(pod);
  int64_t cpu_limit = 0, memory_limit = 0;
  bool cpu_limited = true, memory_limited = true;
  auto look = [&](const core_v1::Container& container) {
    auto limits = limits_of(pod, container);
    cpu_limited &= milli(limits, "cpu") != 0;
    memory_limited &= value(limits, "memory") != 0;
    return std::pair(milli(limits, "cpu"), value(limits, "memory"));
  };
  for (auto container : pod.spec().containers()) {
    auto [cpu, memory] = look(container);
    grow(cpu_limit, cpu), grow(memory_limit, memory);
  }
  int64_t sidecar_cpu = 0, sidecar_memory = 0, largest_cpu = 0, largest_memory = 0;
  for (auto container : pod.spec().init_containers()) {
    auto [cpu, memory] = look(container);
    if (is_sidecar(container)) {
      grow(sidecar_cpu, cpu), grow(sidecar_memory, memory);
      grow(cpu_limit, cpu), grow(memory_limit, memory);
      continue;
    }
    largest_cpu = std::max(largest_cpu, add_held(cpu, sidecar_cpu));
    largest_memory = std::max(largest_memory, add_held(memory, sidecar_memory));
  }
  cpu_limit = std::max(cpu_limit, largest_cpu);
  memory_limit = std::max(memory_limit, largest_memory);
  auto whole = quantities(pod.spec().resources().limits());
  if (whole.contains("cpu")) cpu_limit = milli(whole, "cpu"), cpu_limited = true;
  if (whole.contains("memory")) memory_limit = value(whole, "memory"), memory_limited = true;
  auto overhead = quantities(pod.spec().overhead());
  grow(cpu_limit, milli(overhead, "cpu"));
  grow(memory_limit, value(overhead, "memory"));

  out.cpu_shares = qos == QosClass::BestEffort ? kMinShares : cpu_shares(milli(requests, "cpu"));
  if (qos == QosClass::BestEffort) return out;
  if (options.cpu_quota && cpu_limited) {
    out.cpu_period = options.cpu_period_us;
    out.cpu_quota = cpu_quota(cpu_limit, options.cpu_period_us);
  }
  if (memory_limited) out.memory_limit = memory_limit;
  return out;
}

std::string pod_cgroup(std::string_view root, const core_v1::Pod& pod) {
  static constexpr std::string_view folders[] = {"", "/burstable", "/besteffort"};
  return concat(root, "/kubepods", folders[static_cast<int>(qos_of(pod))], "/pod", pod.metadata().uid());
}

}  // namespace sampan::kubelet
