// Endpoints and endpoint slices: how they are packed, and that they follow pods.
#include "base/text.h"
#include "controllers/endpoint_slices.h"
#include "controllers/endpoint_subsets.h"
#include "controllers/seeds_for_test.h"
#include "controllers/tree.h"

namespace sampan::controllers {
namespace {

using simulate::World;

SliceEndpoint endpoint(int number, bool ready = true) {
  SliceEndpoint made;
  made.addresses = {concat("10.0.", number / 250, ".", number % 250)};
  made.ready = ready;
  made.zone = "z1";
  made.node_name = "n1";
  return made;
}

EndpointSet endpoints(int from, int to, bool ready = true) {
  EndpointSet set;
  for (int i = from; i < to; i++) set.emplace(endpoint(i, ready).identity(), endpoint(i, ready));
  return set;
}

Slice slice(std::string name, int from, int to) {
  Slice made;
  made.name = std::move(name);
  for (int i = from; i < to; i++) made.endpoints.push_back(endpoint(i));
  return made;
}

std::string sizes(const std::vector<Slice>& slices) {
  std::string text;
  for (const Slice& slice : slices) append(text, slice.name.empty() ? "new" : slice.name, ":", slice.endpoints.size(), " ");
  return text;
}

TEST(EndpointSlices, Spread) {
  struct Case {
    std::string_view name;
    std::vector<Slice> existing;
    EndpointSet wanted;
    std::string_view create, update, remove;
  };
  const Case cases[] = {
      {"nothing to do", {slice("a", 0, 3)}, endpoints(0, 3), "", "", ""},
      {"first", {}, endpoints(0, 3), "new:3 ", "", ""},
      {"more than one slice holds", {}, endpoints(0, 250), "new:100 new:100 new:50 ", "", ""},
      {"one more goes into what has room", {slice("a", 0, 99)}, endpoints(0, 100), "", "a:100 ", ""},
      {"the fullest that has room", {slice("a", 0, 10), slice("b", 10, 70)}, endpoints(0, 75), "", "b:65 ", ""},
      {"no room", {slice("a", 0, 99)}, endpoints(0, 102), "new:3 ", "", ""},
      {"one less", {slice("a", 0, 3)}, endpoints(0, 2), "", "a:2 ", ""},
      {"a slice that is changed anyway is filled first", {slice("a", 0, 90), slice("b", 90, 100)}, endpoints(1, 101), "", "a:90 ", ""},
      {"an empty slice goes", {slice("a", 0, 3), slice("b", 3, 6)}, endpoints(0, 3), "", "", "b:0 "},
      {"no longer ready", {slice("a", 0, 2)}, endpoints(0, 2, false), "", "a:2 ", ""},
  };
  for (const Case& c : cases) {
    SliceChanges changes;
    spread(c.existing, c.wanted, Slice(), changes);
    EXPECT_EQ(sizes(changes.create), c.create) << c.name;
    EXPECT_EQ(sizes(changes.update), c.update) << c.name;
    EXPECT_EQ(sizes(changes.remove), c.remove) << c.name;
  }
}

TEST(EndpointSlices, Hints) {
  SliceChanges changes;
  changes.create.push_back(slice("", 0, 1));
  changes.create[0].endpoints.push_back(endpoint(1, false));
  hint("PreferSameNode", changes, {slice("unchanged", 2, 3)});
  EXPECT_EQ(changes.create[0].endpoints[0].for_zones, std::vector<std::string>{"z1"});
  EXPECT_EQ(changes.create[0].endpoints[0].for_nodes, std::vector<std::string>{"n1"});
  EXPECT_TRUE(changes.create[0].endpoints[1].for_zones.empty());
  ASSERT_EQ(changes.update.size(), 1u);
  auto hinted = changes.update;
  changes.update.clear();
  hint("", changes, hinted);
  ASSERT_EQ(changes.update.size(), 1u);
  EXPECT_TRUE(changes.update[0].endpoints[0].for_nodes.empty());
}

TEST(EndpointSubsets, Repack) {
  auto address = [](std::string ip) { return SubsetAddress{std::move(ip), "", {}, {}}; };
  SubsetPort http{"http", "TCP", 80, {}}, dns{"dns", "UDP", 53, {}};
  std::vector<Subset> scattered = {
      {{address("1.1.1.1")}, {}, {http}}, {{address("1.1.1.1")}, {}, {dns}},  {{address("2.2.2.2")}, {}, {http, dns}},
      {{address("3.3.3.3")}, {}, {http}}, {{}, {address("3.3.3.3")}, {http}},
  };
  auto packed = repack(scattered);
  ASSERT_EQ(packed.size(), 2u);  // 3.3.3.3 has other ports than the rest, so both subsets tell of http
  size_t ready = 0, not_ready = 0;
  for (const Subset& subset : packed) ready += subset.ready.size(), not_ready += subset.not_ready.size();
  EXPECT_EQ(ready, 4u);
  EXPECT_EQ(not_ready, 1u);
  EXPECT_EQ(repack(packed), packed);
}

TEST(EndpointSubsets, Truncate) {
  std::vector<Subset> subsets(2);
  for (int i = 0; i < 900; i++) subsets[0].ready.push_back({concat("10.0.0.", i), "", {}, {}});
  for (int i = 0; i < 300; i++) subsets[1].not_ready.push_back({concat("10.1.0.", i), "", {}, {}});
  EXPECT_TRUE(truncate(subsets));
  EXPECT_EQ(subsets[0].ready.size(), 900u);
  EXPECT_EQ(subsets[1].not_ready.size(), 100u);
  EXPECT_FALSE(truncate(subsets));
}

std::string pod(std::string_view name, std::string_view label = "web") {
  return concat("apiVersion: v1\nkind: Pod\nmetadata: {name: ", name, ", labels: {app: ", label, "}}\n",
                "spec: {nodeName: n1, containers: [{name: c, image: i, ports: [{name: http, containerPort: 8080}]}]}\n");
}
constexpr std::string_view kService =
    "apiVersion: v1\nkind: Service\nmetadata: {name: web, labels: {team: blue}}\n"
    "spec: {ipFamilies: [IPv4], selector: {app: web}, ports: [{name: web, port: 80, targetPort: http}]}\n";

struct Seen {
  int ready = 0, not_ready = 0, slices = 0, subset_ready = 0, subset_not_ready = 0;
  bool operator==(const Seen&) const = default;
};

Seen see(World& world) {
  Seen seen;
  for (const auto& slice : world.list("discovery.k8s.io", "endpointslices", "default")) {
    if (label_of(*slice, kServiceNameLabel) != "web") continue;
    seen.slices++;
    for (AnyView endpoint : each((*slice)["endpoints"])) (truth(endpoint["conditions"]["ready"]) ? seen.ready : seen.not_ready)++;
  }
  if (auto endpoints = world.get("", "endpoints", "default", "web"))
    for (AnyView subset : each((*endpoints)["subsets"])) {
      seen.subset_ready += static_cast<int>(subset["addresses"].size());
      seen.subset_not_ready += static_cast<int>(subset["notReadyAddresses"].size());
    }
  return seen;
}

void set_ready(World& world, std::string_view name, std::string_view status) {
  auto done = client::update_latest(world.api(), client::builtin("", "pods"), "default", name, {.subresource = "status"},
                                    [&](const schema::Object&, schema::Value tree) -> Result<bool> {
                                      return set_condition(tree["status"].ensure_list("conditions"), {"Ready", status, "Test", ""}, 1'767'225'700);
                                    });
  ASSERT_TRUE(done.has_value()) << done.error().message();
}

TEST(Endpoints, FollowPods) {
  for_seeds([](World& world) {
    world.add_node("n1");
    world.apply(kService);
    world.start_controllers({"endpoints-controller", "endpointslice-controller", "endpointslice-mirroring-controller"});
    auto becomes = [&](const Seen& wanted) { return world.run_until([&] { return see(world) == wanted; }, 120); };
    EXPECT_TRUE(becomes({0, 0, 1, 0, 0}));
    for (auto name : {"a", "b", "c"}) world.apply(pod(name));
    world.apply(pod("other", "db"));
    EXPECT_TRUE(becomes({3, 0, 1, 3, 0}));
    set_ready(world, "b", "False");
    EXPECT_TRUE(becomes({2, 1, 1, 2, 1}));
    set_ready(world, "b", "True");
    EXPECT_TRUE(becomes({3, 0, 1, 3, 0}));
    ASSERT_TRUE(world.api().remove(client::builtin("", "pods"), "default", "a", {.grace_seconds = 0}).has_value());
    world.apply(pod("c", "db"));
    EXPECT_TRUE(becomes({1, 0, 1, 1, 0}));
    ASSERT_TRUE(world.api().remove(client::builtin("", "services"), "default", "web").has_value());
    EXPECT_TRUE(world.run_until([&] { return world.get("", "endpoints", "default", "web") == nullptr; }, 120));
  });
}

TEST(Endpoints, MayBeMadeBeforeTheirService) {
  World world;
  std::string_view endpoints = "apiVersion: v1\nkind: Endpoints\nmetadata: {name: NAME}\nsubsets: [{addresses: [{ip: 192.0.2.1}], ports: [{port: 80}]}]\n";
  auto named = [&](std::string_view name) { return std::string(endpoints).replace(endpoints.find("NAME"), 4, name); };
  world.apply(named("left-over"));
  world.run_for(5);
  world.start_controllers({"endpoints-controller"});
  world.run_for(5);
  EXPECT_EQ(world.get("", "endpoints", "default", "left-over"), nullptr);
  world.apply(named("early"));
  world.run_for(60);
  EXPECT_NE(world.get("", "endpoints", "default", "early"), nullptr);
}

TEST(Endpoints, WhatASliceSays) {
  World world;
  world.add_node("n1");
  world.apply(kService);
  world.apply(pod("a"));
  world.start_controllers({"endpointslice-controller"});
  ASSERT_TRUE(world.run_until([&] { return see(world).ready == 1; }, 30));
  schema::ObjectRef slice;
  for (const auto& one : world.list("discovery.k8s.io", "endpointslices", "default"))
    if (label_of(*one, kServiceNameLabel) == "web") slice = one;
  EXPECT_TRUE(name_of(*slice).starts_with("web-"));
  EXPECT_EQ(label_of(*slice, "team"), "blue");
  EXPECT_EQ(label_of(*slice, kManagedByLabel), "endpointslice-controller.k8s.io");
  EXPECT_EQ(controlling_owner(*slice)["kind"].as_string(), "Service");
  EXPECT_TRUE(has_annotation(*slice, kTriggerTimeAnnotation));
  AnyView port = (*slice)["ports"].item(0), endpoint = (*slice)["endpoints"].item(0);
  EXPECT_EQ(port["port"].as_int(), 8080);
  EXPECT_EQ(port["name"].as_string(), "web");
  EXPECT_EQ(endpoint["targetRef"]["name"].as_string(), "a");
  EXPECT_EQ(endpoint["nodeName"].as_string(), "n1");
}

TEST(Endpoints, AreMirroredWhereNobodySelects) {
  for_seeds([](World& world) {
    world.apply("apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{name: web, port: 80}]}\n");
    world.apply(
        "apiVersion: v1\nkind: Endpoints\nmetadata: {name: web}\n"
        "subsets: [{addresses: [{ip: 192.0.2.1}, {ip: '2001:db8::1'}], notReadyAddresses: [{ip: 192.0.2.2}], ports: [{name: web, port: 80}]}]\n");
    world.start_controllers({"endpointslice-mirroring-controller", "endpoints-controller"});
    auto becomes = [&](int ready, int not_ready, int slices) {
      return world.run_until([&] { Seen s = see(world); return s.ready == ready && s.not_ready == not_ready && s.slices == slices; }, 120);
    };
    EXPECT_TRUE(becomes(2, 1, 2));  // one a family
    ASSERT_TRUE(world.api().remove(client::builtin("", "endpoints"), "default", "web").has_value());
    EXPECT_TRUE(becomes(0, 0, 0));
  });
}

}  // namespace
}  // namespace sampan::controllers
