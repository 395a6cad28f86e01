#include "kubelet/resources.h"

#include "kubelet/testing.h"

namespace sampan::kubelet {
namespace {

TEST(Resources, of_a_pod) {
  struct Case {
    std::string_view spec;
    QosClass qos;
    int64_t cpu_request, shares, quota, memory;
  } cases[] = {
      {"{containers: [{name: a}]}", QosClass::BestEffort, 0, 2, 0, 0},
      {"{containers: [{name: a, resources: {requests: {cpu: 100m}}}]}", QosClass::Burstable, 100, 102, 0, 0},
      {"{containers: [{name: a, resources: {limits: {cpu: 500m, memory: 64Mi}, requests: {cpu: 500m, memory: 64Mi}}}]}", QosClass::Guaranteed, 500, 512, 50'000,
       64 << 20},
      {"{containers: [{name: a, resources: {limits: {cpu: 1, memory: 1Mi}}}, {name: b, resources: {requests: {cpu: 1}}}]}", QosClass::Burstable, 1000, 1024, 0, 0},
      {"{initContainers: [{name: i, resources: {requests: {cpu: 2}}}], containers: [{name: a, resources: {requests: {cpu: 1}}}]}", QosClass::Burstable, 2000, 2048, 0, 0},
      {"{initContainers: [{name: s, restartPolicy: Always, resources: {requests: {cpu: 1}}}, {name: i, resources: {requests: {cpu: 2}}}], containers: [{name: a, "
       "resources: {requests: {cpu: 1}}}]}",
       QosClass::Burstable, 3000, 3072, 0, 0},
      {"{overhead: {cpu: 10m}, resources: {requests: {cpu: 1}, limits: {cpu: 2}}, containers: [{name: a}]}", QosClass::Burstable, 1010, 1034, 201'000, 0},
      // More than there are numbers for.
      {"{containers: [{name: a, resources: {limits: {cpu: 9000000000000000, memory: 8Ei}}}, {name: b, resources: {limits: {cpu: 9000000000000000, memory: 8Ei}, "
       "requests: {cpu: 1}}}]}",
       QosClass::Burstable, 1000, 1024, INT64_MAX / 1000, INT64_MAX},
      {"{containers: [{name: a, resources: {requests: {cpu: 9000000000000000}}}]}", QosClass::Burstable, 9'000'000'000'000'000'000, 262'144, 0, 0},
  };
  for (auto& c : cases) {
    auto object = pod_with(c.spec);
    auto pod = object->as<core_v1::Pod>();
    EXPECT_EQ(qos_of(pod), c.qos) << c.spec;
    auto requests = requests_of(pod);
    EXPECT_EQ(requests["cpu"].milli_value(), c.cpu_request) << c.spec;
    auto resources = pod_resources(pod, {});
    EXPECT_EQ(resources.cpu_shares, c.shares) << c.spec;
    EXPECT_EQ(resources.cpu_quota, c.quota) << c.spec;
    EXPECT_EQ(resources.memory_limit, c.memory) << c.spec;
  }
}

TEST(Resources, of_a_container) {
  auto object = pod_with("{containers: [{name: a, resources: {requests: {memory: 1Gi}, limits: {cpu: 1m, hugepages-2Mi: 4Mi}}}, {name: b}]}");
  auto pod = object->as<core_v1::Pod>();
  auto resources = container_resources(pod, *find_container(pod, "a"), {.memory_capacity = int64_t{4} << 30});
  EXPECT_EQ(resources.cpu_shares, 2);
  EXPECT_EQ(resources.cpu_quota, 1000);  // the smallest there is
  EXPECT_EQ(resources.oom_score_adj, 750);
  EXPECT_EQ(resources.huge_page_limits, (std::map<std::string, uint64_t>{{"2MB", 4 << 20}}));
  EXPECT_TRUE(resources.unified.empty());
  EXPECT_EQ(container_resources(pod, *find_container(pod, "b"), {.memory_capacity = 1 << 30}).oom_score_adj, 999);
  EXPECT_EQ(pod_cgroup("", pod), "/kubepods/burstable/podu");
}

}  // namespace
}  // namespace sampan::kubelet
