// The world itself: what a controller of the simplest kind, and the nodes, do in it.
#include "simulate/world.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace sampan::simulate {
namespace {

constexpr std::string_view kPod = R"(
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  nodeName: n1
  containers: [{name: c, image: i}]
)";

std::string phase(World& world, std::string_view name) {
  auto pod = world.get("", "pods", "default", name);
  return pod ? std::string((*pod)["status"]["phase"].as_string()) : "gone";
}

TEST(World, APodOnANodeRunsAndGoes) {
  World world;
  world.add_node("n1");
  world.apply(kPod);
  EXPECT_TRUE(world.run_until([&] { return phase(world, "web") == "Running"; }, 5));
  EXPECT_TRUE(world.api().remove(client::builtin("", "pods"), "default", "web", {.grace_seconds = 30}).has_value());
  EXPECT_EQ(phase(world, "web"), "Running");
  EXPECT_TRUE(world.run_until([&] { return phase(world, "web") == "gone"; }, 5));
}

TEST(World, AContainerThatExitsEndsItsPod) {
  World world;
  world.add_node("n1");
  for (auto [name, code, policy] : {std::tuple("good", "0", "Never"), std::tuple("bad", "3", "Never"), std::tuple("again", "3", "OnFailure")})
    world.apply(concat("{apiVersion: v1, kind: Pod, metadata: {name: ", name, "}, spec: {nodeName: n1, restartPolicy: ", policy,
                       ", containers: [{name: c, image: i, command: [exit, '", code, "']}]}}"));
  world.run_for(30);
  EXPECT_EQ(phase(world, "good"), "Succeeded");
  EXPECT_EQ(phase(world, "bad"), "Failed");
  EXPECT_EQ(phase(world, "again"), "Running");
  auto again = world.get("", "pods", "default", "again");
  EXPECT_GE((*again)["status"]["containerStatuses"].item(0)["restartCount"].as_int(), 1);
}

TEST(World, ASeedIsARun) {
  auto run = [](uint64_t seed) {
    World world(seed, {.conflicts = 200, .timeouts = 100, .dropped_watches = 100});
    world.add_node("n1");
    world.apply(kPod);
    world.run_for(60);
    auto pod = world.get("", "pods", "default", "web");
    return concat(phase(world, "web"), " ", pod->revision(), " ", (*pod)["metadata"]["uid"].as_string());
  };
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7), run(8));
}

TEST(World, AStoppedNodeSaysNothing) {
  World world;
  world.add_node("n1");
  world.run_for(15);
  auto renewed = [&] {
    auto lease = world.get("coordination.k8s.io", "leases", "kube-node-lease", "n1");
    return lease ? lease->revision() : 0;
  };
  auto before = renewed();
  ASSERT_GT(before, 0);
  world.stop_node("n1");
  world.run_for(60);
  EXPECT_EQ(renewed(), before);
}

}  // namespace
}  // namespace sampan::simulate
