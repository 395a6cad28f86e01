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
  explicit Quotas(ServerConfig config = quota_config()) : server(std::move(config)) {}
  net::Response post(std::string_view resource, std::string body) {
    return server.ask("POST", concat("/api/v1/namespaces/shop/", resource), {{"content-type", "application/json"}}, std::move(body));
  }
  void quota(std::string_view hard, std::string_view used, std::string_view more = "", std::string_view name = "q") {
    EXPECT_EQ(post("resourcequotas", concat(R"({"metadata":{"name":")", name, R"("},"spec":{"hard":)", hard, more, "}}")).status, 201);
    auto answer = server.ask("PATCH", concat("/api/v1/namespaces/shop/resourcequotas/", name, "/status"), {{"content-type", "application/merge-patch+json"}},
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

class Limits : public Quotas {
 protected:
  Limits() : Quotas(limited()) {}
  static ServerConfig limited() {
    auto config = quota_config();
    config.admission.disable.emplace_back("Priority");  // the classes are names here
    config.admission.settings["ResourceQuota"] = R"(
apiVersion: apiserver.config.k8s.io/v1
kind: ResourceQuotaConfiguration
limitedResources:
- {resource: persistentvolumeclaims, matchContains: [.storageclass.storage.k8s.io/requests.storage]}
- resource: pods
  matchContains: [cpu, count/]
  matchScopes:
  - {scopeName: PriorityClass, operator: In, values: [system-node-critical, system-cluster-critical]}
  - {scopeName: CrossNamespacePodAffinity, operator: Exists}
- {apiGroup: apps, resource: deployments, matchContains: [count/deployments]}
)";
    return config;
  }
  // The answer, but for what an object that was made looks like.
  std::string pod(std::string_view resources, std::string_view more = "") {
    auto answer = post("pods", concat(R"({"metadata":{"name":"p)", made_++, R"("},"spec":{"containers":[{"name":"c","image":"i","resources":)", resources, "}]", more, "}}"));
    return said(answer);
  }
  static std::string said(const net::Response& answer) {
    if (answer.status < 300) return concat(answer.status);
    auto at = answer.body.find("forbidden: ");
    auto text = answer.body.substr(at == std::string::npos ? answer.body.find("insufficient") : at + 11);
    return concat(answer.status, " ", text.substr(0, text.find('"')));
  }
  int made_ = 0;
};

// As a real server answers.
TEST_F(Limits, WhatIsLimitedNeedsAQuota) {
  constexpr std::string_view kCpu = R"({"requests":{"cpu":"1"}})", kCritical = R"(,"priorityClassName":"system-node-critical")";
  constexpr std::string_view kAcross =
      R"(,"affinity":{"podAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"a","labelSelector":{},"namespaces":["x"]}]}})";
  EXPECT_EQ(pod("{}"), "403 insufficient quota to consume: count/pods");
  EXPECT_EQ(pod(kCpu), "403 insufficient quota to consume: count/pods,cpu,requests.cpu");
  quota(R"({"count/pods":"10","requests.cpu":"5","cpu":"5"})", R"({"count/pods":"0","requests.cpu":"0","cpu":"0"})");
  EXPECT_EQ(pod(kCpu), "201");
  EXPECT_EQ(pod("{}"), "403 failed quota: q: must specify cpu for: c; requests.cpu for: c");
  EXPECT_EQ(pod(kCpu, kCritical), "500 insufficient quota to match these scopes: [{PriorityClass In [system-node-critical system-cluster-critical]}]");
  EXPECT_EQ(pod(kCpu, concat(kCritical, kAcross)),
            "500 insufficient quota to match these scopes: [{PriorityClass In [system-node-critical system-cluster-critical]} {CrossNamespacePodAffinity Exists []}]");
  quota(R"({"pods":"0"})", R"({"pods":"0"})",
        R"(,"scopeSelector":{"matchExpressions":[{"scopeName":"PriorityClass","operator":"In","values":["system-node-critical"]}]})", "critical");
  EXPECT_EQ(pod(kCpu, kCritical), "403 exceeded quota: critical, requested: pods=1, used: pods=0, limited: pods=0");
  EXPECT_EQ(pod(kCpu, concat(kCritical, kAcross)), "500 insufficient quota to match these scopes: [{CrossNamespacePodAffinity Exists []}]");

  auto claim = [&](std::string_view name, std::string_view of) {
    return said(post("persistentvolumeclaims", concat(R"({"metadata":{"name":")", name, R"("},"spec":{"storageClassName":")", of,
                                                      R"(","accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}})")));
  };
  EXPECT_EQ(claim("a", "gold"), "403 insufficient quota to consume: gold.storageclass.storage.k8s.io/requests.storage");
  EXPECT_EQ(claim("b", ""), "201");  // of no class
  auto deployment = [&] {
    return said(server.ask("POST", "/apis/apps/v1/namespaces/shop/deployments", {{"content-type", "application/json"}},
                           R"({"metadata":{"name":"d"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}})"));
  };
  EXPECT_EQ(deployment(), "403 insufficient quota to consume: count/deployments.apps");
  quota(R"({"count/deployments.apps":"1"})", R"({"count/deployments.apps":"0"})", "", "deployments");
  EXPECT_EQ(deployment(), "201");
}

}  // namespace

}  // namespace sampan::apiserver
