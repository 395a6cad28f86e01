// The proxy's table in the kernel, one a family: its fixed rules, and carrying changes of the maps there. It has the name of kube-proxy's, so that each
// of the two clears away what the other left.
#pragma once
#include "network/netlink/nftables.h"
#include "network/proxy/ruleset.h"

namespace sampan::network::proxy {

// What counts as a pod of this node, or of the cluster: its traffic to a cluster IP keeps its source.
struct LocalTraffic {
  enum class Mode : uint8_t { None, Cidr, Interface, InterfacePrefix };
  Mode mode = Mode::None;
  std::vector<Network> networks;  // of both families
  std::string interface;          // a name, or the beginning of names
};

struct RulesOptions {
  std::string table = "kube-proxy";
  bool masquerade_all = false;
  int masquerade_bit = 14;
  LocalTraffic local;
  bool node_ports_everywhere = false;       // on all local addresses; otherwise on those of the set
  std::vector<Network> service_networks;    // traffic to what is in them and no service is dropped
};

// Replaces the table by one with the fixed rules and `all`, at once: no connection meets a half of it.
Result<void> write_table(NetlinkSocket& netfilter, const RulesOptions& options, bool v6, const Changes& all);
// All but `removed`: the kernel may hold on to a chain for a moment after the last element that leads to it has gone.
Result<void> write_changes(NetlinkSocket& netfilter, const RulesOptions& options, bool v6, const Changes& changes);
Result<void> remove_chains(NetlinkSocket& netfilter, const RulesOptions& options, bool v6, const std::vector<uint32_t>& sets);
Result<void> remove_tables(NetlinkSocket& netfilter, const std::string& table);

}  // namespace sampan::network::proxy
