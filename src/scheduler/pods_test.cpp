// Plug-ins that look at other pods: topology spread, pod affinity, preemption.
#include "scheduler/testing.h"

namespace sampan::scheduler {
namespace {

using testing::Cluster;
constexpr std::string_view kWeb = "{app: web}";

std::string spread(std::string_view key, std::string_view more = {}, std::string_view when = "DoNotSchedule") {
  return concat("topologySpreadConstraints: [{maxSkew: 1, topologyKey: ", key, ", whenUnsatisfiable: ", when,
                ", labelSelector: {matchLabels: {app: web}}", more.empty() ? "" : ", ", more, "}]");
}

std::string affinity(std::string_view kind, std::string_view key, std::string_view more = "labelSelector: {matchLabels: {app: web}}") {
  return concat("affinity: {", kind, ": {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: ", key, ", ", more, "}]}}");
}

struct Zones : Cluster {
  explicit Zones(std::string_view config = {}) : Cluster(config) {
    node("a1", "{zone: a}");
    node("a2", "{zone: a}");
    node("b1", "{zone: b}");
  }
};

std::string reason(const std::string& message) {  // between the colon and what preemption says
  auto from = message.find(": "), to = message.find(". no new claims");
  return from == std::string::npos || to == std::string::npos ? message : message.substr(from + 2, to - from - 2);
}

TEST(Spread, keeps_the_skew) {
  Zones cluster;
  cluster.placed("w1", "a1", {}, kWeb);
  EXPECT_EQ(cluster.decide(spread("zone"), kWeb), "b1");
  cluster.placed("w2", "b1", {}, kWeb);
  cluster.placed("w3", "b1", {}, kWeb);
  EXPECT_NE(cluster.decide(spread("zone"), kWeb), "b1");
  // A pod that is not meant itself counts nothing on its own.
  EXPECT_NE(cluster.decide(spread("zone"), "{app: other}"), "");
}

TEST(Spread, says_why) {
  Zones cluster;
  cluster.placed("w1", "b1", {}, kWeb);
  cluster.node("none");
  EXPECT_EQ(reason(cluster.decide(concat("nodeSelector: {kubernetes.io/hostname: b1}\n", spread("zone", "nodeAffinityPolicy: Ignore")), kWeb)),
            "1 node(s) didn't match pod topology spread constraints, 3 node(s) didn't match Pod's node affinity/selector");
  EXPECT_EQ(reason(cluster.decide(concat("nodeSelector: {kubernetes.io/hostname: none}\n", spread("zone")), kWeb)),
            "1 node(s) didn't match pod topology spread constraints (missing required label), 3 node(s) didn't match Pod's node affinity/selector");
  // With its own nodes alone, where a node selector is honoured, there is no skew.
  EXPECT_EQ(cluster.decide(concat("nodeSelector: {kubernetes.io/hostname: b1}\n", spread("zone")), kWeb), "b1");
}

TEST(Spread, min_domains_match_label_keys_and_leaving_pods) {
  Zones cluster;
  cluster.placed("w1", "a1", {}, kWeb);
  cluster.placed("w2", "b1", {}, kWeb);
  EXPECT_EQ(reason(cluster.decide(spread("zone", "minDomains: 3"), kWeb)), "3 node(s) didn't match pod topology spread constraints");
  EXPECT_NE(cluster.decide(spread("zone", "minDomains: 2"), kWeb), "");
  // Only pods of the same revision count.
  cluster.placed("w3", "a1", {}, "{app: web, rev: '1'}");
  EXPECT_EQ(cluster.decide(spread("zone", "matchLabelKeys: [rev]"), "{app: web, rev: '1'}"), "b1");
  Zones other;
  other.state.set_pod(testing::object_of("v1", "Pod",
                                         "{metadata: {name: w, namespace: default, uid: w, labels: {app: web}, deletionTimestamp: "
                                         "'2026-01-01T00:00:00Z'}, spec: {nodeName: b1, containers: [{name: c, image: i}]}}"));
  EXPECT_NE(reason(other.decide(spread("zone"), kWeb)), "");
  EXPECT_EQ(other.place("x", spread("zone"), kWeb).empty(), false);
}

TEST(Spread, taints_count_where_they_are_honoured) {
  Zones cluster;
  cluster.node("c1", "{zone: c}", "{taints: [{key: k, effect: NoSchedule}]}");
  cluster.placed("w1", "a1", {}, kWeb);
  cluster.placed("w2", "b1", {}, kWeb);
  EXPECT_EQ(reason(cluster.decide(spread("zone"), kWeb)),
            "1 node(s) had untolerated taint(s), 3 node(s) didn't match pod topology spread constraints");
  EXPECT_EQ(cluster.decide(spread("zone", "nodeTaintsPolicy: Honor"), kWeb).size(), 2u);
}

TEST(Spread, soft_constraints_and_defaults_prefer) {
  Zones cluster;
  for (auto name : {"w1", "w2", "w3"}) cluster.placed(name, "a1", {}, kWeb);
  EXPECT_EQ(cluster.decide(spread("zone", {}, "ScheduleAnyway"), kWeb), "b1");
  // Without constraints of its own: those of the service that selects it.
  cluster.lister.put(Lister::Kind::Service,
                     testing::object_of("v1", "Service", "{metadata: {name: s, namespace: default}, spec: {selector: {app: web}}}"));
  EXPECT_NE(cluster.decide("", kWeb), "a1");
}

TEST(Affinity, near_and_far) {
  struct Case {
    std::string_view kind, key, want;
  };
  const Case cases[] = {
      {"podAffinity", "zone", "a"},
      {"podAffinity", "kubernetes.io/hostname", "a1"},
      {"podAntiAffinity", "zone", "b1"},
  };
  for (auto& one : cases) {
    Zones cluster;
    cluster.placed("w1", "a1", {}, kWeb);
    EXPECT_TRUE(cluster.decide(affinity(one.kind, one.key)).starts_with(one.want)) << one.kind << one.key;
  }
  Zones cluster;
  EXPECT_EQ(reason(cluster.decide(affinity("podAffinity", "zone"))), "3 node(s) didn't match pod affinity rules");
  // The first of pods that attract each other.
  EXPECT_EQ(cluster.decide(affinity("podAffinity", "zone"), kWeb).size(), 2u);
  cluster.placed("w1", "a1", {}, kWeb);
  cluster.placed("w2", "b1", {}, kWeb);
  EXPECT_EQ(reason(cluster.decide(affinity("podAntiAffinity", "zone"))), "3 node(s) didn't match pod anti-affinity rules");
}

TEST(Affinity, what_is_there_may_keep_others_away) {
  Zones cluster;
  cluster.placed("loner", "a1", affinity("podAntiAffinity", "zone"));
  EXPECT_EQ(cluster.decide("", kWeb), "b1");
  EXPECT_NE(cluster.decide("", "{app: other}"), "");
  cluster.placed("loner2", "b1", affinity("podAntiAffinity", "zone"));
  EXPECT_EQ(reason(cluster.decide("", kWeb)), "3 node(s) didn't satisfy existing pods anti-affinity rules");
  cluster.state.remove_pod("uid-loner");
  EXPECT_TRUE(cluster.decide("", kWeb).starts_with("a"));
}

TEST(Affinity, namespaces) {
  Zones cluster;
  auto there = [&](std::string_view name_space) {
    cluster.state.set_pod(testing::object_of("v1", "Pod", concat("{metadata: {name: w, namespace: ", name_space, ", uid: w-", name_space,
                                                                 ", labels: {app: web}}, spec: {nodeName: b1, containers: [{name: c, image: i}]}}")));
  };
  there("prod");
  std::string_view selects = "labelSelector: {matchLabels: {app: web}}, namespaceSelector: {matchLabels: {stage: live}}";
  EXPECT_EQ(reason(cluster.decide(affinity("podAffinity", "zone", selects))), "3 node(s) didn't match pod affinity rules");
  cluster.state.set_namespace("prod", testing::object_of("v1", "Namespace", "{metadata: {name: prod, labels: {stage: live}}}"));
  EXPECT_EQ(cluster.decide(affinity("podAffinity", "zone", selects)), "b1");
  EXPECT_EQ(cluster.decide(affinity("podAffinity", "zone", "labelSelector: {matchLabels: {app: web}}, namespaces: [prod]")), "b1");
  EXPECT_EQ(cluster.decide(affinity("podAffinity", "zone", "labelSelector: {matchLabels: {app: web}}, namespaceSelector: {}")), "b1");
}

TEST(Affinity, preferences_on_both_sides) {
  auto preferred = [](std::string_view kind) {
    return concat("affinity: {", kind, ": {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 100, podAffinityTerm: {topologyKey: "
                  "kubernetes.io/hostname, labelSelector: {matchLabels: {app: web}}}}]}}");
  };
  Zones cluster;
  cluster.placed("w1", "a2", {}, kWeb);
  EXPECT_EQ(cluster.decide(preferred("podAffinity")), "a2");
  EXPECT_NE(cluster.decide(preferred("podAntiAffinity")), "a2");
  Zones other;
  other.placed("fan", "b1", preferred("podAffinity"));
  EXPECT_EQ(other.decide("", kWeb), "b1");
}

std::string sized(std::string_view priority, std::string_view cpu) {
  return concat("priority: ", priority, "\ncontainers: [{name: c, image: i, resources: {requests: {cpu: ", cpu, "}}}]");
}

TEST(Preemption, evicts_as_few_and_as_unimportant_as_will_do) {
  Cluster cluster;
  cluster.node("n1");
  cluster.node("n2");
  cluster.placed("a", "n1", sized("10", "2"));
  cluster.placed("b", "n1", sized("5", "2"));
  cluster.placed("c", "n2", sized("20", "4"));
  cluster.decide(sized("100", "2"));
  EXPECT_EQ(cluster.effects.node, "n1");
  EXPECT_EQ(cluster.effects.names, std::vector<std::string>{"b"});
  EXPECT_EQ(cluster.nominated, "n1");
  // What was tried left no trace.
  EXPECT_EQ(cluster.state.find_node("n1")->requested.milli_cpu, 4000);
  EXPECT_EQ(cluster.state.find_node("n2")->requested.milli_cpu, 4000);
}

TEST(Preemption, spares_budgets_equals_and_what_does_not_help) {
  Cluster cluster;
  cluster.node("n1");
  cluster.node("n2");
  cluster.placed("a", "n1", sized("5", "4"), kWeb);
  cluster.placed("b", "n2", sized("10", "4"));
  cluster.lister.put(Lister::Kind::DisruptionBudget,
                     testing::object_of("policy/v1", "PodDisruptionBudget",
                                        "{metadata: {name: b, namespace: default}, spec: {selector: {matchLabels: {app: web}}}, status: "
                                        "{disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1}}"));
  cluster.decide(sized("100", "2"));
  EXPECT_EQ(cluster.effects.names, std::vector<std::string>{"b"});
  EXPECT_EQ(cluster.decide(sized("5", "2")),
            "0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption: 0/2 nodes are available: 2 No preemption victims "
            "found for incoming pod.");
  EXPECT_EQ(cluster.decide(concat("preemptionPolicy: Never\n", sized("100", "2"))),
            "0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never.");
}

TEST(Preemption, sees_what_the_victims_stood_in_the_way_of) {
  Cluster cluster;
  cluster.node("n1");
  cluster.placed("loner", "n1", concat("priority: 1\n", affinity("podAntiAffinity", "kubernetes.io/hostname")));
  cluster.decide(Cluster::pod_object("new", "priority: 10", kWeb));
  EXPECT_EQ(cluster.effects.names, std::vector<std::string>{"loner"});
  Cluster spreading;
  spreading.node("n1", "{zone: a}");
  spreading.node("n2", "{zone: b}", "{}", "{cpu: '1', memory: 1Gi, pods: '0'}");
  spreading.placed("w", "n1", "priority: 1", kWeb);
  spreading.decide(Cluster::pod_object("new", concat("priority: 10\n", spread("zone")), kWeb));
  EXPECT_EQ(spreading.effects.names, std::vector<std::string>{"w"});
}

TEST(Nominated, pods_go_first) {
  Cluster cluster;
  cluster.node("n1");
  auto promised = cluster.state.make_pod(Cluster::pod_object("promised", sized("10", "3")));
  cluster.state.nominate(promised, "n1");
  EXPECT_EQ(reason(cluster.decide(sized("5", "2"))), "1 Insufficient cpu");
  EXPECT_EQ(cluster.decide(sized("11", "2")), "n1");
  EXPECT_EQ(cluster.decide(Cluster::pod_object("promised", sized("10", "3"))), "n1");
  EXPECT_EQ(cluster.state.find_node("n1")->pods.size(), 0u);
}

}  // namespace
}  // namespace sampan::scheduler
