#include "apiserver/api_endpoints.h"

#include <gtest/gtest.h>

#include "apiserver/testing.h"
#include "registry/storage_form.h"
#include "schema/json.h"

namespace sampan::apiserver {
namespace {

class Endpoints : public testing::Test {
 protected:
  std::unique_ptr<ApiEndpoints> start(std::string address, bool shared_store) {
    auto started = ApiEndpoints::start(server_.catalog(), server_.store(), real_clock(), {std::move(address), 6443, shared_store});
    EXPECT_TRUE(started) << started.error().message();
    return started ? std::move(*started) : nullptr;
  }
  std::string read(std::string_view group, std::string_view resource, std::string_view member) {
    auto found = server_.catalog().find(group, resource)->store->get("default", "kubernetes");
    if (!found) return found.error().message();
    std::string out;
    schema::write_json(out, (**found)[member]);
    return out;
  }
  std::string subsets() { return read("", "endpoints", "subsets"); }
  TestServer server_;
};

TEST_F(Endpoints, OfOneServerStay) {
  start("192.0.2.1", false).reset();
  EXPECT_EQ(subsets(), R"([{"addresses":[{"ip":"192.0.2.1"}],"ports":[{"name":"https","port":6443,"protocol":"TCP"}]}])");
  EXPECT_EQ(read("discovery.k8s.io", "endpointslices", "endpoints"), R"([{"addresses":["192.0.2.1"],"conditions":{"ready":true}}])");
  EXPECT_EQ(read("discovery.k8s.io", "endpointslices", "ports"), R"([{"name":"https","protocol":"TCP","port":6443}])");
  // The machine has another address now.
  start("2001:db8::1", false).reset();
  EXPECT_EQ(subsets(), R"([{"addresses":[{"ip":"2001:db8::1"}],"ports":[{"name":"https","port":6443,"protocol":"TCP"}]}])");
  EXPECT_EQ(read("discovery.k8s.io", "endpointslices", "addressType"), R"("IPv6")");
}

TEST_F(Endpoints, OfAllServersOfAStore) {
  auto first = start("192.0.2.2", true);
  auto second = start("192.0.2.1", true);
  EXPECT_EQ(subsets(),
            R"([{"addresses":[{"ip":"192.0.2.1"},{"ip":"192.0.2.2"}],"ports":[{"name":"https","port":6443,"protocol":"TCP"}]}])");
  first.reset();
  EXPECT_EQ(subsets(), R"([{"addresses":[{"ip":"192.0.2.1"}],"ports":[{"name":"https","port":6443,"protocol":"TCP"}]}])");
}

TEST_F(Endpoints, NotWhereNobodyCouldReachThem) {
  EXPECT_FALSE(start("127.0.0.1", false));
  EXPECT_EQ(subsets(), R"(endpoints "kubernetes" not found)");
}

}  // namespace
}  // namespace sampan::apiserver
