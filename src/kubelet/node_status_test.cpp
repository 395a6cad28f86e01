#include "kubelet/node_status.h"

#include <gtest/gtest.h>

#include "schema/json.h"

namespace sampan::kubelet {
namespace {

std::string json_of(schema::Value value) {
  std::string out;
  schema::write_json(out, value);
  return out;
}

TEST(NodeStatus, ResourcesOfOthersStay) {
  NodeInput in;
  in.name = "n";
  in.capacity = {{"cpu", schema::Quantity(2)}, {"pods", schema::Quantity(110)}};
  in.allocatable = {{"cpu", schema::Quantity::milli(1900)}, {"pods", schema::Quantity(110)}};
  Arena arena;
  auto tree = schema::parse_json(R"({"status":{"capacity":{"cpu":"9","pods":"9","hugepages-2Mi":"0","example.com/gpu":"4"},"allocatable":{"example.com/gone":"1"}}})", arena);
  ASSERT_TRUE(tree);
  write_node(in, *tree, 1'700'000'000, true);
  EXPECT_EQ(json_of((*tree)["status"]["capacity"]), R"({"cpu":"2","pods":"110","example.com/gpu":"4"})");
  EXPECT_EQ(json_of((*tree)["status"]["allocatable"]), R"({"cpu":"1900m","pods":"110","example.com/gpu":"4"})");
}

}  // namespace
}  // namespace sampan::kubelet
