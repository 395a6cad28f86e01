// Flow control in a whole server: what requests see of it, and the objects it goes by.
#include "apiserver/fairness/gate.h"

#include <gtest/gtest.h>

#include <thread>

#include "apiserver/bootstrap.h"
#include "apiserver/fairness/keeper.h"
#include "apiserver/testing.h"
#include "base/text.h"

namespace sampan::apiserver::fairness {
namespace {

constexpr std::string_view kMaps = "/api/v1/namespaces/default/configmaps";
constexpr std::string_view kGroup = "/apis/flowcontrol.apiserver.k8s.io/v1/";

class FlowServer : public ::testing::Test {
 protected:
  explicit FlowServer(unsigned seats = 2) : server_(with(seats)) {
    EXPECT_TRUE(ensure_flow_control(server_.catalog(), real_clock()));
    keep();
    make("/api/v1/namespaces", R"({"metadata":{"name":"default"}})");
  }
  static ServerConfig with(unsigned seats) {
    ServerConfig config;
    config.requests_in_flight_max = seats;
    config.mutations_in_flight_max = 0;
    return config;
  }
  void keep() { keeper_ = Keeper::start(*server_.server().flow_control(), server_.catalog(), real_clock()); }

  net::Response ask(std::string_view method, std::string_view path, std::string body = {}, net::Headers headers = {}) {
    headers.emplace_back("content-type", method == "PATCH" ? "application/merge-patch+json" : "application/json");
    return server_.ask(method, path, std::move(headers), std::move(body));
  }
  void make(std::string_view path, std::string body) {
    auto made = ask("POST", path, std::move(body));
    ASSERT_EQ(made.status, 201) << made.body;
  }
  // Enough for an answer that is made while it is sent.
  void make_maps() {
    for (int i = 0; i < 70; i++) make(kMaps, concat(R"({"metadata":{"name":"map)", i, R"("}})"));
  }
  bool eventually(const std::function<bool()>& holds) {
    for (int i = 0; i < 1000; i++) {
      if (holds()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }
  std::string level_row(std::string_view name) {
    auto table = server_.server().flow_control()->dump_priority_levels();
    auto at = table.find(concat("\n", name, ","));
    return at == std::string::npos ? std::string() : table.substr(at + 1, table.find('\n', at + 1) - at - 1);
  }

  TestServer server_;
  std::unique_ptr<Keeper> keeper_;
};

// One seat for everybody, taken by a list whose answer nobody reads: the next request is rejected where nothing may wait, and waits where it may.
class OneSeat : public FlowServer {
 protected:
  OneSeat() : FlowServer(200) {
    make_maps();
    level("tight", R"("limitResponse":{"type":"Reject"})");
    schema("tight");
    server_.server().flow_control()->adjust();
  }
  // Of 200 seats and 246 shares one gives one seat.
  void level(std::string_view name, std::string_view response) {
    make(concat(kGroup, "prioritylevelconfigurations"),
         concat(R"({"metadata":{"name":")", name, R"("},"spec":{"type":"Limited","limited":{"nominalConcurrencyShares":1,"borrowingLimitPercent":0,)", response, "}}}"));
  }
  void schema(std::string_view level_name) {
    make(concat(kGroup, "flowschemas"),
         concat(R"({"metadata":{"name":"maps"},"spec":{"priorityLevelConfiguration":{"name":")", level_name,
                R"("},"matchingPrecedence":10,"rules":[{"subjects":[{"kind":"Group","group":{"name":"*"}}],)"
                R"("resourceRules":[{"verbs":["get","list","watch"],"apiGroups":[""],"resources":["configmaps"],"namespaces":["*"]}]}]}})"));
    ASSERT_TRUE(eventually([&] { return ask("GET", concat(kMaps, "/map1")).status == 200 && level_row(level_name).find(" 0, ") != std::string::npos && flow_is_known(); }));
  }
  bool flow_is_known() {
    auto stored = ask("GET", concat(kGroup, "flowschemas/maps"));
    auto uid = header(ask("GET", concat(kMaps, "/map1")), "x-kubernetes-pf-flowschema-uid");
    return !uid.empty() && stored.body.find(uid) != std::string::npos;
  }
};

TEST_F(OneSeat, RejectsWhatIsTooMuch) {
  auto list = ask("GET", kMaps);
  ASSERT_TRUE(list.source);
  auto refused = ask("GET", concat(kMaps, "/map1"));
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.body, "Too many requests, please try again later.\n");
  EXPECT_EQ(header(refused, "retry-after"), "1");
  EXPECT_EQ(header(refused, "content-type"), "text/plain; charset=utf-8");
  EXPECT_FALSE(header(refused, "x-kubernetes-pf-prioritylevel-uid").empty());
  EXPECT_EQ(ask("GET", "/api/v1/namespaces/default").status, 200);  // another level
  body_of(std::move(list));
  EXPECT_EQ(ask("GET", concat(kMaps, "/map1")).status, 200);
  // A list that its client gave up gives its seat back, too.
  { auto dropped = ask("GET", kMaps); }
  EXPECT_EQ(ask("GET", concat(kMaps, "/map1")).status, 200);
}

TEST_F(OneSeat, WaitsWhereItMay) {
  level("patient", R"("limitResponse":{"type":"Queue","queuing":{"queues":4,"handSize":2,"queueLengthLimit":2}})");
  ASSERT_EQ(ask("PATCH", concat(kGroup, "flowschemas/maps"), R"({"spec":{"priorityLevelConfiguration":{"name":"patient"}}})").status, 200);
  ASSERT_TRUE(eventually([&] { return level_row("patient").find("patient,") == 0 && (ask("GET", concat(kMaps, "/map1")), level_row("patient").find(" 0,                 0,                  0,") == std::string::npos); }));
  auto list = ask("GET", kMaps);
  ASSERT_TRUE(list.source);
  net::Response answer;
  std::atomic<bool> answered{false};
  std::thread waiting([&] {
    answer = ask("GET", concat(kMaps, "/map1"));
    answered = true;
  });
  ASSERT_TRUE(eventually([&] { return server_.server().flow_control()->dump_requests(true).find(concat(kMaps, "/map1")) != std::string::npos; }));
  EXPECT_FALSE(answered);
  EXPECT_EQ(ask("GET", concat(kMaps, "/map2?timeout=40ms")).status, 429);  // waits a quarter of that, not of a minute
  EXPECT_FALSE(answered);
  body_of(std::move(list));
  waiting.join();
  EXPECT_EQ(answer.status, 200);
}

TEST_F(OneSeat, AWatchTakesItsSeatOnlyToBegin) {
  auto watch = ask("GET", concat(kMaps, "?watch=1"));
  ASSERT_EQ(watch.status, 200);
  EXPECT_EQ(ask("GET", concat(kMaps, "/map1")).status, 429);
  std::string events;
  while (watch.source->pull(events, 4096) == net::BodySource::Pull::More) {
  }
  EXPECT_EQ(ask("GET", concat(kMaps, "/map1")).status, 200);
  auto metrics = ask("GET", "/metrics").body;
  EXPECT_NE(metrics.find("apiserver_flowcontrol_request_execution_seconds_count{flow_schema=\"maps\",priority_level=\"tight\",type=\"watch\"} 1\n"), std::string::npos);
  EXPECT_NE(metrics.find("apiserver_flowcontrol_priority_level_request_utilization_bucket{phase=\"waiting\",priority_level=\"tight\",le=\"0\"} "), std::string::npos);
  EXPECT_NE(metrics.find("apiserver_flowcontrol_demand_seats_count{priority_level=\"tight\"} "), std::string::npos);
}

TEST_F(FlowServer, TimesHaveToBeTimes) {
  auto refused = ask("GET", concat(kMaps, "?timeout=5"));
  EXPECT_EQ(refused.status, 400);
  EXPECT_NE(refused.body.find(R"("message":"invalid timeout specified in the request URL - time: missing unit in duration \"5\"")"), std::string::npos) << refused.body;
  for (auto fine : {"0s", "1h", "-1s", ""}) EXPECT_EQ(ask("GET", concat(kMaps, "?timeout=", fine)).status, 200) << fine;
  EXPECT_EQ(ask("GET", concat(kMaps, "?watch=1&timeout=5")).status, 200);  // watches have no time
}

TEST_F(FlowServer, NamesTheFlowByUid) {
  auto answer = ask("GET", "/version");
  auto schema = ask("GET", concat(kGroup, "flowschemas/global-default")).body, level = ask("GET", concat(kGroup, "prioritylevelconfigurations/global-default")).body;
  auto flow_uid = header(answer, "x-kubernetes-pf-flowschema-uid"), level_uid = header(answer, "x-kubernetes-pf-prioritylevel-uid");
  EXPECT_NE(schema.find(concat("\"uid\":\"", flow_uid, "\"")), std::string::npos);
  EXPECT_NE(level.find(concat("\"uid\":\"", level_uid, "\"")), std::string::npos);
}

TEST_F(FlowServer, TellsOfSchemasWithoutTheirLevel) {
  make(concat(kGroup, "flowschemas"), R"({"metadata":{"name":"lost"},"spec":{"priorityLevelConfiguration":{"name":"nowhere"}}})");
  auto says = [&](std::string_view text) { return ask("GET", concat(kGroup, "flowschemas/lost")).body.find(text) != std::string::npos; };
  EXPECT_TRUE(eventually([&] { return says(R"(object named \"nowhere\" but there is no such object)") && says(R"("reason":"NotFound")"); }));
  make(concat(kGroup, "prioritylevelconfigurations"), R"({"metadata":{"name":"nowhere"},"spec":{"type":"Limited","limited":{"limitResponse":{"type":"Reject"}}}})");
  EXPECT_TRUE(eventually([&] { return says(R"(object named \"nowhere\" and it exists)") && says(R"("reason":"Found")"); }));
}

TEST_F(FlowServer, StandardObjectsAreKept) {
  auto shares = [&](std::string_view name) {
    auto body = ask("GET", concat(kGroup, "prioritylevelconfigurations/", name)).body;
    auto at = body.find("\"nominalConcurrencyShares\":");
    return at == std::string::npos ? std::string() : body.substr(at + 27, body.find_first_of(",}", at) - at - 27);
  };
  auto change = [&](std::string_view name, std::string_view patch) {
    auto changed = ask("PATCH", concat(kGroup, "prioritylevelconfigurations/", name), std::string(patch));
    ASSERT_EQ(changed.status, 200) << changed.body;
  };
  change("system", R"({"spec":{"limited":{"nominalConcurrencyShares":77}}})");  // still marked
  change("node-high", R"({"metadata":{"annotations":{"apf.kubernetes.io/autoupdate-spec":"false"}},"spec":{"limited":{"nominalConcurrencyShares":78}}})");
  change("exempt", R"({"spec":{"exempt":{"nominalConcurrencyShares":3}}})");
  EXPECT_EQ(ask("DELETE", concat(kGroup, "flowschemas/probes")).status, 200);
  make(concat(kGroup, "prioritylevelconfigurations"),
       R"({"metadata":{"name":"of-old","annotations":{"apf.kubernetes.io/autoupdate-spec":"true"}},"spec":{"type":"Limited","limited":{"limitResponse":{"type":"Reject"}}}})");
  ASSERT_TRUE(ensure_flow_control(server_.catalog(), real_clock()));
  EXPECT_EQ(shares("system"), "30");
  EXPECT_EQ(shares("node-high"), "78");
  EXPECT_EQ(shares("exempt"), "3");
  EXPECT_EQ(ask("GET", concat(kGroup, "flowschemas/probes")).status, 200);
  EXPECT_EQ(ask("GET", concat(kGroup, "prioritylevelconfigurations/of-old")).status, 404);
}

TEST(FlowSwitchedOff, ReadsAndMutationsAreCounted) {
  ServerConfig config;
  config.priority_and_fairness = false;
  config.requests_in_flight_max = 0;
  TestServer server(std::move(config));
  auto refused = server.ask("GET", "/version", {});
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.body, "Too many requests, please try again later.\n");
  EXPECT_EQ(header(refused, "retry-after"), "1");
  EXPECT_EQ(header(refused, "x-kubernetes-pf-flowschema-uid"), "");
}

}  // namespace
}  // namespace sampan::apiserver::fairness
