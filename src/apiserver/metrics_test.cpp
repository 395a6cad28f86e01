#include "apiserver/metrics.h"

#include <gtest/gtest.h>

#include "apiserver/long_running.h"
#include "apiserver/testing.h"

namespace sampan::apiserver {
namespace {

TEST(ServerMetrics, RequestsAreCountedByWhatTheyAre) {
  TestServer server;
  server.ask("GET", "/api/v1/namespaces/default/configmaps", {});
  server.ask("GET", "/api/v1/namespaces/default/configmaps", {});
  server.ask("GET", "/apis/apps/v1/namespaces/default/deployments/web", {});
  server.ask("GET", "/api/v1/nodes", {});
  server.ask("GET", "/livez/ping", {});
  // Names that a client makes up must not become labels.
  server.ask("GET", "/api/v1/madeup", {});
  server.ask("GET", "/madeup", {});
  auto text = server.ask("GET", "/metrics", {}).body;
  for (std::string_view line : {
           R"(apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="configmaps",scope="namespace",subresource="",verb="LIST",version="v1"} 2)",
           R"(apiserver_request_total{code="404",component="apiserver",dry_run="",group="apps",resource="deployments",scope="resource",subresource="",verb="GET",version="v1"} 1)",
           R"(apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="nodes",scope="cluster",subresource="",verb="LIST",version="v1"} 1)",
           R"(apiserver_request_total{code="200",component="",dry_run="",group="",resource="",scope="",subresource="/livez",verb="GET",version=""} 1)",
           R"(apiserver_request_duration_seconds_count{component="apiserver",dry_run="",group="",resource="configmaps",scope="namespace",subresource="",verb="LIST",version="v1"} 2)",
           R"(apiserver_current_inflight_requests{request_kind="readOnly"} 1)",
           R"(apiserver_current_inflight_requests{request_kind="mutating"} 0)",
           R"(apiserver_resource_objects{group="apps",resource="deployments"} 0)",
           R"(apiserver_storage_objects{resource="deployments.apps"} 0)",
           "# TYPE process_resident_memory_bytes gauge",
       })
    EXPECT_NE(text.find(line), std::string::npos) << line;
  EXPECT_EQ(text.find("madeup"), std::string::npos);
}

class Waiting : public net::BodySource {
 public:
  Pull pull(std::string&, size_t) override { return Pull::Wait; }
};

TEST(LongRunning, AreCountedAndWoken) {
  ServerMetrics metrics;
  Series& gauge = metrics.in_flight(false);
  auto all = std::make_shared<LongRunning>();
  int woken = 0;
  auto first = all->track(std::make_unique<Waiting>(), gauge);
  auto second = all->track(std::make_unique<Waiting>(), gauge);
  EXPECT_EQ(gauge.value(), 2);
  first->start([&] { woken++; });
  all->wake_all();
  EXPECT_EQ(woken, 1);  // the second has not begun
  first.reset();
  all->wake_all();
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(gauge.value(), 1);
}

TEST(LongRunning, WatchesEndWhenTheServerStops) {
  TestServer server;
  auto response = server.ask("GET", "/api/v1/configmaps?watch=true&resourceVersion=0", {});
  ASSERT_TRUE(response.source);
  EXPECT_NE(server.ask("GET", "/metrics", {}).body.find(
                R"(apiserver_longrunning_requests{component="apiserver",group="",resource="configmaps",scope="cluster",subresource="",verb="WATCH",version="v1"} 1)"),
            std::string::npos);
  bool woken = false;
  response.source->start([&] { woken = true; });
  std::string out;
  EXPECT_EQ(response.source->pull(out, 1000), net::BodySource::Pull::Wait);
  woken = false;
  server.server().begin_shutdown();
  EXPECT_TRUE(woken);
  EXPECT_EQ(response.source->pull(out, 1000), net::BodySource::Pull::End);
}

TEST(LongRunning, AWatchMayBeWantedForEver) {
  TestServer server;
  auto response = server.ask("GET", "/api/v1/configmaps?watch=true&resourceVersion=0&timeoutSeconds=9223372036854775807", {});
  ASSERT_TRUE(response.source);
  response.source->start([] {});
  std::string out;
  EXPECT_EQ(response.source->pull(out, 1000), net::BodySource::Pull::Wait);
}

}  // namespace
}  // namespace sampan::apiserver
