// Pods that claim devices: where they may go and why not, and the whole of it against the real API server in virtual time, under faults.
#include <gtest/gtest.h>

#include "scheduler/plugins/extended_resources.h"
#include "scheduler/testing.h"
#include "simulate/seeds.h"
#include "simulate/world.h"

namespace sampan::scheduler {
namespace {

using namespace testing;
using simulate::Faults;
using simulate::World;
using Kind = Lister::Kind;

ObjectRef device_object(std::string_view kind, std::string_view yaml, int64_t revision = 1) { return object_of("resource.k8s.io/v1", kind, yaml, revision); }

struct Devices : Cluster {
  using Cluster::Cluster;
  void device_class(std::string_view name, std::string_view spec = "{}") {
    lister.put(Kind::DeviceClass, device_object("DeviceClass", concat("{metadata: {name: ", name, "}, spec: ", spec, "}")));
  }
  void slice(std::string_view node, std::string_view names) {
    lister.put(Kind::ResourceSlice, device_object("ResourceSlice", concat("{metadata: {name: slice-", node, "}, spec: {driver: a.com, nodeName: ", node, ", pool: {name: ", node,
                                                                          ", resourceSliceCount: 1}, devices: ", names, "}}")));
  }
  void claim(std::string_view name, std::string_view request = "exactly: {deviceClassName: gpu, allocationMode: ExactCount, count: 1}", std::string_view status = "{}",
             std::string_view metadata = "") {
    lister.put(Kind::ResourceClaim, device_object("ResourceClaim", concat("{metadata: {name: ", name, ", namespace: default, uid: uid-of-", name, metadata,
                                                                          "}, spec: {devices: {requests: [{name: r, ", request, "}]}}, status: ", status, "}")));
  }
  std::string claiming(std::string_view claims) {
    return decide(pod_object("new", concat("resourceClaims: ", claims)));
  }
};

constexpr std::string_view kOne = "[{name: c, resourceClaimName: c}]";

TEST(Devices, WhereThereAreSome) {
  Devices cluster;
  cluster.node("n1");
  cluster.node("n2");
  cluster.claim("c");
  EXPECT_EQ(cluster.claiming(kOne), "0/2 nodes are available: request r: device class gpu does not exist. no new claims to deallocate, preemption: 0/2 nodes are available: "
                                    "2 Preemption is not helpful for scheduling.");
  cluster.device_class("gpu");
  EXPECT_EQ(cluster.claiming(kOne), "0/2 nodes are available: 2 cannot allocate all claims. still not schedulable, preemption: 0/2 nodes are available: 2 Preemption is "
                                    "not helpful for scheduling.");
  cluster.slice("n2", "[{name: a}]");
  EXPECT_EQ(cluster.claiming(kOne), "n2");
  cluster.claim("d", "exactly: {deviceClassName: gpu, allocationMode: ExactCount, count: 1}");
  EXPECT_TRUE(cluster.claiming("[{name: c, resourceClaimName: c}, {name: d, resourceClaimName: d}]").starts_with("0/2 nodes are available: 2 cannot allocate all claims."));
  EXPECT_TRUE(cluster.claiming("[{name: c, resourceClaimName: nope}]").starts_with("0/2 nodes are available: could not find ResourceClaim \"default/nope\"."));
  EXPECT_TRUE(cluster.claiming("[{name: c, resourceClaimTemplateName: t}]").starts_with("0/2 nodes are available: pod \"default/new\": ResourceClaim not created yet."));
}

TEST(Devices, WhatIsAllocatedAlready) {
  Devices cluster;
  cluster.node("n1");
  cluster.node("n2");
  cluster.device_class("gpu");
  cluster.slice("n1", "[{name: a}]");
  cluster.slice("n2", "[{name: a}]");
  auto on = [](std::string_view node, std::string_view reserved) {
    return concat("{allocation: {devices: {results: [{request: r, driver: a.com, pool: ", node, ", device: a}]}, nodeSelector: {nodeSelectorTerms: [{matchFields: [{key: "
                  "metadata.name, operator: In, values: [", node, "]}]}]}}, reservedFor: ", reserved, "}");
  };
  constexpr std::string_view kRequest = "exactly: {deviceClassName: gpu, allocationMode: ExactCount, count: 1}";
  cluster.claim("c", kRequest, on("n2", "[{resource: pods, name: other, uid: other}]"));
  EXPECT_EQ(cluster.claiming(kOne), "n2");  // claims are shared
  cluster.claim("d");
  EXPECT_EQ(cluster.claiming("[{name: c, resourceClaimName: d}]"), "n1");
  EXPECT_TRUE(cluster.decide(Cluster::pod_object("new", "resourceClaims: [{name: c, resourceClaimName: c}]\nnodeSelector: {kubernetes.io/hostname: n1}"))
                  .starts_with("0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 resourceclaim not available on the node. still not schedulable"));
  // Nobody else has it: it is let go, so that the pod can have another device.
  cluster.claim("e", kRequest, on("n2", "[]"));
  EXPECT_TRUE(cluster.decide(Cluster::pod_object("new", "resourceClaims: [{name: c, resourceClaimName: e}]\nnodeSelector: {kubernetes.io/hostname: n1}"))
                  .find("deallocation of ResourceClaim completed") != std::string::npos);
}

TEST(Devices, BetterChoicesWeighMore) {
  Devices cluster;
  for (auto node : {"n1", "n2", "n3"}) cluster.node(node);
  cluster.device_class("gpu");
  cluster.device_class("big", "{selectors: [{cel: {expression: \"has(device.attributes['a.com'].big)\"}}]}");
  cluster.slice("n1", "[{name: a}]");
  cluster.slice("n2", "[{name: a, attributes: {big: {bool: true}}}]");
  cluster.slice("n3", "[{name: a}]");
  cluster.claim("c", "firstAvailable: [{name: b, deviceClassName: big, allocationMode: ExactCount, count: 1}, {name: s, deviceClassName: gpu, allocationMode: ExactCount, count: 1}]");
  EXPECT_EQ(cluster.claiming(kOne), "n2");
  cluster.claim("d", "exactly: {deviceClassName: gpu, allocationMode: ExactCount, count: 1, selectors: [{cel: {expression: device.nope}}]}");
  EXPECT_TRUE(cluster.claiming("[{name: c, resourceClaimName: d}]").starts_with("error: running \"DynamicResources\" filter plugin: claim default/d: selector #0: CEL compile error: compilation failed:"));
}

TEST(Devices, BehindExtendedResources) {
  Devices cluster;
  cluster.node("n1");
  cluster.node("n2", "{}", "{}", "{cpu: '4', memory: 8Gi, pods: '110', a.com/gpu: '0'}");
  auto wants = [&](std::string_view resource) {
    return cluster.decide(Cluster::pod_object("new", concat("containers: [{name: c, image: i, resources: {requests: {", resource, ": '1'}}}]")));
  };
  EXPECT_TRUE(wants("a.com/gpu").find("2 Insufficient a.com/gpu") != std::string::npos);
  cluster.device_class("gpu", "{extendedResourceName: a.com/gpu}");
  EXPECT_TRUE(wants("a.com/gpu").starts_with("0/2 nodes are available: 2 cannot allocate all claims.")) << wants("a.com/gpu");
  cluster.slice("n2", "[{name: a}]");
  EXPECT_EQ(wants("a.com/gpu"), "n2");
  EXPECT_EQ(wants("deviceclass.resource.kubernetes.io/gpu"), "n2");
  EXPECT_TRUE(wants("b.com/gpu").find("2 Insufficient b.com/gpu") != std::string::npos);
}

TEST(Devices, RequestsForContainers) {
  FakeLister lister;
  lister.put(Kind::DeviceClass, device_object("DeviceClass", "{metadata: {name: gpu}, spec: {extendedResourceName: a.com/gpu}}"));
  State state;
  auto container = [](std::string_view name, int count) { return concat("{name: ", name, ", image: i, resources: {requests: {cpu: 1, a.com/gpu: '", count, "'}}}"); };
  auto pod = state.make_pod(Cluster::pod_object("p", concat("initContainers: [", container("i1", 3), ", ", container("i2", 2), "]\ncontainers: [", container("c1", 1), ", ",
                                                            container("c2", 1), "]")));
  auto made = extended_claim(lister, *pod, {"a.com/gpu"}, "u");
  ASSERT_TRUE(made.has_value());
  std::string text;
  auto requests = (*made->claim)["spec"]["devices"]["requests"];
  for (uint32_t i = 0; i < requests.size(); i++)
    append(text, i ? ", " : "", requests.item(i)["name"].as_string(), " x", requests.item(i)["exactly"]["count"].as_int());
  text += ";";
  for (auto& mapping : made->mappings) append(text, " ", mapping.container, "=", mapping.request);
  EXPECT_EQ(text, "container-0-request-0 x1, container-2-request-0 x1, container-3-request-0 x1; c1=container-2-request-0 c2=container-3-request-0 i1=container-2-request-0 "
                  "i1=container-3-request-0 i1=container-0-request-0 i2=container-2-request-0 i2=container-3-request-0");
}

constexpr std::string_view kShop =
    "{apiVersion: resource.k8s.io/v1, kind: DeviceClass, metadata: {name: gpu}, spec: {extendedResourceName: a.com/gpu}}\n---\n"
    "{apiVersion: resource.k8s.io/v1, kind: ResourceSlice, metadata: {name: s}, spec: {driver: a.com, nodeName: n1, pool: {name: n1, generation: 1, resourceSliceCount: 1}, "
    "devices: [{name: a}, {name: b}, {name: c}]}}";

std::string claim_yaml(std::string_view name) {
  return concat("{apiVersion: resource.k8s.io/v1, kind: ResourceClaim, metadata: {name: ", name, ", namespace: default}, spec: {devices: {requests: [{name: r, exactly: "
                "{deviceClassName: gpu}}]}}}");
}
std::string pod_yaml(std::string_view name, std::string_view claim) {
  return concat("{apiVersion: v1, kind: Pod, metadata: {name: ", name, "}, spec: {resourceClaims: [{name: c, resourceClaimName: ", claim,
                "}], containers: [{name: c, image: i, resources: {claims: [{name: c}]}}]}}");
}
std::string node_of(World& world, std::string_view name) {
  auto object = world.get("", "pods", "default", name);
  return object ? std::string((*object)["spec"]["nodeName"].as_string()) : "gone";
}

TEST(DeviceScenarios, AllocatedReservedAndBound) {
  for (uint64_t seed : simulate::seeds()) {
    World world(seed, seed == 1 ? Faults() : Faults{.conflicts = 50, .timeouts = 50, .dropped_watches = 100});
    world.start_controllers({"node-lifecycle-controller"});
    world.start_scheduler();
    world.apply(kShop);
    world.add_node("n1");
    for (auto claim : {"c1", "c2"}) world.apply(claim_yaml(claim));
    // Two share a claim; a claim that is made later is waited for; an extended resource gets a claim of its own.
    world.apply(pod_yaml("p1", "c1"));
    world.apply(pod_yaml("p2", "c1"));
    world.apply(pod_yaml("p3", "c3"));
    world.apply("{apiVersion: v1, kind: Pod, metadata: {name: p4}, spec: {containers: [{name: c, image: i, resources: {limits: {a.com/gpu: '1'}}}]}}");
    ASSERT_TRUE(world.run_until([&] { return node_of(world, "p1") == "n1" && node_of(world, "p2") == "n1" && node_of(world, "p4") == "n1"; }, 300)) << seed;
    EXPECT_EQ(node_of(world, "p3"), "") << seed;
    world.apply(claim_yaml("c3"));
    ASSERT_TRUE(world.run_until([&] { return node_of(world, "p3") == "n1"; }, 300)) << seed;
    std::set<std::string_view> devices;
    for (auto& claim : world.list("resource.k8s.io", "resourceclaims", "default")) {
      auto results = (*claim)["status"]["allocation"]["devices"]["results"];
      auto name = (*claim)["metadata"]["name"].as_string();
      if (name == "c2") continue;
      ASSERT_EQ(results.size(), 1u) << seed << " " << name;
      EXPECT_TRUE(devices.insert(results.item(0)["device"].as_string()).second) << seed;
      EXPECT_EQ((*claim)["metadata"]["finalizers"].item(0).as_string(), "resource.kubernetes.io/delete-protection");
      EXPECT_EQ((*claim)["status"]["reservedFor"].size(), name == "c1" ? 2u : 1u) << seed << " " << name;
    }
    EXPECT_EQ(devices.size(), 3u) << seed;
    auto told = (*world.get("", "pods", "default", "p4"))["status"]["extendedResourceClaimStatus"];
    EXPECT_TRUE(told["resourceClaimName"].as_string().starts_with("p4-extended-resources-")) << seed;
    EXPECT_EQ(told["requestMappings"].item(0)["requestName"].as_string(), "container-0-request-0") << seed;
  }
}

TEST(DeviceScenarios, DevicesAreMadeReadyFirst) {
  World world;
  world.start_controllers({"node-lifecycle-controller"});
  world.start_scheduler();
  world.apply("{apiVersion: resource.k8s.io/v1, kind: DeviceClass, metadata: {name: gpu}}\n---\n"
              "{apiVersion: resource.k8s.io/v1, kind: ResourceSlice, metadata: {name: s}, spec: {driver: a.com, allNodes: true, pool: {name: p, generation: 1, "
              "resourceSliceCount: 1}, devices: [{name: a, bindsToNode: true, bindingConditions: [a.com/ready], bindingFailureConditions: [a.com/broken]}]}}");
  world.add_node("n1");
  world.apply(claim_yaml("c"));
  world.apply(pod_yaml("p", "c"));
  auto claim = [&] { return world.get("resource.k8s.io", "resourceclaims", "default", "c"); };
  ASSERT_TRUE(world.run_until([&] { return (*claim())["status"]["reservedFor"].size() == 1; }, 60));
  world.run_for(30);
  EXPECT_EQ(node_of(world, "p"), "");
  auto tell = [&](std::string_view type) {
    Arena arena;
    auto object = claim();
    auto tree = schema::thaw(*object, arena);
    auto device = schema::Value::object(arena), condition = schema::Value::object(arena);
    device.set("driver", "a.com");
    device.set("pool", "p");
    device.set("device", "a");
    condition.set("type", type);
    condition.set("status", "True");
    condition.set("reason", "Tested");
    condition.set("message", "so it is");
    condition.set("lastTransitionTime", "2026-01-01T00:00:00Z");
    device.ensure_list("conditions").push(condition);
    tree["status"].remove("devices");
    tree["status"].ensure_list("devices").push(device);
    return world.api().update_status(client::builtin("resource.k8s.io", "resourceclaims"), tree).has_value();
  };
  // The first time it fails, and the claim is given up for another try.
  ASSERT_TRUE(tell("a.com/broken"));
  ASSERT_TRUE(world.run_until([&] { return (*claim())["status"]["devices"].size() == 0 && (*claim())["status"]["reservedFor"].size() == 1; }, 120));
  EXPECT_EQ(node_of(world, "p"), "");
  ASSERT_TRUE(tell("a.com/ready"));
  EXPECT_TRUE(world.run_until([&] { return node_of(world, "p") == "n1"; }, 60));
}

}  // namespace
}  // namespace sampan::scheduler
