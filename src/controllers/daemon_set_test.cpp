// Daemon sets.
#include "controllers/daemon_set.h"

#include "controllers/owners.h"
#include "controllers/scenario_for_test.h"
#include "registry/testing.h"

namespace sampan::controllers {
namespace {

using registry::testing::make;
using testing::Scenario;

ObjectRef set_of(std::string_view pod_spec, std::string_view strategy = "{'type':'RollingUpdate','rollingUpdate':{'maxUnavailable':1,'maxSurge':0}}") {
  return make("apps/v1", "DaemonSet", concat("{'metadata':{'name':'d'},'spec':{'updateStrategy':", strategy, ",'template':{'spec':{", pod_spec, "}}}}"));
}
ObjectRef node_of(std::string_view name, std::string_view labels = "", std::string_view taints = "") {
  return make("v1", "Node", concat("{'metadata':{'name':'", name, "','labels':{", labels, "}},'spec':{'taints':[", taints, "]}}"));
}

TEST(DaemonSet, WhichNodes) {
  constexpr std::string_view kTerms = "'affinity':{'nodeAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':{'nodeSelectorTerms':[";
  const struct {
    std::string name;
    ObjectRef set, node;
    bool should_run, may_stay;
  } cases[] = {
      {"any", set_of(""), node_of("n"), true, true},
      {"label", set_of("'nodeSelector':{'a':'b'}"), node_of("n", "'a':'b'"), true, true},
      {"other label", set_of("'nodeSelector':{'a':'b'}"), node_of("n", "'a':'c'"), false, false},
      {"other node", set_of("'nodeName':'m'"), node_of("n"), false, false},
      {"affinity", set_of(concat(kTerms, "{'matchExpressions':[{'key':'a','operator':'In','values':['b','c']}]}]}}}")), node_of("n", "'a':'c'"), true, true},
      {"affinity to another", set_of(concat(kTerms, "{'matchFields':[{'key':'metadata.name','operator':'In','values':['m']}]}]}}}")), node_of("n"), false, false},
      {"one of the terms", set_of(concat(kTerms, "{'matchExpressions':[{'key':'x','operator':'Exists'}]},{'matchExpressions':[{'key':'n','operator':'Gt','values':['3']}]}]}}}")),
       node_of("n", "'n':'4'"), true, true},
      {"no term", set_of(concat(kTerms, "]}}}")), node_of("n"), false, false},
      {"taint", set_of(""), node_of("n", "", "{'key':'k','effect':'NoSchedule'}"), false, true},
      {"taint that evicts", set_of(""), node_of("n", "", "{'key':'k','effect':'NoExecute'}"), false, false},
      {"taint that only prefers", set_of(""), node_of("n", "", "{'key':'k','effect':'PreferNoSchedule'}"), true, true},
      {"tolerated", set_of("'tolerations':[{'key':'k','operator':'Exists'}]"), node_of("n", "", "{'key':'k','effect':'NoExecute'}"), true, true},
      {"not ready", set_of(""), node_of("n", "", "{'key':'node.kubernetes.io/not-ready','effect':'NoExecute'}"), true, true},
      {"cordoned", set_of(""), node_of("n", "", "{'key':'node.kubernetes.io/unschedulable','effect':'NoSchedule'}"), true, true},
      {"without network", set_of(""), node_of("n", "", "{'key':'node.kubernetes.io/network-unavailable','effect':'NoSchedule'}"), false, true},
      {"without need of it", set_of("'hostNetwork':true"), node_of("n", "", "{'key':'node.kubernetes.io/network-unavailable','effect':'NoSchedule'}"), true, true},
  };
  for (const auto& c : cases) {
    auto fit = NodeFit::of(*c.set, *c.node);
    EXPECT_EQ(fit.should_run, c.should_run) << c.name;
    EXPECT_EQ(fit.may_stay, c.may_stay) << c.name;
  }
}

TEST(DaemonSet, AimsAtANode) {
  Arena arena;
  auto pod = registry::testing::tree(arena,
                                     "{'spec':{'tolerations':[{'key':'node.kubernetes.io/not-ready','operator':'Exists','effect':'NoExecute','tolerationSeconds':3}],"
                                     "'affinity':{'nodeAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':{'nodeSelectorTerms':[{},{}]}}}}}");
  aim_at_node(pod, "n1");
  EXPECT_EQ(pod["spec"]["tolerations"].size(), 6u);
  EXPECT_FALSE(pod["spec"]["tolerations"].at(0).has("tolerationSeconds"));
  EXPECT_EQ(registry::testing::json_of(pod["spec"]["affinity"]),
            "{'nodeAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':{'nodeSelectorTerms':[{'matchFields':[{'key':'metadata.name',"
            "'operator':'In','values':['n1']}]}]}}}");
}

// name, hash, phase, ready
struct PodCase {
  std::string_view name, hash;
  bool ready = true;
  std::string_view phase = "Running";
};
ObjectRef pod_on(std::string_view node, const PodCase& c) {
  return make("v1", "Pod", concat("{'metadata':{'name':'", c.name, "','creationTimestamp':'2026-01-01T00:00:00Z','labels':{'controller-revision-hash':'", c.hash,
                                  "'}},'spec':{'nodeName':'", node, "'},'status':{'phase':'", c.phase, "','conditions':[{'type':'Ready','status':'",
                                  c.ready ? "True" : "False", "','lastTransitionTime':'2026-01-01T00:00:00Z'}]}}"));
}

TEST(DaemonSet, Plans) {
  constexpr std::string_view kSurge = "{'type':'RollingUpdate','rollingUpdate':{'maxUnavailable':0,'maxSurge':1}}";
  constexpr std::string_view kReplace = "{'type':'RollingUpdate','rollingUpdate':{'maxUnavailable':1,'maxSurge':0}}";
  using Names = std::vector<std::string>;
  const struct {
    std::string_view name, strategy;
    std::map<std::string_view, std::vector<PodCase>> pods;
    Names create, remove;                // to have one on each node
    Names update_create, update_remove;  // to get to the hash "new"
  } cases[] = {
      {"nothing there", kReplace, {}, {"n1", "n2"}, {}, {}, {}},
      {"one at a time", kReplace, {{"n1", {{"a", "old"}}}, {"n2", {{"b", "old"}}}}, {}, {}, {}, {"a"}},
      {"what is broken first", kReplace, {{"n1", {{"a", "old"}}}, {"n2", {{"b", "old", false}}}}, {}, {}, {}, {"b"}},
      {"not while one is away", kReplace, {{"n1", {{"a", "old"}}}, {"n2", {{"b", "new", false}}}}, {}, {}, {}, {}},
      {"done", kReplace, {{"n1", {{"a", "new"}}}, {"n2", {{"b", "new"}}}}, {}, {}, {}, {}},
      {"twice on a node", kReplace, {{"n1", {{"a", "new"}, {"b", "new"}}}, {"n2", {{"c", "new"}}}}, {}, {"b"}, {}, {}},
      {"ended", kReplace, {{"n1", {{"a", "new", false, "Failed"}}}, {"n2", {{"b", "new", false, "Succeeded"}}}}, {}, {"a", "b"}, {}, {}},
      {"a new one beside the old", kSurge, {{"n1", {{"a", "old"}}}, {"n2", {{"b", "old"}}}}, {}, {}, {"n1"}, {}},
      {"not two at once", kSurge, {{"n1", {{"a", "old"}, {"c", "new", false}}}, {"n2", {{"b", "old"}}}}, {}, {}, {}, {}},
      {"the old one goes", kSurge, {{"n1", {{"a", "old"}, {"c", "new"}}}, {"n2", {{"b", "old"}}}}, {}, {"a"}, {"n2"}, {"a"}},
      {"the old one is no good", kSurge, {{"n1", {{"a", "old", false}, {"c", "new", false}}}, {"n2", {{"b", "new"}}}}, {}, {"a"}, {}, {}},
  };
  Objects nodes{node_of("n1"), node_of("n2")};
  auto names = [](const Objects& pods) {
    Names out;
    for (const auto& pod : pods) out.emplace_back(metadata_of(*pod).name());
    return out;
  };
  for (const auto& c : cases) {
    auto set = set_of("", c.strategy);
    std::map<std::string, Objects, std::less<>> pods;
    for (const auto& [node, list] : c.pods)
      for (const auto& pod : list) pods[std::string(node)].push_back(pod_on(node, pod));
    DaemonView view{*set, nodes, pods, "new", 1'767'229'200'000'000, [](std::string_view) { return int64_t{0}; }};
    auto plan = plan_daemon(view);
    EXPECT_EQ(plan.create_on, c.create) << c.name;
    EXPECT_EQ(names(plan.remove), c.remove) << c.name;
    if (c.name == "nothing there" || c.name == "twice on a node" || c.name == "ended") continue;
    auto update = plan_daemon_update(view);
    EXPECT_EQ(update.create_on, c.update_create) << c.name;
    EXPECT_EQ(names(update.remove), c.update_remove) << c.name;
  }
}

class Agents : public Scenario {
 public:
  Agents(uint64_t seed, std::string_view strategy) : Scenario(seed, {"daemonset-controller", "node-lifecycle-controller"}) {
    add_node("n3");
    world.apply(concat(R"(
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: c, image: v1}]}
  updateStrategy: )",
                       strategy, "\n"));
  }
  int64_t of_status(std::string_view field) { return status("apps", "daemonsets", "agent", field); }
  size_t ready_nodes() {
    std::set<std::string_view> nodes;
    auto pods = active_pods();
    for (const auto& pod : pods)
      if (is_ready(pod_of(*pod))) nodes.insert(pod_of(*pod).spec().node_name());
    return nodes.size();
  }
  bool all_run(std::string_view image, size_t count) {
    auto all = pods();
    return all.size() == count && ready_nodes() == count && of_status("numberReady") == static_cast<int64_t>(count) &&
           std::all_of(all.begin(), all.end(), [&](const ObjectRef& pod) { return pod_of(*pod).spec().containers()[0].image() == image; });
  }
};

TEST(DaemonSetScenario, FollowsNodesAndUpdates) {
  for (uint64_t seed : simulate::seeds()) {
    SCOPED_TRACE(seed);
    bool surge = seed % 2;
    Agents agents(seed, surge ? "{type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}" : "{type: RollingUpdate}");
    ASSERT_TRUE(agents.until([&] { return agents.all_run("v1", 3); }));
    agents.add_node("n4");
    ASSERT_TRUE(agents.until([&] { return agents.all_run("v1", 4) && agents.of_status("desiredNumberScheduled") == 4; }));
    size_t fewest = 4;
    agents.merge("apps", "daemonsets", "agent", "{'spec':{'template':{'spec':{'containers':[{'name':'c','image':'v2'}]}}}}");
    ASSERT_TRUE(agents.until([&] {
      fewest = std::min(fewest, agents.ready_nodes());
      return agents.all_run("v2", 4) && agents.of_status("updatedNumberScheduled") == 4;
    }));
    EXPECT_GE(fewest, surge ? 4u : 3u);
    EXPECT_EQ(agents.list("apps", "controllerrevisions").size(), 2u);
    // Back to the first revision, which is renumbered and not made again.
    agents.merge("apps", "daemonsets", "agent", "{'spec':{'template':{'spec':{'containers':[{'name':'c','image':'v1'}]}}}}");
    ASSERT_TRUE(agents.until([&] { return agents.all_run("v1", 4); }));
    EXPECT_EQ(agents.list("apps", "controllerrevisions").size(), 2u);
    agents.merge("apps", "daemonsets", "agent", "{'spec':{'template':{'spec':{'nodeSelector':{'kubernetes.io/hostname':'n2'}}}}}");
    ASSERT_TRUE(agents.until([&] { return agents.all_run("v1", 1) && agents.of_status("desiredNumberScheduled") == 1; }));
    EXPECT_TRUE(agents.until([&] { return agents.has_event("SuccessfulCreate", "Created pod: agent-"); }));
  }
}

}  // namespace
}  // namespace sampan::controllers
