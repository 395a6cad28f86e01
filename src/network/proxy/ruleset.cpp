// Computing elements and their differences.
#include "network/proxy/ruleset.h"

#include <algorithm>

#include "base/text.h"

namespace sampan::network::proxy {
namespace {

std::string target_bytes(const Target& target) { return concat(target.address.view(), port_bytes(target.port)); }
std::string endpoint_key(uint32_t set, uint32_t index) { return number_bytes(set) + number_bytes(index); }
std::string sticky_bytes(uint32_t set, const Target& target) { return number_bytes(set) + target_bytes(target); }

}  // namespace

std::string number_bytes(uint32_t number) { return {reinterpret_cast<const char*>(&number), sizeof number}; }
std::string chain_name(uint32_t set) { return concat("endpoints-", set); }
std::string port_bytes(uint16_t port) { return {static_cast<char>(port >> 8), static_cast<char>(port), 0, 0}; }

std::string frontend_key(bool v6, const Address& address, uint8_t protocol, uint16_t port) {
  std::string key(address.view());
  key.resize(v6 ? 16 : 4);
  return key + std::string{static_cast<char>(protocol), 0, 0, 0} + port_bytes(port);
}

void Ruleset::emit(bool add, Map map, std::string key, std::string data, std::string key_end) {
  changes_.operations.push_back({add, map, std::move(key), std::move(key_end), std::move(data)});
}

// Indexes of endpoints that stay do not change; the last ones move into the places of those that go.
void Ruleset::set_targets(EndpointSet& set, const std::vector<Target>& wanted, bool used, uint32_t affinity_seconds) {
  if (used && !wanted.empty() && set.id == 0) set.id = ++last_id_;
  std::vector<Target> now = set.targets, want(wanted.begin(), wanted.begin() + (used ? wanted.size() : 0));
  std::vector<Target> sorted_old = now, fresh;
  std::sort(sorted_old.begin(), sorted_old.end());
  std::set_difference(want.begin(), want.end(), sorted_old.begin(), sorted_old.end(), std::back_inserter(fresh));
  std::vector<Target> next;
  next.reserve(want.size());
  std::vector<size_t> holes;
  for (const Target& target : now) {
    bool stays = std::binary_search(want.begin(), want.end(), target);
    if (!stays) holes.push_back(next.size());
    next.push_back(target);
  }
  size_t filled = 0;
  for (const Target& target : fresh) {
    if (filled < holes.size()) next[holes[filled++]] = target;
    else next.push_back(target);
  }
  for (size_t last = holes.size(); last > filled; --last) {  // highest hole first: what is last stays, or is the hole itself
    next[holes[last - 1]] = next.back();
    next.pop_back();
  }
  for (size_t i = 0; i < std::max(now.size(), next.size()); ++i) {
    bool before = i < now.size(), after = i < next.size();
    if (before && after && now[i] == next[i]) continue;
    if (before) emit(false, Map::Endpoints, endpoint_key(set.id, i), target_bytes(now[i]));
    if (after) emit(true, Map::Endpoints, endpoint_key(set.id, i), target_bytes(next[i]));
  }
  for (size_t hole : holes)
    if (set.affinity_seconds) changes_.forgotten.push_back(sticky_bytes(set.id, now[hole]));
  bool other_chain = now.size() != next.size() || set.affinity_seconds != affinity_seconds;
  if (!next.empty() && (now.empty() || other_chain))
    changes_.chains.push_back({set.id, static_cast<uint32_t>(next.size()), affinity_seconds, now.empty()});
  if (next.empty() && !now.empty()) changes_.removed.push_back(set.id);
  set.targets = std::move(next);
  set.affinity_seconds = affinity_seconds;
  if (set.targets.empty()) set.id = 0;
}

Ruleset::Elements Ruleset::elements_of(Port& port, const PortPlan& plan) {
  Elements elements;
  auto put = [&](Map map, std::string key, std::string data = {}, std::string key_end = {}) {
    elements.insert_or_assign({map, std::move(key)}, std::pair{std::move(key_end), std::move(data)});
  };
  auto key_of = [&](const Address& address, uint16_t number) { return frontend_key(v6_, address, plan.protocol, number); };
  const EndpointSet& internal = plan.internal_local ? port.local : port.cluster;
  std::string cluster_key = key_of(plan.cluster_ip, plan.port);
  put(Map::ClusterIps, std::string(plan.cluster_ip.view()));
  if (internal.id) put(Map::ServiceIps, cluster_key, chain_name(internal.id));
  else put(Map::NoEndpoints, cluster_key, plan.has_endpoints ? "drop" : "reject");

  const EndpointSet& outer = plan.external_local ? port.local : port.cluster;
  auto external = [&](const Address& address, uint16_t number) {
    std::string key = key_of(address, number);
    if (outer.id) put(Map::ServiceIps, key, chain_name(outer.id));
    else put(Map::NoEndpoints, key, plan.has_endpoints ? "drop" : "reject");
    if (!plan.external_local) put(Map::Masqueraded, key);
    else if (port.cluster.id) put(Map::InnerServiceIps, key, chain_name(port.cluster.id)), put(Map::ExternalLocal, key);
  };
  for (const Address& address : plan.external_ips) external(address, plan.port);
  for (const Address& address : plan.balancer_ips) external(address, plan.port);
  if (plan.node_port) external(Address{.v6 = v6_}, plan.node_port);

  for (const Target& target : plan.hairpins)
    put(Map::Hairpins, std::string(target.address.view()) + frontend_key(v6_, target.address, plan.protocol, target.port));

  if (plan.source_ranges.empty()) return elements;
  for (const Address& address : plan.balancer_ips) {
    std::string key = key_of(address, plan.port);
    put(Map::Firewall, key);
    for (const Network& range : plan.source_ranges)
      put(Map::FirewallSources, key + std::string(range.address.view()), "", key + std::string(range.last().view()));
  }
  return elements;
}

void Ruleset::claim(uint64_t owner, const ElementName& name, const std::string& key_end, const std::string& data) {
  std::vector<Claim>& claims = claims_[name];
  for (Claim& one : claims) {
    if (one.owner != owner) continue;
    if (&one == &claims.front() && (one.data != data || one.key_end != key_end)) {
      emit(false, name.map, name.key, one.data, one.key_end);
      emit(true, name.map, name.key, data, key_end);
    }
    one.data = data;
    one.key_end = key_end;
    return;
  }
  claims.push_back({owner, key_end, data});
  if (claims.size() == 1) emit(true, name.map, name.key, data, key_end);
}

void Ruleset::release(uint64_t owner, const ElementName& name) {
  auto found = claims_.find(name);
  if (found == claims_.end()) return;
  std::vector<Claim>& claims = found->second;
  for (size_t i = 0; i < claims.size(); ++i) {
    if (claims[i].owner != owner) continue;
    Claim gone = std::move(claims[i]);
    claims.erase(claims.begin() + static_cast<ptrdiff_t>(i));
    bool changes_hands = i == 0 && !claims.empty() && (claims[0].data != gone.data || claims[0].key_end != gone.key_end);
    if (claims.empty() || changes_hands) emit(false, name.map, name.key, gone.data, gone.key_end);
    if (changes_hands) emit(true, name.map, name.key, claims[0].data, claims[0].key_end);
    break;
  }
  if (claims.empty()) claims_.erase(found);
}

void Ruleset::replace_elements(uint64_t owner, Elements& old, Elements wanted) {
  for (const auto& [name, value] : old)
    if (!wanted.contains(name)) release(owner, name);
  for (const auto& [name, value] : wanted) {
    auto before = old.find(name);
    if (before == old.end() || before->second != value) claim(owner, name, value.first, value.second);
  }
  old = std::move(wanted);
}

// Chains are written before, and removed after, the elements that lead to them: that is the writer's business. Here the sets of a port come first, since
// their numbers are in its elements.
void Ruleset::set_service(const std::string& name, const std::vector<PortPlan>& plans) {
  auto found = services_.find(name);
  if (found == services_.end()) {
    if (plans.empty()) return;
    found = services_.try_emplace(name, Service{.id = ++last_id_}).first;
  }
  Service& service = found->second;
  ports_ -= service.ports.size();
  std::vector<Port> old = std::move(service.ports);
  service.ports.clear();
  auto owner_of = [&](const std::string& port) { return uint64_t{service.id} << 32 | (std::hash<std::string>()(port) & 0xffffffff); };
  // First those that go: what they leave may be wanted by those that come.
  for (Port& port : old) {
    if (std::any_of(plans.begin(), plans.end(), [&](const PortPlan& plan) { return plan.name == port.name; })) continue;
    replace_elements(owner_of(port.name), port.elements, {});
    set_targets(port.cluster, {}, false, 0);
    set_targets(port.local, {}, false, 0);
  }
  for (const PortPlan& plan : plans) {
    auto before = std::find_if(old.begin(), old.end(), [&](const Port& port) { return port.name == plan.name; });
    Port port = before == old.end() ? Port{.name = plan.name} : std::move(*before);
    set_targets(port.cluster, plan.cluster, true, plan.affinity_seconds);
    set_targets(port.local, plan.local, true, plan.affinity_seconds);
    replace_elements(owner_of(plan.name), port.elements, elements_of(port, plan));
    service.ports.push_back(std::move(port));
  }
  ports_ += service.ports.size();
  if (plans.empty()) services_.erase(found);
}

void Ruleset::set_node_port_addresses(const std::vector<Address>& addresses) {
  Elements wanted;
  for (const Address& address : addresses)
    if (address.v6 == v6_ && !address.is_loopback()) wanted.try_emplace({Map::NodePortIps, std::string(address.view())});
  replace_elements(0, node_elements_, std::move(wanted));
}

Changes Ruleset::take_changes() { return std::exchange(changes_, {}); }

Changes Ruleset::everything() const {
  Changes all;
  for (const auto& [name, service] : services_) {
    for (const Port& port : service.ports) {
      for (const EndpointSet* set : {&port.cluster, &port.local}) {
        if (set->id) all.chains.push_back({set->id, static_cast<uint32_t>(set->targets.size()), set->affinity_seconds, true});
        for (size_t i = 0; i < set->targets.size(); ++i)
          all.operations.push_back({true, Map::Endpoints, endpoint_key(set->id, i), {}, target_bytes(set->targets[i])});
      }
    }
  }
  for (const auto& [name, claims] : claims_)
    all.operations.push_back({true, name.map, name.key, claims.front().key_end, claims.front().data});
  return all;
}

}  // namespace sampan::network::proxy
