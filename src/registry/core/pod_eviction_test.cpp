#include "registry/core/pod.h"
#include "registry/testing.h"

namespace sampan::registry {
namespace {

using namespace testing;

ObjectRef pod(std::string_view status) {
  return make("v1", "Pod", concat("{'metadata':{'name':'a','labels':{'app':'x'}},'status':", status, "}"));
}
ObjectRef budget(std::string_view status, std::string_view spec = "", std::string_view name = "b") {
  return make("policy/v1", "PodDisruptionBudget",
              concat("{'metadata':{'name':'", name, "'},'spec':{'selector':{'matchLabels':{'app':'x'}}", spec, "},'status':", status, "}"));
}
constexpr std::string_view kReady = "{'phase':'Running','conditions':[{'type':'Ready','status':'True'}]}";

TEST(Eviction, Plan) {
  std::vector<ObjectRef> one{budget("{'disruptionsAllowed':1,'currentHealthy':2,'desiredHealthy':1}")};
  auto plan = plan_eviction(*pod(kReady), one);
  ASSERT_TRUE(plan.has_value());
  EXPECT_TRUE(plan->budget);
  EXPECT_FALSE(plan->only_this_version);

  // What does not run needs no budget; what is not healthy neither, if enough others are.
  EXPECT_FALSE(plan_eviction(*pod("{'phase':'Succeeded'}"), one)->budget);
  auto unhealthy = plan_eviction(*pod("{'phase':'Running'}"), one);
  EXPECT_FALSE(unhealthy->budget);
  EXPECT_TRUE(unhealthy->only_this_version);
  EXPECT_TRUE(plan_eviction(*pod("{'phase':'Running'}"), std::vector<ObjectRef>{budget("{'currentHealthy':0,'desiredHealthy':1}")})->budget);
  EXPECT_FALSE(plan_eviction(*pod("{'phase':'Running'}"),
                             std::vector<ObjectRef>{budget("{'desiredHealthy':1}", ",'unhealthyPodEvictionPolicy':'AlwaysAllow'")})
                   ->budget);

  auto two = plan_eviction(*pod(kReady), std::vector<ObjectRef>{budget("{}"), budget("{}", "", "c")});
  ASSERT_FALSE(two.has_value());
  EXPECT_EQ(two.error().code(), 500);
}

TEST(Eviction, TakeDisruption) {
  Arena arena;
  Value value = tree(arena, "{'metadata':{'name':'b','generation':1},'status':{'observedGeneration':1,'disruptionsAllowed':1}}");
  ASSERT_TRUE(take_disruption(value, "a", 1000).has_value());
  EXPECT_EQ(json_of(value["status"]),
            "{'observedGeneration':1,'disruptionsAllowed':0,'conditions':[{'type':'DisruptionAllowed','message':'','lastTransitionTime':"
            "'1970-01-01T00:16:40Z','status':'False','reason':'InsufficientPods','observedGeneration':1}],'disruptedPods':{'a':'1970-01-01T00:16:40Z'}}");

  struct {
    std::string_view budget, message, cause;
  } cases[] = {
      {"{'metadata':{'name':'b'},'status':{'disruptionsAllowed':0,'currentHealthy':1,'desiredHealthy':2}}",
       "Cannot evict pod as it would violate the pod's disruption budget.", "The disruption budget b needs 2 healthy pods and has 1 currently"},
      {"{'metadata':{'name':'b','generation':2},'status':{'observedGeneration':1,'disruptionsAllowed':1}}",
       "Cannot evict pod as it would violate the pod's disruption budget.", "The disruption budget b is still being processed by the server."},
      {"{'metadata':{'name':'b'},'status':{'disruptionsAllowed':-1}}",
       "poddisruptionbudget.policy \"b\" is forbidden: pdb disruptions allowed is negative", ""},
  };
  for (auto& c : cases) {
    auto taken = take_disruption(tree(arena, c.budget), "a", 1000);
    ASSERT_FALSE(taken.has_value());
    EXPECT_EQ(taken.error().message(), c.message);
    auto& causes = taken.error().data().causes;
    EXPECT_EQ(causes.empty() ? "" : causes[0].message, c.cause);
  }
}

TEST(Eviction, TheEvictionItself) {
  auto eviction = make("policy/v1", "Eviction", "{'metadata':{'name':'a'}}");
  EXPECT_TRUE(check_eviction(*eviction, "a").has_value());
  EXPECT_EQ(check_eviction(*eviction, "b").error().message(), "name in URL does not match name in Eviction object");
}

}  // namespace
}  // namespace sampan::registry
