#include "kubelet/resize.h"

#include "kubelet/testing.h"
#include "schema/json.h"

namespace sampan::kubelet {
namespace {

std::string resources(std::string_view cpu, std::string_view memory) {
  return concat("resources: {requests: {cpu: ", cpu, ", memory: ", memory, "}, limits: {cpu: ", cpu, ", memory: ", memory, "}}");
}
schema::ObjectRef pod(std::string_view resources, std::string_view more = "", std::string_view status = "") {
  return pod_with(concat("{restartPolicy: Always, containers: [{name: a, image: i, ", resources, more, "}]}"), status);
}
core_v1::Pod view(const schema::ObjectRef& pod) { return pod->as<core_v1::Pod>(); }

TEST(Resize, WhatIsAsked) {
  auto one = pod(resources("100m", "64Mi"));
  EXPECT_TRUE(ask_the_same(view(one), view(pod(resources("0.1", "65536Ki")))));  // in other words
  EXPECT_FALSE(ask_the_same(view(one), view(pod(resources("101m", "64Mi")))));
  EXPECT_FALSE(ask_the_same(view(one), view(pod(resources("100m", "65Mi")))));
  auto init = [](std::string_view policy) { return concat("{initContainers: [{name: s, image: i, ", policy, resources(policy.empty() ? "2" : "1", "64Mi"), "}], containers: [{name: a, image: i}]}"); };
  auto changed = [](std::string spec) { return spec.replace(spec.find("64Mi"), 4, "32Mi"); };
  auto plain = init(""), sidecar = init("restartPolicy: Always, ");
  auto before = pod_with(plain), after = pod_with(changed(plain));
  EXPECT_TRUE(ask_the_same(view(before), view(after)));  // an init container has done its work
  before = pod_with(sidecar), after = pod_with(changed(sidecar));
  EXPECT_FALSE(ask_the_same(view(before), view(after)));
}

TEST(Resize, TheGrantedResourcesAreShownUntilOthersAre) {
  auto granted = pod(resources("100m", "64Mi")), wanted = pod(resources("200m", "32Mi"), ", env: [{name: X, value: '1'}]");
  auto shown = with_resources_of(wanted, granted);
  EXPECT_TRUE(ask_the_same(view(shown), view(granted)));
  EXPECT_EQ(view(shown).spec().containers()[0].env().size(), 1u);
}

TEST(Resize, AnAgentThatStartsAnewKnowsWhatWasGranted) {
  auto now = pod(resources("200m", "32Mi"), "",
                 ", status: {containerStatuses: [{name: a, image: i, imageID: i, allocatedResources: {cpu: 100m, memory: 64Mi}, resources: {limits: {cpu: 100m, memory: 64Mi}}}]}");
  auto before = granted_before(now), wanted = pod(resources("100m", "64Mi"));
  EXPECT_TRUE(ask_the_same(view(before), view(wanted)));
  auto fresh = pod(resources("200m", "32Mi"));
  EXPECT_EQ(granted_before(fresh), fresh);
}

TEST(Resize, WhoHasSomethingElseAndMustBeRestarted) {
  struct Case {
    std::string_view cpu, memory, policy;
    size_t resizes;
    bool by_restart;
  } cases[] = {
      {"100m", "64Mi", "", 0, false},
      {"200m", "64Mi", "", 1, false},
      {"100m", "32Mi", "", 1, false},
      {"200m", "64Mi", ", resizePolicy: [{resourceName: memory, restartPolicy: RestartContainer}]", 1, false},
      {"100m", "32Mi", ", resizePolicy: [{resourceName: memory, restartPolicy: RestartContainer}]", 1, true},
  };
  auto before = pod(resources("100m", "64Mi"));
  ResourceOptions options{.memory_capacity = 1 << 30};
  for (auto& c : cases) {
    auto wanted = pod(resources(c.cpu, c.memory), c.policy);
    auto runtime = runtime_with("a:running", view(wanted));
    ASSERT_EQ(runtime.containers.size(), 1u);
    runtime.containers[0].resources = container_resources(view(before), *find_container(view(before), "a"), options);
    auto resizes = resizes_of(view(wanted), runtime, options);
    ASSERT_EQ(resizes.size(), c.resizes) << c.cpu << c.memory;
    Plan plan;
    plan_restarts(resizes, plan);
    EXPECT_EQ(plan.kills.size(), c.by_restart) << c.policy;
    EXPECT_EQ(plan.start_regular.size(), c.by_restart);
    plan_restarts(resizes, plan);  // one that is ended already is not ended twice
    EXPECT_EQ(plan.kills.size(), c.by_restart);
  }
}

TEST(Resize, Event) {
  auto one = pod(resources("100m", "64Mi"));
  EXPECT_EQ(resize_event("Pod resize error", view(one), 2, "no \"room\""),
            R"(Pod resize error: {"containers":[{"name":"a","resources":{"limits":{"cpu":"100m","memory":"64Mi"},"requests":{"cpu":"100m","memory":"64Mi"}}}],)"
            R"("generation":2,"error":"no \"room\""})");
}

}  // namespace
}  // namespace sampan::kubelet
