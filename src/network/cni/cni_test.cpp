// The plug-in against the real kernel: pods are network namespaces, packets are sent.
#include <arpa/inet.h>
#include <dirent.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include <fstream>

#include "base/text.h"
#include "network/cni/install.h"
#include "network/cni/ipam.h"
#include "network/cni/nat.h"
#include "network/cni/plugin.h"
#include "network/cni/routes.h"
#include "network/packets_testing.h"
#include "network/testing.h"
#include "schema/json.h"

namespace sampan::network::cni {
namespace {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    char name[] = "/tmp/sampan-cni-XXXXXX";
    path = mkdtemp(name);
  }
  ~TemporaryFolder() { (void)!system(concat("rm -rf ", path).c_str()); }
  std::string path;
};

struct Node {
  TemporaryFolder folder;
  Namespace host = make_namespace();
  std::string networks = "\"10.77.0.0/24\",\"fd77::/64\"";

  std::string configuration(std::string_view more = "") const {
    return concat("{\"cniVersion\":\"1.0.0\",\"name\":\"test\",\"type\":\"sampan-cni\",\"bridge\":\"br-test\",\"stateDir\":\"", folder.path,
                  "\",\"podCIDRs\":[", networks, "],\"clusterCIDRs\":[\"10.77.0.0/16\",\"fd77::/48\"]", more, "}");
  }
  Outcome call(std::string command, std::string id, const Namespace* pod, std::string_view more = "") const {
    Outcome outcome;
    std::string netns = pod ? concat("/proc/self/fd/", pod->fd()) : "";
    in_namespace(host, [&] {
      outcome = run({.program = "sampan-cni", .command = command, .container_id = id, .netns = netns, .ifname = "eth0", .input = configuration(more)});
    });
    return outcome;
  }
};

TEST(CniIpam, GivesAddressesInTurnAndFreesThem) {
  TemporaryFolder folder;
  Network range = *parse_network("10.1.2.0/29");  // .2 to .6 are free
  auto reserve = [&](std::string id) {
    AddressFiles files = std::move(*AddressFiles::open(folder.path, "net"));
    auto address = files.reserve(range, {id, "eth0"});
    return address ? address->text() : address.error().message();
  };
  auto release = [&](std::string id) {
    AddressFiles files = std::move(*AddressFiles::open(folder.path, "net"));
    ASSERT_TRUE(files.release({id, "eth0"}));
  };
  EXPECT_EQ(reserve("a"), "10.1.2.2");
  EXPECT_EQ(reserve("b"), "10.1.2.3");
  release("a");
  EXPECT_EQ(reserve("c"), "10.1.2.4");  // not the one that was just freed
  EXPECT_EQ(reserve("d"), "10.1.2.5");
  EXPECT_EQ(reserve("e"), "10.1.2.6");
  EXPECT_EQ(reserve("f"), "10.1.2.2");
  EXPECT_EQ(reserve("g"), "no IP addresses available in range set: 10.1.2.0/29");
  AddressFiles files = std::move(*AddressFiles::open(folder.path, "net"));
  EXPECT_EQ(files.of({"b", "eth0"}).size(), 1u);
  EXPECT_EQ(files.of({"b", "eth1"}).size(), 0u);
  EXPECT_EQ(files.owners().size(), 5u);
}

TEST(CniPlugin, RefusesWhatTheSpecificationForbids) {
  struct Case {
    const char* name;
    Invocation invocation;
    int code;
  } cases[] = {
      {"no command", {.input = "{\"cniVersion\":\"1.0.0\",\"name\":\"x\"}"}, InvalidEnvironment},
      {"unknown command", {.command = "JUMP", .input = "{\"cniVersion\":\"1.0.0\",\"name\":\"x\"}"}, InvalidEnvironment},
      {"bad JSON", {.command = "ADD", .input = "{"}, Undecodable},
      {"old version", {.command = "ADD", .input = "{\"cniVersion\":\"0.2.0\",\"name\":\"x\"}"}, IncompatibleVersion},
      {"network's name leads elsewhere", {.command = "DEL", .container_id = "a", .ifname = "eth0", .input = "{\"cniVersion\":\"1.0.0\",\"name\":\"../x\"}"},
       InvalidConfiguration},
      {"container's name leads elsewhere", {.command = "DEL", .container_id = "../a", .ifname = "eth0", .input = "{\"cniVersion\":\"1.0.0\",\"name\":\"x\"}"},
       InvalidEnvironment},
      {"interface's name", {.command = "DEL", .container_id = "a", .ifname = "a/b", .input = "{\"cniVersion\":\"1.0.0\",\"name\":\"x\"}"}, InvalidEnvironment},
      {"no pod network", {.command = "ADD", .container_id = "a", .ifname = "eth0", .input = "{\"cniVersion\":\"1.0.0\",\"name\":\"x\"}"}, InvalidConfiguration},
      {"no pod network yet", {.command = "STATUS", .input = "{\"cniVersion\":\"1.1.0\",\"name\":\"x\"}"}, NotAvailable},
      {"bad CIDR", {.command = "STATUS", .input = "{\"cniVersion\":\"1.1.0\",\"name\":\"x\",\"podCIDRs\":[\"10.0.0.0\"]}"}, InvalidConfiguration},
      {"no such namespace", {.command = "ADD", .container_id = "a", .netns = "/nowhere", .ifname = "eth0",
                             .input = "{\"cniVersion\":\"1.0.0\",\"name\":\"x\",\"podCIDRs\":[\"10.0.0.0/24\"]}"}, UnknownContainer},
  };
  for (const Case& one : cases) {
    Outcome outcome = run(one.invocation);
    EXPECT_EQ(outcome.exit_code, 1) << one.name;
    Arena arena;
    auto error = schema::parse_json(outcome.output, arena);
    ASSERT_TRUE(error) << one.name;
    EXPECT_EQ((*error)["code"].as_int(), one.code) << one.name << outcome.output;
    EXPECT_FALSE((*error)["msg"].as_string().empty()) << one.name;
  }
  Outcome version = run({.command = "VERSION", .input = "{\"cniVersion\":\"1.0.0\"}"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_NE(version.output.find("\"supportedVersions\":[\"0.3.0\",\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]"), std::string::npos);
}

TEST(CniPlugin, PodsReachEachOtherTheNodeAndTheWorld) {
  if (!can_make_namespaces()) GTEST_SKIP() << "needs root";
  Node node;
  Namespace world = make_namespace(), a = make_namespace(), b = make_namespace();
  join_with_wire(node.host, world, "192.0.2.1", "192.0.2.9");
  Outcome added = node.call("ADD", "pod-a", &a, ",\"runtimeConfig\":{\"portMappings\":[{\"hostPort\":8080,\"containerPort\":80,\"protocol\":\"tcp\"},"
                                                "{\"HostPort\":8081,\"ContainerPort\":80,\"Protocol\":\"tcp\",\"HostIP\":\"127.0.0.1\"}]}");
  ASSERT_EQ(added.exit_code, 0) << added.output;
  EXPECT_NE(added.output.find("\"address\":\"10.77.0.2/32\",\"gateway\":\"10.77.0.1\""), std::string::npos) << added.output;
  EXPECT_NE(added.output.find("\"address\":\"fd77::2/128\",\"gateway\":\"fd77::1\""), std::string::npos) << added.output;
  ASSERT_EQ(node.call("ADD", "pod-b", &b).exit_code, 0);

  Listener on_a(a, "10.77.0.2", 80), on_a6(a, "fd77::2", 80), on_world(world, "192.0.2.9", 80);
  EXPECT_EQ(ask(b, "10.77.0.2", 80), "10.77.0.3");  // each answers with the address it was asked from
  EXPECT_EQ(ask(b, "fd77::2", 80), "fd77::3");
  EXPECT_EQ(ask(node.host, "10.77.0.2", 80), "10.77.0.1");
  EXPECT_EQ(ask(b, "192.0.2.9", 80), "192.0.2.1");  // leaving the cluster, it has the node's address
  EXPECT_EQ(ask(world, "192.0.2.1", 8080), "192.0.2.9");  // host port
  EXPECT_EQ(ask(b, "192.0.2.1", 8080), "10.77.0.3");
  EXPECT_EQ(ask(a, "192.0.2.1", 8080), "10.77.0.1");  // itself through its host port
  EXPECT_EQ(ask(node.host, "192.0.2.1", 8080), "192.0.2.1");
  EXPECT_EQ(ask(node.host, "127.0.0.1", 8081, SOCK_STREAM, 0, "192.0.2.1"), "192.0.2.1");  // of that address alone, asked from one that can be answered
  EXPECT_EQ(ask(world, "192.0.2.1", 8081), "refused");

  std::string previous = concat(",\"prevResult\":", added.output);
  EXPECT_EQ(node.call("CHECK", "pod-a", &a, previous).exit_code, 0);
  EXPECT_EQ(node.call("CHECK", "pod-b", &b, previous).exit_code, 1);  // another's addresses
  EXPECT_EQ(node.call("ADD", "pod-a", &a).exit_code, 1);              // twice
  EXPECT_EQ(ask(b, "10.77.0.2", 80), "10.77.0.3");                    // and the first is as it was

  EXPECT_EQ(node.call("DEL", "pod-a", nullptr).exit_code, 0);
  EXPECT_EQ(node.call("DEL", "pod-a", nullptr).exit_code, 0);
  EXPECT_EQ(ask(world, "192.0.2.1", 8080), "refused");
  EXPECT_EQ(node.call("CHECK", "pod-a", &a, previous).exit_code, 1);
  EXPECT_EQ(node.call("GC", "", nullptr, ",\"cni.dev/valid-attachments\":[]").exit_code, 0);
  AddressFiles files = std::move(*AddressFiles::open(node.folder.path, "test"));
  EXPECT_TRUE(files.owners().empty());
}

TEST(CniPlugin, AFailedAddLeavesNothing) {
  if (!can_make_namespaces()) GTEST_SKIP() << "needs root";
  Node node;
  Namespace a = make_namespace(), b = make_namespace();
  std::string_view port = ",\"runtimeConfig\":{\"portMappings\":[{\"hostPort\":8080,\"containerPort\":80}]}";
  ASSERT_EQ(node.call("ADD", "pod-a", &a, port).exit_code, 0);
  Outcome taken = node.call("ADD", "pod-b", &b, port);
  EXPECT_EQ(taken.exit_code, 1);
  EXPECT_NE(taken.output.find("host port 8080 is taken"), std::string::npos) << taken.output;
  Outcome again = node.call("ADD", "pod-b", &b);
  EXPECT_EQ(again.exit_code, 0) << again.output;
}

TEST(CniRoutes, FollowTheNodes) {
  std::vector<NodeNetworks> nodes = {
      {"a", {*parse_network("10.1.0.0/24")}, {*parse_address("192.0.2.1")}},
      {"b", {*parse_network("10.1.1.0/24"), *parse_network("fd01::/64")}, {*parse_address("192.0.2.9")}},
      {"c", {*parse_network("10.1.2.0/24")}, {}},
  };
  std::vector<Route> wanted = wanted_routes(nodes, "a");
  ASSERT_EQ(wanted.size(), 1u);
  EXPECT_EQ(wanted[0].destination.text(), "10.1.1.0/24");
  EXPECT_EQ(wanted[0].gateway->text(), "192.0.2.9");
  if (!can_make_namespaces()) GTEST_SKIP() << "needs root";
  Namespace host = make_namespace(), other = make_namespace();
  join_with_wire(host, other, "192.0.2.1", "192.0.2.9");
  in_namespace(host, [&] {
    NetlinkSocket route = std::move(*NetlinkSocket::open(NETLINK_ROUTE));
    auto kept = keep_routes(route, wanted);
    ASSERT_TRUE(kept) << kept.error().message();
    ASSERT_TRUE(keep_routes(route, wanted));
    EXPECT_EQ(list_routes(route, kRouteProtocol)->size(), 1u);
    wanted.push_back({.destination = *parse_network("10.1.5.0/24"), .gateway = parse_address("203.0.113.1"), .protocol = kRouteProtocol});
    wanted.push_back({.destination = *parse_network("10.1.6.0/24"), .gateway = parse_address("192.0.2.7"), .protocol = kRouteProtocol});
    EXPECT_FALSE(keep_routes(route, wanted));  // one gateway is nowhere; the other route is made all the same
    EXPECT_EQ(list_routes(route, kRouteProtocol)->size(), 2u);
    ASSERT_TRUE(keep_routes(route, {}));
    EXPECT_TRUE(list_routes(route, kRouteProtocol)->empty());
  });
}

TEST(CniInstall, WritesAndRemoves) {
  if (!can_make_namespaces()) GTEST_SKIP() << "needs root";
  TemporaryFolder folder;
  Installation installation{.binary_directory = folder.path + "/bin", .configuration_directory = folder.path + "/net.d",
                            .state_directory = folder.path + "/state"};
  installation.pod_networks = {*parse_network("10.1.0.0/24")};
  Namespace host = make_namespace();
  in_namespace(host, [&] {
    ASSERT_TRUE(install(installation));
    ASSERT_TRUE(install(installation));
    NetlinkSocket netfilter = std::move(*NetlinkSocket::open(NETLINK_NETFILTER));
    EXPECT_TRUE(table_exists(netfilter, Family::Ip, "sampan-cni"));
    EXPECT_EQ(access((folder.path + "/bin/loopback").c_str(), X_OK), 0);
    EXPECT_EQ(access((folder.path + "/net.d/10-sampan.conflist").c_str(), R_OK), 0);
    Arena arena;
    std::string text = configuration_list(installation);
    auto list = schema::parse_json(text, arena);
    ASSERT_TRUE(list) << text;
    EXPECT_EQ((*list)["plugins"].at(0)["podCIDRs"].at(0).as_string(), "10.1.0.0/24");
    // A bridge stays as long as its node's network does, and routes to other nodes until the end.
    NetlinkSocket route = std::move(*NetlinkSocket::open(NETLINK_ROUTE));
    ASSERT_TRUE(make_bridge(route, installation.bridge, 0));
    ASSERT_TRUE(add_address(route, (*find_link(route, installation.bridge))->index, *parse_address("10.1.0.1"), 24));
    installation.cluster_networks = {*parse_network("10.1.0.0/16")};
    ASSERT_TRUE(install(installation));
    EXPECT_TRUE(*find_link(route, installation.bridge));
    // Without a network nobody gets an address; what is there stays until another network is known.
    ASSERT_TRUE(suspend(installation));
    ASSERT_TRUE(suspend(installation));
    std::ifstream file(folder.path + "/net.d/10-sampan.conflist");
    text.assign(std::istreambuf_iterator<char>(file), {});
    list = schema::parse_json(text, arena);
    ASSERT_TRUE(list) << text;
    EXPECT_EQ((*list)["plugins"].at(0)["podCIDRs"].size(), 0u);
    EXPECT_EQ((*list)["plugins"].at(0)["clusterCIDRs"].at(0).as_string(), "10.1.0.0/16");
    EXPECT_TRUE(*find_link(route, installation.bridge));
    ASSERT_TRUE(install(installation));
    EXPECT_TRUE(*find_link(route, installation.bridge));
    ASSERT_TRUE(suspend(installation));
    installation.pod_networks = {*parse_network("10.1.7.0/24")};
    ASSERT_TRUE(install(installation));
    EXPECT_FALSE(*find_link(route, installation.bridge));
    ASSERT_TRUE(uninstall(installation));
    EXPECT_FALSE(table_exists(netfilter, Family::Ip, "sampan-cni"));
    EXPECT_NE(access((folder.path + "/bin/sampan-cni").c_str(), F_OK), 0);
  });
}

}  // namespace
}  // namespace sampan::network::cni
