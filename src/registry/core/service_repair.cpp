// Puts right what a crash between taking an address or a port and writing the service has left behind.
#include "registry/core/service.h"
#include "registry/core/service_allocation.h"

namespace sampan::registry::core {

namespace {
constexpr int kRoundsUntilFreed = 3;

// Counts how often each of `unused` has been found so, and gives those whose time has come.
template <class Key>
std::vector<Key> overdue(std::map<Key, int>& rounds, const std::vector<Key>& unused) {
  std::map<Key, int> now;
  std::vector<Key> out;
  for (const auto& key : unused) {
    auto known = rounds.find(key);
    int count = known == rounds.end() ? 1 : known->second + 1;
    if (count >= kRoundsUntilFreed)
      out.push_back(key);
    else
      now[key] = count;
  }
  rounds = std::move(now);
  return out;
}
}  // namespace

Result<void> ServiceAllocator::repair(const std::vector<ObjectRef>& services) {
  TRY(repair_ports(services));
  return repair_addresses(services);
}

Result<void> ServiceAllocator::repair_ports(const std::vector<ObjectRef>& services) {
  std::vector<int> used;
  for (const auto& service : services) {
    auto ports = (*service)["spec"]["ports"];
    for (uint32_t i = 0; i < ports.size(); i++)
      if (auto port = ports.item(i)["nodePort"].as_int()) used.push_back(static_cast<int>(port));
    if (auto port = (*service)["spec"]["healthCheckNodePort"].as_int(); port && needs_health_check(*service)) used.push_back(static_cast<int>(port));
  }
  auto leaks = port_leaks_;
  TRY(ports_.update([&](PortBitmap& bitmap) -> Result<void> {
    std::vector<int> unused;
    for (int i = 0; i < options_.port_count; i++) {
      int port = options_.port_first + i;
      if (bitmap.has(port) && std::find(used.begin(), used.end(), port) == used.end()) unused.push_back(port);
    }
    leaks = port_leaks_;
    for (int port : overdue(leaks, unused)) bitmap.set(port, false);
    for (int port : used) bitmap.set(port, true);
    return {};
  }));
  port_leaks_ = std::move(leaks);
  return {};
}

Result<void> ServiceAllocator::repair_addresses(const std::vector<ObjectRef>& services) {
  std::map<std::string, ObjectRef> owners;
  for (const auto& service : services) {
    if ((*service)["spec"]["type"].as_string() == "ExternalName" || is_headless_service(*service)) continue;
    auto ips = (*service)["spec"]["clusterIPs"];
    for (uint32_t i = 0; i < ips.size(); i++)
      if (auto ip = parse_ip(ips.item(i).as_string())) owners.emplace(ip->text(), service);
  }
  std::vector<std::string> unused;
  for (const auto& address : addresses_.list()) {
    auto metadata = (*address)["metadata"];
    if (metadata["labels"]["ipaddress.kubernetes.io/managed-by"].as_string() != "ipallocator.k8s.io") continue;
    auto name = std::string(metadata["name"].as_string());
    auto owner = owners.find(name);
    auto parent = (*address)["spec"]["parentRef"];
    bool theirs = owner != owners.end() && parent["name"].as_string() == (*owner->second)["metadata"]["name"].as_string() &&
                  parent["namespace"].as_string() == (*owner->second)["metadata"]["namespace"].as_string();
    if (!theirs) unused.push_back(name);
  }
  for (const auto& name : overdue(address_leaks_, unused)) TRY(addresses_.remove(name));
  for (const auto& [name, service] : owners) {
    if (addresses_.exists(name)) continue;
    Arena arena;
    TRY(make_address(schema::thaw(*service, arena), *parse_ip(name)));
  }
  return {};
}

}  // namespace sampan::registry::core
