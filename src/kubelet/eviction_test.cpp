#include "kubelet/eviction.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "kubelet/testing.h"

namespace sampan::kubelet {
namespace {

constexpr uint64_t kMi = 1 << 20;

TEST(Eviction, WhatThereIsTooLittleOf) {
  Measured plenty{.memory_available = 500 * kMi,
                  .node_disk = {.capacity = 500 * kMi, .available = 60 * kMi, .inodes = 1000, .inodes_free = 100},
                  .image_disk = {.capacity = 500 * kMi, .available = 90 * kMi},
                  .processes = {.running = 900, .max = 1000}};
  EXPECT_EQ(scarce(plenty, {}), Scarce::None);
  auto with = [&](auto change) {
    auto less = plenty;
    change(less);
    return scarce(less, {});
  };
  EXPECT_EQ(with([](Measured& m) { m.memory_available = 99 * kMi; }), Scarce::Memory);
  EXPECT_EQ(with([](Measured& m) { m.node_disk.available = 49 * kMi; }), Scarce::NodeDisk);
  EXPECT_EQ(with([](Measured& m) { m.image_disk.available = 74 * kMi; }), Scarce::ImageDisk);
  EXPECT_EQ(with([](Measured& m) { m.node_disk.inodes_free = 49; }), Scarce::Inodes);
  EXPECT_EQ(with([](Measured& m) { m.processes.running = 995; }), Scarce::Processes);
}

TEST(Eviction, WhoGoesFirst) {
  auto pod = [](std::string_view name, int priority, std::string_view request, std::string_view more = "") {
    return object_of(core_v1::Pod::schema_type(), concat("{metadata: {name: ", name, "}, spec: {priority: ", priority, more,
                                                         ", containers: [{name: c, image: i, resources: {requests: {memory: ", request, "}}}]}}"));
  };
  auto ranked = rank({{pod("modest", 0, "100Mi"), 50 * kMi},
                      {pod("important", 10, "10Mi"), 90 * kMi},
                      {pod("a-little", 0, "10Mi"), 20 * kMi},
                      {pod("a-lot", 0, "10Mi"), 80 * kMi},
                      {pod("critical", 2000000000, "1Mi", ", priorityClassName: system-cluster-critical"), 900 * kMi}},
                     Scarce::Memory);
  std::string order;
  for (auto& one : ranked) append(order, (*one.pod)["metadata"]["name"].as_string(), " ");
  EXPECT_EQ(order, "a-lot a-little important modest ");
}

TEST(Eviction, WhatIsSaid) {
  Measured measured{.memory_available = 70 * kMi, .node_disk = {.capacity = 500 * kMi, .available = 8792 << 10}, .image_disk = {.capacity = 1'000'000'000, .available = kMi}};
  Candidate chosen{pod_with("{containers: [{name: c, image: i, resources: {requests: {memory: 10Mi}}}]}"), 90 * kMi};
  const struct {
    Scarce what;
    const char* message;
  } cases[] = {
      {Scarce::Memory, "The node was low on resource: memory. Threshold quantity: 100Mi, available: 70Mi. Container c was using 90Mi, request is 10Mi, has larger consumption of memory. "},
      {Scarce::NodeDisk, "The node was low on resource: ephemeral-storage. Threshold quantity: 50Mi, available: 8792Ki. Container c was using 90Mi, request is 0, has larger consumption of ephemeral-storage. "},
      {Scarce::ImageDisk, "The node was low on resource: ephemeral-storage. Threshold quantity: 150000005, available: 1Mi. Container c was using 90Mi, request is 0, has larger consumption of ephemeral-storage. "},
      {Scarce::Inodes, "The node was low on resource: inodes. "},
  };
  for (const auto& c : cases) EXPECT_EQ(eviction_message(chosen, c.what, measured, {}), c.message);
}

}  // namespace
}  // namespace sampan::kubelet
