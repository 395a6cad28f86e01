#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "apiserver/audit/backend.h"
#include "apiserver/audit/log_file.h"
#include "apiserver/audit/trail.h"
#include "apiserver/testing.h"
#include "base/text.h"
#include "schema/json.h"

namespace sampan::apiserver {
namespace {

using schema::Value;

std::string folder() {
  char name[] = "/tmp/sampan-audit-XXXXXX";
  return ::mkdtemp(name);
}
std::string text_of(const std::string& path) {
  std::ifstream in(path);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}
std::vector<std::string> files_in(const std::string& path) {
  std::vector<std::string> names;
  DIR* dir = ::opendir(path.c_str());
  while (auto* entry = ::readdir(dir))
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  ::closedir(dir);
  std::sort(names.begin(), names.end());
  return names;
}
void remove_all(const std::string& path) {
  for (const auto& name : files_in(path)) ::unlink((path + "/" + name).c_str());
  ::rmdir(path.c_str());
}

class FixedClock final : public Clock {
 public:
  std::atomic<int64_t> us = 1'800'000'000'000'000;  // a log file is tidied by a thread of its own
  int64_t now_us() override { return us; }
  int64_t monotonic_us() override { return us; }
};

// ---- policy ----

AuditPolicy policy_of(std::string rules, std::string more = {}) {
  auto policy = AuditPolicy::read(concat("{apiVersion: audit.k8s.io/v1, kind: Policy, ", more, "rules: ", rules, "}"));
  check(policy.has_value());
  return std::move(*policy);
}

TEST(AuditPolicy, RulesFit) {
  const struct {
    std::string_view rule, method, path, user;
    bool fits;
  } cases[] = {
      {"", "GET", "/api/v1/pods", "jane", true},
      {"users: [jane]", "GET", "/api/v1/pods", "jane", true},
      {"users: [jane]", "GET", "/api/v1/pods", "joe", false},
      {"users: [jane]", "GET", "/api/v1/pods", "", false},
      {"userGroups: [a, staff]", "GET", "/version", "jane", true},
      {"userGroups: [a]", "GET", "/version", "jane", false},
      {"userGroups: [staff]", "GET", "/version", "", false},
      {"verbs: [list]", "GET", "/api/v1/pods", "jane", true},
      {"verbs: [get]", "GET", "/api/v1/pods", "jane", false},
      {"namespaces: [a]", "GET", "/api/v1/namespaces/a/pods", "jane", true},
      {"namespaces: [a]", "GET", "/api/v1/namespaces/b/pods", "jane", false},
      {"namespaces: ['']", "GET", "/api/v1/nodes", "jane", true},
      {"namespaces: ['']", "GET", "/version", "jane", false},
      {"resources: [{}]", "GET", "/api/v1/nodes", "jane", true},
      {"resources: [{}]", "GET", "/apis/apps/v1/deployments", "jane", false},
      {"resources: [{group: '*'}]", "GET", "/apis/apps/v1/deployments", "jane", true},
      {"resources: [{group: apps, resources: [deployments]}]", "GET", "/apis/apps/v1/deployments", "jane", true},
      {"resources: [{resources: [pods]}]", "GET", "/api/v1/namespaces/a/pods/x/log", "jane", false},
      {"resources: [{resources: [pods/log]}]", "GET", "/api/v1/namespaces/a/pods/x/log", "jane", true},
      {"resources: [{resources: [pods/*]}]", "GET", "/api/v1/namespaces/a/pods/x/log", "jane", true},
      {"resources: [{resources: ['*/log']}]", "GET", "/api/v1/namespaces/a/pods/x/log", "jane", true},
      {"resources: [{resources: ['*/log']}]", "GET", "/api/v1/namespaces/a/pods/x", "jane", false},
      {"resources: [{resources: ['*']}]", "GET", "/api/v1/namespaces/a/pods/x/log", "jane", true},
      {"resources: [{resources: [pods], resourceNames: [x]}]", "GET", "/api/v1/namespaces/a/pods/x", "jane", true},
      {"resources: [{resources: [pods], resourceNames: [x]}]", "GET", "/api/v1/namespaces/a/pods/y", "jane", false},
      {"nonResourceURLs: [/version]", "GET", "/version", "jane", true},
      {"nonResourceURLs: ['/healthz*']", "GET", "/healthz/ping", "jane", true},
      {"nonResourceURLs: ['/healthz*']", "GET", "/version", "jane", false},
      {"nonResourceURLs: ['*']", "GET", "/api/v1/pods", "jane", false},
      {"nonResourceURLs: ['*']", "GET", "/metrics", "jane", true},
  };
  for (const auto& it : cases) {
    User user{.name = std::string(it.user), .uid = {}, .groups = {"staff"}};
    auto policy = policy_of(concat("[{level: Metadata, ", it.rule, "}]"));
    auto verdict = policy.judge(it.user.empty() ? nullptr : &user, request_info(it.method, it.path, Query()));
    EXPECT_EQ(verdict.level == AuditLevel::Metadata, it.fits) << it.rule << " " << it.path;
  }
}

TEST(AuditPolicy, FirstRuleCounts) {
  auto policy = policy_of("[{level: None, verbs: [get], omitManagedFields: false}, {level: Request, omitStages: [Panic]}]",
                          "omitStages: [RequestReceived], omitManagedFields: true, ");
  auto get = policy.judge(nullptr, request_info("GET", "/version", Query())), post = policy.judge(nullptr, request_info("POST", "/version", Query()));
  EXPECT_EQ(get.level, AuditLevel::None);
  EXPECT_FALSE(get.omit_managed_fields);
  EXPECT_EQ(post.level, AuditLevel::Request);
  EXPECT_TRUE(post.omit_managed_fields);
  EXPECT_TRUE(post.omits(AuditStage::RequestReceived));
  EXPECT_TRUE(post.omits(AuditStage::Panic));
  EXPECT_FALSE(post.omits(AuditStage::ResponseComplete));
}

TEST(AuditPolicy, Complaints) {
  const struct {
    std::string_view text, want;
  } cases[] = {
      {"a: [", "failed decoding: "},
      {"{apiVersion: v1, kind: Policy}", "failed decoding: no kind \"Policy\" is registered for version \"v1\""},
      {"{apiVersion: audit.k8s.io/v1, kind: Policy}", "loaded illegal policy with 0 rules"},
      {"{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{}]}", "rules[0].level: Required value"},
      {"{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: All}]}",
       R"(rules[0].level: Unsupported value: "All": supported values: "None", "Metadata", "Request", "RequestResponse")"},
      {"{apiVersion: audit.k8s.io/v1, kind: Policy, omitStages: [Begin], rules: [{level: None}]}",
       R"(omitStages[0]: Invalid value: "Begin": allowed stages are RequestReceived,ResponseStarted,ResponseComplete,Panic)"},
      {"{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: None, nonResourceURLs: [a, '/*/b']}]}",
       R"([rules[0].nonResourceURLs[0]: Invalid value: "a": non-resource URL rules must begin with a '/' character, )"
       R"(rules[0].nonResourceURLs[1]: Invalid value: "/*/b": non-resource URL wildcards '*' must be the final character of the rule])"},
      {"{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: None, nonResourceURLs: [/a], namespaces: [b]}]}",
       R"(rules[0].nonResourceURLs: Invalid value: ["/a"]: rules cannot apply to both regular resources and non-resource URLs)"},
      {"{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: None, resources: [{resourceNames: [a]}]}]}",
       R"(rules[0].resources.resourceNames: Invalid value: ["a"]: using resourceNames requires at least one resource)"},
  };
  for (const auto& it : cases) {
    auto policy = AuditPolicy::read(it.text);
    ASSERT_FALSE(policy.has_value()) << it.text;
    EXPECT_TRUE(policy.error().message().starts_with(it.want)) << policy.error().message();
  }
}

// ---- events ----

TEST(AuditEvent, Json) {
  AuditEvent event;
  event.level = AuditLevel::Request;
  event.stage = AuditStage::ResponseComplete;
  event.id = "1-2";
  event.uri = "/api/v1/pods?a=b";
  event.verb = "create";
  event.user = {.name = "jane", .uid = "7", .groups = {"a", "b"}, .extra = {{"k", {"v"}}}};
  event.impersonated = User{.name = "joe"};
  event.impersonation_constraint = "impersonate:user-info";
  event.source_ips = {"10.0.0.1"};
  event.user_agent = "kubectl";
  event.object = {"pods", "default", "x", "u", "", "v1", "5", "status"};
  event.response = {"Failure", "no \"x\"", "NotFound", R"({"name":"x"})", 404};
  event.request_object = std::make_shared<const std::string>(R"({"kind":"Pod"})");
  event.received_us = 1'800'000'000'120'000;
  event.stage_us = 1'800'000'000'123'456;
  event.annotations = {{"authorization.k8s.io/decision", "allow"}, {"authorization.k8s.io/reason", ""}};
  EXPECT_EQ(event.json(),
            R"({"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request","auditID":"1-2","stage":"ResponseComplete",)"
            R"("requestURI":"/api/v1/pods?a=b","verb":"create","user":{"username":"jane","uid":"7","groups":["a","b"],"extra":{"k":["v"]}},)"
            R"("impersonatedUser":{"username":"joe"},"authenticationMetadata":{"impersonationConstraint":"impersonate:user-info"},)"
            R"("sourceIPs":["10.0.0.1"],"userAgent":"kubectl","objectRef":{"resource":"pods","namespace":"default","name":"x","uid":"u",)"
            R"("apiVersion":"v1","resourceVersion":"5","subresource":"status"},"responseStatus":{"metadata":{},"status":"Failure",)"
            R"("message":"no \"x\"","reason":"NotFound","details":{"name":"x"},"code":404},"requestObject":{"kind":"Pod"},)"
            R"("requestReceivedTimestamp":"2027-01-15T08:00:00.120000Z","stageTimestamp":"2027-01-15T08:00:00.123456Z",)"
            R"("annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":""}})");
  EXPECT_EQ(event.legacy(),
            R"(2027-01-15T08:00:00.12Z AUDIT: id="1-2" stage="ResponseComplete" ip="10.0.0.1" method="create" user="jane" groups="\"a\",\"b\"" as="joe" )"
            R"(asgroups="<lookup>" user-agent="kubectl" namespace="default" uri="/api/v1/pods?a=b" response="404")");
}

TEST(AuditEvent, SourceIps) {
  net::Request request;
  request.remote_address = "[::ffff:10.0.0.9]:4711";
  request.headers = {{"x-forwarded-for", "10.1.2.3, nonsense,2001:DB8::1"}, {"x-real-ip", "10.1.2.3"}};
  EXPECT_EQ(source_ips_of(request), (std::vector<std::string>{"10.1.2.3", "2001:db8::1", "10.0.0.9"}));
}

TEST(AuditEvent, WithoutManagedFields) {
  EXPECT_EQ(without_managed_fields(R"({"metadata":{"name":"a","managedFields":[1]},"items":[{"metadata":{"managedFields":[]}}],)"
                                   R"("rows":[{"object":{"metadata":{"managedFields":[]}}}]})"),
            R"({"metadata":{"name":"a"},"items":[{"metadata":{}}],"rows":[{"object":{"metadata":{}}}]})");
}

// ---- log files ----

TEST(AuditLogFile, RotatesPacksAndForgets) {
  auto at = folder();
  FixedClock clock;
  {
    auto file = LogFile::open(at + "/audit.log", {.bytes_max = 10, .files_max = 2, .age_days_max = 30, .compress = true}, clock);
    ASSERT_TRUE(file.has_value());
    for (std::string_view line : {"aaaaaaa\n", "bbbbbbb\n", "ccccccc\n", "ddddddd\n"}) {
      ASSERT_TRUE((*file)->write(line).has_value());
      clock.us += 1'000'000;
    }
    EXPECT_FALSE((*file)->write("longer than a file\n").has_value());
  }
  EXPECT_EQ(text_of(at + "/audit.log"), "ddddddd\n");
  auto names = files_in(at);
  EXPECT_EQ(names, (std::vector<std::string>{"audit-2027-01-15T08-00-02.000.log.gz", "audit-2027-01-15T08-00-03.000.log.gz", "audit.log"}));
  struct stat status;
  ASSERT_EQ(::stat((at + "/audit.log").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  remove_all(at);
}

TEST(AuditLogFile, GoesOnWhereItWas) {
  auto at = folder();
  FixedClock clock;
  for (std::string_view line : {"one\n", "two\n"}) {
    auto file = LogFile::open(at + "/new/audit", {}, clock);
    ASSERT_TRUE(file.has_value());
    ASSERT_TRUE((*file)->write(line).has_value());
  }
  EXPECT_EQ(text_of(at + "/new/audit"), "one\ntwo\n");
  remove_all(at + "/new");
  remove_all(at);
}

// ---- delivery ----

class Memory final : public AuditBackend {
 public:
  struct Seen {
    std::mutex mutex;
    std::vector<std::vector<std::string>> batches;
    bool good = true;
  };
  explicit Memory(Seen& seen) : seen_(seen) {}
  bool process(std::span<const AuditEventRef> events) override {
    std::lock_guard lock(seen_.mutex);
    auto& batch = seen_.batches.emplace_back();
    for (const auto& event : events) batch.push_back(event->id + (event->request_object ? "+" : ""));
    return seen_.good;
  }
  bool waits() const override { return true; }

 private:
  Seen& seen_;
};

AuditEventRef event_of(std::string id, size_t body_bytes = 0) {
  auto event = std::make_shared<AuditEvent>();
  event->level = AuditLevel::Request;
  event->id = std::move(id);
  if (body_bytes) event->request_object = std::make_shared<const std::string>(concat("\"", std::string(body_bytes, 'x'), "\""));
  return event;
}

TEST(AuditDelivery, Batches) {
  Memory::Seen seen;
  AuditCounts counts;
  AuditDelivery delivery{.mode = AuditMode::Batch, .batching = {.events_waiting_max = 5, .batch_events_max = 2, .batch_wait_us = 3600'000'000ll}};
  auto backend = audit_delivery(std::make_unique<Memory>(seen), delivery, counts);
  EXPECT_FALSE(backend->waits());
  std::vector<AuditEventRef> events;
  for (int i = 0; i < 5; i++) events.push_back(event_of(concat(i)));
  EXPECT_TRUE(backend->process(events));
  backend->stop();  // the last one, too, which still waits for company
  EXPECT_TRUE(backend->process({events.data(), 1}));  // lost, and told
  std::vector<std::string> all;
  for (const auto& batch : seen.batches) {
    EXPECT_LE(batch.size(), 2u);
    all.insert(all.end(), batch.begin(), batch.end());
  }
  EXPECT_EQ(all, (std::vector<std::string>{"0", "1", "2", "3", "4"}));
  std::string metrics;
  counts.write(metrics);
  EXPECT_NE(metrics.find("apiserver_audit_error_total{plugin=\"buffered\"} 1\n"), std::string::npos) << metrics;
}

TEST(AuditDelivery, BlockingForgivesUnlessStrict) {
  Memory::Seen seen;
  seen.good = false;
  AuditCounts counts;
  auto event = event_of("a");
  EXPECT_TRUE(audit_delivery(std::make_unique<Memory>(seen), {.mode = AuditMode::Blocking}, counts)->process({&event, 1}));
  EXPECT_FALSE(audit_delivery(std::make_unique<Memory>(seen), {.mode = AuditMode::BlockingStrict}, counts)->process({&event, 1}));
}

TEST(AuditDelivery, Shortens) {
  Memory::Seen seen;
  AuditCounts counts;
  AuditDelivery delivery{.truncation = {.enabled = true, .event_bytes_max = 600, .batch_bytes_max = 600}};
  auto backend = audit_delivery(std::make_unique<Memory>(seen), delivery, counts);
  std::vector<AuditEventRef> events = {event_of("small", 100), event_of("large", 1000), event_of(std::string(1000, 'i'))};
  backend->process(events);
  EXPECT_EQ(seen.batches, (std::vector<std::vector<std::string>>{{"small+"}, {"large"}}));
}

// ---- the chain ----

class Audited {
 public:
  explicit Audited(std::string rules, AuditMode mode = AuditMode::Blocking) : folder_(folder()), server_(config_of(std::move(rules), folder_, mode)) {}
  ~Audited() { remove_all(folder_); }

  net::Response ask(std::string_view method, std::string_view path, std::string body = {}, net::Headers headers = {}) {
    headers.emplace_back("content-type", method == "PATCH" ? "application/merge-patch+json" : "application/json");
    headers.emplace_back("audit-id", "the-id");
    return server_.ask(method, path, std::move(headers), std::move(body));
  }
  std::string log() const { return text_of(folder_ + "/log"); }
  TestServer& server() { return server_; }
  // The last event.
  Value event(Arena& arena) const {
    auto text = log();
    if (!text.empty()) text.pop_back();
    auto line = text.substr(text.rfind('\n') + 1);
    auto tree = schema::parse_json(arena.copy(line), arena);
    check(tree.has_value());
    return *tree;
  }

 private:
  static ServerConfig config_of(std::string rules, const std::string& folder, AuditMode mode) {
    ServerConfig config;
    config.audit.policy = policy_of(std::move(rules));
    config.audit.log.emplace().path = folder + "/log";
    config.audit.log->delivery.mode = mode;
    return config;
  }
  const std::string folder_;
  TestServer server_;
};

constexpr std::string_view kMaps = "/api/v1/namespaces/default/configmaps";

TEST(Audit, AnswersCarryTheId) {
  TestServer server;
  EXPECT_EQ(header(server.ask("GET", "/version", {{"audit-id", "mine"}}), "audit-id"), "mine");
  EXPECT_EQ(header(server.ask("GET", "/version", {}), "audit-id").size(), 36u);
}

TEST(Audit, NotesARequestAndItsObjects) {
  Audited audited("[{level: RequestResponse}]");
  ASSERT_EQ(audited.ask("POST", "/api/v1/namespaces", R"({"metadata":{"name":"default"}})").status, 201);
  auto answer = audited.ask("POST", kMaps, R"({"metadata":{"name":"a"},"data":{"k":"v"}})");
  ASSERT_EQ(answer.status, 201);
  Arena arena;
  Value event = audited.event(arena);
  EXPECT_EQ(event["stage"].as_string(), "ResponseComplete");
  EXPECT_EQ(event["verb"].as_string(), "create");
  EXPECT_EQ(event["auditID"].as_string(), "the-id");
  EXPECT_EQ(event["objectRef"]["name"].as_string(), "a");
  EXPECT_EQ(event["requestObject"]["data"]["k"].as_string(), "v");
  EXPECT_EQ(event["requestObject"]["kind"].as_string(), "ConfigMap");
  EXPECT_FALSE(event["responseObject"]["metadata"]["uid"].as_string().empty());
  EXPECT_EQ(event["responseStatus"]["code"].as_int(), 201);
  EXPECT_EQ(event["annotations"]["authorization.k8s.io/decision"].as_string(), "allow");
  audited.ask("PATCH", concat(kMaps, "/a"), R"({"data":{"k":"w"}})");
  event = audited.event(arena);
  EXPECT_EQ(event["requestObject"]["data"]["k"].as_string(), "w");
  audited.ask("DELETE", concat(kMaps, "/none"));
  event = audited.event(arena);
  EXPECT_EQ(event["responseStatus"]["reason"].as_string(), "NotFound");
  EXPECT_EQ(event["responseObject"]["kind"].as_string(), "Status");
}

TEST(Audit, SecretsStayOutOfMetadata) {
  Audited audited("[{level: Metadata}]");
  audited.ask("POST", "/api/v1/namespaces", R"({"metadata":{"name":"default"}})");
  ASSERT_EQ(audited.ask("POST", "/api/v1/namespaces/default/secrets", R"({"metadata":{"name":"s"},"stringData":{"p":"hidden-one"}})").status, 201);
  audited.ask("PATCH", "/api/v1/namespaces/default/secrets/s", R"({"stringData":{"p":"hidden-two"}})");
  audited.ask("GET", "/api/v1/namespaces/default/secrets/s");
  audited.ask("GET", "/api/v1/secrets");
  EXPECT_NE(audited.log().find("\"name\":\"s\""), std::string::npos);
  for (std::string_view never : {"hidden-one", "hidden-two", "aGlkZGVuLW9uZQ", "aGlkZGVuLXR3bw", "requestObject", "responseObject"})
    EXPECT_EQ(audited.log().find(never), std::string::npos) << never;
}

TEST(Audit, WatchesHaveThreeStages) {
  Audited audited("[{level: Metadata, verbs: [watch]}]");
  {
    auto answer = audited.ask("GET", concat(kMaps, "?watch=1"));
    EXPECT_EQ(answer.status, 200);
    EXPECT_NE(audited.log().find("\"stage\":\"ResponseStarted\""), std::string::npos);
    EXPECT_EQ(audited.log().find("\"stage\":\"ResponseComplete\""), std::string::npos);
  }
  for (int i = 0; i < 1000 && audited.log().find("\"stage\":\"ResponseComplete\"") == std::string::npos; i++) ::usleep(1000);
  EXPECT_NE(audited.log().find("\"stage\":\"ResponseComplete\""), std::string::npos);
}

TEST(Audit, NobodyIsNotedAsHeIs) {
  Audited audited("[{level: Metadata}]");
  EXPECT_EQ(audited.ask("GET", kMaps, {}, {{"authorization", "Bearer none"}}).status, 401);
  Arena arena;
  Value event = audited.event(arena);
  EXPECT_EQ(event["stage"].as_string(), "ResponseStarted");
  EXPECT_TRUE(event["user"].is_object() && event["user"].empty());
  EXPECT_EQ(event["responseStatus"]["code"].as_int(), 401);
}

TEST(Audit, WhatIsNotWantedIsNotNoted) {
  Audited audited("[{level: None, nonResourceURLs: [/version]}, {level: Metadata, omitStages: [RequestReceived]}]");
  audited.ask("GET", "/version");
  EXPECT_EQ(audited.log(), "");
  audited.ask("GET", "/apis");
  EXPECT_EQ(audited.log().find("RequestReceived"), std::string::npos);
}

TEST(Audit, ComponentsOfThisProcessAreNoted) {
  Audited audited("[{level: Request}]");
  Arena arena;
  Direct direct{.body = *schema::parse_json(R"({"metadata":{"name":"made"}})", arena), .arena = &arena};
  net::Request request;
  request.method = "POST";
  request.path = "/api/v1/namespaces";
  ASSERT_TRUE(audited.server().server().call(std::move(request), User{.name = "system:kube-scheduler"}, direct).has_value());
  Value event = audited.event(arena);
  EXPECT_EQ(event["user"]["username"].as_string(), "system:kube-scheduler");
  EXPECT_EQ(event["requestObject"]["metadata"]["name"].as_string(), "made");
  EXPECT_EQ(event["responseStatus"]["code"].as_int(), 201);
}

TEST(Audit, StrictRefusesWhatCannotBeNoted) {
  Audited audited("[{level: Metadata}]", AuditMode::BlockingStrict);
  EXPECT_EQ(audited.ask("GET", "/version").status, 200);
  // Standard errors of a disk are hard to have here: the webhook's server is not there.
  ServerConfig config;
  config.audit.policy = policy_of("[{level: Metadata}]");
  auto& webhook = config.audit.webhook.emplace();
  webhook.server.url = "http://127.0.0.1:9/";
  webhook.initial_backoff_us = 1;
  webhook.delivery.mode = AuditMode::BlockingStrict;
  TestServer server(std::move(config));
  auto answer = server.ask("GET", "/version", {});
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.body, "Internal Server Error: \"/version\": failed to store audit event\n");
  EXPECT_NE(body_of(server.ask("GET", "/metrics", {})).find("failed to store"), std::string::npos);
}

}  // namespace
}  // namespace sampan::apiserver
