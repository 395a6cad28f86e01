// Links, routes and nftables against the real kernel, in namespaces made here.
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "network/netlink/links.h"
#include "network/netlink/nftables.h"
#include "network/testing.h"

namespace sampan::network {
namespace {

TEST(Netlink, LinksAddressesAndRoutes) {
  if (!can_make_namespaces()) GTEST_SKIP() << "needs root";
  Namespace host = make_namespace(), pod = make_namespace();
  in_namespace(host, [&] {
    NetlinkSocket route = std::move(*NetlinkSocket::open(NETLINK_ROUTE));
    auto bridge = make_bridge(route, "br-test", 1400);
    ASSERT_TRUE(bridge) << bridge.error().message();
    EXPECT_EQ(make_bridge(route, "br-test", 0).error().code(), EEXIST);
    ASSERT_TRUE(make_veth(route, {.host_name = "veth-test", .inner_name = "eth0", .inner_namespace = pod.fd(), .mtu = 1400}));
    auto link = find_link(route, "veth-test");
    ASSERT_TRUE(link && *link);
    EXPECT_EQ((*link)->kind, "veth");
    EXPECT_EQ((*link)->mtu, 1400);
    auto joined = join_bridge(route, (*link)->index, *bridge);
    ASSERT_TRUE(joined) << joined.error().message();
    EXPECT_EQ((**find_link(route, "veth-test")).master, *bridge);
    ASSERT_TRUE(set_up(route, *bridge));
    ASSERT_TRUE(add_address(route, *bridge, *parse_address("10.1.0.1"), 24));
    EXPECT_EQ(add_address(route, *bridge, *parse_address("10.1.0.1"), 24).error().code(), EEXIST);
    ASSERT_TRUE(add_address(route, *bridge, *parse_address("fd00::1"), 64));
    Route wish{.destination = *parse_network("10.2.0.0/24"), .gateway = parse_address("10.1.0.7"), .protocol = 83};
    ASSERT_TRUE(replace_route(route, wish));
    wish.gateway = parse_address("10.1.0.8");
    ASSERT_TRUE(replace_route(route, wish));
    auto routes = list_routes(route, 83);
    ASSERT_TRUE(routes);
    ASSERT_EQ(routes->size(), 1u);
    EXPECT_EQ(routes->front().gateway->text(), "10.1.0.8");
    EXPECT_EQ(routes->front().destination.text(), "10.2.0.0/24");
    ASSERT_TRUE(remove_route(route, routes->front()));
    EXPECT_TRUE(list_routes(route, 83)->empty());
    auto missing = find_link(route, "nothing");
    ASSERT_TRUE(missing);
    EXPECT_FALSE(*missing);
  });
  in_namespace(pod, [&] {
    NetlinkSocket route = std::move(*NetlinkSocket::open(NETLINK_ROUTE));
    auto link = find_link(route, "eth0");
    ASSERT_TRUE(link && *link);
    EXPECT_EQ((*link)->mac.size(), 6u);
  });
}

TEST(Nftables, TransactionsAreAtomicAndMapsCanBeRead) {
  if (!can_make_namespaces()) GTEST_SKIP() << "needs root";
  Namespace host = make_namespace();
  in_namespace(host, [&] {
    NetlinkSocket netfilter = std::move(*NetlinkSocket::open(NETLINK_NETFILTER));
    Transaction first(Family::Ip, "test");
    first.clear_table();
    first.add_table();
    first.add_chain("prerouting", {"nat", NF_INET_PRE_ROUTING, -100});
    first.add_chain("services");
    first.add_set({.name = "map", .key = {Field::Address4, Field::Protocol, Field::Port}, .data = {Field::Number, Field::Number}});
    first.add_set({.name = "verdicts", .key = {Field::Number}, .verdicts = true});
    first.add_set({.name = "ranges", .key = {Field::Number, Field::Address4}, .ranges = true});
    first.add_element("verdicts", {.key = {"\1\0\0\0", 4}, .chain = "services"});
    first.add_element("map", {.key = std::string(12, 'k'), .data = "datadata"});
    first.add_element("ranges", {.key = {"\1\0\0\0\12\0\0\0", 8}, .key_end = {"\1\0\0\0\12\377\377\377", 8}});
    Rule rule;
    rule.load_network(16, 4, 0).load_meta(NFT_META_L4PROTO, 1).load_transport(2, 2, 2).look_up("map", 0, 4).verdict_map("verdicts", 4);
    first.add_rule("prerouting", rule);
    auto done = first.commit(netfilter);
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_TRUE(table_exists(netfilter, Family::Ip, "test"));

    Transaction bad(Family::Ip, "test");
    bad.add_element("map", {.key = std::string(12, 'x'), .data = "datadata"});
    bad.add_element("nowhere", {.key = "1234"});
    auto failed = bad.commit(netfilter);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code(), ENOENT) << failed.error().message();

    Transaction changed(Family::Ip, "test");  // another value for the same key, at once
    changed.remove_element("map", {.key = std::string(12, 'k')});
    changed.add_element("map", {.key = std::string(12, 'k'), .data = "newvalue"});
    ASSERT_TRUE(changed.commit(netfilter));
    std::vector<std::string> seen;
    ASSERT_TRUE(list_elements(netfilter, Family::Ip, "test", "map", [&](const StoredElement& element) {
      seen.push_back(std::string(element.key) + "=" + std::string(element.data));
    }));
    EXPECT_EQ(seen, std::vector<std::string>{"kkkkkkkkkkkk=newvalue"});

    Transaction gone(Family::Ip, "test");
    gone.clear_table();
    ASSERT_TRUE(gone.commit(netfilter));
    EXPECT_FALSE(table_exists(netfilter, Family::Ip, "test"));
  });
}

}  // namespace
}  // namespace sampan::network
