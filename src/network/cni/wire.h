// The wires of a pod: a veth pair between its network namespace and the node's bridge.
//
// A pod has its address alone (/32, /128) and reaches everything through the bridge's address, its gateway. So also what goes from pod to
// pod passes the node's routing, where services and policies see both directions of it: with a flat subnet the answers would take
// a short cut through the bridge, unless br_netfilter is loaded. (Where it is, it forwards translated packets between ports by itself: so the
// ports are not isolated from each other, and a pod that meets itself needs hairpin mode.)
#pragma once
#include "network/cni/config.h"
#include "network/netlink/links.h"

namespace sampan::network::cni {

struct Wired {
  std::string bridge_mac, host_name, host_mac, inner_mac;
};

std::string host_interface_name(const Attachment& owner);  // always the same for the same attachment
// The addresses are one a family, each from the pod network of the same index.
Result<Wired> wire_pod(NetlinkSocket& host, const Configuration& configuration, const Attachment& owner, const Namespace& pod,
                       const std::vector<Address>& addresses);
Result<void> unwire_pod(NetlinkSocket& host, const Attachment& owner);
Result<void> check_wires(const Configuration& configuration, const Attachment& owner, const Namespace& pod);
std::string mac_text(std::string_view mac);

}  // namespace sampan::network::cni
