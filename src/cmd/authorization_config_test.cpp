#include "cmd/authorization_config.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <thread>

#include "apiserver/admission/testing.h"
#include "base/text.h"
#include "cluster/certificates.h"

namespace sampan::cmd {
namespace {

// What upstream says of the same files, but for conditions.
TEST(AuthorizationConfig, Complaints) {
  const std::string good = "timeout: 1s, subjectAccessReviewVersion: v1, failurePolicy: Deny";
  auto connection = [&](std::string_view it) { return concat("[{type: Webhook, name: w, webhook: {", good, ", connectionInfo: {", it, "}}}]"); };
  const struct {
    std::string authorizers;
    std::string_view want;
  } cases[] = {
      {"[]", "authorizers: Required value: at least one authorization mode must be defined"},
      {"[{type: Foo, name: x}, {type: ''}, {type: RBAC, name: rbac}, {type: RBAC, name: rbac}, {type: Node, name: rbac}, {type: ABAC}]",
       R"([authorizers[0].type: Unsupported value: "Foo": supported values: "ABAC", "AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook", )"
       R"(authorizers[1].type: Required value, authorizers[3].type: Duplicate value: "RBAC", authorizers[4].name: Duplicate value: "rbac", )"
       R"(authorizers[5].name: Required value])"},
      {"[{type: Webhook, name: a_b}, {type: Node, name: node, webhook: {}}]",
       R"([authorizers[0].name: Invalid value: "a_b": authorizer name is invalid: a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', )"
       R"(and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*'), )"
       R"(authorizers[0].webhook: Required value: required when type=Webhook, authorizers[1].webhook: Invalid value: "non-null": may only be specified when type=Webhook])"},
      {"[{type: Webhook, name: w, webhook: {}}]",
       "[authorizers[0].timeout: Required value, authorizers[0].subjectAccessReviewVersion: Required value, authorizers[0].failurePolicy: Required value, "
       "authorizers[0].connectionInfo.type: Required value]"},
      {"[{type: Webhook, name: w, webhook: {timeout: 90m, authorizedTTL: -1s, unauthorizedTTL: -1s, subjectAccessReviewVersion: v3, "
       "matchConditionSubjectAccessReviewVersion: v2, failurePolicy: Bla, connectionInfo: {type: Foo, kubeConfigFile: x}, "
       "matchConditions: [{expression: ''}]}}]",
       R"([authorizers[0].timeout: Invalid value: "1h30m0s": must be > 0s and <= 30s, authorizers[0].authorizedTTL: Invalid value: "-1s": must be > 0s, )"
       R"(authorizers[0].unauthorizedTTL: Invalid value: "-1s": must be > 0s, )"
       R"(authorizers[0].subjectAccessReviewVersion: Unsupported value: "v3": supported values: "v1", "v1beta1", )"
       R"(authorizers[0].matchConditionSubjectAccessReviewVersion: Unsupported value: "v2": supported values: "v1", )"
       R"(authorizers[0].failurePolicy: Unsupported value: "Bla": supported values: "NoOpinion", "Deny", )"
       R"(authorizers[0].connectionInfo.type: Unsupported value: {"Type":"Foo","KubeConfigFile":"x"}: supported values: "InClusterConfig", "KubeConfigFile", )"
       R"(authorizers[0].matchConditions[0].expression: Required value])"},
      {connection("type: InClusterConfig, kubeConfigFile: x"),
       R"(authorizers[0].connectionInfo.kubeConfigFile: Invalid value: "x": can only be set when type=KubeConfigFile)"},
      {connection("type: InClusterConfig"), R"(authorizers[0].connectionInfo.type: Invalid value: "InClusterConfig": an API server cannot ask itself)"},
      {connection("type: KubeConfigFile"), "authorizers[0].connectionInfo.kubeConfigFile: Required value"},
      {connection("type: KubeConfigFile, kubeConfigFile: x"), R"(authorizers[0].connectionInfo.kubeConfigFile: Invalid value: "x": must be an absolute path)"},
      {connection("type: KubeConfigFile, kubeConfigFile: /nope"),
       R"(authorizers[0].connectionInfo.kubeConfigFile: Invalid value: "/nope": error loading file: stat /nope: no such file or directory)"},
      {connection("type: KubeConfigFile, kubeConfigFile: /tmp"), R"(authorizers[0].connectionInfo.kubeConfigFile: Invalid value: "/tmp": must be a regular file)"},
      {concat("[{type: Webhook, name: w, webhook: {", good,
              ", connectionInfo: {type: KubeConfigFile, kubeConfigFile: /etc/passwd}, matchConditions: [{expression: a}, {expression: a}, {expression: request.user}, {expression: 'int(\"x\") == 1'}]}}]"),
       R"([authorizers[0].matchConditionSubjectAccessReviewVersion: Required value: required if match conditions are specified, )"
       "authorizers[0].matchConditions[0].expression: Invalid value: \"a\": compilation failed: ERROR: <input>:1:1: undeclared reference to 'a' (in container '')"
       "\n | a\n | ^, "
       R"(authorizers[0].matchConditions[1].expression: Duplicate value: "a", )"
       R"(authorizers[0].matchConditions[2].expression: Invalid value: "request.user": must evaluate to bool but got string, )"
       R"(authorizers[0].matchConditions[3].expression: Internal error: program instantiation failed: type conversion error from 'string' to 'int'])"},
      {"[{type: RBAC, name: foo}, {type: Node, name: nn}]", "[expected name rbac for authorizer RBAC instead of foo, expected name node for authorizer Node instead of nn]"},
      {"[{type: RBAC, name: rbac, foo: 1}, {type: Webhook, name: w, webhook: {connectionInfo: {x: y}, timeouts: 1s}}]",
       R"(failed to load AuthorizationConfiguration from file: strict decoding error: unknown field "authorizers[0].foo", )"
       R"(unknown field "authorizers[1].webhook.connectionInfo.x", unknown field "authorizers[1].webhook.timeouts")"},
      {"[{type: RBAC, name: no}]",
       "failed to load AuthorizationConfiguration from file: json: cannot unmarshal bool into Go struct field AuthorizerConfiguration.authorizers.name of type string"},
      {"[{type: Webhook, name: w, webhook: {timeout: 1x}}]", R"(failed to load AuthorizationConfiguration from file: time: unknown unit "x" in duration "1x")"},
  };
  for (auto version : {"v1", "v1beta1", "v1alpha1"})
    for (const auto& it : cases) {
      auto config = parse_authorization_config(concat("{apiVersion: apiserver.config.k8s.io/", version, ", kind: AuthorizationConfiguration, authorizers: ", it.authorizers, "}"));
      ASSERT_FALSE(config.has_value()) << it.authorizers;
      EXPECT_EQ(config.error().message(), it.want);
    }
  const struct {
    std::string_view text, want;
  } whole[] = {
      {"", "authorizers: Required value: at least one authorization mode must be defined"},
      {"foo: bar\n", "failed to load AuthorizationConfiguration from file: Object 'Kind' is missing in 'foo: bar\n'"},
      {"{apiVersion: apiserver.config.k8s.io/v2, kind: AuthorizationConfiguration}",
       R"(failed to load AuthorizationConfiguration from file: no kind "AuthorizationConfiguration" is registered for version "apiserver.config.k8s.io/v2")"},
      {"apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\nauthorizers:\n- type: Webhook\n  name: w\n  name: w\n  more: 1\n",
       "failed to load AuthorizationConfiguration from file: strict decoding error: yaml: unmarshal errors:\n"
       "  line 6: key \"name\" already set in map, unknown field \"authorizers[0].more\""},
  };
  for (const auto& it : whole) EXPECT_EQ(parse_authorization_config(it.text).error().message(), it.want);
}

TEST(AuthorizationConfig, WebhooksHaveTheirOwnSettings) {
  auto config = parse_authorization_config(R"(
apiVersion: apiserver.config.k8s.io/v1beta1
kind: AuthorizationConfiguration
authorizers:
- type: Node
  name: node
- type: Webhook
  name: first.example.com
  webhook:
    timeout: 2500ms
    authorizedTTL: 10s
    cacheUnauthorizedRequests: false
    subjectAccessReviewVersion: v1
    failurePolicy: Deny
    connectionInfo: {type: KubeConfigFile, kubeConfigFile: /etc/passwd}
- type: Webhook
  name: second
  webhook:
    timeout: 30s
    subjectAccessReviewVersion: v1beta1
    failurePolicy: NoOpinion
    connectionInfo: {type: KubeConfigFile, kubeConfigFile: /etc/passwd}
)");
  ASSERT_TRUE(config.has_value()) << config.error().message();
  auto shown = [](const AuthorizerOptions& it) {
    return concat(it.type, " ", it.name, " ", it.kubeconfig, " ", it.version, " ", it.allowed_ttl_us, " ", it.denied_ttl_us, " ", it.timeout_ms, " ", it.denies_on_failure ? "deny" : "go on");
  };
  ASSERT_EQ(config->size(), 3u);
  EXPECT_EQ((*config)[0].type, "Node");
  EXPECT_EQ(shown((*config)[1]), "Webhook first.example.com /etc/passwd v1 10000000 0 2500 deny");
  EXPECT_EQ(shown((*config)[2]), "Webhook second /etc/passwd v1beta1 300000000 30000000 30000 go on");
}

TEST(AuthorizationConfig, IsReadAgainWhenItChanges) {
  apiserver::testing::Trial trial;
  auto workers = make_thread_pool(1);
  auto text_of = [](std::string_view authorizers) {
    return concat("{apiVersion: apiserver.config.k8s.io/v1, kind: AuthorizationConfiguration, authorizers: ", authorizers, "}");
  };
  const auto first = text_of("[{type: RBAC, name: rbac}]");
  apiserver::AccessConfig config;
  config.chain = *authorizer_chain(*parse_authorization_config(first));
  config.chain_may_change = true;
  auto access = *apiserver::Access::create(std::move(config), trial.catalog(), trial.clock, trial.random, *workers);
  char path[] = "/tmp/sampan-authorization-XXXXXX";
  ::close(::mkstemp(path));
  auto write = [&](const std::string& text) { ASSERT_TRUE(cluster::write_file(path, text, 0600)); };
  write(first);
  auto reload = reload_authorization_config(path, first, *access, 1000);
  auto allowed = [&] { return access->allows({"joe", "", {}}, {}); };
  auto reports = [&](std::string_view line) {
    for (int i = 0; i < 5000; i++) {
      std::string metrics;
      access->metrics().write(metrics);
      if (metrics.find(line) != std::string::npos) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  };
  constexpr std::string_view kReloads = "apiserver_authorization_config_controller_automatic_reloads_total{";
  auto ends_with = [&](std::string_view status, int count) {
    for (int i = 0; i < 5000; i++) {
      std::string metrics;
      access->metrics().write(metrics);
      for (auto line : split(metrics, '\n'))
        if (line.starts_with(kReloads) && line.find(concat("status=\"", status, "\"")) != line.npos && line.ends_with(concat(" ", count))) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  };
  EXPECT_TRUE(reports("apiserver_authorization_config_controller_last_config_info{apiserver_id_hash=\"sha256:"));
  EXPECT_FALSE(allowed());
  write(text_of("[{type: RBAC, name: rbac}, {type: AlwaysAllow, name: alwaysallow}]"));
  EXPECT_TRUE(ends_with("success", 1));
  EXPECT_TRUE(allowed());
  int failures = 0;
  for (auto bad : {"[]", "[{type: AlwaysAllow, name: alwaysallow}]", "[{type: RBAC, name: rbac}, {type: Node, name: node}]"}) {
    write(text_of(bad));
    EXPECT_TRUE(ends_with("failure", ++failures)) << bad;
    EXPECT_TRUE(allowed()) << bad;
  }
  std::remove(path);
  EXPECT_TRUE(ends_with("failure", ++failures));
  EXPECT_TRUE(allowed());
  write(first);
  EXPECT_TRUE(ends_with("success", 2));
  EXPECT_FALSE(allowed());
  reload.reset();
  std::remove(path);
}

}  // namespace
}  // namespace sampan::cmd
