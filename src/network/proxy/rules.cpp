// The fixed rules of the proxy's table, and the chains of endpoint sets.
//
// A new connection's destination (address, protocol, port; of a node port the address is 0) is looked up in @service-ips, which leads to the chain of an
// endpoint set; the chain picks an index, and @endpoints says where that is. No rule uses as a key what another look-up of it gave: the kernel
// could, and no chains of single services were needed, but nft 1.0 fails an assertion when it lists such a rule, and administrators
// (and their firewalls' scripts) do list rules.
#include "network/proxy/rules.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <set>

#include "base/text.h"

namespace sampan::network::proxy {
namespace {

constexpr int kBeforeTranslation = -110, kTranslateDestination = -100, kFilter = 0, kTranslateSource = 100;
constexpr uint32_t kAffinityClientsMax = 1 << 18;

// Registers of a rule: a key in 0 and on, of at most 10; an endpoint set's key (set, index or client) in 0 and on, the endpoint it led to from 6 on.
constexpr Register kEndpoint = 6;

constexpr const char* kMapNames[kMaps] = {"service-ips", "inner-service-ips", "masqueraded-services", "external-local-services",
                                          "no-endpoint-services", "endpoints", "cluster-ips", "hairpin-connections",
                                          "firewall-ips", "firewall-sources", "nodeport-ips"};

constexpr bool holds_verdicts(Map map) { return map == Map::ServiceIps || map == Map::InnerServiceIps || map == Map::NoEndpoints; }

// The two ways to the same treatment: by the destination's address, or by a node port.
enum class Way { Address, NodePort };

class TableWriter {
 public:
  TableWriter(const RulesOptions& options, bool v6)
      : options_(options), v6_(v6), size_(v6 ? 16 : 4), words_(v6 ? 4 : 1), change_(v6 ? Family::Ip6 : Family::Ip, options.table) {}

  Transaction& change() { return change_; }
  void write_fixed();
  void write_chain(const SetChain& chain);
  void apply(const Changes& changes);

 private:
  Rule& load_key(Rule& rule, Way way, Register at = 0) {
    if (way == Way::NodePort) rule.load_constant(std::string(size_, '\0'), at);
    else rule.load_network(v6_ ? 24 : 16, size_, at);
    return rule.load_meta(NFT_META_L4PROTO, at + words_).load_transport(2, 2, at + words_ + 1);
  }
  Rule& load_source(Rule& rule, Register at) { return rule.load_network(v6_ ? 8 : 12, size_, at); }
  Rule& only_node_ports(Rule& rule) {
    if (!options_.node_ports_everywhere) return rule.load_network(v6_ ? 24 : 16, size_, 0).in_set("nodeport-ips", 0);
    rule.load_address_type(false, 0).equal(0, number_bytes(RTN_LOCAL));
    Network loopback = *parse_network(v6_ ? "::1/128" : "127.0.0.0/8");
    return rule.destination_in(v6_, loopback.address.view(), loopback.mask().view(), true);
  }
  void mark(Rule& rule) {
    uint32_t bit = 1u << options_.masquerade_bit;
    rule.load_meta(NFT_META_MARK, 0).mask(0, number_bytes(~bit), number_bytes(bit)).set_mark(0);
  }
  template <class F>
  void add(std::string_view chain, F&& build) {
    Rule rule;
    build(rule);
    change_.add_rule(chain, rule);
  }
  // One rule for each way in which a packet can be of a local pod; or one that matches what is of none.
  void each_local_source(std::string_view chain, const std::function<void(Rule&)>& then);
  void unless_local_source(std::string_view chain, const std::function<void(Rule&)>& then);
  void write_sets();
  void write_base_chains();
  void write_treatment(Way way);
  void write_checks();
  void write_masquerading();
  void write_cluster_masquerading();
  void translate(Rule& rule) { rule.redirect_to(v6_ ? Family::Ip6 : Family::Ip, kEndpoint, static_cast<Register>(kEndpoint + words_)); }

  const RulesOptions& options_;
  const bool v6_;
  const uint32_t size_;
  const Register words_;
  Transaction change_;
};

void TableWriter::each_local_source(std::string_view chain, const std::function<void(Rule&)>& then) {
  const LocalTraffic& local = options_.local;
  switch (local.mode) {
    case LocalTraffic::Mode::None: return;
    case LocalTraffic::Mode::Cidr:
      for (const Network& network : local.networks)
        if (network.v6() == v6_) add(chain, [&](Rule& rule) { then(rule.source_in(v6_, network.address.view(), network.mask().view())); });
      return;
    case LocalTraffic::Mode::Interface: {
      std::string name = local.interface;
      name.resize(16);
      return add(chain, [&](Rule& rule) { then(rule.load_meta(NFT_META_IIFNAME, 0).equal(0, name)); });
    }
    case LocalTraffic::Mode::InterfacePrefix:
      return add(chain, [&](Rule& rule) { then(rule.load_meta(NFT_META_IIFNAME, 0).equal(0, local.interface)); });
  }
}

void TableWriter::unless_local_source(std::string_view chain, const std::function<void(Rule&)>& then) {
  const LocalTraffic& local = options_.local;
  if (local.mode == LocalTraffic::Mode::None) return;
  Rule rule;
  if (local.mode == LocalTraffic::Mode::Cidr) {
    bool any = false;
    for (const Network& network : local.networks) {
      if (network.v6() != v6_) continue;
      rule.source_in(v6_, network.address.view(), network.mask().view(), true);
      any = true;
    }
    if (!any) return;
  } else {
    std::string name = local.interface;
    if (local.mode == LocalTraffic::Mode::Interface) name.resize(16);
    rule.load_meta(NFT_META_IIFNAME, 0).not_equal(0, name);
  }
  then(rule);
  change_.add_rule(chain, rule);
}

void TableWriter::write_sets() {
  Field address = v6_ ? Field::Address6 : Field::Address4, number = Field::Number;
  for (const char* name : {"service-ips", "inner-service-ips", "no-endpoint-services"})
    change_.add_set({.name = name, .key = {address, Field::Protocol, Field::Port}, .verdicts = true});
  for (const char* name : {"masqueraded-services", "external-local-services", "firewall-ips"})
    change_.add_set({.name = name, .key = {address, Field::Protocol, Field::Port}});
  change_.add_set({.name = "endpoints", .key = {number, number}, .data = {address, Field::Port}});
  change_.add_set({.name = "affinity", .key = {number, address}, .data = {address, Field::Port}, .dynamic = true, .size_max = kAffinityClientsMax});
  change_.add_set({.name = "cluster-ips", .key = {address}});
  change_.add_set({.name = "hairpin-connections", .key = {address, address, Field::Protocol, Field::Port}});
  change_.add_set({.name = "firewall-sources", .key = {address, Field::Protocol, Field::Port, address}, .ranges = true});
  change_.add_set({.name = "nodeport-ips", .key = {address}});
}

void TableWriter::write_base_chains() {
  change_.add_chain("filter-prerouting-pre-dnat", {"filter", NF_INET_PRE_ROUTING, kBeforeTranslation});
  change_.add_chain("filter-output-pre-dnat", {"filter", NF_INET_LOCAL_OUT, kBeforeTranslation});
  change_.add_chain("filter-input", {"filter", NF_INET_LOCAL_IN, kFilter});
  change_.add_chain("filter-forward", {"filter", NF_INET_FORWARD, kFilter});
  change_.add_chain("filter-output", {"filter", NF_INET_LOCAL_OUT, kFilter});
  change_.add_chain("nat-prerouting", {"nat", NF_INET_PRE_ROUTING, kTranslateDestination});
  change_.add_chain("nat-output", {"nat", NF_INET_LOCAL_OUT, kTranslateDestination});
  change_.add_chain("nat-postrouting", {"nat", NF_INET_POST_ROUTING, kTranslateSource});
  for (const char* name : {"services", "nodeports", "firewall-check", "endpoints-check", "nodeport-endpoints-check", "cluster-ips-check", "reject-chain"})
    change_.add_chain(name);
  for (const char* chain : {"filter-prerouting-pre-dnat", "filter-output-pre-dnat"})
    add(chain, [&](Rule& rule) { rule.new_connection().jump("firewall-check"); });
  add("filter-input", [&](Rule& rule) { rule.new_connection().jump("nodeport-endpoints-check"); });
  for (const char* chain : {"filter-input", "filter-forward", "filter-output"})
    add(chain, [&](Rule& rule) { rule.new_connection().jump("endpoints-check"); });
  for (const char* chain : {"filter-forward", "filter-output"})
    add(chain, [&](Rule& rule) { rule.new_connection().jump("cluster-ips-check"); });
  for (const char* chain : {"nat-prerouting", "nat-output"}) add(chain, [&](Rule& rule) { rule.jump("services"); });
}

void TableWriter::write_treatment(Way way) {
  std::string_view chain = way == Way::Address ? "services" : "nodeports";
  std::string local = number_bytes(RTN_LOCAL);
  add(chain, [&](Rule& rule) { mark(load_key(rule, way).in_set("masqueraded-services", 0)); });
  // From our own pods and from the node itself it is as if the traffic had gone out to a balancer and come in anywhere.
  each_local_source(chain, [&](Rule& rule) { load_key(rule, way).verdict_map("inner-service-ips", 0); });
  add(chain, [&](Rule& rule) { mark(load_key(rule.load_address_type(true, 0).equal(0, local), way).in_set("external-local-services", 0)); });
  add(chain, [&](Rule& rule) { load_key(rule.load_address_type(true, 0).equal(0, local), way).verdict_map("inner-service-ips", 0); });
  add(chain, [&](Rule& rule) { load_key(rule, way).verdict_map("service-ips", 0); });
}

void TableWriter::write_checks() {
  add("endpoints-check", [&](Rule& rule) { load_key(rule, Way::Address).verdict_map("no-endpoint-services", 0); });
  add("nodeport-endpoints-check", [&](Rule& rule) { load_key(only_node_ports(rule), Way::NodePort).verdict_map("no-endpoint-services", 0); });
  add("reject-chain", [&](Rule& rule) { rule.reject(v6_); });
  add("cluster-ips-check", [&](Rule& rule) { rule.load_network(v6_ ? 24 : 16, size_, 0).in_set("cluster-ips", 0).reject(v6_); });
  for (const Network& network : options_.service_networks)
    if (network.v6() == v6_)
      add("cluster-ips-check", [&](Rule& rule) { rule.destination_in(v6_, network.address.view(), network.mask().view()).drop(); });
  add("firewall-check", [&](Rule& rule) { load_source(load_key(rule, Way::Address), words_ + 2).in_set("firewall-sources", 0).give_back(); });
  add("firewall-check", [&](Rule& rule) { load_key(rule, Way::Address).in_set("firewall-ips", 0).drop(); });
}

void TableWriter::write_masquerading() {
  uint32_t bit = 1u << options_.masquerade_bit;
  add("nat-postrouting", [&](Rule& rule) {
    rule.load_meta(NFT_META_MARK, 0).mask(0, number_bytes(bit), number_bytes(0)).not_equal(0, number_bytes(0));
    rule.load_meta(NFT_META_MARK, 0).mask(0, number_bytes(~0u), number_bytes(bit)).set_mark(0).masquerade();
  });
  add("nat-postrouting", [&](Rule& rule) {
    rule.load_ct(NFT_CT_STATUS, 0).mask(0, number_bytes(IPS_DST_NAT), number_bytes(0)).not_equal(0, number_bytes(0));
    load_source(rule, 0);
    load_key(rule, Way::Address, words_).in_set("hairpin-connections", 0).masquerade();
  });
}

// Traffic to cluster IPs that comes from outside of the cluster may have to leave the node again: the answers must come back here.
void TableWriter::write_cluster_masquerading() {
  auto to_cluster_ip = [&](Rule& rule) { mark(rule.load_network(v6_ ? 24 : 16, size_, 0).in_set("cluster-ips", 0)); };
  if (options_.masquerade_all) add("services", to_cluster_ip);
  else unless_local_source("services", to_cluster_ip);
}

void TableWriter::write_fixed() {
  change_.clear_table();
  change_.add_table();
  write_sets();
  write_base_chains();
  write_cluster_masquerading();
  write_treatment(Way::Address);
  add("services", [&](Rule& rule) { only_node_ports(rule).go_to("nodeports"); });
  write_treatment(Way::NodePort);
  write_checks();
  write_masquerading();
}

// A client that has an endpoint keeps it; one that has none gets one and keeps that. Endpoints that go are taken from @affinity by forget().
void TableWriter::write_chain(const SetChain& set) {
  std::string chain = chain_name(set.id), id = number_bytes(set.id);
  if (set.fresh) change_.add_chain(chain);
  else change_.flush_chain(chain);
  uint64_t timeout_ms = uint64_t{set.affinity_seconds} * 1000;
  auto load_client = [&](Rule& rule) { load_source(rule.load_constant(id, 0), 1); };
  auto pick = [&](Rule& rule) { rule.load_constant(id, 0).load_random(set.count, 1).look_up("endpoints", 0, kEndpoint); };
  if (timeout_ms) {
    add(chain, [&](Rule& rule) {
      load_client(rule);
      translate(rule.look_up("affinity", 0, kEndpoint).remember("affinity", 0, kEndpoint, timeout_ms));
    });
    add(chain, [&](Rule& rule) {
      pick(rule);
      load_client(rule);
      translate(rule.remember("affinity", 0, kEndpoint, timeout_ms));
    });
  }
  add(chain, [&](Rule& rule) {
    pick(rule);
    translate(rule);
  });
}

void TableWriter::apply(const Changes& changes) {
  for (const SetChain& chain : changes.chains) write_chain(chain);
  // Elements of one map stay together, in their order: messages are fewer.
  for (int map = 0; map < kMaps; ++map) {
    for (const Operation& one : changes.operations) {
      if (static_cast<int>(one.map) != map) continue;
      Element element{.key = one.key, .key_end = one.key_end};
      if (!holds_verdicts(one.map)) element.data = one.data;
      else if (one.data == "drop") element.drop = true;
      else element.chain = one.data == "reject" ? std::string_view("reject-chain") : std::string_view(one.data);
      if (one.add) change_.add_element(kMapNames[map], element);
      else change_.remove_element(kMapNames[map], element);
    }
  }
}

}  // namespace

Result<void> write_table(NetlinkSocket& netfilter, const RulesOptions& options, bool v6, const Changes& all) {
  TableWriter writer(options, v6);
  writer.write_fixed();
  writer.apply(all);
  return writer.change().commit(netfilter);
}

namespace {

// Removes the clients that stick to endpoints which are no more. Not in the transaction of the change: elements expire by themselves meanwhile.
Result<void> forget(NetlinkSocket& netfilter, const RulesOptions& options, bool v6, const std::vector<std::string>& forgotten) {
  Family family = v6 ? Family::Ip6 : Family::Ip;
  std::set<std::string_view> unwanted(forgotten.begin(), forgotten.end());
  std::vector<std::string> keys;
  TRY(list_elements(netfilter, family, options.table, "affinity", [&](const StoredElement& one) {
    if (one.key.size() > 4 && unwanted.contains(concat(one.key.substr(0, 4), one.data))) keys.emplace_back(one.key);
  }));
  for (const std::string& key : keys) {
    Transaction change(family, options.table);
    change.remove_element("affinity", {.key = key});
    auto done = change.commit(netfilter);
    if (!done && done.error().code() != ENOENT) return done;
  }
  return {};
}

}  // namespace

Result<void> write_changes(NetlinkSocket& netfilter, const RulesOptions& options, bool v6, const Changes& changes) {
  TableWriter writer(options, v6);
  writer.apply(changes);
  TRY(writer.change().commit(netfilter));
  if (!changes.forgotten.empty()) TRY(forget(netfilter, options, v6, changes.forgotten));
  return {};
}

Result<void> remove_chains(NetlinkSocket& netfilter, const RulesOptions& options, bool v6, const std::vector<uint32_t>& sets) {
  Transaction change(v6 ? Family::Ip6 : Family::Ip, options.table);
  for (uint32_t set : sets) change.remove_chain(chain_name(set));
  return change.commit(netfilter);
}

Result<void> remove_tables(NetlinkSocket& netfilter, const std::string& table) {
  for (Family family : {Family::Ip, Family::Ip6}) {
    if (!table_exists(netfilter, family, table)) continue;
    Transaction change(family, table);
    change.clear_table();
    TRY(change.commit(netfilter));
  }
  return {};
}

}  // namespace sampan::network::proxy
