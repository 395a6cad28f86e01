// Quotas over a whole server, with many writers at once.
#include <gtest/gtest.h>

#include <thread>

#include "apiserver/testing.h"
#include "base/text.h"

namespace sampan::apiserver {

namespace {

ServerConfig quota_config() {
  ServerConfig config;
  config.admission.disable = {"NamespaceLifecycle", "ServiceAccount", "PodSecurity"};
  config.workers = 16;
  return config;
}

class Quotas : public ::testing::Test {
 protected:
  Quotas() : server(quota_config()) {}
  net::Response post(std::string_view resource, std::string body) {
    return server.ask("POST", concat("/api/v1/namespaces/shop/", resource), {{"content-type", "application/json"}}, std::move(body));
  }
  void quota(std::string_view hard, std::string_view used, std::string_view more = "") {
    EXPECT_EQ(post("resourcequotas", concat(R"({"metadata":{"name":"q"},"spec":{"hard":)", hard, more, "}}")).status, 201);
    auto answer = server.ask("PATCH", "/api/v1/namespaces/shop/resourcequotas/q/status", {{"content-type", "application/merge-patch+json"}},
                             concat(R"({"status":{"hard":)", hard, R"(,"used":)", used, "}}"));
    EXPECT_EQ(answer.status, 200) << answer.body;
  }
  std::string used() {
    auto body = server.ask("GET", "/api/v1/namespaces/shop/resourcequotas/q", {}).body;
    auto at = body.find("\"used\":");
    return at == std::string::npos ? "" : body.substr(at + 7, body.find('}', at) - at - 6);
  }
  TestServer server;
};

TEST_F(Quotas, AreNeverExceededByManyAtOnce) {
  quota(R"({"configmaps":"20"})", R"({"configmaps":"0"})");
  std::atomic<int> made = 0, refused = 0;
  std::vector<std::thread> creators;
  for (int i = 0; i < 64; i++)
    creators.emplace_back([&, i] {
      auto answer = post("configmaps", concat(R"({"metadata":{"name":"c)", i, R"("}})"));
      if (answer.status == 201) made++;
      if (answer.status == 403) refused++;
    });
  for (auto& creator : creators) creator.join();
  EXPECT_EQ(made, 20);
  EXPECT_EQ(refused, 44);
  EXPECT_EQ(used(), R"({"configmaps":"20"})");
}

TEST_F(Quotas, CountWhatIsAskedFor) {
  quota(R"({"requests.cpu":"1","limits.memory":"1Gi","pods":"3","count/pods":"3"})", R"({"requests.cpu":"0","limits.memory":"0","pods":"0","count/pods":"0"})");
  auto pod = [&](std::string_view name, std::string_view resources, std::string_view query = "") {
    return post(concat("pods", query), concat(R"({"metadata":{"name":")", name, R"("},"spec":{"containers":[{"name":"c","image":"i","resources":)", resources, "}]}}"));
  };
  EXPECT_NE(pod("a", "{}").body.find(R"(pods \"a\" is forbidden: failed quota: q: must specify limits.memory for: c; requests.cpu for: c)"), std::string::npos);
  constexpr std::string_view half = R"({"requests":{"cpu":"500m"},"limits":{"memory":"512Mi"}})";
  EXPECT_EQ(pod("dry", half, "?dryRun=All").status, 201);
  EXPECT_EQ(pod("a", half).status, 201);
  EXPECT_EQ(used(), R"({"count/pods":"1","limits.memory":"512Mi","pods":"1","requests.cpu":"500m"})");
  EXPECT_NE(pod("b", R"({"requests":{"cpu":"600m"},"limits":{"memory":"1Mi"}})")
                .body.find(R"(exceeded quota: q, requested: requests.cpu=600m, used: requests.cpu=500m, limited: requests.cpu=1)"),
            std::string::npos);
}

TEST_F(Quotas, WithoutAStatusNothingIsLimitedAndAPartOfOneIsUnknown) {
  EXPECT_EQ(post("resourcequotas", R"({"metadata":{"name":"q"},"spec":{"hard":{"secrets":"0"}}})").status, 201);
  EXPECT_EQ(post("secrets", R"({"metadata":{"name":"a"}})").status, 201);
  server.ask("PATCH", "/api/v1/namespaces/shop/resourcequotas/q/status", {{"content-type", "application/merge-patch+json"}}, R"({"status":{"hard":{"secrets":"0"}}})");
  EXPECT_NE(post("secrets", R"({"metadata":{"name":"b"}})").body.find("status unknown for quota: q, resources: secrets"), std::string::npos);
}

TEST_F(Quotas, ScopesChoosePods) {
  quota(R"({"pods":"0"})", R"({"pods":"0"})", R"(,"scopes":["BestEffort"])");
  EXPECT_EQ(post("pods", R"({"metadata":{"name":"a"},"spec":{"containers":[{"name":"c","image":"i"}]}})").status, 403);
  EXPECT_EQ(post("pods", R"({"metadata":{"name":"b"},"spec":{"containers":[{"name":"c","image":"i","resources":{"requests":{"cpu":"1"}}}]}})").status, 201);
}

}  // namespace

}  // namespace sampan::apiserver
