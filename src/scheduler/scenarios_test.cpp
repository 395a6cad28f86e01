// The whole scheduler against the real API server in virtual time, under faults.
#include <gtest/gtest.h>

#include "base/text.h"
#include "simulate/seeds.h"
#include "simulate/world.h"

namespace sampan::scheduler {
namespace {

using simulate::Faults;
using simulate::World;

constexpr Faults kBadDay{.conflicts = 50, .timeouts = 50, .dropped_watches = 100};

// With whom takes the taint off nodes that have become ready.
void start(World& world) {
  world.start_controllers({"node-lifecycle-controller"});
  world.start_scheduler();
}

std::string pod(std::string_view name, std::string_view spec = {}, std::string_view labels = "{}") {
  return concat("{apiVersion: v1, kind: Pod, metadata: {name: ", name, ", labels: ", labels, "}, spec: {", spec, spec.empty() ? "" : ", ",
                "containers: [{name: c, image: i, resources: {requests: {cpu: 100m}}}]}}");
}

std::string node_of(World& world, std::string_view name) {
  auto object = world.get("", "pods", "default", name);
  return object ? std::string((*object)["spec"]["nodeName"].as_string()) : "gone";
}

size_t count_placed(World& world) {
  size_t count = 0;
  for (auto& object : world.list("", "pods", "default")) count += !(*object)["spec"]["nodeName"].as_string().empty();
  return count;
}

bool has_event(World& world, std::string_view reason, std::string_view note) {
  for (auto& event : world.list("", "events", "default"))
    if ((*event)["reason"].as_string() == reason && (*event)["message"].as_string().find(note) != std::string_view::npos) return true;
  return false;
}

std::string scheduled_condition(World& world, std::string_view name) {
  auto object = world.get("", "pods", "default", name);
  auto conditions = (*object)["status"]["conditions"];
  for (uint32_t i = 0; i < conditions.size(); i++)
    if (auto one = conditions.item(i); one["type"].as_string() == "PodScheduled")
      return concat(one["status"].as_string(), " ", one["reason"].as_string(), " ", one["message"].as_string());
  return "none";
}

TEST(Scenarios, pending_pods_are_placed_when_a_node_arrives) {
  for (uint64_t seed : simulate::seeds()) {
    World world(seed, seed == 1 ? Faults() : kBadDay);
    start(world);
    std::string yaml;
    for (int i = 0; i < 10; i++) append(yaml, i ? "\n---\n" : "", pod(concat("p", i)));
    world.apply(yaml);
    world.run_for(5);
    ASSERT_EQ(count_placed(world), 0u) << seed;
    if (seed == 1) {
      EXPECT_EQ(scheduled_condition(world, "p0"), "False Unschedulable no nodes available to schedule pods");
      EXPECT_TRUE(has_event(world, "FailedScheduling", "no nodes available to schedule pods"));
    }
    world.add_node("n1");
    ASSERT_TRUE(world.run_until([&] { return count_placed(world) == 10; }, 60)) << seed;
    world.run_for(20);
    EXPECT_TRUE(world.running_scheduler().idle()) << seed;
    if (seed == 1) { EXPECT_TRUE(has_event(world, "Scheduled", "Successfully assigned default/p0 to n1")); }
  }
}

TEST(Scenarios, room_that_is_given_back_is_used) {
  for (uint64_t seed : simulate::seeds()) {
    World world(seed, kBadDay);
    start(world);
    world.add_node("n1");
    world.add_node("n2");
    world.run_for(2);
    std::string_view port = "hostNetwork: false";
    auto with_port = [&](std::string_view name) {
      return concat("{apiVersion: v1, kind: Pod, metadata: {name: ", name, "}, spec: {", port,
                    ", containers: [{name: c, image: i, ports: [{containerPort: 80, hostPort: 80}]}]}}");
    };
    for (auto name : {"a", "b", "c"}) world.apply(with_port(name));
    world.run_for(15);
    ASSERT_EQ(count_placed(world), 2u) << seed;
    for (auto name : {"a", "b", "c"})
      if (!node_of(world, name).empty()) {
        (void)world.api().remove(client::builtin("", "pods"), "default", name, {.grace_seconds = 0});
        break;
      }
    ASSERT_TRUE(world.run_until([&] { return count_placed(world) == 2; }, 60)) << seed;
  }
}

TEST(Scenarios, the_less_important_make_room) {
  constexpr std::string_view kClasses =
      "{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: high}, value: 1000}\n---\n"
      "{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: low}, value: 1}";
  auto big = [](std::string_view name, std::string_view priority) {
    return concat("{apiVersion: v1, kind: Pod, metadata: {name: ", name, "}, spec: {priorityClassName: ", priority,
                  ", terminationGracePeriodSeconds: 0, containers: [{name: c, image: i, ports: [{containerPort: 80, hostPort: 80}]}]}}");
  };
  for (uint64_t seed : simulate::seeds()) {
    World world(seed, seed == 1 ? Faults() : kBadDay);
    world.apply(kClasses);
    start(world);
    world.add_node("n1");
    world.apply(big("low", "low"));
    ASSERT_TRUE(world.run_until([&] { return node_of(world, "low") == "n1"; }, 60)) << seed;
    world.apply(big("high", "high"));
    ASSERT_TRUE(world.run_until([&] { return node_of(world, "high") == "n1"; }, 120)) << seed;
    EXPECT_EQ(node_of(world, "low"), "gone") << seed;
    if (seed == 1) { EXPECT_TRUE(has_event(world, "Preempted", "Preempted by pod ")); }
  }
}

TEST(Scenarios, gates_and_strangers) {
  World world;
  start(world);
  world.add_node("n1");
  world.apply(pod("gated", "schedulingGates: [{name: later}]"));
  world.apply(pod("stranger", "schedulerName: somebody-else"));
  world.run_for(20);
  EXPECT_EQ(node_of(world, "gated"), "");
  EXPECT_EQ(node_of(world, "stranger"), "");
  Arena arena;
  auto patch = schema::Value::object(arena);
  patch.ensure_object("spec").set("schedulingGates", schema::Value::null());
  ASSERT_TRUE(world.api().patch(client::builtin("", "pods"), "default", "gated", client::PatchType::Merge, patch).has_value());
  EXPECT_TRUE(world.run_until([&] { return node_of(world, "gated") == "n1"; }, 5));
}

TEST(Scenarios, pods_that_do_not_fit_say_why_once) {
  World world;
  start(world);
  world.add_node("n1");
  world.run_for(2);
  world.apply("{apiVersion: v1, kind: Pod, metadata: {name: huge}, spec: {containers: [{name: c, image: i, resources: {requests: {cpu: '1000'}}}]}}");
  world.run_for(30);
  std::string_view want =
      "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful "
      "for scheduling.";
  EXPECT_EQ(scheduled_condition(world, "huge"), concat("False Unschedulable ", want));
  EXPECT_TRUE(has_event(world, "FailedScheduling", want));
}

TEST(Scenarios, volumes_are_made_where_the_pod_goes) {
  for (uint64_t seed : simulate::seeds()) {
    World world(seed, seed == 1 ? Faults() : kBadDay);
    world.apply(
        "{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: local}, provisioner: kubernetes.io/no-provisioner, volumeBindingMode: "
        "WaitForFirstConsumer}\n---\n{apiVersion: v1, kind: PersistentVolume, metadata: {name: disk}, spec: {storageClassName: local, capacity: "
        "{storage: 1Gi}, accessModes: [ReadWriteOnce], local: {path: /disk}, nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: "
        "[{key: kubernetes.io/hostname, operator: In, values: [n2]}]}]}}}}\n---\n{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: "
        "data}, spec: {storageClassName: local, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}");
    world.start_controllers({"node-lifecycle-controller", "persistentvolume-binder-controller"});
    world.start_scheduler();
    for (auto name : {"n1", "n2"}) world.add_node(name);
    world.run_for(5);
    world.apply(pod("user", "volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]"));
    ASSERT_TRUE(world.run_until([&] { return node_of(world, "user") == "n2"; }, 300)) << seed << scheduled_condition(world, "user");
    auto claim = world.get("", "persistentvolumeclaims", "default", "data");
    EXPECT_EQ((*claim)["spec"]["volumeName"].as_string(), "disk");
  }
}

TEST(Scenarios, spread_holds_under_faults) {
  for (uint64_t seed : simulate::seeds()) {
    World world(seed, kBadDay);
    start(world);
    for (auto name : {"n1", "n2", "n3"}) world.add_node(name);
    world.run_for(2);
    std::string yaml;
    for (int i = 0; i < 9; i++)
      append(yaml, i ? "\n---\n" : "",
             pod(concat("p", i),
                 "topologySpreadConstraints: [{maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, labelSelector: "
                 "{matchLabels: {app: web}}}]",
                 "{app: web}"));
    world.apply(yaml);
    ASSERT_TRUE(world.run_until([&] { return count_placed(world) == 9; }, 120)) << seed;
    std::map<std::string, int> nodes;
    for (int i = 0; i < 9; i++) nodes[node_of(world, concat("p", i))]++;
    EXPECT_EQ(nodes.size(), 3u) << seed;
    for (auto& [name, count] : nodes) EXPECT_EQ(count, 3) << seed << name;
  }
}

}  // namespace
}  // namespace sampan::scheduler
