// Deployments.
#include "controllers/deployment.h"

#include "controllers/scenario_for_test.h"
#include "registry/testing.h"

namespace sampan::controllers {
namespace {

using testing::Scenario;

TEST(Deployment, SharesInProportion) {
  const struct {
    std::string_view name;
    RolloutLimits limits;
    std::vector<SetSize> sets;
    std::vector<int32_t> want;
  } cases[] = {
      {"10 to 20 with surge 3 between 8, 3 and 2", {20, 3, 2}, {{3, "a", 8, 13}, {2, "b", 3, 13}, {1, "c", 2, 13}}, {14, 5, 4}},
      {"down", {5, 0, 1}, {{2, "a", 8, 10}, {1, "b", 2, 10}}, {4, 1}},
      {"to nothing", {0, 0, 0}, {{2, "a", 8, 10}, {1, "b", 2, 10}}, {0, 0}},
      {"of equals the newest gets what is left over", {11, 0, 1}, {{1, "a", 5, 10}, {2, "b", 5, 10}}, {5, 6}},
      {"nothing to share", {10, 0, 1}, {{1, "a", 5, 10}, {2, "b", 5, 10}}, {5, 5}},
  };
  for (const auto& c : cases) EXPECT_EQ(proportional_sizes(c.limits, c.sets, 10), c.want) << c.name;
}

TEST(Deployment, Limits) {
  const struct {
    std::string_view spec;
    int32_t surge, unavailable, most;
  } cases[] = {
      {"'replicas':10,'strategy':{'type':'RollingUpdate','rollingUpdate':{'maxSurge':'25%','maxUnavailable':'25%'}}", 3, 2, 13},
      {"'replicas':1,'strategy':{'type':'RollingUpdate','rollingUpdate':{'maxSurge':'25%','maxUnavailable':'25%'}}", 1, 0, 2},
      {"'replicas':2,'strategy':{'type':'RollingUpdate','rollingUpdate':{'maxSurge':0,'maxUnavailable':'25%'}}", 0, 1, 2},
      {"'replicas':2,'strategy':{'type':'RollingUpdate','rollingUpdate':{'maxSurge':0,'maxUnavailable':7}}", 0, 2, 2},
      {"'replicas':0,'strategy':{'type':'RollingUpdate','rollingUpdate':{'maxSurge':1,'maxUnavailable':1}}", 1, 0, 1},
      {"'replicas':5,'strategy':{'type':'Recreate'}", 0, 0, 5},
      {"'replicas':2147483647,'strategy':{'type':'RollingUpdate','rollingUpdate':{'maxSurge':'25%','maxUnavailable':0}}", 536'870'912, 0, INT32_MAX},
      {"'replicas':9,'strategy':{'type':'RollingUpdate','rollingUpdate':{'maxSurge':'9223372036854775807%','maxUnavailable':0}}", INT32_MAX, 0, INT32_MAX},
  };
  for (const auto& c : cases) {
    auto object = registry::testing::make("apps/v1", "Deployment", concat("{'spec':{", c.spec, "}}"));
    auto limits = RolloutLimits::of(object->as<Deployment>());
    EXPECT_EQ(limits.surge, c.surge) << c.spec;
    EXPECT_EQ(limits.unavailable, c.unavailable) << c.spec;
    EXPECT_EQ(limits.most(), c.most) << c.spec;
  }
}

TEST(Deployment, Annotations) {
  auto object = registry::testing::make("apps/v1", "Deployment", "{'metadata':{'annotations':{'a':'b','deployment.kubernetes.io/revision':'7'}}}");
  RolloutLimits limits{3, 1, 0};
  const struct {
    std::string_view before;
    bool exists, changed;
    std::string_view after;
  } cases[] = {
      {"{}", false, true,
       "{'a':'b','deployment.kubernetes.io/revision':'5','deployment.kubernetes.io/desired-replicas':'3','deployment.kubernetes.io/max-replicas':'4'}"},
      {"{'a':'b','deployment.kubernetes.io/revision':'5'}", true, false, "{'a':'b','deployment.kubernetes.io/revision':'5'}"},
      {"{'a':'b','deployment.kubernetes.io/revision':'2'}", true, true,
       "{'a':'b','deployment.kubernetes.io/revision':'5','deployment.kubernetes.io/revision-history':'2'}"},
      {"{'a':'b','deployment.kubernetes.io/revision':'2','deployment.kubernetes.io/revision-history':'1'}", true, true,
       "{'a':'b','deployment.kubernetes.io/revision':'5','deployment.kubernetes.io/revision-history':'1,2'}"},
      {"{'a':'b','deployment.kubernetes.io/revision':'9'}", true, false, "{'a':'b','deployment.kubernetes.io/revision':'9'}"},
  };
  for (const auto& c : cases) {
    Arena arena;
    auto set = registry::testing::tree(arena, concat("{'metadata':{'annotations':", c.before, "}}"));
    EXPECT_EQ(set_new_set_annotations(set, object->as<Deployment>(), 5, limits, c.exists), c.changed) << c.before;
    EXPECT_EQ(registry::testing::json_of(set["metadata"]["annotations"]), c.after);
  }
}

TEST(Deployment, NameOfASet) {
  EXPECT_EQ(replica_set_name("web", "5d4f8c7b9"), "web-5d4f8c7b9");
  EXPECT_EQ(replica_set_name(std::string(253, 'a'), "5d4f8c7b9"), concat(std::string(243, 'a'), "-5d4f8c7b9"));
}

constexpr std::string_view kWeb = R"(
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 4
  revisionHistoryLimit: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: v1}]}
)";
const std::vector<std::string_view> kControllers{"deployment-controller", "replicaset-controller"};

class Web : public Scenario {
 public:
  explicit Web(uint64_t seed, std::string_view more = {}) : Scenario(seed, kControllers) { world.apply(concat(kWeb, more)); }

  int64_t status_of(std::string_view field) { return status("apps", "deployments", "web", field); }
  std::string progress() { return condition("apps", "deployments", "web", "Progressing"); }
  bool done(int64_t replicas, std::string_view image) {
    auto object = get("apps", "deployments", "web");
    if (status_of("observedGeneration") != (*object)["metadata"]["generation"].as_int() || status_of("replicas") != replicas ||
        status_of("updatedReplicas") != replicas || status_of("availableReplicas") != replicas)
      return false;
    auto all = pods();
    return all.size() == static_cast<size_t>(replicas) && std::all_of(all.begin(), all.end(), [&](const ObjectRef& pod) {
             return pod_of(*pod).spec().containers()[0].image() == image;
           });
  }
  void set_image(std::string_view image) {
    merge("apps", "deployments", "web", concat("{'spec':{'template':{'spec':{'containers':[{'name':'c','image':'", image, "'}]}}}}"));
  }
  std::string revision() {
    return std::string((*get("apps", "deployments", "web"))["metadata"]["annotations"]["deployment.kubernetes.io/revision"].as_string());
  }
  size_t available_pods() {
    size_t count = 0;
    for (const auto& pod : active_pods()) count += is_ready(pod_of(*pod));
    return count;
  }
};

TEST(DeploymentScenario, RollsOutAndBackWithEnoughPods) {
  for (uint64_t seed : simulate::seeds()) {
    SCOPED_TRACE(seed);
    Web web(seed);
    ASSERT_TRUE(web.until([&] { return web.done(4, "v1"); }));
    ASSERT_TRUE(web.until([&] { return web.progress() == "True NewReplicaSetAvailable" && web.revision() == "1"; }));
    web.set_image("v2");
    size_t fewest = 4;
    int64_t most = 0;
    ASSERT_TRUE(web.until([&] {
      fewest = std::min(fewest, web.available_pods());
      int64_t asked_for = 0;
      for (const auto& set : web.list("apps", "replicasets")) asked_for += (*set)["spec"]["replicas"].as_int();
      most = std::max(most, asked_for);
      return web.done(4, "v2");
    }));
    EXPECT_GE(fewest, 3u);
    EXPECT_LE(most, 5);
    EXPECT_EQ(web.revision(), "2");
    // kubectl rollout undo: the old template comes back, and with it the old set.
    web.set_image("v1");
    ASSERT_TRUE(web.until([&] { return web.done(4, "v1") && web.revision() == "3"; }));
    EXPECT_EQ(web.list("apps", "replicasets").size(), 2u);
    EXPECT_TRUE(web.until([&] { return web.has_event("ScalingReplicaSet", "Scaled down replica set web-"); }));
    for (auto image : {"v3", "v4", "v5"}) {
      web.set_image(image);
      ASSERT_TRUE(web.until([&] { return web.done(4, image); }));
    }
    EXPECT_TRUE(web.until([&] { return web.list("apps", "replicasets").size() == 3; }));
  }
}

TEST(DeploymentScenario, ScalesInTheMiddleOfARollout) {
  for (uint64_t seed : simulate::seeds()) {
    SCOPED_TRACE(seed);
    Web web(seed);
    ASSERT_TRUE(web.until([&] { return web.done(4, "v1"); }));
    web.set_image("v2");
    ASSERT_TRUE(web.until([&] { return web.status_of("updatedReplicas") > 0; }));
    web.merge("apps", "deployments", "web", "{'spec':{'replicas':8}}");
    ASSERT_TRUE(web.until([&] { return web.done(8, "v2"); }));
    web.merge("apps", "deployments", "web", "{'spec':{'replicas':0}}");
    ASSERT_TRUE(web.until([&] { return web.done(0, "v2"); }));
  }
}

TEST(DeploymentScenario, RecreateNeverMixesVersions) {
  for (uint64_t seed : simulate::seeds()) {
    SCOPED_TRACE(seed);
    Web web(seed, "  strategy: {type: Recreate}\n");
    ASSERT_TRUE(web.until([&] { return web.done(4, "v1"); }));
    web.set_image("v2");
    bool mixed = false;
    ASSERT_TRUE(web.until([&] {
      std::set<std::string_view> images;
      auto pods = web.pods();
      // One that has ended runs nothing any more, though its object may still be there: the new version need not wait for that.
      for (const auto& pod : pods)
        if (pod_of(*pod).status().phase() != "Succeeded") images.insert(pod_of(*pod).spec().containers()[0].image());
      mixed |= images.size() > 1;
      return web.done(4, "v2");
    }));
    EXPECT_FALSE(mixed);
  }
}

TEST(DeploymentScenario, PauseDeadlineAndRollbackByAnnotation) {
  for (uint64_t seed : simulate::seeds()) {
    SCOPED_TRACE(seed);
    Web web(seed, "  progressDeadlineSeconds: 60\n  minReadySeconds: 5\n");
    ASSERT_TRUE(web.until([&] { return web.done(4, "v1"); }));
    web.merge("apps", "deployments", "web", "{'spec':{'paused':true}}");
    ASSERT_TRUE(web.until([&] { return web.progress() == "Unknown DeploymentPaused"; }));
    web.set_image("v2");
    web.world.run_for(30);
    EXPECT_EQ(web.list("apps", "replicasets").size(), 1u);
    web.merge("apps", "deployments", "web", "{'spec':{'paused':false}}");
    ASSERT_TRUE(web.until([&] { return web.done(4, "v2"); }));
    ASSERT_TRUE(web.until([&] { return web.progress() == "True NewReplicaSetAvailable"; }));
    // A version that never becomes ready.
    web.merge("apps", "deployments", "web",
              "{'spec':{'template':{'spec':{'schedulingGates':[{'name':'never/ever'}],'containers':[{'name':'c','image':'v3'}]}}}}");
    ASSERT_TRUE(web.until([&] { return web.progress() == "False ProgressDeadlineExceeded"; }));
    EXPECT_GE(web.available_pods(), 3u);
    web.merge("apps", "deployments", "web", "{'metadata':{'annotations':{'deprecated.deployment.rollback.to':'0'}}}");
    ASSERT_TRUE(web.until([&] { return web.done(4, "v2"); }));
    EXPECT_TRUE(web.until([&] { return web.has_event("DeploymentRollback", "Rolled back deployment \"web\" to revision 2"); }));
  }
}

}  // namespace
}  // namespace sampan::controllers
