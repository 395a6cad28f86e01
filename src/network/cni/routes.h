// Routes to the pods of other nodes: one a pod network, by the node's own address. For nodes that share a network; where they do not, a
// network's own routing (or another plug-in) has to carry the packets.
#pragma once
#include "network/netlink/links.h"

namespace sampan::network::cni {

struct NodeNetworks {
  std::string name;
  std::vector<Network> pod_networks;
  std::vector<Address> internal_addresses;
};

// What a node called `self` needs to reach the pods of the others. Nodes without an address of a network's family are left out.
std::vector<Route> wanted_routes(const std::vector<NodeNetworks>& nodes, std::string_view self);

// Brings the kernel's routes to what is wanted: ours are known by their protocol number and lie within the cluster's networks (`within`; empty: anywhere), so
// that two clusters on one machine leave each other's alone. The first error is returned after all has been tried: one node that cannot be reached must
// not cut off the others.
Result<void> keep_routes(NetlinkSocket& route, const std::vector<Route>& wanted, const std::vector<Network>& within = {});

inline constexpr uint8_t kRouteProtocol = 83;

}  // namespace sampan::network::cni
