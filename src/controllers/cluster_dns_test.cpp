// The endpoints of the service kube-dns follow the nodes that answer DNS.
#include "base/text.h"
#include "controllers/endpoint_slices.h"
#include "controllers/seeds_for_test.h"
#include "controllers/tree.h"

namespace sampan::controllers {
namespace {

using simulate::World;

std::string service(std::string_view more = {}) {
  return concat("apiVersion: v1\nkind: Service\nmetadata: {name: kube-dns, namespace: kube-system, labels: {k8s-app: kube-dns}}\n",
                "spec: {clusterIP: 10.0.0.10, clusterIPs: [10.0.0.10], trafficDistribution: PreferSameNode, ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53}]", more, "}\n");
}

void add_node(World& world, std::string_view name, std::string_view address, std::string_view port, std::string_view ready = "True") {
  world.apply(concat("apiVersion: v1\nkind: Node\nmetadata: {name: ", name, ", annotations: {sampan.io/dns-port: '", port, "'}}\n"));
  auto told = client::update_latest(world.api(), client::builtin("", "nodes"), {}, name, {.subresource = "status"}, [&](const schema::Object&, Value tree) -> Result<bool> {
    Value status = tree.ensure_object("status");
    set_condition(status.ensure_list("conditions"), {"Ready", ready, "Test", ""}, 1'767'225'700);
    Arena& arena = tree.arena();
    status.set("addresses", list_of(arena, {tree_of(arena, {{"type", "InternalIP"}, {"address", text_in(arena, address)}})}));
    return true;
  });
  ASSERT_TRUE(told.has_value()) << told.error().message();
}

// "192.0.2.1:53 n1>n1" for each endpoint: its node, and whose clients it is for; in order.
std::string see(World& world) {
  std::vector<std::string> seen;
  for (const auto& slice : world.list("discovery.k8s.io", "endpointslices", "kube-system")) {
    if (label_of(*slice, kServiceNameLabel) != "kube-dns") continue;
    auto port = (*slice)["ports"].item(0)["port"].as_int();
    for (AnyView endpoint : each((*slice)["endpoints"])) {
      auto& text = seen.emplace_back(concat(endpoint["addresses"].item(0).as_string(), ":", port, " ", endpoint["nodeName"].as_string(), ">"));
      for (AnyView node : each(endpoint["hints"]["forNodes"])) append(text, node["name"].as_string());
      append(text, truth(endpoint["conditions"]["ready"]) ? "" : " not ready");
    }
  }
  std::sort(seen.begin(), seen.end());
  return join(seen, "; ");
}

TEST(ClusterDns, ReadyNodesThatAnswerAreItsEndpoints) {
  for_seeds([](World& world) {
    auto becomes = [&](std::string_view wanted) {
      EXPECT_TRUE(world.run_until([&] { return see(world) == wanted; }, 120)) << "not " << wanted << " but " << see(world);
    };
    world.apply(service());
    // What an earlier version left there.
    world.apply("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\nendpoints: [{addresses: [192.0.2.9]}]\nports: [{name: dns, protocol: UDP, port: 53}]\n"
                "metadata: {name: kube-dns, namespace: kube-system, labels: {kubernetes.io/service-name: kube-dns, endpointslice.kubernetes.io/managed-by: sampan}}\n");
    world.start_controllers({"cluster-dns-controller"});
    add_node(world, "n1", "192.0.2.1", "10053");
    becomes("192.0.2.1:10053 n1>n1");
    add_node(world, "n2", "192.0.2.2", "10053");
    add_node(world, "n3", "192.0.2.3", "10054");  // the port is taken there
    for (auto [name, port] : {std::pair("mute", ""), std::pair("zero", "0"), std::pair("large", "65536"), std::pair("word", "dns")}) add_node(world, name, "192.0.2.4", port);
    for (auto [name, address] : {std::pair("loopback", "127.0.0.1"), std::pair("link-local", "169.254.1.1"), std::pair("v6", "2001:db8::1")}) add_node(world, name, address, "10053");
    becomes("192.0.2.1:10053 n1>n1; 192.0.2.2:10053 n2>n2; 192.0.2.3:10054 n3>n3");
    add_node(world, "n1", "192.0.2.1", "10053", "Unknown");
    becomes("192.0.2.2:10053 n2>n2; 192.0.2.3:10054 n3>n3");
    ASSERT_TRUE(world.api().remove(client::builtin("", "nodes"), {}, "n2").has_value());
    becomes("192.0.2.3:10054 n3>n3");
    add_node(world, "n1", "192.0.2.1", "10053");
    add_node(world, "n3", "192.0.2.3", "");
    becomes("192.0.2.1:10053 n1>n1");
    add_node(world, "n1", "192.0.2.1", "10053", "False");  // nobody else is there to be asked
    becomes("192.0.2.1:10053 n1>n1");
    world.apply(service(", selector: {k8s-app: kube-dns}"));  // somebody's own server
    becomes("");
  });
}

TEST(ClusterDns, WhatItsSliceSays) {
  World world;
  world.apply(service());
  world.start_controllers({"cluster-dns-controller"});
  add_node(world, "n1", "192.0.2.1", "10053");
  ASSERT_TRUE(world.run_until([&] { return !see(world).empty(); }, 30));
  auto slice = world.list("discovery.k8s.io", "endpointslices", "kube-system").at(0);
  EXPECT_TRUE(name_of(*slice).starts_with("kube-dns-"));
  EXPECT_EQ(label_of(*slice, "k8s-app"), "kube-dns");
  EXPECT_EQ(controlling_owner(*slice)["name"].as_string(), "kube-dns");
  AnyView ports = (*slice)["ports"], endpoint = (*slice)["endpoints"].item(0);
  ASSERT_EQ(ports.size(), 2u);
  EXPECT_EQ(ports.item(0)["protocol"].as_string(), "UDP");
  EXPECT_EQ(ports.item(1)["name"].as_string(), "dns-tcp");
  EXPECT_EQ(endpoint["targetRef"]["kind"].as_string(), "Node");
  // Nothing is written where nothing changes.
  auto revision = slice->revision();
  world.run_for(60);
  EXPECT_EQ(world.list("discovery.k8s.io", "endpointslices", "kube-system").at(0)->revision(), revision);
}

}  // namespace
}  // namespace sampan::controllers
