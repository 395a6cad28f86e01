// Stateful sets and controller revisions.
#include "controllers/stateful_set.h"

#include "controllers/owners.h"
#include "controllers/revisions.h"
#include "controllers/scenario_for_test.h"
#include "registry/testing.h"

namespace sampan::controllers {
namespace {

using registry::testing::make;
using testing::Scenario;

TEST(StatefulSet, Places) {
  const struct {
    std::string_view name, set;
    int ordinal;
  } cases[] = {{"web-0", "web", 0}, {"my-web-12", "my-web", 12}, {"web", "", -1}, {"web-", "", -1}, {"web-x1", "", -1}, {"web-99999999999", "web", -1}};
  for (const auto& c : cases) {
    EXPECT_EQ(PodPlace::of(c.name).set, c.set) << c.name;
    EXPECT_EQ(PodPlace::of(c.name).ordinal, c.ordinal) << c.name;
  }
}

TEST(StatefulSet, OwnersOfClaims) {
  constexpr std::string_view kSetOwner = "{'apiVersion':'apps/v1','kind':'StatefulSet','name':'web','uid':'s','controller':true}";
  constexpr std::string_view kPodOwner = "{'apiVersion':'v1','kind':'Pod','name':'web-0','uid':'p','controller':true}";
  constexpr std::string_view kOldPod = "{'apiVersion':'v1','kind':'Pod','name':'web-0','uid':'old','controller':true}";
  constexpr std::string_view kOther = "{'apiVersion':'x/v1','kind':'X','name':'x','uid':'x','controller':true}";
  const struct {
    std::string_view deleted, scaled;
    bool in_range;
    std::string owners;
    bool up_to_date;
    std::vector<std::string_view> want;  // uids, once it is
  } cases[] = {
      {"Retain", "Retain", true, "", true, {}},
      {"Retain", "Retain", true, std::string(kSetOwner), false, {}},
      {"Delete", "Retain", true, "", false, {"s"}},
      {"Delete", "Retain", true, std::string(kSetOwner), true, {"s"}},
      {"Retain", "Delete", true, "", true, {}},
      {"Retain", "Delete", false, "", false, {"p"}},
      {"Delete", "Delete", true, std::string(kPodOwner), false, {"s"}},
      {"Delete", "Delete", false, std::string(kSetOwner), false, {"p"}},
      {"Delete", "Delete", false, std::string(kOldPod), true, {"old"}},  // it goes with the pod that was
      {"Delete", "Delete", true, std::string(kOther), true, {"x"}},
      {"Delete", "Delete", true, concat(kSetOwner, ",", kOther), false, {"x"}},
  };
  for (const auto& c : cases) {
    auto set = make("apps/v1", "StatefulSet", concat("{'metadata':{'name':'web','uid':'s'},'spec':{'persistentVolumeClaimRetentionPolicy':{'whenDeleted':'",
                                                     c.deleted, "','whenScaled':'", c.scaled, "'}}}"));
    auto claim = make("v1", "PersistentVolumeClaim", concat("{'metadata':{'name':'c','ownerReferences':[", c.owners, "]}}"));
    auto wanted = ClaimOwners::wanted(set->as<StatefulSet>(), c.in_range);
    auto state = ClaimState::of(*claim, *set, "web-0", "p", wanted);
    std::string shown = concat(c.deleted, " ", c.scaled, " ", c.in_range ? "in " : "out ", c.owners);
    EXPECT_EQ(state.up_to_date, c.up_to_date) << shown;
    if (state.up_to_date) continue;
    Arena arena;
    auto tree = schema::thaw(*claim, arena);
    set_claim_owners(tree, *set, "web-0", "p", state, wanted);
    std::vector<std::string_view> uids;
    for (auto owner : tree["metadata"]["ownerReferences"].items()) uids.push_back(owner["uid"].as_string());
    EXPECT_EQ(uids, c.want) << shown;
  }
}

// Made by Kubernetes 1.36.3's own code from the same set.
TEST(Revisions, DataAndHashAsUpstream) {
  auto set = make("apps/v1", "StatefulSet",
                  "{'metadata':{'name':'web'},'spec':{'selector':{'matchLabels':{'app':'a'}},'template':{'metadata':{'labels':{'app':'a'}},'spec':{"
                  "'containers':[{'name':'c','image':'nginx','args':['<a>&'],'resources':{'requests':{'cpu':'100m'}}}],'terminationGracePeriodSeconds':30}}}}");
  std::string data = revision_data((*set)["spec"]["template"]);
  EXPECT_EQ(data,
            R"({"spec":{"template":{"$patch":"replace","metadata":{"labels":{"app":"a"}},"spec":{"containers":[{"args":["\u003ca\u003e\u0026"],)"
            R"("image":"nginx","name":"c","resources":{"requests":{"cpu":"100m"}}}],"terminationGracePeriodSeconds":30}}}})");
  EXPECT_EQ(revision_data_hash(data, 0), "85c6cdf965");
  EXPECT_EQ(revision_data_hash(data, 2), "85c6cdf967");
  auto revision = make("apps/v1", "ControllerRevision", concat("{'metadata':{'name':'r'},'revision':3}"));
  EXPECT_FALSE(revision_template(*revision).has_value());
  EXPECT_EQ(revision_name(std::string(253, 'a'), "x").size(), 225u);
}

class Web : public Scenario {
 public:
  explicit Web(uint64_t seed, std::string_view more = {}) : Scenario(seed, {"statefulset-controller"}) {
    world.apply(concat(R"(
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  replicas: 3
  serviceName: web
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: v1}]}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
)",
                       more));
  }
  int64_t of_status(std::string_view field) { return status("apps", "statefulsets", "web", field); }
  std::string images() {
    std::string out;
    for (const auto& pod : active_pods())
      append(out, pod_of(*pod).metadata().name().substr(4), is_ready(pod_of(*pod)) ? "=" : "~", pod_of(*pod).spec().containers()[0].image(), " ");
    return out;
  }
  bool settled() {
    auto object = get("apps", "statefulsets", "web");
    return of_status("observedGeneration") == (*object)["metadata"]["generation"].as_int();
  }
};

TEST(StatefulSetScenario, InOrderUpAndDownAndThroughAnUpdate) {
  for (uint64_t seed : simulate::seeds()) {
    SCOPED_TRACE(seed);
    Web web(seed);
    bool ordered = true;
    ASSERT_TRUE(web.until([&] {
      auto pods = web.pods();
      for (size_t i = 0; i + 1 < pods.size(); i++) ordered &= is_ready(pod_of(*pods[i]));  // in order of their names
      return web.images() == "0=v1 1=v1 2=v1 " && web.of_status("readyReplicas") == 3;
    }));
    EXPECT_TRUE(ordered);
    EXPECT_EQ(web.list("", "persistentvolumeclaims").size(), 3u);
    auto pod = web.get("", "pods", "web-1");
    EXPECT_EQ(pod_of(*pod).spec().hostname(), "web-1");
    EXPECT_EQ(pod_of(*pod).spec().subdomain(), "web");
    EXPECT_EQ(pod_of(*pod).spec().volumes()[0].persistent_volume_claim().claim_name(), "data-web-1");
    EXPECT_EQ(pod_of(*pod).metadata().labels().get("apps.kubernetes.io/pod-index"), "1");
    // A pod that is deleted comes back under its name, with its claim.
    ASSERT_TRUE(web.world.api().remove(testing::builtin("", "pods"), "default", "web-1").has_value());
    ASSERT_TRUE(web.until([&] {
      auto now = web.get("", "pods", "web-1");
      return now && metadata_of(*now).uid() != metadata_of(*pod).uid() && is_ready(pod_of(*now)) && web.of_status("readyReplicas") == 3;
    }));
    // From the highest down, one at a time.
    web.merge("apps", "statefulsets", "web", "{'spec':{'template':{'spec':{'containers':[{'name':'c','image':'v2'}]}}}}");
    size_t fewest = 3;
    bool downwards = true;
    ASSERT_TRUE(web.until([&] {
      std::string images = web.images();
      fewest = std::min(fewest, web.active_pods().size());
      downwards &= images.find("0=v2") == std::string::npos || images.find("v1") == std::string::npos;
      return images == "0=v2 1=v2 2=v2 " && web.settled() && web.of_status("updatedReplicas") == 3;
    }));
    EXPECT_GE(fewest, 2u);
    EXPECT_TRUE(downwards);
    ASSERT_TRUE(web.until([&] {
      auto set = web.get("apps", "statefulsets", "web");
      return (*set)["status"]["currentRevision"].as_string() == (*set)["status"]["updateRevision"].as_string();
    }));
    EXPECT_EQ(web.list("apps", "controllerrevisions").size(), 2u);
    web.merge("apps", "statefulsets", "web", "{'spec':{'replicas':1}}");
    ASSERT_TRUE(web.until([&] { return web.pods().size() == 1 && web.of_status("replicas") == 1; }));
    EXPECT_EQ(web.images(), "0=v2 ");
    EXPECT_EQ(web.list("", "persistentvolumeclaims").size(), 3u);
    EXPECT_TRUE(web.until([&] { return web.has_event("SuccessfulCreate", "Create Claim data-web-0 Pod web-0 in StatefulSet web success"); }));
    EXPECT_TRUE(web.until([&] { return web.has_event("SuccessfulDelete", "Delete Pod web-2 in StatefulSet web successful"); }));
  }
}

TEST(StatefulSet, OrdinalsEndWhereNumbersDo) {
  auto set = make("apps/v1", "StatefulSet", "{'metadata':{'name':'web'},'spec':{'replicas':2147483647,'ordinals':{'start':2147483600}}}");
  auto ordinals = Ordinals::of(set->as<StatefulSet>());
  EXPECT_EQ(ordinals.count, 47);
  EXPECT_TRUE(ordinals.has(2'147'483'646));
  EXPECT_FALSE(ordinals.has(2'147'483'599));
}

// The memory of the whole control plane is not enough for a place for each.
TEST(StatefulSetScenario, MorePodsThanThereCanBe) {
  Web web(1);
  web.merge("apps", "statefulsets", "web", "{'spec':{'replicas':2147483647}}");
  ASSERT_TRUE(web.until([&] { return web.of_status("readyReplicas") > 3; }));
}

TEST(StatefulSetScenario, PartitionOrdinalsAndParallel) {
  for (uint64_t seed : simulate::seeds()) {
    SCOPED_TRACE(seed);
    Web web(seed, "  podManagementPolicy: Parallel\n  ordinals: {start: 5}\n  updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 2}}\n");
    ASSERT_TRUE(web.until([&] { return web.images() == "5=v1 6=v1 7=v1 "; }));
    web.merge("apps", "statefulsets", "web", "{'spec':{'template':{'spec':{'containers':[{'name':'c','image':'v2'}]}}}}");
    ASSERT_TRUE(web.until([&] { return web.images() == "5=v1 6=v1 7=v2 " && web.settled() && web.of_status("updatedReplicas") == 1; }));
    // Below the partition a pod comes back as it was.
    ASSERT_TRUE(web.world.api().remove(testing::builtin("", "pods"), "default", "web-5").has_value());
    web.world.run_for(20);
    ASSERT_TRUE(web.until([&] { return web.images() == "5=v1 6=v1 7=v2 "; }));
    web.merge("apps", "statefulsets", "web", "{'spec':{'updateStrategy':{'rollingUpdate':{'partition':0}}}}");
    ASSERT_TRUE(web.until([&] { return web.images() == "5=v2 6=v2 7=v2 "; }));
  }
}

}  // namespace
}  // namespace sampan::controllers
