// Claims of devices from templates, through their pods' lives; with the scheduler, under faults.
#include <gtest/gtest.h>

#include "base/text.h"
#include "simulate/seeds.h"
#include "simulate/world.h"

namespace sampan::controllers {
namespace {

using schema::ObjectRef;
using simulate::Faults;
using simulate::World;

constexpr Faults kBadDay{.conflicts = 50, .timeouts = 50, .dropped_watches = 100};
constexpr std::string_view kFinalizer = "resource.kubernetes.io/delete-protection";

constexpr std::string_view kShop =
    "{apiVersion: resource.k8s.io/v1, kind: DeviceClass, metadata: {name: gpu}, spec: {extendedResourceName: a.com/gpu}}\n---\n"
    "{apiVersion: resource.k8s.io/v1, kind: ResourceSlice, metadata: {name: s}, spec: {driver: a.com, allNodes: true, pool: {name: p, generation: 1, resourceSliceCount: 1}, "
    "devices: [{name: a}, {name: b}]}}";
constexpr std::string_view kTemplate =
    "{apiVersion: resource.k8s.io/v1, kind: ResourceClaimTemplate, metadata: {name: t, namespace: default}, spec: {metadata: {labels: {of: template}, annotations: {x: what}}, "
    "spec: {devices: {requests: [{name: r, exactly: {deviceClassName: gpu}}]}}}}";

std::string pod(std::string_view name, std::string_view claim = "resourceClaimTemplateName: t") {
  return concat("{apiVersion: v1, kind: Pod, metadata: {name: ", name, "}, spec: {terminationGracePeriodSeconds: 0, restartPolicy: Never, resourceClaims: [{name: c, ", claim,
                "}], containers: [{name: c, image: i, resources: {claims: [{name: c}]}}]}}");
}

struct Cluster : World {
  explicit Cluster(uint64_t seed = 1) : World(seed, seed == 1 ? Faults() : kBadDay) {
    start_controllers({"node-lifecycle-controller", "resourceclaim-controller", "device-taint-eviction-controller", "garbage-collector-controller"});
    start_scheduler();
    apply(kShop);
    add_node("n1");
  }
  std::vector<ObjectRef> claims() { return list("resource.k8s.io", "resourceclaims", "default"); }
  ObjectRef claim(std::string_view name) { return get("resource.k8s.io", "resourceclaims", "default", name); }
  ObjectRef find(std::string_view name) { return get("", "pods", "default", name); }
  bool is_placed(std::string_view name) {
    auto object = find(name);
    return object && !(*object)["spec"]["nodeName"].as_string().empty();
  }
  void remove(std::string_view name) { (void)api().remove(client::builtin("", "pods"), "default", name, {.grace_seconds = 0}); }
  size_t allocated() {
    size_t count = 0;
    for (auto& claim : claims()) count += (*claim)["status"]["allocation"].present();
    return count;
  }
  bool finish(std::string_view name) {
    Arena arena;
    auto patch = schema::Value::object(arena);
    patch.ensure_object("status").set("phase", "Succeeded");
    return api().patch(client::builtin("", "pods"), "default", name, client::PatchType::Merge, patch, {.subresource = "status"}).has_value();
  }
};

TEST(ResourceClaims, MadeOfATemplate) {
  for (uint64_t seed : simulate::seeds()) {
    Cluster cluster(seed);
    cluster.apply(pod("p1"));
    cluster.run_for(20);
    EXPECT_FALSE(cluster.is_placed("p1")) << seed;
    cluster.apply(kTemplate);  // it may come later than the pod
    ASSERT_TRUE(cluster.run_until([&] { return cluster.is_placed("p1"); }, 300)) << seed;
    ASSERT_EQ(cluster.claims().size(), 1u) << seed;
    auto claim = cluster.claims()[0];
    auto metadata = (*claim)["metadata"], owner = metadata["ownerReferences"].item(0);
    auto named = (*cluster.find("p1"))["status"]["resourceClaimStatuses"].item(0);
    EXPECT_TRUE(metadata["name"].as_string().starts_with("p1-c-")) << seed;
    EXPECT_EQ(metadata["annotations"]["resource.kubernetes.io/pod-claim-name"].as_string(), "c");
    EXPECT_EQ(metadata["annotations"]["x"].as_string(), "what");
    EXPECT_EQ(metadata["labels"]["of"].as_string(), "template");
    EXPECT_EQ(owner["name"].as_string(), "p1");
    EXPECT_FALSE(owner["blockOwnerDeletion"].present());
    EXPECT_EQ(named["name"].as_string(), "c");
    EXPECT_EQ(named["resourceClaimName"].as_string(), metadata["name"].as_string()) << seed;
    EXPECT_EQ(metadata["finalizers"].item(0).as_string(), kFinalizer) << seed;
    // It goes with the pod, and its device is free again.
    cluster.remove("p1");
    ASSERT_TRUE(cluster.run_until([&] { return cluster.claims().empty(); }, 300)) << seed;
  }
}

TEST(ResourceClaims, DevicesGoFromPodToPod) {
  for (uint64_t seed : simulate::seeds()) {
    Cluster cluster(seed);
    cluster.apply(kTemplate);
    for (int i = 0; i < 4; i++) cluster.apply(pod(concat("p", i)));
    auto placed = [&] {
      std::vector<std::string> names;
      for (int i = 0; i < 4; i++)
        if (auto name = concat("p", i); cluster.is_placed(name)) names.push_back(name);
      return names;
    };
    ASSERT_TRUE(cluster.run_until([&] { return placed().size() == 2; }, 300)) << seed;
    cluster.run_for(60);
    ASSERT_EQ(placed().size(), 2u) << seed;
    EXPECT_LE(cluster.allocated(), 2u) << seed;
    // A pod that is done keeps nothing though it stays; one that is gone neither.
    auto first = placed();
    ASSERT_TRUE(cluster.run_until([&] { return cluster.finish(first[0]); }, 60)) << seed;
    ASSERT_TRUE(cluster.run_until([&] { return placed().size() == 3; }, 400)) << seed;
    ASSERT_TRUE(cluster.run_until([&] { return cluster.claims().size() == 3; }, 300)) << seed;
    cluster.run_for(10);
    for (auto& claim : cluster.claims()) EXPECT_NE((*claim)["metadata"]["ownerReferences"].item(0)["name"].as_string(), first[0]) << seed;  // none is made again
    cluster.remove(first[1]);
    ASSERT_TRUE(cluster.run_until([&] { return placed().size() == 3 && !cluster.find(first[1]); }, 400)) << seed;
    ASSERT_TRUE(cluster.run_until([&] { return cluster.claims().size() == 2; }, 300)) << seed;
  }
}

TEST(ResourceClaims, SharedByPods) {
  Cluster cluster;
  cluster.apply("{apiVersion: resource.k8s.io/v1, kind: ResourceClaim, metadata: {name: own, namespace: default}, spec: {devices: {requests: [{name: r, exactly: "
                "{deviceClassName: gpu}}]}}}");
  cluster.apply(pod("p1", "resourceClaimName: own"));
  cluster.apply(pod("p2", "resourceClaimName: own"));
  ASSERT_TRUE(cluster.run_until([&] { return cluster.is_placed("p1") && cluster.is_placed("p2"); }, 60));
  EXPECT_EQ((*cluster.claim("own"))["status"]["reservedFor"].size(), 2u);
  // Deleted, it stays for those who use it.
  ASSERT_TRUE(cluster.api().remove(client::builtin("resource.k8s.io", "resourceclaims"), "default", "own").has_value());
  cluster.remove("p1");
  ASSERT_TRUE(cluster.run_until([&] { return (*cluster.claim("own"))["status"]["reservedFor"].size() == 1; }, 60));
  EXPECT_TRUE((*cluster.claim("own"))["status"]["allocation"].present());
  ASSERT_TRUE(cluster.finish("p2"));
  EXPECT_TRUE(cluster.run_until([&] { return !cluster.claim("own"); }, 60));
}

TEST(ResourceClaims, OfAPodThatSomebodyElsePlaced) {
  Cluster cluster;
  cluster.apply("{apiVersion: resource.k8s.io/v1, kind: ResourceClaim, metadata: {name: own, namespace: default}, spec: {devices: {requests: [{name: r, exactly: "
                "{deviceClassName: gpu}}]}}}");
  cluster.apply(pod("p1", "resourceClaimName: own"));
  ASSERT_TRUE(cluster.run_until([&] { return cluster.is_placed("p1"); }, 60));
  auto yaml = pod("p2", "resourceClaimName: own");
  yaml.insert(yaml.find("spec: {") + 7, "nodeName: n1, ");
  cluster.apply(yaml);
  EXPECT_TRUE(cluster.run_until([&] { return (*cluster.claim("own"))["status"]["reservedFor"].size() == 2; }, 60));
}

TEST(ResourceClaims, OfExtendedResources) {
  for (uint64_t seed : simulate::seeds()) {
    Cluster cluster(seed);
    auto wants = [](std::string_view name) {
      return concat("{apiVersion: v1, kind: Pod, metadata: {name: ", name, "}, spec: {terminationGracePeriodSeconds: 0, containers: [{name: c, image: i, resources: {limits: "
                    "{a.com/gpu: '2'}}}]}}");
    };
    cluster.apply(wants("p1"));
    ASSERT_TRUE(cluster.run_until([&] { return cluster.is_placed("p1"); }, 300)) << seed;
    cluster.apply(wants("p2"));
    cluster.run_for(30);
    EXPECT_FALSE(cluster.is_placed("p2")) << seed;
    cluster.remove("p1");
    ASSERT_TRUE(cluster.run_until([&] { return cluster.is_placed("p2"); }, 400)) << seed;
    ASSERT_TRUE(cluster.run_until([&] { return cluster.claims().size() == 1; }, 300)) << seed;
  }
}

TEST(DeviceTaints, PodsGoWithTheirDevices) {
  Cluster cluster;
  auto claim = [](std::string_view name, std::string_view more) {
    return concat("{apiVersion: resource.k8s.io/v1, kind: ResourceClaim, metadata: {name: ", name, ", namespace: default}, spec: {devices: {requests: [{name: r, exactly: "
                  "{deviceClassName: gpu", more, "}}]}}}");
  };
  cluster.apply(claim("c1", ""));
  cluster.apply(pod("p1", "resourceClaimName: c1"));
  ASSERT_TRUE(cluster.run_until([&] { return cluster.is_placed("p1"); }, 60));
  cluster.apply(claim("c2", ", tolerations: [{operator: Exists, effect: NoExecute, tolerationSeconds: 100}]"));
  cluster.apply(pod("p2", "resourceClaimName: c2"));
  ASSERT_TRUE(cluster.run_until([&] { return cluster.is_placed("p2"); }, 60));
  auto taint = [&](std::string_view taints) {
    std::string yaml(kShop.substr(kShop.find("---") + 4));
    for (auto name : {"a", "b"})
      if (auto at = yaml.find(concat("{name: ", name, "}")); at != yaml.npos) yaml.insert(at + 8, concat(", taints: ", taints));
    cluster.apply(yaml);
  };
  taint("[{key: told, effect: None}]");
  cluster.run_for(30);
  EXPECT_TRUE(cluster.find("p1") && cluster.find("p2"));
  taint("[{key: broken, effect: NoExecute}]");
  ASSERT_TRUE(cluster.run_until([&] { return !cluster.find("p1"); }, 30));
  cluster.run_for(60);
  EXPECT_TRUE(cluster.find("p2"));
  EXPECT_TRUE(cluster.run_until([&] { return !cluster.find("p2"); }, 60));
}

}  // namespace
}  // namespace sampan::controllers
