// Disruption budgets, quotas, and what every namespace has.
#include "base/text.h"
#include "controllers/disruption_counts.h"
#include "controllers/seeds_for_test.h"
#include "controllers/tree.h"
#include "registry/quota_usage.h"
#include "registry/testing.h"

namespace sampan::controllers {
namespace {

using simulate::World;

TEST(Disruption, ScaledValue) {
  auto number = [](int n) { return schema::IntOrString{false, n, {}}; };
  auto text = [](std::string_view t) { return schema::IntOrString{true, 0, t}; };
  EXPECT_EQ(*scaled_value(number(3), 10), 3);
  EXPECT_EQ(*scaled_value(text("50%"), 3), 2);
  EXPECT_EQ(*scaled_value(text("0%"), 3), 0);
  EXPECT_EQ(*scaled_value(text("9223372036854775807%"), 3), INT64_MAX / 100 + 1);  // as many as can be said
  EXPECT_FALSE(scaled_value(text("x"), 3).has_value());
}

std::string pods(int count) {
  std::string yaml;
  for (int i = 0; i < count; i++)
    append(yaml, "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p", i, ", labels: {app: web}}\nspec: {nodeName: n1, containers: [{name: c, image: i}]}\n");
  return yaml;
}

int64_t status_of(World& world, std::string_view field) {
  auto budget = world.get("policy", "poddisruptionbudgets", "default", "b");
  return budget ? (*budget)["status"][field].as_int() : -1;
}

TEST(Disruption, CountsPods) {
  for_seeds(
      [](World& world) {
        world.add_node("n1");
        world.apply("apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b}\nspec: {minAvailable: 2, selector: {matchLabels: {app: web}}}\n");
        world.start_controllers({"disruption-controller"});
        for (const auto& document : {pods(3)}) world.apply(document);
        EXPECT_TRUE(world.run_until([&] { return status_of(world, "currentHealthy") == 3 && status_of(world, "disruptionsAllowed") == 1; }, 120));
        auto budget = world.get("policy", "poddisruptionbudgets", "default", "b");
        EXPECT_EQ(condition_of((*budget)["status"]["conditions"], "DisruptionAllowed")["reason"].as_string(), "SufficientPods");
        Arena arena;
        auto evict = [&](std::string_view name) {
          schema::Value eviction = tree_of(arena, {{"apiVersion", "policy/v1"}, {"kind", "Eviction"}, {"metadata", tree_of(arena, {{"name", name}})}});
          return world.api().post(client::builtin("", "pods"), "default", name, "eviction", eviction, arena);
        };
        ASSERT_TRUE(evict("p0").has_value());
        auto refused = evict("p1");
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(refused.error().code(), 429);
        EXPECT_TRUE(world.run_until([&] { return status_of(world, "currentHealthy") == 2 && status_of(world, "disruptionsAllowed") == 0; }, 120));
        EXPECT_TRUE(world.run_until([&] {
          auto now = world.get("policy", "poddisruptionbudgets", "default", "b");
          return (*now)["status"]["disruptedPods"].size() == 0;
        }, 300));
      },
      50);
}

TEST(Disruption, APercentageNeedsAnOwner) {
  World world;
  world.add_node("n1");
  world.apply("apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b}\nspec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}\n");
  world.apply(pods(1));
  world.start_controllers({"disruption-controller"});
  world.run_for(10);
  EXPECT_EQ(status_of(world, "expectedPods"), 0);
  std::string message;
  for (const auto& event : world.list("", "events", "default"))
    if ((*event)["reason"].as_string() == "UnmanagedPods") message = (*event)["message"].as_string();
  EXPECT_TRUE(message.starts_with("Pods selected by this PodDisruptionBudget (selector: &LabelSelector{MatchLabels:map[string]string{app: "
                                  "web,},MatchExpressions:[]LabelSelectorRequirement{},}) were found to be unmanaged."))
      << message;
}

TEST(AdmissionPolicies, ExpressionsAreCheckedAgainstTheFieldsOfKinds) {
  World world;
  world.apply(R"(apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: p}
spec:
  paramKind: {apiVersion: v1, kind: ConfigMap}
  matchConstraints:
    resourceRules:
    - {apiGroups: [apps], apiVersions: [v1], operations: [CREATE], resources: [deployments, deployment/status]}
    - {apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}
    - {apiGroups: ['*'], apiVersions: [v1], operations: [CREATE], resources: [pods]}
  variables:
  - {name: count, expression: object.spec.replicas}
  validations:
  - expression: object.metadata.namespace == 'x' && object.metadata.__namespace__ == 'x' && object.metadata.creationTimestamp > timestamp('2020-01-01T00:00:00Z')
  - expression: object.spec.template.spec.containers.all(c, c.ports[0].containerPort > 'x')
  - expression: variables.count > '1'
    messageExpression: "'at most ' + params.data['max'] + object.data['k']"
)");
  world.start_controllers({"validatingadmissionpolicy-status-controller"});
  auto status = [&] { return (*world.get("admissionregistration.k8s.io", "validatingadmissionpolicies", "", "p"))["status"]; };
  EXPECT_TRUE(world.run_until([&] { return status()["observedGeneration"].as_int() == 1; }, 120));
  auto policy = world.get("admissionregistration.k8s.io", "validatingadmissionpolicies", "", "p");
  AnyView warnings = (*policy)["status"]["typeChecking"]["expressionWarnings"];
  std::vector<std::string> told;
  for (uint32_t i = 0; i < warnings.size(); i++) told.push_back(concat(warnings.item(i)["fieldRef"].as_string(), " ", warnings.item(i)["warning"].as_string()));
  const std::string containers = " | object.spec.template.spec.containers.all(c, c.ports[0].containerPort > 'x')\n";
  EXPECT_EQ(told, (std::vector<std::string>{
                      concat("spec.validations[1].expression /v1, Kind=ConfigMap: ERROR: <input>:1:7: undefined field 'spec'\n", containers, " | ......^\n\n",
                             "apps/v1, Kind=Deployment: ERROR: <input>:1:70: found no matching overload for '_>_' applied to '(int, string)'\n", containers, " | ",
                             std::string(69, '.'), "^\n"),
                      "spec.validations[2].expression apps/v1, Kind=Deployment: ERROR: <input>:1:17: found no matching overload for '_>_' applied to '(int, string)'\n"
                      " | variables.count > '1'\n | ................^\n",
                      "spec.validations[2].messageExpression apps/v1, Kind=Deployment: ERROR: <input>:1:41: undefined field 'data'\n"
                      " | 'at most ' + params.data['max'] + object.data['k']\n | ........................................^\n"}));
}

std::string used(World& world) {
  auto quota = world.get("", "resourcequotas", "default", "q");
  std::string text;
  AnyView amounts = (*quota)["status"]["used"];
  for (uint32_t i = 0; i < amounts.size(); i++) append(text, amounts.key(i), "=", amounts.value(i).as_string(), " ");
  return text;
}

TEST(Quota, CountsWhatIsThere) {
  for_seeds(
      [](World& world) {
        auto pod = [](std::string_view name) {
          return concat("apiVersion: v1\nkind: Pod\nmetadata: {name: ", name,
                        "}\nspec: {nodeName: n1, containers: [{name: c, image: i, resources: {requests: {cpu: 250m, memory: 1Gi}, limits: {memory: 1Gi}}}]}\n");
        };
        world.add_node("n1");
        for (auto name : {"a", "b"}) world.apply(pod(name));
        world.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\n");
        world.apply(
            "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q}\nspec: {hard: {pods: 10, requests.cpu: 2, limits.memory: 8Gi, count/configmaps: 5, "
            "services: 1}}\n");
        world.start_controllers({"resourcequota-controller"});
        EXPECT_TRUE(world.run_until([&] { return used(world) == "count/configmaps=1 limits.memory=2Gi pods=2 requests.cpu=500m services=0 "; }, 120))
            << used(world);
        ASSERT_TRUE(world.api().remove(client::builtin("", "pods"), "default", "a", {.grace_seconds = 0}).has_value());
        EXPECT_TRUE(world.run_until([&] { return used(world) == "count/configmaps=1 limits.memory=1Gi pods=1 requests.cpu=250m services=0 "; }, 120))
            << used(world);
      },
      50);
}

TEST(Quota, Usage) {
  auto usage = [](std::string_view kind, std::string_view resource, std::string_view json) {
    auto object = registry::testing::make("v1", kind, json);
    std::string text;
    for (const auto& [name, amount] : registry::quota_usage_of("", resource, *object, 1000)) append(text, name, "=", amount.text(), " ");
    return text;
  };
  EXPECT_EQ(usage("Pod", "pods", "{'metadata':{'name':'p'},'spec':{'containers':[{'name':'c'}]},'status':{'phase':'Failed'}}"), "count/pods=1 ");
  EXPECT_EQ(usage("Pod", "pods",
                  "{'metadata':{'name':'p'},'spec':{'overhead':{'cpu':'10m'},'initContainers':[{'name':'i','resources':{'requests':{'cpu':'1'}}}],"
                  "'containers':[{'name':'c','resources':{'requests':{'cpu':'100m','example.com/gpu':'2'}}}]}}"),
            "count/pods=1 cpu=1010m pods=1 requests.cpu=1010m requests.example.com/gpu=2 ");
  EXPECT_EQ(usage("Service", "services", "{'metadata':{'name':'s'},'spec':{'type':'LoadBalancer','ports':[{'port':1},{'port':2}]}}"),
            "count/services=1 services=1 services.loadbalancers=1 services.nodeports=2 ");
  EXPECT_EQ(usage("PersistentVolumeClaim", "persistentvolumeclaims",
                  "{'metadata':{'name':'c'},'spec':{'storageClassName':'gold','resources':{'requests':{'storage':'1Gi'}}}}"),
            "count/persistentvolumeclaims=1 gold.storageclass.storage.k8s.io/persistentvolumeclaims=1 "
            "gold.storageclass.storage.k8s.io/requests.storage=1Gi persistentvolumeclaims=1 requests.storage=1Gi ");
}

TEST(Quota, Scopes) {
  auto pod = registry::testing::make("v1", "Pod", "{'metadata':{'name':'p'},'spec':{'priorityClassName':'high','activeDeadlineSeconds':5,'containers':[{'name':'c'}]}}");
  auto is_in = [&](std::string_view spec) {
    auto quota = registry::testing::make("v1", "ResourceQuota", concat("{'metadata':{'name':'q'},'spec':", spec, "}"));
    return registry::is_in_quota_scope("", "pods", (*quota)["spec"], *pod);
  };
  EXPECT_TRUE(is_in("{}"));
  EXPECT_TRUE(is_in("{'scopes':['BestEffort','Terminating']}"));
  EXPECT_FALSE(is_in("{'scopes':['NotTerminating']}"));
  EXPECT_TRUE(is_in("{'scopeSelector':{'matchExpressions':[{'scopeName':'PriorityClass','operator':'In','values':['high']}]}}"));
  EXPECT_FALSE(is_in("{'scopeSelector':{'matchExpressions':[{'scopeName':'PriorityClass','operator':'NotIn','values':['high']}]}}"));
}

TEST(Quota, WhatMustBeSaid) {
  auto pod = registry::testing::make("v1", "Pod",
                                     "{'metadata':{'name':'p'},'spec':{'containers':[{'name':'b'},{'name':'a','resources':{'requests':{'cpu':'1'}}}]}}");
  EXPECT_EQ(registry::missing_for_quota(*pod, {"requests.cpu", "limits.memory", "pods"}), "must specify limits.memory for: a,b; requests.cpu for: b");
  EXPECT_EQ(registry::missing_for_quota(*pod, {"pods"}), "");
}

TEST(Namespaces, HaveAnAccountAndTheCa) {
  for_seeds([](World& world) {
    world.settings.root_ca_pem = "-----BEGIN CERTIFICATE-----\n";
    world.start_controllers({"serviceaccount-controller", "root-ca-certificate-publisher-controller"});
    world.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: new}\n");
    auto has_both = [&] {
      auto map = world.get("", "configmaps", "new", "kube-root-ca.crt");
      return world.get("", "serviceaccounts", "new", "default") && map && (*map)["data"]["ca.crt"].as_string() == world.settings.root_ca_pem;
    };
    EXPECT_TRUE(world.run_until(has_both, 60));
    ASSERT_TRUE(world.api().remove(client::builtin("", "serviceaccounts"), "new", "default").has_value());
    world.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kube-root-ca.crt, namespace: new}\ndata: {ca.crt: wrong}\n");
    EXPECT_TRUE(world.run_until(has_both, 60));
  });
}

TEST(ClusterRoles, AreAggregated) {
  World world(3, kFaults);
  auto role = [](std::string_view name, std::string_view resource) {
    return concat("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: ", name,
                  ", labels: {to: all}}\nrules: [{apiGroups: [''], resources: [", resource, "], verbs: [get]}]\n");
  };
  world.apply(role("b", "pods"));
  world.apply(role("a", "nodes"));
  world.apply(
      "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: all}\naggregationRule: {clusterRoleSelectors: [{matchLabels: {to: all}}]}\n"
      "rules: []\n");
  world.start_controllers({"clusterrole-aggregation-controller"});
  auto resources = [&] {
    std::string text;
    auto all = world.get("rbac.authorization.k8s.io", "clusterroles", "", "all");
    for (AnyView rule : each((*all)["rules"])) append(text, rule["resources"].item(0).as_string(), " ");
    return text;
  };
  EXPECT_TRUE(world.run_until([&] { return resources() == "nodes pods "; }, 60)) << resources();
  world.apply(role("c", "pods"));  // the same rule again
  world.apply(role("d", "secrets"));
  EXPECT_TRUE(world.run_until([&] { return resources() == "nodes pods secrets "; }, 60)) << resources();
}

}  // namespace
}  // namespace sampan::controllers
