// Each plug-in against small clusters: where a pod goes, and what is said where it cannot.
#include "scheduler/testing.h"

namespace sampan::scheduler {
namespace {

using testing::Cluster;
constexpr std::string_view kNotHelpful = " no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
constexpr std::string_view kNoVictims =
    " no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.";

std::string refusal(std::string_view reason, std::string_view tail) { return concat("0/1 nodes are available: 1 ", reason, ".", tail); }

TEST(Plugins, filters_of_a_node_alone) {
  struct Case {
    std::string_view labels, node, pod, want;  // want "" = it goes there
  };
  const Case cases[] = {
      {"{}", "{}", "", ""},
      {"{}", "{unschedulable: true}", "", "node(s) were unschedulable"},
      {"{}", "{unschedulable: true}", "tolerations: [{key: node.kubernetes.io/unschedulable, operator: Exists}]", ""},
      {"{}", "{taints: [{key: a, value: b, effect: NoSchedule}]}", "", "node(s) had untolerated taint(s)"},
      {"{}", "{taints: [{key: a, value: b, effect: NoSchedule}]}", "tolerations: [{key: a, value: c, effect: NoSchedule}]",
       "node(s) had untolerated taint(s)"},
      {"{}", "{taints: [{key: a, value: b, effect: NoSchedule}]}", "tolerations: [{key: a, value: b}]", ""},
      {"{}", "{taints: [{key: a, effect: NoExecute}]}", "tolerations: [{operator: Exists}]", ""},
      {"{}", "{taints: [{key: a, effect: PreferNoSchedule}]}", "", ""},
      {"{disk: ssd}", "{}", "nodeSelector: {disk: ssd}", ""},
      {"{disk: hdd}", "{}", "nodeSelector: {disk: ssd}", "node(s) didn't match Pod's node affinity/selector"},
      {"{cores: '9'}", "{}",
       "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: cores, operator: "
       "Gt, values: ['8']}]}]}}}",
       ""},
      {"{cores: '8'}", "{}",
       "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: cores, operator: "
       "Gt, values: ['8']}]}]}}}",
       "node(s) didn't match Pod's node affinity/selector"},
      {"{}", "{}",
       "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchFields: [{key: metadata.name, "
       "operator: In, values: [other]}]}]}}}",
       "node(s) didn't satisfy plugin(s) [NodeAffinity]"},
  };
  for (auto& one : cases) {
    Cluster cluster;
    cluster.node("n1", one.labels, one.node);
    EXPECT_EQ(cluster.decide(one.pod), one.want.empty() ? "n1" : refusal(one.want, kNotHelpful)) << one.pod << " on " << one.node << one.labels;
  }
}

TEST(Plugins, room) {
  struct Case {
    std::string_view allocatable, pod, want;
    bool for_good;
  };
  const Case cases[] = {
      {"{cpu: '2', memory: 1Gi, pods: '10'}", "containers: [{name: c, image: i, resources: {requests: {cpu: '1'}}}]", "", false},
      {"{cpu: '2', memory: 1Gi, pods: '10'}", "containers: [{name: c, image: i, resources: {requests: {cpu: 1500m}}}]", "Insufficient cpu", false},
      {"{cpu: '2', memory: 1Gi, pods: '10'}", "containers: [{name: c, image: i, resources: {requests: {cpu: '3'}}}]", "Insufficient cpu", true},
      {"{cpu: '2', memory: 1Gi, pods: '10'}", "containers: [{name: c, image: i, resources: {requests: {memory: 1025Mi}}}]",
       "Insufficient memory", true},
      {"{cpu: '2', memory: 1Gi, pods: '1'}", "", "Too many pods", false},
      {"{cpu: '2', memory: 1Gi, pods: '10'}", "containers: [{name: c, image: i, resources: {requests: {example.com/gpu: '1'}}}]",
       "Insufficient example.com/gpu", true},
      {"{cpu: '2', memory: 1Gi, pods: '10', example.com/gpu: '1'}",
       "containers: [{name: c, image: i, resources: {requests: {example.com/gpu: '1'}}}]", "", false},
      // The largest init container counts, a sidecar always; overhead comes on top.
      {"{cpu: '2', memory: 1Gi, pods: '10'}",
       "initContainers: [{name: x, image: i, resources: {requests: {cpu: 1600m}}}]\ncontainers: [{name: c, image: i}]", "Insufficient cpu", false},
      {"{cpu: '2', memory: 1Gi, pods: '10'}",
       "initContainers: [{name: x, image: i, restartPolicy: Always, resources: {requests: {cpu: 800m}}}]\ncontainers: [{name: c, image: i, "
       "resources: {requests: {cpu: 800m}}}]",
       "Insufficient cpu", false},
      {"{cpu: '2', memory: 1Gi, pods: '10'}",
       "overhead: {cpu: 600m}\ncontainers: [{name: c, image: i, resources: {requests: {cpu: 800m}}}]", "Insufficient cpu", false},
      {"{cpu: '2', memory: 1Gi, pods: '10'}",
       "resources: {requests: {cpu: '1'}}\ncontainers: [{name: c, image: i, resources: {requests: {cpu: 100m}}}]", "", false},
  };
  for (auto& one : cases) {
    Cluster cluster;
    cluster.node("n1", "{}", "{}", one.allocatable);
    cluster.placed("there", "n1", "containers: [{name: c, image: i, resources: {requests: {cpu: 700m}}}]");
    EXPECT_EQ(cluster.decide(one.pod), one.want.empty() ? "n1" : refusal(one.want, one.for_good ? kNotHelpful : kNoVictims)) << one.pod;
  }
}

// Who names a node itself asks nobody, and may ask for more than there are numbers for.
TEST(Plugins, more_than_can_be_counted) {
  Cluster cluster;
  cluster.node("n1", "{}", "{}", "{cpu: '9000000000000000', memory: 8Ei, pods: '10'}");
  for (std::string_view name : {"a", "b", "c"})
    cluster.placed(name, "n1", "containers: [{name: c, image: i, resources: {requests: {cpu: '9000000000000000', memory: 8Ei}}}]");
  EXPECT_EQ(cluster.decide("containers: [{name: c, image: i, resources: {requests: {cpu: '9000000000000000', memory: 8Ei}}}]"),
            refusal("Insufficient cpu, 1 Insufficient memory", kNoVictims));
}

TEST(Plugins, several_reasons_are_counted) {
  Cluster cluster;
  cluster.node("a", "{}", "{unschedulable: true}");
  cluster.node("b", "{}", "{taints: [{key: k, effect: NoSchedule}]}");
  cluster.node("c", "{}", "{}", "{cpu: '1', memory: 1Mi, pods: '10'}");
  EXPECT_EQ(cluster.decide("containers: [{name: c, image: i, resources: {requests: {cpu: '2', memory: 1Gi}}}]"),
            "0/3 nodes are available: 1 Insufficient cpu, 1 Insufficient memory, 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable. "
            "no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.");
}

TEST(Plugins, host_ports) {
  struct Case {
    std::string_view used, wanted;
    bool fits;
  };
  const Case cases[] = {
      {"{containerPort: 1, hostPort: 80}", "{containerPort: 1, hostPort: 80}", false},
      {"{containerPort: 1, hostPort: 80}", "{containerPort: 1, hostPort: 81}", true},
      {"{containerPort: 1, hostPort: 80}", "{containerPort: 1, hostPort: 80, protocol: UDP}", true},
      {"{containerPort: 1, hostPort: 80, hostIP: 10.0.0.1}", "{containerPort: 1, hostPort: 80, hostIP: 10.0.0.2}", true},
      {"{containerPort: 1, hostPort: 80, hostIP: 10.0.0.1}", "{containerPort: 1, hostPort: 80}", false},
      {"{containerPort: 80}", "{containerPort: 80}", true},
  };
  for (auto& one : cases) {
    Cluster cluster;
    cluster.node("n1");
    auto spec = [](std::string_view port) { return concat("containers: [{name: c, image: i, ports: [", port, "]}]"); };
    cluster.placed("there", "n1", spec(one.used));
    auto want = refusal("node(s) didn't have free ports for the requested pod ports", kNoVictims);
    EXPECT_EQ(cluster.decide(spec(one.wanted)), one.fits ? "n1" : want) << one.used << one.wanted;
  }
}

TEST(Plugins, gates_keep_a_pod_out) {
  Cluster cluster;
  auto gated = cluster.state.make_pod(Cluster::pod_object("p", "schedulingGates: [{name: a}, {name: b}]"));
  auto status = cluster.profile->pre_enqueue(*gated);
  EXPECT_EQ(status.message(), "waiting for scheduling gates: [a b]");
  EXPECT_EQ(status.plugin, "SchedulingGates");
  EXPECT_TRUE(cluster.profile->pre_enqueue(*cluster.state.make_pod(Cluster::pod_object("p", ""))).ok());
}

TEST(Plugins, emptier_and_better_balanced_nodes_win) {
  Cluster cluster;
  cluster.node("full");
  cluster.node("empty");
  cluster.placed("a", "full", "containers: [{name: c, image: i, resources: {requests: {cpu: '2', memory: 4Gi}}}]");
  EXPECT_EQ(cluster.decide("containers: [{name: c, image: i, resources: {requests: {cpu: 100m, memory: 100Mi}}}]"), "empty");
  Cluster packed(R"(
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- pluginConfig:
  - {name: NodeResourcesFit, args: {scoringStrategy: {type: MostAllocated}}}
)");
  packed.node("full");
  packed.node("empty");
  packed.placed("a", "full", "containers: [{name: c, image: i, resources: {requests: {cpu: '2', memory: 4Gi}}}]");
  EXPECT_EQ(packed.decide("containers: [{name: c, image: i, resources: {requests: {cpu: 100m, memory: 100Mi}}}]"), "full");
}

TEST(Plugins, preferences) {
  Cluster cluster;
  cluster.node("plain");
  cluster.node("tainted", "{}", "{taints: [{key: k, effect: PreferNoSchedule}]}");
  cluster.node("liked", "{color: red}");
  EXPECT_EQ(cluster.decide("affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 5, preference: {matchExpressions: "
                           "[{key: color, operator: In, values: [red]}]}}]}}"),
            "liked");
  EXPECT_NE(cluster.decide(""), "tainted");
}

TEST(Plugins, images_that_are_there_attract) {
  Cluster cluster;
  cluster.node("a");
  cluster.state.set_node(testing::object_of("v1", "Node", R"(
metadata: {name: b, labels: {kubernetes.io/hostname: b}}
status:
  allocatable: {cpu: '4', memory: 8Gi, pods: '110'}
  images: [{names: ["registry.example/big:latest"], sizeBytes: 900000000}])"));
  EXPECT_EQ(cluster.decide("containers: [{name: c, image: registry.example/big}]"), "b");
}

}  // namespace
}  // namespace sampan::scheduler
