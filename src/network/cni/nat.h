// What the plug-in keeps in nftables, in a table of its own a family: pods' traffic that leaves the cluster gets the node's address, and host ports
// lead to pods. One map holds all host ports, so that a port costs one element.
#pragma once
#include "network/cni/config.h"
#include "network/netlink/nftables.h"

namespace sampan::network::cni {

// Makes the tables, or brings the rules of existing ones up to date; host ports stay.
Result<void> prepare_nat(NetlinkSocket& netfilter, const Configuration& configuration);
// As prepare_nat where a table is missing; else nothing.
Result<void> ensure_nat(NetlinkSocket& netfilter, const Configuration& configuration);
Result<void> remove_nat(NetlinkSocket& netfilter, const Configuration& configuration);

struct PortForward {
  PortMapping mapping;
  Address pod;
};
std::vector<PortForward> forwards_of(const Configuration& configuration, const std::vector<Address>& pod_addresses);
Result<void> open_ports(NetlinkSocket& netfilter, const Configuration& configuration, const std::vector<PortForward>& forwards);
Result<void> close_ports(NetlinkSocket& netfilter, const Configuration& configuration, const std::vector<PortForward>& forwards);

// One line a forward, to find them again.
std::string write_forwards(const std::vector<PortForward>& forwards);
std::vector<PortForward> read_forwards(std::string_view text);

}  // namespace sampan::network::cni
