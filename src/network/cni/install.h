// What a node agent does so that its container runtime finds the plug-in: names in the directory of programs, a list of configurations in the
// directory of configurations. Another plug-in takes our place by a file there that sorts before ours.
#pragma once
#include <string>
#include <vector>

#include "base/status.h"
#include "network/address.h"

namespace sampan::network::cni {

struct Installation {
  std::string program;  // our binary; "" = this process's
  std::string binary_directory = "/opt/cni/bin";
  std::string configuration_directory = "/etc/cni/net.d";
  std::string file_name = "10-sampan.conflist";
  // Two clusters on one machine differ in all of these.
  std::string network = "sampan", bridge = "sampan0", table = "sampan-cni", state_directory = "/run/sampan/cni";
  int mtu = 0;
  std::vector<Network> pod_networks, cluster_networks;
};

std::string configuration_list(const Installation& installation);
// Links to the program ("sampan-cni", and "loopback" if there is none), the rules in nftables, then the file; each only if it is not as it should be.
Result<void> install(const Installation& installation);
// Of a node that has no networks for now, because it was deleted: no pod is given an address of one that may be another node's. Pods can still be removed.
Result<void> suspend(const Installation& installation);
// Takes all of it away: file, links, rules, bridge, addresses.
Result<void> uninstall(const Installation& installation);

}  // namespace sampan::network::cni
