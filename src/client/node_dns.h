// The name that the agents of nodes and the controller of the cluster's DNS share.
#pragma once
#include <string_view>

namespace sampan::client {

// On a node: the port at which its agent answers the cluster's DNS, at the node's internal address. A node that does not say it is not asked.
inline constexpr std::string_view kDnsPort = "sampan.io/dns-port";

}  // namespace sampan::client
