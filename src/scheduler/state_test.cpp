// What is kept up to date change by change is what counting anew would give.
#include "scheduler/testing.h"

namespace sampan::scheduler {
namespace {

using testing::Cluster;

// Everything a state counts, from its nodes' pods.
void expect_consistent(State& state, const std::shared_ptr<const PodSet>& set, const std::shared_ptr<Topology>& topology) {
  int64_t total = 0;
  for (uint32_t slot = 0; slot < state.slots(); slot++) {
    auto* node = state.at(slot);
    int32_t count = 0;
    Amounts requested;
    if (node) {
      for (auto& pod : node->pods) {
        requested.add(pod->amounts.requests);
        bool meant = !pod->terminating && pod->labels.get("app") == "web";
        count += meant;
      }
      EXPECT_EQ(node->requested.milli_cpu, requested.milli_cpu);
      EXPECT_EQ((*topology)[slot] != 0, node->object && node->node.metadata().labels().has("zone"));
    }
    EXPECT_EQ(set->counts[slot], count) << slot;
    total += count;
  }
  EXPECT_EQ(set->total, total);
}

TEST(State, counts_stay_right) {
  Cluster cluster;
  auto& state = cluster.state;
  PodMatcher matcher;
  matcher.namespaces = {"default"};
  auto selector = schema::LabelSelector::parse("app=web");
  matcher.selector = *selector;
  auto set = state.pod_set({state.matcher(std::move(matcher))}, true);
  auto topology = state.topology("zone");
  uint64_t random = 88172645463325252ull;
  auto roll = [&](uint64_t limit) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    return random % limit;
  };
  for (int step = 0; step < 3000; step++) {
    auto node = concat("n", roll(12)), pod = concat("p", roll(60));
    auto uid = concat("uid-", pod);
    std::string_view labels = roll(2) ? "{app: web}" : "{app: db}";
    switch (roll(6)) {
      case 0: cluster.node(node, roll(3) ? concat("{zone: z", roll(3), "}") : "{}"); break;
      case 1: state.remove_node(node); break;
      case 2: state.remove_pod(uid); break;
      case 3: {
        auto* target = state.find_node(node);
        if (target && !state.is_placed(uid)) state.assume(state.make_pod(Cluster::pod_object(pod, "", labels)), *target);
        break;
      }
      case 4: state.forget(uid); break;
      default: cluster.placed(pod, node, "containers: [{name: c, image: i, resources: {requests: {cpu: 100m}}}]", labels);
    }
    if (roll(20) == 0) {
      Hypothesis what_if(state);
      for (auto* there : state.nodes())
        if (!there->pods.empty()) what_if.remove(PodRef(there->pods[0]), *there);
    }
    if (step % 50 == 0) expect_consistent(state, set, topology);
  }
  expect_consistent(state, set, topology);
}

TEST(State, nodes_go_round_the_zones) {
  Cluster cluster;
  for (auto [name, zone] : {std::pair("a1", "a"), {"a2", "a"}, {"a3", "a"}, {"b1", "b"}, {"c1", "c"}, {"c2", "c"}})
    cluster.node(name, concat("{topology.kubernetes.io/zone: ", zone, "}"));
  std::string order;
  for (auto* node : cluster.state.nodes()) append(order, node->name, " ");
  EXPECT_EQ(order, "a1 b1 c1 a2 c2 a3 ");
}

TEST(State, unused_columns_go) {
  Cluster cluster;
  cluster.node("n1");
  for (int i = 0; i < 200; i++) cluster.decide(concat("nodeSelector: {k: v", i, "}"));
  auto kept = cluster.state.column("marker", [] { return [](const core_v1::Node&) { return 1; }; });
  cluster.state.sweep();
  EXPECT_EQ(cluster.state.column("marker", [] { return [](const core_v1::Node&) { return 2; }; }), kept);
}

TEST(State, enough_nodes_to_choose_from) {
  EXPECT_EQ(Algorithm::enough_nodes(50, 0), 50u);
  EXPECT_EQ(Algorithm::enough_nodes(1000, 0), 420u);
  EXPECT_EQ(Algorithm::enough_nodes(5000, 0), 500u);
  EXPECT_EQ(Algorithm::enough_nodes(20000, 0), 1000u);
  EXPECT_EQ(Algorithm::enough_nodes(1000, 30), 300u);
  EXPECT_EQ(Algorithm::enough_nodes(150, 10), 100u);
}

TEST(Config, profiles_plugins_and_what_is_wrong_with_them) {
  constexpr std::string_view kHead = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n";
  auto config = parse_config(concat(kHead, R"(
percentageOfNodesToScore: 40
podMaxBackoffSeconds: 20
clientConnection: {qps: 100}
profiles:
- schedulerName: one
  plugins:
    multiPoint: {enabled: [{name: ImageLocality, weight: 7}]}
    score: {disabled: [{name: NodeResourcesFit}]}
- schedulerName: two
  plugins: {filter: {disabled: [{name: '*'}]}}
)"));
  ASSERT_TRUE(config.has_value()) << config.error().message();
  EXPECT_EQ(config->profiles.size(), 2u);
  EXPECT_EQ(config->percentage_of_nodes_to_score, 40);
  EXPECT_EQ(config->pod_max_backoff_seconds, 20);
  struct Case {
    std::string_view text, complaint;
  };
  const Case cases[] = {
      {"profiles: [{schedulerName: a}, {schedulerName: a}]", "Duplicate value: \"a\""},
      {"profiles: [{}, {}]", "schedulerName: Required value"},
      {"profiles: [{plugins: {fliter: {}}}]", "no such extension point"},
      {"percentageOfNodesToScore: 101", "must be a number from 0 to 100"},
      {"extenders: [{urlPrefix: x}]", "not supported"},
  };
  for (auto& one : cases) {
    auto bad = parse_config(concat(kHead, one.text));
    ASSERT_FALSE(bad.has_value()) << one.text;
    EXPECT_NE(bad.error().message().find(one.complaint), std::string::npos) << bad.error().message();
  }
  EXPECT_FALSE(parse_config("{apiVersion: v1, kind: Pod}").has_value());
  const Case profiles[] = {
      {"profiles: [{plugins: {filter: {enabled: [{name: Nope}]}}}]", "plugin \"Nope\" does not exist"},
      {"profiles: [{plugins: {filter: {enabled: [{name: ImageLocality}]}}}]", "does not extend filter plugin"},
      {"profiles: [{plugins: {bind: {disabled: [{name: '*'}]}}}]", "at least one bind plugin"},
      {"profiles: [{pluginConfig: [{name: InterPodAffinity, args: {hardPodAffinityWeight: 101}}]}]", "not in valid range [0, 100]"},
  };
  Cluster cluster;
  for (auto& one : profiles) {
    auto read = parse_config(concat(kHead, one.text));
    ASSERT_TRUE(read.has_value()) << one.text;
    auto made = Profile::create(read->profiles[0], cluster.profile->environment());
    ASSERT_FALSE(made.has_value()) << one.text;
    EXPECT_NE(made.error().message().find(one.complaint), std::string::npos) << made.error().message();
  }
}

}  // namespace
}  // namespace sampan::scheduler
