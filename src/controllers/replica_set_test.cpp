// Replica sets and replication controllers.
#include "controllers/replica_set.h"

#include "controllers/scenario_for_test.h"
#include "registry/testing.h"

namespace sampan::controllers {
namespace {

using schema::ObjectRef;
using testing::Scenario;

// name, node, phase, ready since (0: not ready), cost, restarts
struct PodCase {
  std::string_view name, node, phase;
  int64_t ready_since = 0;
  int cost = 0, restarts = 0;
};

std::string time_text(int64_t seconds) { return concat("'2026-01-01T00:", seconds < 600 ? "0" : "", seconds / 60, ":", seconds % 60 < 10 ? "0" : "", seconds % 60, "Z'"); }

ObjectRef make_pod(const PodCase& c) {
  return registry::testing::make(
      "v1", "Pod",
      concat("{'metadata':{'name':'", c.name, "','uid':'", c.name, "','creationTimestamp':'2026-01-01T00:00:00Z','annotations':{",
             "'controller.kubernetes.io/pod-deletion-cost':'", c.cost, "'}},'spec':{'nodeName':'", c.node, "'},'status':{'phase':'", c.phase,
             "','containerStatuses':[{'name':'c','restartCount':", c.restarts, "}],'conditions':[{'type':'Ready','status':'",
             c.ready_since ? "True" : "False", "','lastTransitionTime':", time_text(c.ready_since), "}]}}"));
}

TEST(ReplicaSet, WhatIsGivenUpFirst) {
  constexpr int64_t kNow = 1'767'225'600'000'000 + 3'000'000'000;  // 50 minutes later
  const struct {
    std::string_view name;
    std::vector<PodCase> pods;
    std::string_view first;
  } cases[] = {
      {"unassigned", {{"a", "n", "Pending"}, {"b", "", "Pending"}}, "b"},
      {"pending", {{"a", "n", "Running"}, {"b", "n", "Pending"}}, "b"},
      {"not ready", {{"a", "n", "Running", 60}, {"b", "n", "Running"}}, "b"},
      {"cheap", {{"a", "n", "Running", 60, 5}, {"b", "n", "Running", 60, -5}}, "b"},
      {"crowded", {{"a", "m", "Running", 60}, {"b", "n", "Running", 60}, {"c", "n", "Running", 60}}, "b"},
      {"ready for a short time", {{"a", "n", "Running", 60}, {"b", "m", "Running", 2990}}, "b"},
      {"of the same age by and large the lower uid", {{"b", "n", "Running", 60}, {"a", "m", "Running", 90}}, "a"},
      {"restarted", {{"a", "n", "Running", 60, 0, 1}, {"b", "m", "Running", 60, 0, 7}}, "b"},
  };
  for (const auto& c : cases) {
    Objects pods;
    for (const auto& pod : c.pods) pods.push_back(make_pod(pod));
    auto plan = plan_replicas(static_cast<int32_t>(pods.size()) - 1, pods, pods, kNow);
    ASSERT_EQ(plan.remove.size(), 1u) << c.name;
    EXPECT_EQ(pod_of(*plan.remove[0]).metadata().name(), c.first) << c.name;
  }
}

TEST(ReplicaSet, HowMany) {
  Objects three;
  for (auto name : {"a", "b", "c"}) three.push_back(make_pod({name, "n", "Running", 60}));
  EXPECT_EQ(plan_replicas(5, three, {}, 0).create, 2);
  EXPECT_EQ(plan_replicas(5000, three, {}, 0).create, 500);
  EXPECT_EQ(plan_replicas(3, three, {}, 0).create, 0);
  EXPECT_EQ(plan_replicas(3, three, {}, 0).remove.size(), 0u);
  EXPECT_EQ(plan_replicas(0, three, {}, 0).remove.size(), 3u);
}

constexpr std::string_view kSet = R"(
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: i}]}
)";

constexpr std::string_view kController = R"(
apiVersion: v1
kind: ReplicationController
metadata: {name: web}
spec:
  replicas: 3
  selector: {app: web}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: i}]}
)";

TEST(ReplicaSetScenario, ScalesReplacesAdoptsAndLetsGo) {
  const struct {
    std::string_view yaml, group, resource, controller;
  } kinds[] = {{kSet, "apps", "replicasets", "replicaset-controller"}, {kController, "", "replicationcontrollers", "replicationcontroller-controller"}};
  for (uint64_t seed : simulate::seeds()) {
    const auto& kind = kinds[seed % 2];
    SCOPED_TRACE(seed);
    Scenario s(seed, {kind.controller});
    auto ready = [&] { return s.status(kind.group, kind.resource, "web", "readyReplicas"); };
    s.world.apply("{apiVersion: v1, kind: Pod, metadata: {name: stray, labels: {app: web}}, spec: {containers: [{name: c, image: i}]}}");
    s.world.run_for(5);
    s.world.apply(kind.yaml);
    ASSERT_TRUE(s.until([&] { return ready() == 3; }));
    EXPECT_EQ(s.active_pods().size(), 3u);
    EXPECT_EQ((*s.get("", "pods", "stray"))["metadata"]["ownerReferences"].item(0)["name"].as_string(), "web");

    s.merge("", "pods", "stray", "{'metadata':{'labels':{'app':'other'}}}");
    ASSERT_TRUE(s.until([&] { return s.active_pods().size() == 4 && ready() == 3; }));
    EXPECT_FALSE((*s.get("", "pods", "stray"))["metadata"]["ownerReferences"].present());

    s.merge(kind.group, kind.resource, "web", "{'spec':{'replicas':5}}");
    ASSERT_TRUE(s.until([&] { return ready() == 5; }));
    s.merge(kind.group, kind.resource, "web", "{'spec':{'replicas':1}}");
    ASSERT_TRUE(s.until([&] { return ready() == 1 && s.pods().size() == 2; }));
    EXPECT_TRUE(s.until([&] { return s.has_event("SuccessfulCreate", "Created pod: web-") && s.has_event("SuccessfulDelete", "Deleted pod: web-"); }));
  }
}

}  // namespace
}  // namespace sampan::controllers
