// Role-based access control, asked of a server whose roles and bindings change.
#include "apiserver/access/rbac.h"

#include <gtest/gtest.h>

#include "apiserver/access/access.h"
#include "apiserver/access/role_aggregation.h"
#include "apiserver/bootstrap.h"
#include "apiserver/testing.h"
#include "base/text.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kApi = "/apis/rbac.authorization.k8s.io/v1";

// Tells who asks by a header, as nobody should.
class HeaderAuthenticator final : public Authenticator {
 public:
  IdentityResult authenticate(net::Request& request) override {
    auto identity = std::make_unique<Identity>();
    identity->user.name = request.header("x-user");
    identity->user.groups.emplace_back("system:authenticated");
    if (identity->user.name == "root") identity->user.groups.emplace_back("system:masters");
    return identity;
  }
};

ServerConfig rbac_config() {
  ServerConfig config;
  config.access.authenticators.push_back(std::make_unique<HeaderAuthenticator>());
  config.access.authorizers.push_back(masters_authorizer());
  config.access.chain = authorizer_modes({"RBAC"});
  config.admission.disable = {"NamespaceLifecycle", "ServiceAccount", "PodSecurity"};
  return config;
}

class RbacServer : public ::testing::Test {
 protected:
  RbacServer() : server_(store::make_memory_store(real_clock())) {
    auto made = ApiServer::create(*server_, real_clock(), secure_random(), rbac_config());
    check(made.has_value());
    api = std::move(*made);
  }

  net::Response as(std::string_view user, std::string_view method, std::string_view path, std::string body = {}, net::Headers more = {}) {
    more.emplace_back("x-user", user);
    more.emplace_back("content-type", method == "PATCH" ? "application/merge-patch+json" : "application/json");
    return testing_ask(*api, method, path, std::move(more), std::move(body));
  }
  int status(std::string_view user, std::string_view method, std::string_view path, std::string body = {}) {
    return as(user, method, path, std::move(body)).status;
  }
  void cluster_role(std::string_view name, std::string_view rules) {
    auto answer = as("root", "POST", concat(kApi, "/clusterroles"), concat(R"({"metadata":{"name":")", name, R"("},"rules":)", rules, "}"));
    EXPECT_EQ(answer.status, 201) << answer.body;
  }
  void bind(std::string_view where, std::string_view name, std::string_view kind, std::string_view role, std::string_view subjects) {
    auto path = where.empty() ? concat(kApi, "/clusterrolebindings") : concat(kApi, "/namespaces/", where, "/rolebindings");
    auto answer = as("root", "POST", path, concat(R"({"metadata":{"name":")", name, R"("},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":")", kind,
                                                  R"(","name":")", role, R"("},"subjects":)", subjects, "}"));
    EXPECT_EQ(answer.status, 201) << answer.body;
  }

  std::unique_ptr<store::Store> server_;
  std::unique_ptr<ApiServer> api;
};

TEST_F(RbacServer, RulesAreReadAsUpstreamReadsThem) {
  cluster_role("mixed", R"([{"apiGroups":[""],"resources":["pods","pods/log"],"verbs":["get","list"]},
                            {"apiGroups":[""],"resources":["secrets"],"resourceNames":["one"],"verbs":["*"]},
                            {"apiGroups":["apps"],"resources":["*"],"verbs":["get"]},
                            {"apiGroups":["*"],"resources":["*/scale"],"verbs":["update"]},
                            {"nonResourceURLs":["/logs/*","/exact"],"verbs":["get"]}])");
  bind("", "b", "ClusterRole", "mixed", R"([{"kind":"User","name":"al"}])");
  auto& access = *api->services().access;
  struct Case {
    std::string_view verb, group, resource, name;
    bool allowed;
  };
  for (const Case& it : {Case{"get", "", "pods", "x", true}, {"list", "", "pods", "", true}, {"watch", "", "pods", "", false}, {"get", "", "pods/log", "x", true},
                         {"get", "", "pods/exec", "x", false}, {"delete", "", "secrets", "one", true}, {"get", "", "secrets", "two", false},
                         {"list", "", "secrets", "", false}, {"get", "apps", "deployments", "x", true}, {"get", "apps", "deployments/status", "x", true},
                         {"get", "batch", "jobs", "x", false}, {"update", "batch", "jobs/scale", "x", true}, {"update", "apps", "deployments/status", "x", false},
                         {"", "", "pods", "x", false}, {"get", "", "Pods", "x", false}}) {
    RequestInfo info;
    info.is_resource = true;
    info.verb = it.verb;
    info.group = it.group;
    auto slash = it.resource.find('/');
    info.resource = it.resource.substr(0, slash);
    if (slash != std::string_view::npos) info.subresource = it.resource.substr(slash + 1);
    info.name = it.name;
    info.name_space = "shop";
    EXPECT_EQ(access.allows({"al", "", {}}, info), it.allowed) << it.verb << " " << it.resource << " " << it.name;
    EXPECT_FALSE(access.allows({"bo", "", {}}, info));
  }
  for (auto [path, allowed] : {std::pair<std::string_view, bool>{"/logs/a", true}, {"/logs", false}, {"/exact", true}, {"/exact/x", false}, {"/logs/../x", true}}) {
    RequestInfo info;
    info.verb = "get";
    info.path = path;
    EXPECT_EQ(access.allows({"al", "", {}}, info), allowed) << path;
  }
}

TEST_F(RbacServer, SubjectsAndScopes) {
  cluster_role("reader", R"([{"apiGroups":[""],"resources":["configmaps"],"verbs":["list"]}])");
  bind("shop", "b", "ClusterRole", "reader", R"([{"kind":"Group","name":"team"},{"kind":"ServiceAccount","name":"robot"},{"kind":"ServiceAccount","name":"guest","namespace":"other"}])");
  auto& access = *api->services().access;
  RequestInfo info;
  info.is_resource = true;
  info.verb = "list";
  info.resource = "configmaps";
  auto may = [&](User user, std::string_view where) {
    info.name_space = where;
    std::string reason;
    return access.authorize(user, info, reason) == Decision::Allow ? reason : std::string();
  };
  EXPECT_EQ(may({"x", "", {"team"}}, "shop"), "RBAC: allowed by RoleBinding \"b/shop\" of ClusterRole \"reader\" to Group \"team\"");
  EXPECT_EQ(may({"system:serviceaccount:shop:robot", "", {}}, "shop"),
            "RBAC: allowed by RoleBinding \"b/shop\" of ClusterRole \"reader\" to ServiceAccount \"robot/shop\"");
  EXPECT_NE(may({"system:serviceaccount:other:guest", "", {}}, "shop"), "");
  EXPECT_EQ(may({"system:serviceaccount:other:robot", "", {}}, "shop"), "");
  EXPECT_EQ(may({"team", "", {}}, "shop"), "");
  EXPECT_EQ(may({"x", "", {"team"}}, "other"), "");
  EXPECT_EQ(may({"x", "", {"team"}}, ""), "");
}

TEST_F(RbacServer, ChangesAreInForceAtOnce) {
  EXPECT_EQ(status("al", "GET", "/api/v1/namespaces/shop/configmaps"), 403);
  bind("shop", "b", "ClusterRole", "late", R"([{"kind":"User","name":"al"}])");
  auto answer = as("al", "GET", "/api/v1/namespaces/shop/configmaps");
  EXPECT_NE(answer.body.find(R"(in the namespace \"shop\": RBAC: clusterrole.rbac.authorization.k8s.io \"late\" not found)"), std::string::npos) << answer.body;
  cluster_role("late", R"([{"apiGroups":[""],"resources":["configmaps"],"verbs":["list"]}])");
  EXPECT_EQ(status("al", "GET", "/api/v1/namespaces/shop/configmaps"), 200);
  as("root", "PATCH", concat(kApi, "/clusterroles/late"), R"({"rules":[]})");
  EXPECT_EQ(status("al", "GET", "/api/v1/namespaces/shop/configmaps"), 403);
  as("root", "PATCH", concat(kApi, "/clusterroles/late"), R"({"rules":[{"apiGroups":[""],"resources":["configmaps"],"verbs":["list","get"]}]})");
  EXPECT_EQ(status("al", "GET", "/api/v1/namespaces/shop/configmaps"), 200);
  as("root", "PATCH", concat(kApi, "/namespaces/shop/rolebindings/b"), R"({"subjects":[{"kind":"User","name":"bo"}]})");
  EXPECT_EQ(status("al", "GET", "/api/v1/namespaces/shop/configmaps"), 403);
  EXPECT_EQ(status("bo", "GET", "/api/v1/namespaces/shop/configmaps"), 200);
  EXPECT_EQ(status("bo", "GET", "/api/v1/namespaces/shop/configmaps?fieldSelector=metadata.name%3Done"), 200);
  as("root", "DELETE", concat(kApi, "/namespaces/shop/rolebindings/b"));
  EXPECT_EQ(status("bo", "GET", "/api/v1/namespaces/shop/configmaps"), 403);
}

TEST_F(RbacServer, NobodyGrantsWhatHeHasNot) {
  cluster_role("manager", R"([{"apiGroups":["rbac.authorization.k8s.io"],"resources":["*"],"verbs":["create","update","patch"]},
                              {"apiGroups":[""],"resources":["pods"],"verbs":["get"]}])");
  bind("", "m", "ClusterRole", "manager", R"([{"kind":"User","name":"mo"}])");
  auto role = [&](std::string_view rules) { return as("mo", "POST", concat(kApi, "/namespaces/shop/roles"), concat(R"({"metadata":{"generateName":"r"},"rules":)", rules, "}")); };
  EXPECT_EQ(role(R"([{"apiGroups":[""],"resources":["pods"],"verbs":["get"],"resourceNames":["a"]}])").status, 201);
  auto refused = role(R"([{"apiGroups":[""],"resources":["pods"],"verbs":["get","list","watch"]},{"apiGroups":[""],"resources":["secrets"],"verbs":["get"]}])");
  EXPECT_EQ(refused.status, 403);
  EXPECT_NE(refused.body.find(R"(user \"mo\" (groups=[\"system:authenticated\"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"list\" \"watch\"]}\n{APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\"]})"),
            std::string::npos)
      << refused.body;
  EXPECT_EQ(role(R"([{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}])").status, 403);
  // By a change of what is there, too.
  as("root", "POST", concat(kApi, "/namespaces/shop/roles"), R"({"metadata":{"name":"mine"},"rules":[]})");
  EXPECT_EQ(status("mo", "PATCH", concat(kApi, "/namespaces/shop/roles/mine"), R"({"rules":[{"apiGroups":[""],"resources":["secrets"],"verbs":["get"]}]})"), 403);
  EXPECT_EQ(status("mo", "PATCH", concat(kApi, "/namespaces/shop/roles/mine"), R"({"metadata":{"finalizers":["a.b/c"]}})"), 200);
  // Or by binding a greater role.
  cluster_role("great", R"([{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}])");
  auto binding = [&](std::string_view role_name) {
    return status("mo", "POST", concat(kApi, "/clusterrolebindings"), concat(R"({"metadata":{"generateName":"b"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":")", role_name,
                                                                            R"("},"subjects":[{"kind":"User","name":"mo","apiGroup":"rbac.authorization.k8s.io"}]})"));
  };
  EXPECT_EQ(binding("manager"), 201);
  EXPECT_EQ(binding("great"), 403);
  EXPECT_EQ(binding("nowhere"), 404);
  // Or by gathering others' rules.
  EXPECT_EQ(status("mo", "POST", concat(kApi, "/clusterroles"), R"({"metadata":{"name":"agg"},"aggregationRule":{"clusterRoleSelectors":[{"matchLabels":{"a":"b"}}]}})"), 403);
  cluster_role("may", R"([{"apiGroups":["rbac.authorization.k8s.io"],"resources":["clusterroles"],"resourceNames":["great"],"verbs":["bind"]},
                          {"apiGroups":["rbac.authorization.k8s.io"],"resources":["roles"],"verbs":["escalate"]}])");
  bind("", "may", "ClusterRole", "may", R"([{"kind":"User","name":"mo"}])");
  EXPECT_EQ(binding("great"), 201);
}

TEST_F(RbacServer, ImpersonationNeedsARight) {
  cluster_role("puppeteer", R"([{"apiGroups":[""],"resources":["users"],"resourceNames":["jane"],"verbs":["impersonate"]}])");
  bind("", "p", "ClusterRole", "puppeteer", R"([{"kind":"User","name":"po"}])");
  cluster_role("lister", R"([{"apiGroups":[""],"resources":["nodes"],"verbs":["list"]}])");
  bind("", "l", "ClusterRole", "lister", R"([{"kind":"User","name":"jane"}])");
  auto nodes = [&](std::string_view user, net::Headers headers) { return as(user, "GET", "/api/v1/nodes", {}, std::move(headers)).status; };
  EXPECT_EQ(nodes("po", {}), 403);
  EXPECT_EQ(nodes("po", {{"impersonate-user", "jane"}}), 200);
  EXPECT_EQ(nodes("po", {{"impersonate-user", "root"}}), 403);
  EXPECT_EQ(nodes("po", {{"impersonate-user", "jane"}, {"impersonate-group", "system:masters"}}), 403);
  EXPECT_EQ(nodes("po", {{"impersonate-user", "jane"}, {"impersonate-uid", "1"}}), 403);
  EXPECT_EQ(nodes("po", {{"impersonate-user", "jane"}, {"impersonate-extra-a", "1"}}), 403);
  EXPECT_EQ(nodes("bo", {{"impersonate-user", "jane"}}), 403);
  EXPECT_EQ(nodes("root", {{"impersonate-user", "jane"}}), 200);
  EXPECT_EQ(nodes("root", {{"impersonate-user", "nobody"}}), 403);
  EXPECT_EQ(nodes("root", {{"impersonate-group", "system:masters"}}), 400);
  // The new, constrained kind: whom, and for what.
  cluster_role("narrow", R"([{"apiGroups":["authentication.k8s.io"],"resources":["users"],"resourceNames":["jane"],"verbs":["impersonate:user-info"]},
                             {"apiGroups":[""],"resources":["nodes"],"verbs":["impersonate-on:user-info:list"]}])");
  bind("", "n", "ClusterRole", "narrow", R"([{"kind":"User","name":"na"}])");
  EXPECT_EQ(nodes("na", {{"impersonate-user", "jane"}}), 200);
  EXPECT_EQ(as("na", "GET", "/api/v1/nodes/x", {}, {{"impersonate-user", "jane"}}).status, 403);
}

TEST_F(RbacServer, PathsThatPlayTricksOpenNothing) {
  cluster_role("reader", R"([{"apiGroups":[""],"resources":["configmaps"],"verbs":["get","list","watch"]},{"nonResourceURLs":["/version"],"verbs":["get"]}])");
  bind("shop", "b", "ClusterRole", "reader", R"([{"kind":"User","name":"al"}])");
  as("root", "POST", "/api/v1/namespaces/kube-system/secrets", R"({"metadata":{"name":"key"},"stringData":{"a":"hidden"}})");
  ASSERT_EQ(status("root", "GET", "/api/v1/namespaces/kube-system/secrets/key"), 200);
  ASSERT_EQ(status("al", "GET", "/api/v1/namespaces/shop/configmaps"), 200);
  for (std::string_view path : {"/api/v1/namespaces/kube-system/secrets/key", "/api/v1/namespaces/kube%2dsystem/secrets/key", "//api/v1/namespaces/kube-system/secrets/key",
                                "/api/v1//namespaces/kube-system/secrets/key", "/api//v1/namespaces/kube-system/secrets/key", "/api/v1/namespaces/kube-system/secrets/key/",
                                "/api/v1/namespaces/kube-system/secrets/key//", "/API/v1/namespaces/kube-system/secrets/key", "/api/V1/namespaces/kube-system/secrets/key",
                                "/api/v1/namespaces/kube-system/Secrets/key", "/api/v1/namespaces/shop/../kube-system/secrets/key", "/api/v1/namespaces/shop/configmaps/../../kube-system/secrets/key",
                                "/api/v1/namespaces/shop/configmaps/%2e%2e/%2e%2e/kube-system/secrets/key", "/api/v1/namespaces/shop%2fconfigmaps/../kube-system/secrets/key",
                                "/api/v1/namespaces/shop/configmaps%2f..%2f..%2fkube-system%2fsecrets%2fkey", "/api/v1/watch/namespaces/kube-system/secrets/key",
                                "/api/v1/secrets?fieldSelector=metadata.namespace%3Dkube-system", "/api/v1/namespaces//secrets", "/api/v1/namespaces/kube-system./secrets/key",
                                "/version/../api/v1/namespaces/kube-system/secrets/key", "/version/../../api/v1/secrets"}) {
    auto answer = as("al", "GET", path);
    EXPECT_NE(answer.status, 200) << path;
    EXPECT_EQ(answer.body.find("aGlkZGVu"), std::string::npos) << path;
  }
  // Nor do headers that are for others to set.
  for (auto [name, value] : {std::pair<std::string, std::string>{"x-remote-user", "root"}, {"x-remote-group", "system:masters"}, {"impersonate-group", "system:masters"},
                             {"impersonate-user", "root"}, {"x-forwarded-user", "root"}, {"x-http-method-override", "GET"}})
    EXPECT_NE(as("al", "GET", "/api/v1/namespaces/kube-system/secrets/key", {}, {{name, value}}).status, 200) << name;
}

TEST_F(RbacServer, StandardRolesAreRepairedAndGathered) {
  ASSERT_TRUE(bootstrap(api->catalog(), {}));
  ASSERT_TRUE(aggregate_roles(api->catalog(), real_clock()));
  auto rules = [&](std::string_view role) { return as("root", "GET", concat(kApi, "/clusterroles/", role)).body; };
  auto view = rules("view");
  EXPECT_NE(view.find("configmaps"), std::string::npos);
  EXPECT_NE(rules("admin").find("localsubjectaccessreviews"), std::string::npos);  // through edit and view
  as("root", "PATCH", concat(kApi, "/clusterroles/system:basic-user"), R"({"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["get"]}]})");
  as("root", "PATCH", concat(kApi, "/clusterroles/system:heapster"), R"({"metadata":{"annotations":{"rbac.authorization.kubernetes.io/autoupdate":"false"}},"rules":[]})");
  as("root", "PATCH", concat(kApi, "/clusterrolebindings/system:basic-user"), R"({"subjects":[]})");
  as("root", "DELETE", concat(kApi, "/clusterroles/system:discovery"));
  ASSERT_TRUE(bootstrap(api->catalog(), {}));
  auto basic = rules("system:basic-user");
  EXPECT_NE(basic.find("selfsubjectaccessreviews"), std::string::npos);
  EXPECT_NE(basic.find("\"pods\""), std::string::npos);  // what was added stays
  EXPECT_NE(rules("system:heapster").find("\"rules\":null"), std::string::npos);
  EXPECT_NE(rules("system:discovery").find("/livez"), std::string::npos);
  EXPECT_NE(as("root", "GET", concat(kApi, "/clusterrolebindings/system:basic-user")).body.find("system:authenticated"), std::string::npos);
}

}  // namespace

}  // namespace sampan::apiserver
