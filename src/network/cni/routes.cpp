// Keeping the routes between nodes.
#include "network/cni/routes.h"

#include <errno.h>

#include <algorithm>

namespace sampan::network::cni {

std::vector<Route> wanted_routes(const std::vector<NodeNetworks>& nodes, std::string_view self) {
  std::vector<Route> routes;
  for (const NodeNetworks& node : nodes) {
    if (node.name == self) continue;
    for (const Network& network : node.pod_networks) {
      auto address = std::find_if(node.internal_addresses.begin(), node.internal_addresses.end(),
                                  [&](const Address& one) { return one.v6 == network.v6(); });
      if (address != node.internal_addresses.end())
        routes.push_back({.destination = network, .gateway = *address, .protocol = kRouteProtocol});
    }
  }
  return routes;
}

Result<void> keep_routes(NetlinkSocket& route, const std::vector<Route>& wanted, const std::vector<Network>& within) {
  std::vector<Route> present = TRY(list_routes(route, kRouteProtocol));
  auto same = [](const Route& a, const Route& b) { return a.destination == b.destination && a.gateway == b.gateway; };
  std::unique_ptr<Error> first;
  auto note = [&](Result<void> done) {
    if (!done && !first) first = std::make_unique<Error>(std::move(done).error());
  };
  for (const Route& old : present) {
    bool kept = std::any_of(wanted.begin(), wanted.end(), [&](const Route& one) { return one.destination == old.destination; });
    bool ours = within.empty() || std::any_of(within.begin(), within.end(), [&](const Network& network) { return network.contains(old.destination.address); });
    if (kept || !ours) continue;
    auto done = remove_route(route, old);
    if (!done && done.error().code() != ESRCH) note(std::move(done));
  }
  for (const Route& one : wanted) {
    bool there = std::any_of(present.begin(), present.end(), [&](const Route& old) { return same(old, one); });
    if (!there) note(replace_route(route, one));
  }
  if (first) return fail(std::move(*first));
  return {};
}

}  // namespace sampan::network::cni
