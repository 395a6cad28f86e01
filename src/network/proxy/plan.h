// From API objects to what a service port needs on this node, for one address family. Pure: objects in, values out.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "api/core_v1.h"
#include "api/discovery_v1.h"
#include "network/address.h"

namespace sampan::network::proxy {

struct Target {
  Address address;
  uint16_t port = 0;
  auto operator<=>(const Target&) const = default;
};

struct PortPlan {
  std::string name;  // "protocol/port name": what is the same port after a change
  uint8_t protocol = 6;
  uint16_t port = 0, node_port = 0;
  Address cluster_ip;
  std::vector<Address> external_ips, balancer_ips;
  std::vector<Network> source_ranges;     // of balancer_ips; empty: anybody. None contains another
  bool internal_local = false, external_local = false;
  uint32_t affinity_seconds = 0;          // 0: none
  bool has_endpoints = false;             // anywhere in the cluster
  std::vector<Target> cluster, local;     // endpoints by the two traffic policies; sorted
  std::vector<Target> hairpins;           // those of them that are on this node
  std::vector<Target> serving;            // of UDP: flows to these may go on
  bool externally_accessible() const { return node_port || !external_ips.empty() || !balancer_ips.empty(); }
};

struct ServicePlan {
  std::vector<PortPlan> ports;
  uint16_t health_check_port = 0;
  int local_ready = 0;  // endpoints on this node, for the health check
};

struct NodeView {
  std::string name, zone;
  std::vector<Address> addresses;
};

ServicePlan plan_service(const api::core_v1::Service& service, const std::vector<api::discovery_v1::EndpointSlice>& slices, const NodeView& node,
                         bool v6);

uint8_t protocol_number(std::string_view name);  // "TCP": 6

}  // namespace sampan::network::proxy
