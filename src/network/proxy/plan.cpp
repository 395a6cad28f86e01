// Which endpoints a service port has on this node.
//
// Ready endpoints count; where there are none, those that terminate but still serve. Topology hints hold only if every ready endpoint has them
// and one is for us (upstream: pkg/proxy/topology.go).
#include "network/proxy/plan.h"

#include <algorithm>

#include "base/text.h"

namespace sampan::network::proxy {
namespace {

using api::core_v1::Service;
using api::discovery_v1::Endpoint;
using api::discovery_v1::EndpointSlice;

struct Candidate {
  Target target;
  bool local, ready, serving, terminating;
  bool has_node_hints, for_our_node, has_zone_hints, for_our_zone;
  bool falls_back() const { return serving && terminating; }
};

Candidate candidate_of(const Endpoint& endpoint, const Address& address, uint16_t port, const NodeView& node) {
  Candidate result{.target = {address, port}};
  auto conditions = endpoint.conditions();
  result.local = !node.name.empty() && endpoint.node_name().value_or("") == node.name;
  result.ready = conditions.ready().value_or(true);
  result.serving = conditions.serving().value_or(true);
  result.terminating = conditions.terminating().value_or(false);
  auto hints = endpoint.hints();
  result.has_node_hints = !hints.for_nodes().empty();
  result.has_zone_hints = !hints.for_zones().empty();
  result.for_our_node = result.for_our_zone = false;
  for (auto hint : hints.for_nodes()) result.for_our_node |= hint.name() == node.name;
  for (auto hint : hints.for_zones()) result.for_our_zone |= hint.name() == node.zone;
  return result;
}

enum class Topology { None, SameNode, SameZone };

Topology topology_of(const std::vector<Candidate>& candidates) {
  bool any = false, all_node = true, all_zone = true, our_node = false, our_zone = false;
  for (const Candidate& one : candidates) {
    if (!one.ready) continue;
    any = true;
    all_node &= one.has_node_hints;
    all_zone &= one.has_zone_hints;
    our_node |= one.for_our_node;
    our_zone |= one.for_our_zone;
  }
  if (any && all_node && our_node) return Topology::SameNode;
  if (any && all_zone && our_zone) return Topology::SameZone;
  return Topology::None;
}

bool available(const Candidate& one, Topology topology) {
  switch (topology) {
    case Topology::None: return true;
    case Topology::SameNode: return one.for_our_node;
    case Topology::SameZone: return one.for_our_zone;
  }
  return true;
}

template <class F>
std::vector<Target> select(const std::vector<Candidate>& candidates, F&& wanted) {
  std::vector<Target> result;
  for (const Candidate& one : candidates)
    if (wanted(one)) result.push_back(one.target);
  return result;
}

void choose_endpoints(PortPlan& plan, const std::vector<Candidate>& candidates) {
  bool uses_cluster = !plan.internal_local || plan.externally_accessible();
  bool uses_local = plan.internal_local || (plan.external_local && plan.externally_accessible());
  for (const Candidate& one : candidates) plan.has_endpoints |= one.ready || one.falls_back();
  if (uses_cluster) {
    Topology topology = topology_of(candidates);
    plan.cluster = select(candidates, [&](const Candidate& one) { return one.ready && available(one, topology); });
    if (plan.cluster.empty()) plan.cluster = select(candidates, [](const Candidate& one) { return one.falls_back(); });
  }
  if (uses_local) {
    plan.local = select(candidates, [](const Candidate& one) { return one.local && one.ready; });
    if (plan.local.empty()) plan.local = select(candidates, [](const Candidate& one) { return one.local && one.falls_back(); });
  }
  for (const Candidate& one : candidates) {
    if (one.local && (std::binary_search(plan.cluster.begin(), plan.cluster.end(), one.target) ||
                      std::binary_search(plan.local.begin(), plan.local.end(), one.target)))
      plan.hairpins.push_back(one.target);
    if (plan.protocol == 17 && one.serving) plan.serving.push_back(one.target);
  }
}

std::vector<Candidate> candidates_of(std::string_view port_name, uint8_t protocol, const std::vector<EndpointSlice>& slices, const NodeView& node,
                                     bool v6) {
  std::vector<Candidate> found;
  for (const EndpointSlice& slice : slices) {
    if (slice.address_type() != (v6 ? "IPv6" : "IPv4")) continue;
    for (auto port : slice.ports()) {
      if (!port.name() || *port.name() != port_name || port.port().value_or(0) == 0) continue;
      if (protocol_number(port.protocol().value_or("TCP")) != protocol) continue;
      for (Endpoint endpoint : slice.endpoints()) {
        if (endpoint.addresses().empty()) continue;
        std::optional<Address> address = parse_address(endpoint.addresses()[0]);
        if (address && address->v6 == v6) found.push_back(candidate_of(endpoint, *address, static_cast<uint16_t>(*port.port()), node));
      }
    }
  }
  // One that moves from a slice to another is in both for a while; then the ready one counts, as upstream has it.
  std::stable_sort(found.begin(), found.end(), [](const Candidate& a, const Candidate& b) {
    if (a.target != b.target) return a.target < b.target;
    return a.ready > b.ready;
  });
  auto same = [](const Candidate& a, const Candidate& b) { return a.target == b.target; };
  found.erase(std::unique(found.begin(), found.end(), same), found.end());
  return found;
}

template <class List>
std::vector<Address> addresses_of(const List& texts, bool v6) {
  std::vector<Address> result;
  for (std::string_view text : texts) {
    std::optional<Address> address = parse_address(text);
    if (address && address->v6 == v6 && std::find(result.begin(), result.end(), *address) == result.end()) result.push_back(*address);
  }
  return result;
}

std::vector<Address> balancer_ips_of(const Service& service, bool v6) {
  std::vector<std::string_view> texts;
  for (auto ingress : service.status().load_balancer().ingress())
    if (ingress.ip_mode().value_or("VIP") == "VIP") texts.push_back(ingress.ip());  // a proxying balancer sends to the node ports by itself
  return addresses_of(texts, v6);
}

std::vector<Network> source_ranges_of(const Service& service, const NodeView& node, const std::vector<Address>& balancer_ips, bool v6) {
  std::vector<Network> ranges;
  bool from_node = false;
  for (std::string_view text : service.spec().load_balancer_source_ranges()) {
    std::optional<Network> range = parse_network(trim(text));
    if (!range || range->v6() != v6) continue;
    if (range->prefix == 0) return {};
    for (const Address& address : node.addresses) from_node |= range->contains(address);
    ranges.push_back(*range);
  }
  // A balancer's address is often an address of the node too; what the node itself sends there then comes from that very address.
  if (from_node)
    for (const Address& address : balancer_ips) ranges.push_back(network_of(address, v6 ? 128 : 32));
  std::sort(ranges.begin(), ranges.end(), [](const Network& a, const Network& b) { return a.prefix < b.prefix; });
  std::vector<Network> result;  // the kernel takes no range within another
  for (const Network& range : ranges)
    if (std::none_of(result.begin(), result.end(), [&](const Network& wider) { return wider.contains(range.address); })) result.push_back(range);
  return result;
}

int local_ready_of(const std::vector<EndpointSlice>& slices, const NodeView& node, bool v6) {
  std::vector<std::string_view> seen;
  for (const EndpointSlice& slice : slices) {
    if (slice.address_type() != (v6 ? "IPv6" : "IPv4") || slice.ports().empty()) continue;
    for (Endpoint endpoint : slice.endpoints())
      if (endpoint.node_name().value_or("") == node.name && endpoint.conditions().ready().value_or(true) && !endpoint.addresses().empty())
        seen.push_back(endpoint.addresses()[0]);
  }
  std::sort(seen.begin(), seen.end());
  return static_cast<int>(std::unique(seen.begin(), seen.end()) - seen.begin());
}

}  // namespace

uint8_t protocol_number(std::string_view name) { return name == "UDP" ? 17 : name == "SCTP" ? 132 : 6; }

ServicePlan plan_service(const Service& service, const std::vector<EndpointSlice>& slices, const NodeView& node, bool v6) {
  ServicePlan result;
  auto spec = service.spec();
  // Headless services and those that are but names have nothing to translate; others may ask not to be.
  if (spec.type() == "ExternalName" || spec.cluster_ip().empty() || spec.cluster_ip() == "None") return result;
  std::vector<Address> cluster_ips = addresses_of(spec.cluster_ips(), v6);
  if (cluster_ips.empty() && spec.cluster_ips().empty()) cluster_ips = addresses_of(std::vector<std::string_view>{spec.cluster_ip()}, v6);
  if (cluster_ips.empty()) return result;
  PortPlan common;
  common.cluster_ip = cluster_ips[0];
  common.external_ips = addresses_of(spec.external_ips(), v6);
  common.balancer_ips = balancer_ips_of(service, v6);
  common.source_ranges = source_ranges_of(service, node, common.balancer_ips, v6);
  common.internal_local = spec.internal_traffic_policy().value_or("Cluster") == "Local";
  bool exposed = spec.type() == "NodePort" || spec.type() == "LoadBalancer" || !spec.external_ips().empty();
  common.external_local = exposed && spec.external_traffic_policy() == "Local";
  if (spec.session_affinity() == "ClientIP")
    common.affinity_seconds = static_cast<uint32_t>(spec.session_affinity_config().client_ip().timeout_seconds().value_or(10800));
  for (auto port : spec.ports()) {
    PortPlan plan = common;
    std::string_view protocol = port.protocol().empty() ? std::string_view("TCP") : port.protocol();
    plan.name = concat(protocol, "/", port.name());
    plan.protocol = protocol_number(protocol);
    plan.port = static_cast<uint16_t>(port.port());
    plan.node_port = static_cast<uint16_t>(port.node_port());
    choose_endpoints(plan, candidates_of(port.name(), plan.protocol, slices, node, v6));
    result.ports.push_back(std::move(plan));
  }
  if (spec.type() == "LoadBalancer" && spec.external_traffic_policy() == "Local" && spec.health_check_node_port() > 0) {
    result.health_check_port = static_cast<uint16_t>(spec.health_check_node_port());
    result.local_ready = local_ready_of(slices, node, v6);
  }
  return result;
}

}  // namespace sampan::network::proxy
