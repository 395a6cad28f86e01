// Plans and element changes as tables; then the rules in the kernel, with packets.
#include <linux/netlink.h>

#include "base/text.h"
#include "network/objects_testing.h"
#include "network/packets_testing.h"
#include "network/proxy/rules.h"
#include "network/testing.h"

namespace sampan::network::proxy {
namespace {

using api::core_v1::Service;
using api::discovery_v1::EndpointSlice;

std::string text_of(const std::vector<Target>& targets) {
  std::string out;
  for (const Target& target : targets) append(out, out.empty() ? "" : " ", target.address.text(), ":", target.port);
  return out;
}

// "10.1.0.1 node-a ready serving terminating zone=a node=b"
std::string slice_yaml(const std::vector<std::string_view>& endpoints, std::string_view type = "IPv4", std::string_view protocol = "TCP") {
  std::string out = concat("metadata: {name: s}\naddressType: ", type, "\nports: [{name: p, port: 80, protocol: ", protocol, "}]\nendpoints:\n");
  for (std::string_view one : endpoints) {
    std::vector<std::string_view> words = split(one, ' ');
    auto has = [&](std::string_view word) { return std::find(words.begin(), words.end(), word) != words.end(); };
    append(out, "- addresses: ['", words[0], "']\n  nodeName: ", words[1], "\n  conditions: {ready: ", has("ready") ? "true" : "false",
           ", serving: ", has("ready") || has("serving") ? "true" : "false", ", terminating: ", has("terminating") ? "true" : "false", "}\n");
    std::string hints;
    for (std::string_view word : words) {
      if (word.starts_with("zone=")) append(hints, hints.empty() ? "" : ", ", "forZones: [{name: ", word.substr(5), "}]");
      if (word.starts_with("node=")) append(hints, hints.empty() ? "" : ", ", "forNodes: [{name: ", word.substr(5), "}]");
    }
    if (!hints.empty()) append(out, "  hints: {", hints, "}\n");
  }
  return out;
}

std::string service_yaml(std::string_view more, std::string_view port = "", std::string_view ip = "10.0.0.1") {
  return concat("metadata: {name: web, namespace: default}\nspec:\n  clusterIP: '", ip, "'\n  clusterIPs: ['", ip, "']\n  ports: [{name: p, port: 8080, protocol: TCP",
                port, "}]\n", more);
}

TEST(ProxyPlan, ChoosesEndpoints) {
  struct Case {
    const char* name;
    std::string_view service;
    std::vector<std::string_view> endpoints;
    const char *cluster, *local;
    bool any;
  } cases[] = {
      {"ready ones", "", {"10.1.0.1 a ready", "10.1.0.2 b ready", "10.1.0.3 b"}, "10.1.0.1:80 10.1.0.2:80", "", true},
      {"none", "", {"10.1.0.3 b"}, "", "", false},
      {"terminating ones count where none is ready", "", {"10.1.0.1 a serving terminating", "10.1.0.3 b"}, "10.1.0.1:80", "", true},
      {"but not beside ready ones", "", {"10.1.0.1 a serving terminating", "10.1.0.3 b ready"}, "10.1.0.3:80", "", true},
      {"internal Local", "  internalTrafficPolicy: Local\n", {"10.1.0.1 a ready", "10.1.0.2 b ready"}, "", "10.1.0.1:80", true},
      {"internal Local without one here", "  internalTrafficPolicy: Local\n", {"10.1.0.2 b ready"}, "", "", true},
      {"external Local", "  type: NodePort\n  externalTrafficPolicy: Local\n", {"10.1.0.1 a ready", "10.1.0.2 b ready"}, "10.1.0.1:80 10.1.0.2:80",
       "", true},
      {"zone hints", "", {"10.1.0.1 b ready zone=z1", "10.1.0.2 b ready zone=z2"}, "10.1.0.1:80", "", true},
      {"zone hints not of all", "", {"10.1.0.1 b ready zone=z1", "10.1.0.2 b ready"}, "10.1.0.1:80 10.1.0.2:80", "", true},
      {"zone hints not for us", "", {"10.1.0.1 b ready zone=z3", "10.1.0.2 b ready zone=z2"}, "10.1.0.1:80 10.1.0.2:80", "", true},
      {"node hints go before zone hints", "", {"10.1.0.1 a ready zone=z1 node=a", "10.1.0.2 b ready zone=z1 node=b"}, "10.1.0.1:80", "", true},
      {"hints of what is not ready do not matter", "", {"10.1.0.1 b ready zone=z1", "10.1.0.2 b"}, "10.1.0.1:80", "", true},
      {"headless", "  clusterIP: None\n", {"10.1.0.1 a ready"}, "none", "", false},
  };
  NodeView node{.name = "a", .zone = "z1"};
  for (const Case& one : cases) {
    std::string yaml = service_yaml(one.service);
    if (one.service.find("clusterIP: None") != std::string_view::npos) yaml = "spec: {clusterIP: None, clusterIPs: [None], ports: [{name: p, port: 1}]}";
    auto service = object_of<Service>(yaml);
    auto slice = object_of<EndpointSlice>(slice_yaml(one.endpoints));
    ServicePlan plan = plan_service(service->as<Service>(), {slice->as<EndpointSlice>()}, node, false);
    if (std::string_view(one.cluster) == "none") {
      EXPECT_TRUE(plan.ports.empty()) << one.name;
      continue;
    }
    ASSERT_EQ(plan.ports.size(), 1u) << one.name;
    EXPECT_EQ(text_of(plan.ports[0].cluster), one.cluster) << one.name;
    EXPECT_EQ(text_of(plan.ports[0].local), one.local) << one.name;
    EXPECT_EQ(plan.ports[0].has_endpoints, one.any) << one.name;
  }
}

TEST(ProxyPlan, BalancersSourcesAndHealth) {
  auto service = object_of<Service>(service_yaml(
      "  type: LoadBalancer\n  externalTrafficPolicy: Local\n  healthCheckNodePort: 31000\n  loadBalancerSourceRanges: [' 10.0.0.0/8 ', 10.2.0.0/16, 'fd00::/8']\n"
      "status: {loadBalancer: {ingress: [{ip: 192.0.2.50}, {ip: 192.0.2.51, ipMode: Proxy}, {hostname: x}]}}\n"));
  auto slice = object_of<EndpointSlice>(slice_yaml({"10.1.0.1 a ready", "10.1.0.2 b ready"}));
  ServicePlan plan = plan_service(service->as<Service>(), {slice->as<EndpointSlice>()}, {.name = "a", .addresses = {*parse_address("10.9.9.9")}}, false);
  ASSERT_EQ(plan.ports.size(), 1u);
  ASSERT_EQ(plan.ports[0].balancer_ips.size(), 1u);
  EXPECT_EQ(plan.health_check_port, 31000);
  EXPECT_EQ(plan.local_ready, 1);
  std::string ranges;
  for (const Network& range : plan.ports[0].source_ranges) append(ranges, range.text(), " ");
  EXPECT_EQ(ranges, "10.0.0.0/8 192.0.2.50/32 ");  // the narrower one is in the wider; the balancer's address is the node's own
}

PortPlan port_plan(std::vector<std::string_view> endpoints, uint16_t port = 80, std::string_view ip = "10.0.0.1") {
  PortPlan plan{.name = concat("TCP/", port), .port = port, .cluster_ip = *parse_address(ip)};
  for (std::string_view one : endpoints) plan.cluster.push_back({*parse_address(one), 80});
  std::sort(plan.cluster.begin(), plan.cluster.end());
  plan.has_endpoints = !plan.cluster.empty();
  return plan;
}

// The state of the maps after the changes, to compare with what everything() says.
using State = std::map<std::pair<Map, std::string>, std::pair<std::string, std::string>>;
void apply_to(State& state, const Changes& changes, const char* what) {
  for (const Operation& one : changes.operations) {
    std::pair key{one.map, one.key};
    if (one.add) {
      EXPECT_TRUE(state.try_emplace(key, one.key_end, one.data).second) << what << ": added twice, which the kernel refuses";
    } else {
      EXPECT_EQ(state.erase(key), 1u) << what << ": removed what is not there, which the kernel refuses";
    }
  }
}

TEST(ProxyRuleset, AChangeIsSmallAndTheSumIsRight) {
  Ruleset rules(false);
  State state;
  auto step = [&](const char* what, size_t operations_max) {
    Changes changes = rules.take_changes();
    EXPECT_LE(changes.operations.size(), operations_max) << what;
    apply_to(state, changes, what);
    State all;
    apply_to(all, rules.everything(), what);
    EXPECT_EQ(state, all) << what;
  };
  for (int i = 0; i < 300; ++i) rules.set_service(concat("s", i), {port_plan({"10.1.0.1", "10.1.0.2"}, 80, concat("10.0.1.", i % 250))});
  step("many services, some with the same address", 2000);
  rules.set_service("web", {port_plan({"10.1.0.1", "10.1.0.2", "10.1.0.3"})});
  step("new service", 7);
  rules.set_service("web", {port_plan({"10.1.0.1", "10.1.0.2", "10.1.0.3"})});
  step("no change", 0);
  rules.set_service("web", {port_plan({"10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4"})});
  step("one endpoint more", 3);
  rules.set_service("web", {port_plan({"10.1.0.2", "10.1.0.3", "10.1.0.4"})});
  step("one endpoint less", 6);
  rules.set_service("web", {port_plan({"10.1.0.2", "10.1.0.3", "10.1.0.9"})});
  step("one replaced", 2);
  rules.set_service("web", {port_plan({})});
  step("no endpoint", 7);
  rules.set_service("web", {port_plan({"10.1.0.7"}), port_plan({"10.1.0.7"}, 81)});
  step("two ports of one address", 9);
  PortPlan sticky = port_plan({"10.1.0.7", "10.1.0.8"});
  sticky.affinity_seconds = 10;
  rules.set_service("web", {sticky});
  step("affinity, and a port less", 10);
  sticky.cluster.pop_back();
  rules.set_service("web", {sticky});
  step("sticky endpoint gone", 5);
  sticky.affinity_seconds = 0;
  rules.set_service("web", {sticky});
  step("affinity gone", 3);
  rules.set_service("web", {});
  for (int i = 0; i < 300; ++i) rules.set_service(concat("s", i), {});
  step("nothing left", 2000);
  EXPECT_TRUE(state.empty());
  EXPECT_EQ(rules.ports(), 0u);
}

TEST(ProxyRuleset, OfTwoServicesWithOneAddressTheOtherTakesOver) {
  Ruleset rules(false);
  PortPlan a = port_plan({"10.1.0.1"}), b = port_plan({"10.1.0.2"}, 80, "10.0.0.2");
  a.external_ips = b.external_ips = {*parse_address("192.0.2.1")};
  rules.set_service("a", {a});
  rules.set_service("b", {b});
  State state;
  apply_to(state, rules.take_changes(), "both");
  std::pair key{Map::ServiceIps, frontend_key(false, *parse_address("192.0.2.1"), 6, 80)};
  std::string first = state.at(key).second;
  rules.set_service("a", {});
  apply_to(state, rules.take_changes(), "the first has gone");
  EXPECT_TRUE(state.contains(key));
  EXPECT_NE(state.at(key).second, first);
}

// A node with two pods behind it and a client outside: each its own namespace.
struct World {
  Namespace node = make_namespace(), pod_a = make_namespace(), pod_b = make_namespace(), client = make_namespace();
  RulesOptions options;
  std::unique_ptr<Ruleset> rules;
  bool v6;

  explicit World(bool six = false) : rules(std::make_unique<Ruleset>(six)), v6(six) {
    wire(pod_a, address(1, 1), address(1, 2), "a");
    wire(pod_b, address(2, 1), address(2, 2), "b");
    wire(client, address(9, 1), address(9, 2), "c");
    in_namespace(node, [&] {
      ASSERT_TRUE(set_sysctl(v6 ? "ipv6/conf/all/forwarding" : "ipv4/ip_forward", "1"));
      ASSERT_TRUE(set_sysctl(v6 ? "ipv6/icmp/ratelimit" : "ipv4/icmp_ratelimit", "0"));  // no refusal is held back
      NetlinkSocket route = std::move(*NetlinkSocket::open(NETLINK_ROUTE));  // what no rule translates leaves for the world
      ASSERT_TRUE(replace_route(route, {.destination = {Address{.v6 = v6}, 0}, .gateway = parse_address(address(9, 2))}));
    });
    options.local = {.mode = LocalTraffic::Mode::Cidr, .networks = {*parse_network(v6 ? "fd01::/64" : "10.1.1.0/24"), *parse_network(v6 ? "fd02::/64" : "10.1.2.0/24")}};
    options.service_networks = {*parse_network(v6 ? "fdff::/64" : "10.0.0.0/16")};
    rules->set_node_port_addresses({*parse_address(address(9, 1))});
  }
  std::string address(int net, int host) const { return v6 ? concat("fd0", net, "::", host) : concat("10.1.", net, ".", host); }
  void wire(const Namespace& other, const std::string& near, const std::string& far, const std::string& name) {
    join_with_wire(node, other, near, far, name);
    in_namespace(other, [&] {
      NetlinkSocket route = std::move(*NetlinkSocket::open(NETLINK_ROUTE));
      Address gateway = *parse_address(near);
      ASSERT_TRUE(replace_route(route, {.destination = {Address{.v6 = gateway.v6}, 0}, .gateway = gateway}));
    });
  }
  void write(bool whole = false) {
    in_namespace(node, [&] {
      NetlinkSocket netfilter = std::move(*NetlinkSocket::open(NETLINK_NETFILTER));
      Changes changes = rules->take_changes();
      auto done = whole ? write_table(netfilter, options, v6, rules->everything()) : write_changes(netfilter, options, v6, changes);
      EXPECT_TRUE(done) << done.error().message();
    });
  }
  PortPlan plan(std::vector<std::string> cluster, std::vector<std::string> local = {}) const {
    PortPlan plan{.name = "TCP/p", .port = 8080, .cluster_ip = *parse_address(v6 ? "fdff::1" : "10.0.0.1")};
    for (const std::string& one : cluster) plan.cluster.push_back({*parse_address(one), 80});
    for (const std::string& one : local) plan.local.push_back({*parse_address(one), 80});
    plan.hairpins = plan.cluster;
    plan.has_endpoints = !cluster.empty() || !local.empty();
    return plan;
  }
  std::string vip() const { return v6 ? "fdff::1" : "10.0.0.1"; }
};

class ProxyKernel : public ::testing::TestWithParam<bool> {
  void SetUp() override {
    if (!can_make_namespaces()) GTEST_SKIP() << "needs root";
  }
};

TEST_P(ProxyKernel, LeadsToEndpoints) {
  World world(GetParam());
  std::string a = world.address(1, 2), b = world.address(2, 2), node_ip = world.address(9, 1), client_ip = world.address(9, 2);
  Listener on_a(world.pod_a, a, 80), on_b(world.pod_b, b, 80);
  world.rules->set_service("s", {world.plan({a})});
  world.write(true);
  EXPECT_EQ(ask(world.client, world.vip(), 8080), world.address(1, 1));  // from outside: masqueraded
  EXPECT_EQ(ask(world.pod_b, world.vip(), 8080), b);                     // from a pod: its own address
  EXPECT_EQ(ask(world.node, world.vip(), 8080), world.address(1, 1));
  EXPECT_EQ(ask(world.pod_a, world.vip(), 8080), world.address(1, 1));   // itself: hairpin
  EXPECT_EQ(ask(world.client, world.vip(), 8081, SOCK_DGRAM), "refused");  // no such port
  EXPECT_EQ(ask(world.client, world.v6 ? "fdff::77" : "10.0.0.77", 8080), "");  // no such service: dropped

  PortPlan plan = world.plan({a});
  plan.node_port = 30080;
  plan.external_ips = {*parse_address(world.v6 ? "fd55::1" : "192.0.2.55")};
  world.rules->set_service("s", {plan});
  world.write();
  EXPECT_EQ(ask(world.client, node_ip, 30080), world.address(1, 1));
  EXPECT_EQ(ask(world.client, plan.external_ips[0].text(), 8080), world.address(1, 1));
  EXPECT_EQ(ask(world.pod_b, node_ip, 30080), world.address(1, 1));
  EXPECT_EQ(ask(world.client, world.address(1, 1), 30080), "refused");  // not one of the node ports' addresses

  plan.external_local = true;  // with an endpoint here: the client's own address is seen
  plan.cluster = {{*parse_address(a), 80}, {*parse_address(b), 80}};
  plan.local = {{*parse_address(b), 80}};
  world.rules->set_service("s", {plan});
  world.write();
  EXPECT_EQ(ask(world.client, node_ip, 30080), client_ip);
  plan.local = {};  // without: dropped, though not for our own
  plan.cluster = {{*parse_address(a), 80}};
  world.rules->set_service("s", {plan});
  world.write();
  EXPECT_EQ(ask(world.client, node_ip, 30080), "");
  EXPECT_EQ(ask(world.pod_b, node_ip, 30080), b);
  EXPECT_EQ(ask(world.node, node_ip, 30080), world.address(1, 1));

  PortPlan none = world.plan({});
  none.protocol = 17;
  world.rules->set_service("s", {none});
  world.write();
  EXPECT_EQ(ask(world.client, world.vip(), 8080, SOCK_DGRAM), "refused");
  EXPECT_EQ(ask(world.node, world.vip(), 8080, SOCK_DGRAM), "refused");
  world.rules->set_service("s", {});
  world.write();
  EXPECT_EQ(ask(world.client, world.vip(), 8080), "");
}

TEST_P(ProxyKernel, SpreadsAndSticks) {
  World world(GetParam());
  std::string a = world.address(1, 2), b = world.address(2, 2);
  Listener on_a(world.pod_a, a, 80, SOCK_STREAM, "a"), on_b(world.pod_b, b, 80, SOCK_STREAM, "b");
  world.rules->set_service("s", {world.plan({a, b})});
  world.write(true);
  std::map<std::string, int> answers;
  for (int i = 0; i < 40; ++i) ++answers[ask(world.client, world.vip(), 8080)];
  EXPECT_GT(answers["a"], 4);
  EXPECT_GT(answers["b"], 4);
  EXPECT_EQ(answers["a"] + answers["b"], 40);

  PortPlan sticky = world.plan({a, b});
  sticky.affinity_seconds = 100;
  world.rules->set_service("s", {sticky});
  world.write();
  std::string first = ask(world.client, world.vip(), 8080);
  for (int i = 0; i < 12; ++i) EXPECT_EQ(ask(world.client, world.vip(), 8080), first);
  PortPlan other = sticky;  // the endpoint goes: another one is taken and kept
  other.cluster = {{*parse_address(first == "a" ? b : a), 80}};
  world.rules->set_service("s", {other});
  world.write();
  std::string second = first == "a" ? "b" : "a";
  EXPECT_EQ(ask(world.client, world.vip(), 8080), second);
  world.rules->set_service("s", {sticky});
  world.write();
  for (int i = 0; i < 12; ++i) EXPECT_EQ(ask(world.client, world.vip(), 8080), second);
}

TEST_P(ProxyKernel, SourceRangesOfBalancers) {
  World world(GetParam());
  std::string a = world.address(1, 2);
  Listener on_a(world.pod_a, a, 80, SOCK_STREAM, "a");
  PortPlan plan = world.plan({a});
  plan.balancer_ips = {*parse_address(world.v6 ? "fd66::1" : "192.0.2.66")};
  std::string balancer = plan.balancer_ips[0].text();
  plan.source_ranges = {*parse_network(world.v6 ? "fd01::/64" : "10.1.1.0/24"), *parse_network(world.v6 ? "fd09::/64" : "10.1.9.0/24")};
  world.rules->set_service("s", {plan});
  world.write(true);
  EXPECT_EQ(ask(world.client, balancer, 8080), "a");
  EXPECT_EQ(ask(world.pod_b, balancer, 8080), "");
  EXPECT_EQ(ask(world.pod_b, world.vip(), 8080), "a");
  plan.source_ranges = {*parse_network(world.v6 ? "fd02::/64" : "10.1.2.0/24")};
  world.rules->set_service("s", {plan});
  world.write();
  EXPECT_EQ(ask(world.client, balancer, 8080), "");
  EXPECT_EQ(ask(world.pod_b, balancer, 8080), "a");
}

INSTANTIATE_TEST_SUITE_P(Families, ProxyKernel, ::testing::Values(false, true),
                         [](const auto& family) { return family.param ? std::string("v6") : std::string("v4"); });

}  // namespace
}  // namespace sampan::network::proxy
