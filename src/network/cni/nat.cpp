// Masquerading and host ports in nftables.
#include "network/cni/nat.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>

#include "base/text.h"

namespace sampan::network::cni {
namespace {

constexpr int kDestinationPriority = -100, kSourcePriority = 100;  // NF_IP_PRI_NAT_DST, _SRC

std::string_view raw(const uint32_t& number) { return {reinterpret_cast<const char*>(&number), sizeof number}; }

// Is a packet's destination a host port? In `chain`, for one family.
void add_port_rules(Transaction& change, std::string_view chain, Family family) {
  bool v6 = family == Family::Ip6;
  uint32_t offset = v6 ? 24 : 16, size = v6 ? 16 : 4;
  Register protocol = size / 4, target = 8, port = static_cast<Register>(target + size / 4);
  Rule addressed;
  addressed.load_network(offset, size, 0).load_meta(NFT_META_L4PROTO, protocol).load_transport(2, 2, protocol + 1);
  addressed.look_up("addressed-ports", 0, target).redirect_to(family, target, port);
  change.add_rule(chain, addressed);
  Rule any;
  uint32_t local = RTN_LOCAL;
  any.load_address_type(false, 0).equal(0, raw(local));
  // Never to a loopback address: the answers to one could not leave without route_localnet, which would open what listens there to the pods.
  Address loopback = *parse_address(v6 ? "::1" : "127.0.0.0");
  any.destination_in(v6, loopback.view(), network_of(loopback, v6 ? 128 : 8).mask().view(), true);
  any.load_meta(NFT_META_L4PROTO, 0).load_transport(2, 2, 1).look_up("ports", 0, target).redirect_to(family, target, port);
  change.add_rule(chain, any);
}

void add_masquerade_rules(Transaction& change, const Configuration& configuration, Family family) {
  bool v6 = family == Family::Ip6;
  Rule hairpin;
  uint32_t translated = IPS_DST_NAT, none = 0;
  hairpin.load_ct(NFT_CT_STATUS, 0).mask(0, raw(translated), raw(none)).not_equal(0, raw(none));
  hairpin.load_network(v6 ? 8 : 12, v6 ? 32 : 8, 0).in_set("hairpins", 0).masquerade();  // source and destination lie side by side
  change.add_rule("postrouting", hairpin);
  auto leave_alone = [&](const Network& network) {
    if (network.v6() != v6) return;
    Rule rule;
    rule.destination_in(v6, network.address.view(), network.mask().view()).give_back();
    change.add_rule("postrouting", rule);
  };
  for (const Network& network : configuration.cluster_networks) leave_alone(network);
  for (const Network& network : configuration.pod_networks) leave_alone(network);
  leave_alone(*parse_network(v6 ? "ff00::/8" : "224.0.0.0/4"));
  for (const Network& network : configuration.pod_networks) {
    if (network.v6() != v6) continue;
    Rule rule;
    rule.source_in(v6, network.address.view(), network.mask().view()).masquerade();
    change.add_rule("postrouting", rule);
  }
}

Result<void> prepare_family(NetlinkSocket& netfilter, const Configuration& configuration, Family family) {
  Field address = family == Family::Ip6 ? Field::Address6 : Field::Address4;
  Transaction change(family, configuration.table);
  change.add_table();
  change.add_set({.name = "ports", .key = {Field::Protocol, Field::Port}, .data = {address, Field::Port}});
  change.add_set({.name = "addressed-ports", .key = {address, Field::Protocol, Field::Port}, .data = {address, Field::Port}});
  change.add_set({.name = "hairpins", .key = {address, address}});
  change.add_chain("prerouting", {"nat", NF_INET_PRE_ROUTING, kDestinationPriority});
  change.add_chain("output", {"nat", NF_INET_LOCAL_OUT, kDestinationPriority});
  change.add_chain("postrouting", {"nat", NF_INET_POST_ROUTING, kSourcePriority});
  for (const char* chain : {"prerouting", "output", "postrouting"}) change.flush_chain(chain);
  add_port_rules(change, "prerouting", family);
  add_port_rules(change, "output", family);
  add_masquerade_rules(change, configuration, family);
  return change.commit(netfilter);
}

template <class F>
Result<void> each_family(const Configuration& configuration, F&& work) {
  bool seen[2] = {};
  for (const Network& network : configuration.pod_networks) {
    if (std::exchange(seen[network.v6()], true)) continue;
    TRY(work(network.v6() ? Family::Ip6 : Family::Ip));
  }
  return {};
}

std::string port_bytes(uint16_t port) { return {static_cast<char>(port >> 8), static_cast<char>(port), 0, 0}; }

struct ForwardElements {
  std::string_view map;
  std::string key, data, hairpin;
};

ForwardElements elements_of(const PortForward& forward) {
  const PortMapping& mapping = forward.mapping;
  ForwardElements result;
  result.map = mapping.host_ip ? "addressed-ports" : "ports";
  if (mapping.host_ip) result.key = mapping.host_ip->view();
  result.key += std::string{static_cast<char>(mapping.protocol), 0, 0, 0} + port_bytes(mapping.host_port);
  result.data = concat(forward.pod.view(), port_bytes(mapping.container_port));
  result.hairpin = concat(forward.pod.view(), forward.pod.view());
  return result;
}

// One transaction an element: a port that somebody has taken away must not keep the others from being closed.
Result<void> remove_quietly(NetlinkSocket& netfilter, const Configuration& configuration, Family family, std::string_view set, std::string_view key) {
  Transaction change(family, configuration.table);
  change.remove_element(set, {.key = key});
  auto done = change.commit(netfilter);
  if (!done && done.error().code() != ENOENT) return done;
  return {};
}

Family family_of(const PortForward& forward) { return forward.pod.v6 ? Family::Ip6 : Family::Ip; }

}  // namespace

Result<void> prepare_nat(NetlinkSocket& netfilter, const Configuration& configuration) {
  return each_family(configuration, [&](Family family) { return prepare_family(netfilter, configuration, family); });
}

Result<void> ensure_nat(NetlinkSocket& netfilter, const Configuration& configuration) {
  return each_family(configuration, [&](Family family) -> Result<void> {
    if (table_exists(netfilter, family, configuration.table)) return {};
    return prepare_family(netfilter, configuration, family);
  });
}

Result<void> remove_nat(NetlinkSocket& netfilter, const Configuration& configuration) {
  for (Family family : {Family::Ip, Family::Ip6}) {
    if (!table_exists(netfilter, family, configuration.table)) continue;
    Transaction change(family, configuration.table);
    change.clear_table();
    TRY(change.commit(netfilter));
  }
  return {};
}

std::vector<PortForward> forwards_of(const Configuration& configuration, const std::vector<Address>& pod_addresses) {
  std::vector<PortForward> result;
  for (const PortMapping& mapping : configuration.ports)
    for (const Address& pod : pod_addresses)
      if (!mapping.host_ip || mapping.host_ip->v6 == pod.v6) result.push_back({mapping, pod});
  return result;
}

Result<void> open_ports(NetlinkSocket& netfilter, const Configuration& configuration, const std::vector<PortForward>& forwards) {
  for (const PortForward& forward : forwards) {
    ForwardElements elements = elements_of(forward);
    Transaction change(family_of(forward), configuration.table);
    change.add_element(elements.map, {.key = elements.key, .data = elements.data});
    change.add_element("hairpins", {.key = elements.hairpin});
    auto done = change.commit(netfilter);
    if (!done && (done.error().code() == EBUSY || done.error().code() == EEXIST))
      return fail(cni_error(Failed, concat("host port ", forward.mapping.host_port, " is taken by another pod")));
    TRY(std::move(done));
  }
  return {};
}

Result<void> close_ports(NetlinkSocket& netfilter, const Configuration& configuration, const std::vector<PortForward>& forwards) {
  for (const PortForward& forward : forwards) {
    ForwardElements elements = elements_of(forward);
    // Only if the port still leads to this pod: a late DEL must not close what another pod has opened since.
    bool ours = false;
    auto listed = list_elements(netfilter, family_of(forward), configuration.table, elements.map,
                                [&](const StoredElement& one) { ours |= one.key == elements.key && one.data == elements.data; });
    if (!listed && listed.error().code() != ENOENT) return listed;
    if (ours) TRY(remove_quietly(netfilter, configuration, family_of(forward), elements.map, elements.key));
    TRY(remove_quietly(netfilter, configuration, family_of(forward), "hairpins", elements.hairpin));
  }
  return {};
}

std::string write_forwards(const std::vector<PortForward>& forwards) {
  std::string out;
  for (const PortForward& forward : forwards) {
    const PortMapping& mapping = forward.mapping;
    append(out, mapping.protocol, " ", mapping.host_ip ? mapping.host_ip->text() : "-", " ", mapping.host_port, " ", forward.pod.text(), " ",
           mapping.container_port, "\n");
  }
  return out;
}

std::vector<PortForward> read_forwards(std::string_view text) {
  std::vector<PortForward> result;
  for (std::string_view line : split(text, '\n')) {
    std::vector<std::string_view> words = split(line, ' ');
    if (words.size() != 5) continue;
    PortForward forward;
    std::optional<Address> pod = parse_address(words[3]);
    uint16_t protocol;
    if (!pod || !parse_int(words[0], protocol) || !parse_int(words[2], forward.mapping.host_port) ||
        !parse_int(words[4], forward.mapping.container_port))
      continue;
    forward.mapping.protocol = static_cast<uint8_t>(protocol);
    if (words[1] != "-") forward.mapping.host_ip = parse_address(words[1]);
    forward.pod = *pod;
    result.push_back(forward);
  }
  return result;
}

}  // namespace sampan::network::cni
