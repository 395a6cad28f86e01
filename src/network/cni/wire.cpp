// Bridge, veth, addresses and routes of a pod.
#include "network/cni/wire.h"

#include <errno.h>

#include "base/encoding.h"
#include "base/text.h"
#include "network/cni/ipam.h"

namespace sampan::network::cni {
namespace {

uint64_t hash(std::string_view text, uint64_t start = 14695981039346656037u) {
  for (unsigned char c : text) start = (start ^ c) * 1099511628211u;
  return start;
}

// A MAC that follows from an address: whoever gets the address again has the same, so that no neighbour's cache is ever wrong.
std::string mac_of(const Address& address) {
  std::string mac = {0x0a, 0x58, 0, 0, 0, 0};
  for (size_t i = 0; i < 4; ++i) mac[2 + i] = static_cast<char>(address.bytes[address.size() - 4 + i]);
  return mac;
}

Result<void> ignoring(int error, Result<void> result) {
  if (!result && result.error().code() == error) return {};
  return result;
}

Result<Link> ensure_bridge(NetlinkSocket& host, const Configuration& configuration) {
  const std::string& name = configuration.bridge;
  std::optional<Link> bridge = TRY(find_link(host, name));
  if (bridge && bridge->kind != "bridge") return fail(cni_error(InvalidConfiguration, concat(name, " is no bridge")));
  bool ready = bridge && bridge->up;
  if (!bridge) {
    auto made = make_bridge(host, name, configuration.mtu);
    if (!made && made.error().code() != EEXIST) return fail(std::move(made).error());  // another call may have been quicker
    bridge = TRY(find_link(host, name));
    if (!bridge) return fail(cni_error(TryAgainLater, concat("the bridge ", name, " has gone")));
  }
  for (const Network& range : configuration.pod_networks) {
    // Its link-local address is needed at once, to ask for pods' MACs; that it is unique is certain.
    if (range.v6() && !ready) TRY(set_sysctl(concat("ipv6/conf/", name, "/accept_dad"), "0"));
    TRY(ignoring(EEXIST, add_address(host, bridge->index, gateway_of(range), range.prefix)));
  }
  if (!ready) {
    // A bridge without a MAC of its own changes it whenever a port comes or goes.
    TRY(set_mac(host, bridge->index, mac_of(gateway_of(configuration.pod_networks.front()))));
    TRY(set_up(host, bridge->index));
    bridge = TRY(find_link(host, name));
    if (!bridge) return fail(cni_error(TryAgainLater, concat("the bridge ", name, " has gone")));
  }
  for (const Network& range : configuration.pod_networks) TRY(set_sysctl(range.v6() ? "ipv6/conf/all/forwarding" : "ipv4/ip_forward", "1"));
  return std::move(*bridge);
}

Result<void> set_up_inside(const Configuration& configuration, const Attachment& owner, const std::vector<Address>& addresses) {
  NetlinkSocket route = TRY(NetlinkSocket::open(NETLINK_ROUTE));
  std::optional<Link> link = TRY(find_link(route, owner.ifname));
  if (!link) return fail(cni_error(InputOutput, concat(owner.ifname, " is not in the pod's network namespace")));
  TRY(set_up(route, 1));  // lo
  for (const Address& address : addresses) {
    std::string family = address.v6 ? "ipv6" : "ipv4";
    if (address.v6) TRY(set_sysctl(concat("ipv6/conf/", owner.ifname, "/disable_ipv6"), "0"));
    if (address.v6) TRY(set_sysctl(concat("ipv6/conf/", owner.ifname, "/accept_dad"), "0"));
    // All traffic goes by the gateway, though a redirect may say that there is a shorter way.
    (void)set_sysctl(concat(family, "/conf/all/accept_redirects"), "0");
    (void)set_sysctl(concat(family, "/conf/", owner.ifname, "/accept_redirects"), "0");
    TRY(add_address(route, link->index, address, static_cast<int>(address.size()) * 8));
  }
  TRY(set_up(route, link->index));
  for (size_t i = 0; i < addresses.size(); ++i) {
    Address gateway = gateway_of(configuration.pod_networks[i]);
    int bits = static_cast<int>(gateway.size()) * 8;
    TRY(replace_route(route, {.destination = {gateway, bits}, .index = link->index}));
    TRY(replace_route(route, {.destination = {Address{.v6 = gateway.v6}, 0}, .gateway = gateway, .index = link->index}));
  }
  return {};
}

}  // namespace

std::string host_interface_name(const Attachment& owner) {
  uint64_t number = hash(owner.ifname, hash("/", hash(owner.container_id)));
  return concat("veth", hex({reinterpret_cast<const char*>(&number), 5}));
}

std::string mac_text(std::string_view mac) {
  std::string out;
  for (char c : mac) append(out, out.empty() ? "" : ":", hex({&c, 1}));
  return out;
}

Result<Wired> wire_pod(NetlinkSocket& host, const Configuration& configuration, const Attachment& owner, const Namespace& pod,
                       const std::vector<Address>& addresses) {
  Link bridge = TRY(ensure_bridge(host, configuration));
  Wired result{.bridge_mac = bridge.mac, .host_name = host_interface_name(owner), .inner_mac = mac_of(addresses.front())};
  TRY(make_veth(host, {.host_name = result.host_name,
                       .inner_name = owner.ifname,
                       .inner_namespace = pod.fd(),
                       .mtu = configuration.mtu ? configuration.mtu : bridge.mtu,
                       .inner_mac = result.inner_mac}));
  std::optional<Link> outer = TRY(find_link(host, result.host_name));
  if (!outer) return fail(cni_error(InputOutput, concat(result.host_name, " has gone")));
  result.host_mac = outer->mac;
  TRY(join_bridge(host, outer->index, bridge.index));
  TRY(pod.run([&] { return set_up_inside(configuration, owner, addresses); }));
  return result;
}

Result<void> unwire_pod(NetlinkSocket& host, const Attachment& owner) {
  std::optional<Link> link = TRY(find_link(host, host_interface_name(owner)));
  if (!link) return {};
  return ignoring(ENODEV, remove_link(host, link->index));
}

Result<void> check_wires(const Configuration& configuration, const Attachment& owner, const Namespace& pod) {
  NetlinkSocket host = TRY(NetlinkSocket::open(NETLINK_ROUTE));
  std::optional<Link> bridge = TRY(find_link(host, configuration.bridge));
  std::optional<Link> outer = TRY(find_link(host, host_interface_name(owner)));
  if (!bridge || !outer || outer->master != bridge->index || !outer->up)
    return fail(cni_error(Failed, concat(host_interface_name(owner), " is no working port of ", configuration.bridge)));
  return pod.run([&]() -> Result<void> {
    NetlinkSocket route = TRY(NetlinkSocket::open(NETLINK_ROUTE));
    std::optional<Link> inner = TRY(find_link(route, owner.ifname));
    if (!inner || !inner->up) return fail(cni_error(Failed, concat(owner.ifname, " is missing or down")));
    std::vector<InterfaceAddress> present = TRY(list_addresses(route));
    for (const std::string& wanted : configuration.previous_addresses) {
      std::optional<Address> address = parse_address(std::string_view(wanted).substr(0, wanted.find('/')));
      bool found = false;
      for (const InterfaceAddress& one : present) found |= address && one.index == inner->index && one.address == *address;
      if (!found) return fail(cni_error(Failed, concat(owner.ifname, " has not the address ", wanted)));
    }
    return {};
  });
}

}  // namespace sampan::network::cni
