// Nodes: their health, taints, evictions and addresses.
#include "base/text.h"
#include "controllers/cidr_set.h"
#include "controllers/node_health.h"
#include "controllers/seeds_for_test.h"
#include "controllers/taints.h"
#include "controllers/tree.h"
#include "registry/testing.h"

namespace sampan::controllers {
namespace {

using simulate::World;

constexpr int64_t kSecond = 1'000'000;

TEST(NodeHealth, Silence) {
  NodeHealth health;
  NodeSigns signs{.uid = "u", .created_us = 0, .heartbeat = 0, .transition = 0, .lease_renewed_us = 0};
  int64_t now = 1'000 * kSecond;
  EXPECT_FALSE(is_silent(health, signs, now));  // seen for the first time: it gets its whole time
  EXPECT_FALSE(is_silent(health, signs, now + 50 * kSecond));
  signs.lease_renewed_us = 1;
  EXPECT_FALSE(is_silent(health, signs, now + 51 * kSecond));
  EXPECT_FALSE(is_silent(health, signs, now + 101 * kSecond));
  EXPECT_TRUE(is_silent(health, signs, now + 102 * kSecond));
  signs.heartbeat = 90;
  EXPECT_FALSE(is_silent(health, signs, now + 103 * kSecond));
  NodeHealth never;
  NodeSigns mute{.uid = "m", .created_us = now, .heartbeat = {}, .transition = {}, .lease_renewed_us = 0};
  EXPECT_FALSE(is_silent(never, mute, now + 60 * kSecond));
  EXPECT_TRUE(is_silent(never, mute, now + 61 * kSecond));
}

TEST(NodeHealth, Zones) {
  const struct {
    int ready, not_ready;
    ZoneState state;
  } cases[] = {{0, 0, ZoneState::Normal},  {1, 0, ZoneState::Normal}, {0, 1, ZoneState::FullDisruption},
               {1, 2, ZoneState::Normal},  {2, 3, ZoneState::PartialDisruption}, {3, 3, ZoneState::Normal}};
  for (const auto& c : cases) EXPECT_EQ(zone_state(c.ready, c.not_ready), c.state) << c.ready << " " << c.not_ready;
  EXPECT_EQ(eviction_rate(ZoneState::PartialDisruption, 10), 0);
  EXPECT_EQ(eviction_rate(ZoneState::PartialDisruption, 51), 0.01);
}

TEST(NodeHealth, Tokens) {
  TokenBucket bucket(0.1);
  int64_t now = 1'000 * kSecond;
  EXPECT_TRUE(bucket.take(now));
  EXPECT_FALSE(bucket.take(now + 9 * kSecond));
  EXPECT_EQ(bucket.next_us(now + 9 * kSecond), 1 * kSecond);
  EXPECT_TRUE(bucket.take(now + 11 * kSecond));
  bucket.set_rate(0, now + 11 * kSecond);
  EXPECT_FALSE(bucket.take(now + 100 * kSecond));
  EXPECT_EQ(bucket.next_us(now + 100 * kSecond), -1);
}

TEST(Taints, SecondsTolerated) {
  const struct {
    std::string_view name, tolerations;
    std::optional<int64_t> seconds;
  } cases[] = {
      {"none", "", 0},
      {"another", "{'key':'b','operator':'Exists'}", 0},
      {"for ever", "{'key':'a','operator':'Exists'}", std::nullopt},
      {"everything", "{'operator':'Exists'}", std::nullopt},
      {"another effect", "{'key':'a','operator':'Exists','effect':'NoSchedule'}", 0},
      {"a time", "{'key':'a','operator':'Exists','tolerationSeconds':30}", 30},
      {"no time", "{'key':'a','operator':'Exists','tolerationSeconds':-1}", 0},
      {"value", "{'key':'a','operator':'Equal','value':'v'}", std::nullopt},
      {"another value", "{'key':'a','value':'w'}", 0},
  };
  for (const auto& c : cases) {
    auto pod = registry::testing::make("v1", "Pod", concat("{'metadata':{'name':'p'},'spec':{'tolerations':[", c.tolerations, "]}}"));
    EXPECT_EQ(seconds_tolerated(*pod, {{"a", "v", "NoExecute"}}), c.seconds) << c.name;
  }
}

TEST(CidrSet, GivesAndTakes) {
  auto set = CidrSet::create("10.244.0.0/22", 24, 64);
  ASSERT_TRUE(set.has_value());
  EXPECT_TRUE(set->occupy("10.244.1.0/24"));
  EXPECT_FALSE(set->occupy("10.245.0.0/24"));
  EXPECT_EQ(set->allocate(), "10.244.0.0/24");
  EXPECT_EQ(set->allocate(), "10.244.2.0/24");
  EXPECT_EQ(set->allocate(), "10.244.3.0/24");
  EXPECT_EQ(set->allocate(), std::nullopt);
  EXPECT_TRUE(set->release("10.244.2.0/24"));
  EXPECT_EQ(set->allocate(), "10.244.2.0/24");
  auto six = CidrSet::create("fd00:10:244::/56", 24, 64);
  ASSERT_TRUE(six.has_value());
  EXPECT_EQ(six->allocate(), "fd00:10:244::/64");
  EXPECT_EQ(six->allocate(), "fd00:10:244:1::/64");
  EXPECT_TRUE(six->occupy("fd00:10:244::/60"));  // sixteen blocks
  EXPECT_EQ(six->allocate(), "fd00:10:244:10::/64");
  EXPECT_FALSE(CidrSet::create("10.0.0.0/8", 28, 64).has_value());
  EXPECT_FALSE(CidrSet::create("10.0.0.0/25", 24, 64).has_value());
}

std::string pod(std::string_view name, std::string_view node) {
  return concat("apiVersion: v1\nkind: Pod\nmetadata: {name: ", name, "}\nspec: {nodeName: ", node,
                ", containers: [{name: c, image: i}], tolerations: [{key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, "
                "tolerationSeconds: 30}]}\n");
}

TEST(Nodes, ALostNodeLosesItsPods) {
  for_seeds([](World& world) {
    for (auto name : {"n1", "n2"}) world.add_node(name);
    world.apply(pod("stays", "n1"));
    world.apply(pod("goes", "n2"));
    world.start_controllers({"node-lifecycle-controller", "taint-eviction-controller"});
    auto is = [&](std::string_view name, std::string_view condition, std::string_view status) {
      auto object = world.get("", name.starts_with("n") ? "nodes" : "pods", name.starts_with("n") ? "" : "default", name);
      return object && condition_of((*object)["status"]["conditions"], condition)["status"].as_string() == status;
    };
    EXPECT_TRUE(world.run_until([&] { return is("goes", "Ready", "True") && is("stays", "Ready", "True") && is("n2", "Ready", "True"); }, 60));
    world.stop_node("n2");
    EXPECT_TRUE(world.run_until([&] { return is("n2", "Ready", "Unknown"); }, 120));
    EXPECT_TRUE(world.run_until([&] { return is("goes", "Ready", "False"); }, 60));
    EXPECT_TRUE(world.run_until([&] { return has_taint(*world.get("", "nodes", "", "n2"), kUnreachable, "NoExecute"); }, 60));
    EXPECT_TRUE(world.run_until([&] { return is_deleting(*world.get("", "pods", "default", "goes")); }, 120));
    EXPECT_TRUE(is("goes", "DisruptionTarget", "True"));
    EXPECT_FALSE(is_deleting(*world.get("", "pods", "default", "stays")));
    EXPECT_TRUE(is("n1", "Ready", "True"));
  });
}

TEST(Nodes, WhenAllAreGoneNobodyIsEvicted) {
  for_seeds(
      [](World& world) {
        for (auto name : {"n1", "n2"}) world.add_node(name);
        world.apply(pod("a", "n1"));
        world.start_controllers({"node-lifecycle-controller", "taint-eviction-controller"});
        world.run_for(20);
        for (auto name : {"n1", "n2"}) world.stop_node(name);
        world.run_for(300);
        EXPECT_FALSE(is_deleting(*world.get("", "pods", "default", "a")));
        EXPECT_FALSE(has_taint(*world.get("", "nodes", "", "n1"), kUnreachable, "NoExecute"));
        EXPECT_TRUE(has_taint(*world.get("", "nodes", "", "n1"), kUnreachable, "NoSchedule"));
      },
      30);
}

TEST(Nodes, PodsOfANodeThatIsNoMoreGo) {
  for_seeds([](World& world) {
    world.apply(pod("left", "gone"));
    world.start_controllers({"pod-garbage-collector-controller"});
    world.run_for(30);
    EXPECT_TRUE(world.get("", "pods", "default", "left"));
    EXPECT_TRUE(world.run_until([&] { return !world.get("", "pods", "default", "left"); }, 300));
  });
}

}  // namespace
}  // namespace sampan::controllers
