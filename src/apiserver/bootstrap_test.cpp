// What is there after the first start, and that a second one leaves it alone.
#include "apiserver/bootstrap.h"

#include <gtest/gtest.h>

#include "apiserver/testing.h"
#include "base/text.h"
#include "schema/json.h"

namespace sampan::apiserver {
namespace {

std::string json_of(const schema::AnyView& view) {
  std::string out;
  schema::write_json(out, view);
  return out;
}

schema::ObjectRef object_at(Catalog& catalog, std::string_view group, std::string_view resource, std::string_view name_space, std::string_view name) {
  auto found = catalog.find(group, resource)->store->get(name_space, name);
  if (!found) ADD_FAILURE() << name << ": " << found.error().message();
  return found ? *found : schema::ObjectRef();
}

class Bootstrap : public testing::Test {
 protected:
  void SetUp() override {
    BootstrapOptions options;
    options.client_ca = "PEM";
    auto done = bootstrap(server_.catalog(), options);
    ASSERT_TRUE(done) << done.error().message();
  }
  schema::ObjectRef get(std::string_view group, std::string_view resource, std::string_view name_space, std::string_view name) {
    return object_at(server_.catalog(), group, resource, name_space, name);
  }
  TestServer server_;
};

TEST_F(Bootstrap, Roles) {
  constexpr std::string_view kGroup = "rbac.authorization.k8s.io";
  auto role = get(kGroup, "clusterroles", "", "system:controller:node-controller");
  ASSERT_TRUE(role);
  EXPECT_EQ(json_of((*role)["rules"].item(4)),
            R"({"verbs":["create","patch","update"],"apiGroups":["","events.k8s.io"],"resources":["events"]})");
  auto admin = get(kGroup, "clusterroles", "", "cluster-admin");
  ASSERT_TRUE(admin);
  EXPECT_EQ(json_of((*admin)["rules"]),
            R"([{"verbs":["*"],"apiGroups":["*"],"resources":["*"]},{"verbs":["*"],"nonResourceURLs":["*"]}])");
  auto edit = get(kGroup, "clusterroles", "", "edit");
  ASSERT_TRUE(edit);
  EXPECT_EQ(json_of((*edit)["metadata"]["labels"]),
            R"({"kubernetes.io/bootstrapping":"rbac-defaults","rbac.authorization.k8s.io/aggregate-to-admin":"true"})");
  EXPECT_EQ(json_of((*edit)["aggregationRule"]),
            R"({"clusterRoleSelectors":[{"matchLabels":{"rbac.authorization.k8s.io/aggregate-to-edit":"true"}}]})");
  auto binding = get(kGroup, "rolebindings", "kube-system", "system::extension-apiserver-authentication-reader");
  ASSERT_TRUE(binding);
  EXPECT_EQ(json_of((*binding)["roleRef"]),
            R"({"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"extension-apiserver-authentication-reader"})");
  EXPECT_EQ(json_of((*binding)["subjects"].item(0)),
            R"({"kind":"User","apiGroup":"rbac.authorization.k8s.io","name":"system:kube-controller-manager"})");
}

TEST_F(Bootstrap, FlowControlAndServices) {
  auto schema = get("flowcontrol.apiserver.k8s.io", "flowschemas", "", "system-nodes");
  ASSERT_TRUE(schema);
  auto condition = (*schema)["status"]["conditions"].item(0);
  EXPECT_EQ(condition["message"].as_string(),
            "This FlowSchema references the PriorityLevelConfiguration object named \"system\" and it exists");
  EXPECT_EQ((*schema)["metadata"]["managedFields"].size(), 2u);
  auto apps = get("apiregistration.k8s.io", "apiservices", "", "v1.apps");
  ASSERT_TRUE(apps);
  EXPECT_EQ(json_of((*apps)["spec"]), R"({"group":"apps","version":"v1","groupPriorityMinimum":17800,"versionPriority":15})");
  auto service = get("", "services", "default", "kubernetes");
  ASSERT_TRUE(service);
  EXPECT_EQ(json_of((*service)["spec"]["clusterIPs"]), R"(["10.0.0.1"])");
  auto config = get("", "configmaps", "kube-system", "extension-apiserver-authentication");
  ASSERT_TRUE(config);
  EXPECT_EQ((*config)["data"]["client-ca-file"].as_string(), "PEM");
}

TEST_F(Bootstrap, GroupsThatAreServedNoMoreHaveNoService) {
  auto make = [&](std::string_view name, std::string_view managed) {
    return server_.ask("POST", "/apis/apiregistration.k8s.io/v1/apiservices", {{"content-type", "application/json"}},
                       concat(R"({"metadata":{"name":"v1.)", name, R"(","labels":{"kube-aggregator.kubernetes.io/automanaged":")", managed, R"("}},"spec":{"group":")", name,
                              R"(","version":"v1","groupPriorityMinimum":100,"versionPriority":100}})")).status;
  };
  ASSERT_EQ(make("gone.example.com", "onstart"), 201);
  ASSERT_EQ(make("other.example.com", "true"), 201);
  ASSERT_TRUE(bootstrap(server_.catalog(), {}));
  auto status = [&](std::string_view name) { return server_.ask("GET", concat("/apis/apiregistration.k8s.io/v1/apiservices/", name), {}).status; };
  EXPECT_EQ(status("v1.gone.example.com"), 404);
  EXPECT_EQ(status("v1.other.example.com"), 200);
  EXPECT_EQ(status("v1.apps"), 200);
  EXPECT_EQ(status("v1."), 200);
}

TEST_F(Bootstrap, SecondStartChangesNothing) {
  auto before = get("rbac.authorization.k8s.io", "clusterroles", "", "view");
  ASSERT_TRUE(before);
  ASSERT_TRUE(bootstrap(server_.catalog(), {}));
  auto after = get("rbac.authorization.k8s.io", "clusterroles", "", "view");
  ASSERT_TRUE(after);
  EXPECT_EQ(after->revision(), before->revision());
}

}  // namespace
}  // namespace sampan::apiserver
