#include "apiserver/usage/usage.h"

#include <gtest/gtest.h>

#include "api/core_v1.h"
#include "apiserver/bootstrap.h"
#include "apiserver/in_process.h"
#include "apiserver/testing.h"
#include "base/text.h"
#include "schema/yaml.h"

namespace sampan::apiserver {
namespace {

TEST(Samples, WhatIsRead) {
  struct Case {
    const char* text;
    const char* want;  // node cpu/memory@time, then each container
  } cases[] = {
      {"", "-/-@0"},
      {"node_cpu_usage_seconds_total 1.5 42\nnode_memory_working_set_bytes 1e+06 42\n", "1500000000/1000000@42"},
      {"node_cpu_usage_seconds_total 2\n", "2000000000/-@7"},
      {"node_cpu_usage_seconds_total NaN 1\nnode_cpu_usage_seconds_total -1\nnode_cpu_usage_seconds_total 1 x\nnode_cpu_usage_seconds_total\n{} 1", "-/-@0"},
      {"container_cpu_usage_seconds_total{container=\"c\",namespace=\"n\",pod=\"p\"} 0.25 9\ncontainer_start_time_seconds{pod=\"p\",namespace=\"n\",container=\"c\"} 3.5\n",
       "-/-@0 n/p:c=250000000/-@9+3500"},
      {"container_memory_working_set_bytes{container=\"a\\\"b\",namespace=\"n\",pod=\"p\",} 8 9\n", "-/-@0 n/p:a\\\"b=-/8@0+0"},
      {"container_memory_working_set_bytes{container=\"c\",namespace=\"n\"} 8\ncontainer_memory_working_set_bytes{container=\"c 8\npod_memory_working_set_bytes{container=\"c\",namespace=\"n\",pod=\"p\"} 3", "-/-@0"},
      {"node_cpu_usage_seconds_total 1e300 1", "18446744073709551615/-@1"},
  };
  auto text = [](const Sample& s) { return concat(s.cpu_ns ? concat(*s.cpu_ns) : "-", "/", s.memory_bytes ? concat(*s.memory_bytes) : "-", "@", s.at_ms); };
  for (const auto& c : cases) {
    auto samples = read_samples(c.text, 7);
    auto got = text(samples.node);
    for (auto& [pod, containers] : samples.pods)
      for (auto& [name, sample] : containers) append(got, " ", pod, ":", name, "=", text(sample), "+", sample.started_ms);
    EXPECT_EQ(got, c.want) << c.text;
  }
}

class SteppedClock : public Clock {
 public:
  int64_t us = 1'000'000'000;
  int64_t now_us() override { return us; }
  int64_t monotonic_us() override { return us; }
};

schema::ObjectRef node_of(const char* ready) {
  Arena arena;
  auto text = concat("{metadata: {name: n1}, status: {conditions: [{type: Ready, status: '", ready, "'}]}}");
  auto documents = schema::parse_yaml(text, arena);
  auto node = schema::freeze((*documents)[0], api::core_v1::Node::schema_type());
  check(node.has_value());
  return *node;
}

class UsageOfANode : public ::testing::Test {
 protected:
  SteppedClock clock_;
  int asked_ = 0;
  bool answers_ = true;
  int64_t pod_started_s_ = 100;
  double cores_ = 0.5;
  Usage usage_{[this](const schema::Object&) { return answer(); }, clock_, {}, [this](int64_t us) { clock_.us += us; }};

  Result<std::string> answer() {
    asked_++;
    if (!answers_) return fail(internal_error("no"));
    auto now_s = clock_.us / 1'000'000;
    return concat("node_cpu_usage_seconds_total ", metric_text(cores_ * static_cast<double>(now_s)), " ", now_s * 1000, "\nnode_memory_working_set_bytes 4096\n",
                  "container_cpu_usage_seconds_total{container=\"c\",namespace=\"s\",pod=\"p\"} ", now_s - pod_started_s_, " ", now_s * 1000,
                  "\ncontainer_memory_working_set_bytes{container=\"c\",namespace=\"s\",pod=\"p\"} 0\ncontainer_start_time_seconds{container=\"c\",namespace=\"s\",pod=\"p\"} ",
                  pod_started_s_, "\n");
  }
  static std::string metric_text(double value) { return concat(static_cast<int64_t>(value * 10) / 10, ".", static_cast<int64_t>(value * 10) % 10); }
  void refresh(const char* ready = "True") { usage_.refresh({node_of(ready)}); }
  std::string node() {
    auto used = usage_.of_node("n1");
    return used ? concat(used->cpu_nanocores / 1'000'000, "m ", used->memory_bytes, " in ", used->window_ms, "ms") : "unknown";
  }
  std::string pod() {
    auto used = usage_.of_pod("n1", "s", "p");
    return used.empty() ? "unknown" : concat(used.at("c").cpu_nanocores / 1'000'000, "m in ", used.at("c").window_ms, "ms");
  }
};

TEST_F(UsageOfANode, IsKnownAtOnceAndKept) {
  EXPECT_EQ(node(), "unknown");
  refresh();
  EXPECT_EQ(node(), "500m 4096 in 1000ms");
  EXPECT_EQ(pod(), "1000m in 1000ms");
  EXPECT_EQ(asked_, 2);
  clock_.us += 14'000'000;
  refresh();
  EXPECT_EQ(asked_, 2);
  clock_.us += 2'000'000;
  refresh();
  EXPECT_EQ(node(), "500m 4096 in 16000ms");
  EXPECT_EQ(asked_, 3);
  clock_.us += 1'000'000'000;  // what is too old is no window
  refresh();
  EXPECT_EQ(node(), "500m 4096 in 1000ms");
  EXPECT_EQ(asked_, 5);
}

TEST_F(UsageOfANode, AContainerThatStartedBetweenIsMeasuredFromItsStart) {
  refresh();
  clock_.us += 15'000'000;
  pod_started_s_ = clock_.us / 1'000'000 - 5;
  refresh();
  EXPECT_EQ(pod(), "1000m in 5000ms");
  clock_.us += 15'000'000;
  pod_started_s_ = clock_.us / 1'000'000;
  refresh();
  EXPECT_EQ(pod(), "unknown");
}

TEST_F(UsageOfANode, OneThatDoesNotAnswerIsUnknown) {
  refresh();
  answers_ = false;
  clock_.us += 15'000'000;
  refresh();
  EXPECT_EQ(node() + pod(), "unknownunknown");
  refresh();
  EXPECT_EQ(asked_, 3);
  answers_ = true;
  clock_.us += 15'000'000;
  refresh();
  EXPECT_EQ(node(), "500m 4096 in 1000ms");
}

TEST_F(UsageOfANode, OneThatIsNotHeardOfIsNotAsked) {
  refresh("Unknown");
  EXPECT_EQ(asked_, 0);
  EXPECT_EQ(node(), "unknown");
}

TEST_F(UsageOfANode, OneInThisProcessIsAskedWithoutAConnection) {
  usage_.set_local("n1", [] { return std::string("node_cpu_usage_seconds_total 1 1000\nnode_memory_working_set_bytes 1\n"); });
  refresh();
  EXPECT_EQ(asked_, 0);
}

class UsageGroup : public ::testing::Test {
 protected:
  static ServerConfig config() {
    ServerConfig config;
    config.runtime_config = {{"metrics.k8s.io/v1beta1", true}};
    config.usage.window_first_us = 0;
    return config;
  }
  TestServer server_{config()};
  int64_t seconds_ = 100;

  void SetUp() override {
    ASSERT_TRUE(bootstrap(server_.catalog(), {}));
    make("/api/v1/nodes", R"({"metadata":{"name":"n","labels":{"a":"b"}},"status":{"conditions":[{"type":"Ready","status":"True"}]}})");
    make("/api/v1/namespaces/default/serviceaccounts", R"({"metadata":{"name":"default"}})");
    for (auto name : {"p", "q"})
      make("/api/v1/namespaces/default/pods", concat(R"({"metadata":{"name":")", name, R"(","labels":{"name":")", name, R"("}},"spec":{"nodeName":"n","containers":[{"name":"c","image":"i"}]}})"));
    server_.server().services().usage->set_local("n", [this] {
      seconds_ += 10;
      return concat("node_cpu_usage_seconds_total ", seconds_, " ", seconds_ * 1000, "\nnode_memory_working_set_bytes 2097152 1\n",
                    "container_cpu_usage_seconds_total{container=\"c\",namespace=\"default\",pod=\"p\"} ", seconds_, " ", seconds_ * 1000,
                    "\ncontainer_memory_working_set_bytes{container=\"c\",namespace=\"default\",pod=\"p\"} 4097\n");
    });
  }
  void make(std::string_view path, std::string body) {
    auto answer = server_.ask("POST", path, {{"content-type", "application/json"}}, std::move(body));
    ASSERT_EQ(answer.status, 201) << answer.body;
  }
  std::string get(std::string_view path, std::string_view accept = "application/json") {
    auto answer = server_.ask("GET", path, {{"accept", std::string(accept)}});
    return concat(answer.status, " ", body_of(std::move(answer)));
  }
};

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

TEST_F(UsageGroup, AnswersAsMetricsServer) {
  auto nodes = get("/apis/metrics.k8s.io/v1beta1/nodes");
  EXPECT_TRUE(has(nodes, R"({"kind":"NodeMetricsList","apiVersion":"metrics.k8s.io/v1beta1","metadata":{},"items":[{"metadata":{"name":"n",)")) << nodes;
  EXPECT_TRUE(has(nodes, R"("labels":{"a":"b"}},"timestamp":"1970-01-01T00:02:00Z","window":"10s","usage":{"cpu":"1","memory":"2Mi"}})")) << nodes;
  auto pods = get("/apis/metrics.k8s.io/v1beta1/pods");
  EXPECT_TRUE(has(pods, R"("window":"10s","containers":[{"name":"c","usage":{"cpu":"1","memory":"4097"}}]}])")) << pods;
  for (auto empty : {"/apis/metrics.k8s.io/v1beta1/pods?labelSelector=name%3Dq", "/apis/metrics.k8s.io/v1beta1/namespaces/kube-system/pods",
                     "/apis/metrics.k8s.io/v1beta1/pods?fieldSelector=metadata.name%3Dq", "/apis/metrics.k8s.io/v1beta1/nodes?labelSelector=a%3Dc"})
    EXPECT_TRUE(has(get(empty), R"("items":[])")) << get(empty);
  EXPECT_TRUE(get("/apis/metrics.k8s.io/v1beta1/namespaces/default/pods/p").starts_with(R"(200 {"kind":"PodMetrics","apiVersion":"metrics.k8s.io/v1beta1",)"));
  EXPECT_TRUE(has(get("/apis/metrics.k8s.io/v1beta1/namespaces/default/pods/q"), R"(podmetrics.metrics.k8s.io \"default/q\" not found)"));
  EXPECT_TRUE(has(get("/apis/metrics.k8s.io/v1beta1/nodes/zz"), R"(nodes \"zz\" not found)"));
  EXPECT_TRUE(get("/apis/metrics.k8s.io/v1beta1/pods?watch=true").starts_with("405"));
  EXPECT_EQ(server_.ask("DELETE", "/apis/metrics.k8s.io/v1beta1/nodes/n", {}).status, 405);
}

TEST_F(UsageGroup, IsThereForComponentsOfThisProcess) {
  auto api = in_process_api(server_.server(), {"autoscaler", {"system:masters"}, "test"});
  auto pods = api->list(client::builtin("metrics.k8s.io", "pods"), "default");
  ASSERT_TRUE(pods) << pods.error().message();
  ASSERT_EQ(pods->size(), 1u);
  EXPECT_EQ((*pods->front())["containers"].item(0)["usage"]["cpu"].as_string(), "1");
}

TEST_F(UsageGroup, HasTables) {
  auto table = get("/apis/metrics.k8s.io/v1beta1/pods", "application/json;as=Table;v=v1;g=meta.k8s.io");
  EXPECT_TRUE(has(table, R"({"name":"Name","type":"string","format":"name","description":"Name of the resource","priority":0},{"name":"cpu","type":"string","format":"quantity")")) << table;
  EXPECT_TRUE(has(table, R"("cells":["p","1","4097","10s"])")) << table;
}

TEST_F(UsageGroup, IsFoundAndMayBeReadByWhoMayView) {
  auto found = get("/apis/metrics.k8s.io/v1beta1");
  EXPECT_TRUE(has(found, R"({"name":"nodes","singularName":"","namespaced":false,"kind":"NodeMetrics","verbs":["get","list"]})")) << found;
  EXPECT_TRUE(has(get("/apis", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"), R"("metadata":{"name":"metrics.k8s.io"})"));
  EXPECT_TRUE(has(get("/openapi/v3/apis/metrics.k8s.io/v1beta1"), "io.k8s.metrics.pkg.apis.metrics.v1beta1.PodMetrics"));
  auto service = get("/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io");
  EXPECT_TRUE(has(service, R"("groupPriorityMinimum":100,"versionPriority":100)") && has(service, R"("type":"Available","status":"True")")) << service;
  auto role = get("/apis/rbac.authorization.k8s.io/v1/clusterroles/system:aggregated-metrics-reader");
  EXPECT_TRUE(has(role, R"("rbac.authorization.k8s.io/aggregate-to-view":"true")") && has(role, R"("apiGroups":["metrics.k8s.io"])")) << role;
}

TEST(UsageGroupOff, IsServedToNobodyUnlessNamed) {
  ServerConfig config;
  config.runtime_config = {{"api/all", true}};
  TestServer server(std::move(config));
  EXPECT_EQ(server.ask("GET", "/apis/metrics.k8s.io/v1beta1/nodes", {}).status, 404);
  EXPECT_EQ(server.ask("GET", "/apis/metrics.k8s.io", {}).status, 404);
}

}  // namespace
}  // namespace sampan::apiserver
