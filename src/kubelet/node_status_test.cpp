#include "kubelet/node_status.h"

#include <gtest/gtest.h>

#include "base/environment.h"
#include "client/no_api_for_test.h"
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

// Knows one node; its status cannot be written.
class Crowded : public client::NoApi {
 public:
  Result<client::ObjectRef> get(const client::Resource&, std::string_view, std::string_view name) override {
    if (!node) return fail(not_found("", "nodes", name));
    return node;
  }
  Result<std::vector<client::ObjectRef>> list(const client::Resource&, std::string_view, std::string_view, std::string_view) override { return std::vector<client::ObjectRef>(); }
  Result<client::ObjectRef> create(const client::Resource&, std::string_view, schema::Value object, const client::Options&) override {
    node = TRY(schema::freeze(object, core_v1::Node::schema_type()));
    return node;
  }
  Result<client::ObjectRef> update(const client::Resource&, schema::Value, const client::Options&) override { return fail(conflict("", "nodes", "n", "somebody else was quicker")); }

  client::ObjectRef node;
};

// Changes the taints of its node between the first read and the first write.
class Tainting final : public Crowded {
 public:
  Result<client::ObjectRef> update(const client::Resource&, schema::Value object, const client::Options&) override {
    if (++writes == 1) return fail(Error(Reason::Forbidden, "node \"n\" is not allowed to modify taints"));
    node = TRY(schema::freeze(object, core_v1::Node::schema_type()));
    return node;
  }
  int writes = 0;
};

class Silent final : public Recorder {
 public:
  void pod(const core_v1::Pod&, EventType, std::string_view, std::string) override {}
  void container(const core_v1::Pod&, const ContainerSpec&, EventType, std::string_view, std::string) override {}
  void node(EventType, std::string_view, std::string) override {}
};

// Else an agent whose node was deleted would wait for the pods to go that the new node has got since.
TEST(NodeWriter, ANodeIsEnrolledThoughItsStatusCannotBeToldYet) {
  Crowded api;
  Silent recorder;
  NodeWriter writer(api, recorder, real_clock());
  NodeInput in;
  in.name = "n";
  EXPECT_FALSE(writer.is_there("n"));
  auto node = writer.enroll(in);
  ASSERT_TRUE(node) << node.error().message();
  EXPECT_TRUE(writer.is_there("n"));
  EXPECT_FALSE(writer.tell(in));
}

TEST(NodeWriter, AStatusThatLostARaceAgainstTaintsIsWrittenAtOnce) {
  Tainting api;
  Silent recorder;
  NodeWriter writer(api, recorder, real_clock());
  NodeInput in;
  in.name = "n";
  ASSERT_TRUE(writer.enroll(in));
  EXPECT_EQ(api.writes, 2);
  EXPECT_FALSE(api.node->as<core_v1::Node>().status().conditions().empty());
}

}  // namespace
}  // namespace sampan::kubelet
