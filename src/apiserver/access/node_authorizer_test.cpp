// What nodes may do over a whole server: authorisation and admission together.
#include "apiserver/access/node_authorizer.h"

#include <gtest/gtest.h>

#include "apiserver/access/access.h"
#include "apiserver/bootstrap.h"
#include "apiserver/testing.h"
#include "base/text.h"

namespace sampan::apiserver {

namespace {

class NodeByHeader final : public Authenticator {
 public:
  IdentityResult authenticate(net::Request& request) override {
    auto identity = std::make_unique<Identity>();
    auto node = request.header("x-node");
    identity->user.name = node.empty() ? "root" : concat("system:node:", node);
    identity->user.groups = {node.empty() ? "system:masters" : "system:nodes", "system:authenticated"};
    return identity;
  }
};

ServerConfig node_config() {
  ServerConfig config;
  config.access.authenticators.push_back(std::make_unique<NodeByHeader>());
  config.access.authorizers.push_back(masters_authorizer());
  config.access.chain = authorizer_modes({"Node", "RBAC"});
  ServiceAccountConfig accounts;
  static const JwtKey key = *JwtKey::read_private(*JwtKey::make_private_pem());
  accounts.keys = {key};
  accounts.signer = key;
  accounts.issuers = {"https://issuer.test"};
  config.access.service_accounts = std::move(accounts);
  config.admission.disable = {"NamespaceLifecycle", "ServiceAccount", "PodSecurity"};
  return config;
}

class Nodes : public ::testing::Test {
 protected:
  Nodes() : store_(store::make_memory_store(real_clock())) {
    auto made = ApiServer::create(*store_, real_clock(), secure_random(), node_config());
    check(made.has_value());
    api = std::move(*made);
    for (std::string_view name : {"n1", "n2"}) make("/api/v1/nodes", concat(R"({"metadata":{"name":")", name, R"(","labels":{"kubernetes.io/hostname":")", name, R"("}}})"));
    make("/api/v1/namespaces/shop/serviceaccounts", R"({"metadata":{"name":"robot"}})");
    make("/api/v1/namespaces/shop/pods", R"({"metadata":{"name":"web"},"spec":{"nodeName":"n1","serviceAccountName":"robot","imagePullSecrets":[{"name":"pull"}],
        "containers":[{"name":"c","image":"i","env":[{"name":"A","valueFrom":{"secretKeyRef":{"name":"env","key":"k"}}}],"envFrom":[{"configMapRef":{"name":"all"}}]}],
        "volumes":[{"name":"s","secret":{"secretName":"mounted"}},{"name":"p","projected":{"sources":[{"secret":{"name":"projected"}},{"configMap":{"name":"part"}},
          {"serviceAccountToken":{"path":"t","audience":"vault"}},{"serviceAccountToken":{"path":"u"}}]}},
          {"name":"c","persistentVolumeClaim":{"claimName":"disk"}}]}})");
    make("/api/v1/persistentvolumes", R"({"metadata":{"name":"pv1"},"spec":{"capacity":{"storage":"1Gi"},"accessModes":["ReadWriteOnce"],
        "claimRef":{"namespace":"shop","name":"disk"},"csi":{"driver":"d.io","volumeHandle":"h","nodeStageSecretRef":{"namespace":"keys","name":"stage"}}}})");
    make("/api/v1/persistentvolumes", R"({"metadata":{"name":"pv2"},"spec":{"capacity":{"storage":"1Gi"},"accessModes":["ReadWriteOnce"],
        "claimRef":{"namespace":"shop","name":"other"},"csi":{"driver":"d.io","volumeHandle":"h","nodeStageSecretRef":{"namespace":"keys","name":"foreign"}}}})");
  }
  void make(std::string_view path, std::string body) {
    auto answer = ask("", "POST", path, std::move(body));
    EXPECT_EQ(answer.status, 201) << path << answer.body;
  }
  net::Response ask(std::string_view node, std::string_view method, std::string_view path, std::string body = {}) {
    net::Headers headers{{"content-type", method == "PATCH" ? "application/merge-patch+json" : "application/json"}};
    if (!node.empty()) headers.emplace_back("x-node", node);
    return testing_ask(*api, method, path, std::move(headers), std::move(body));
  }
  std::string uid(std::string_view path) {
    auto body = ask("", "GET", path).body;
    auto at = body.find("\"uid\":\"") + 7;
    return body.substr(at, body.find('"', at) - at);
  }
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<ApiServer> api;
};

TEST_F(Nodes, ReadWhatTheirPodsNeed) {
  auto& access = *api->services().access;
  struct Case {
    std::string_view verb, resource, name_space, name;
    bool allowed;
  };
  for (const Case& it : {Case{"get", "secrets", "shop", "pull", true}, {"get", "secrets", "shop", "env", true}, {"watch", "secrets", "shop", "mounted", true},
                         {"list", "secrets", "shop", "projected", true}, {"get", "secrets", "keys", "stage", true}, {"get", "secrets", "keys", "foreign", false},
                         {"get", "secrets", "shop", "another", false}, {"get", "secrets", "other", "pull", false}, {"list", "secrets", "shop", "", false},
                         {"list", "secrets", "", "", false}, {"update", "secrets", "shop", "pull", false}, {"delete", "secrets", "shop", "pull", false},
                         {"get", "configmaps", "shop", "all", true}, {"get", "configmaps", "shop", "part", true}, {"get", "configmaps", "shop", "pull", false},
                         {"get", "persistentvolumeclaims", "shop", "disk", true}, {"get", "persistentvolumeclaims", "shop", "other", false},
                         {"patch", "persistentvolumeclaims/status", "shop", "disk", true}, {"patch", "persistentvolumeclaims", "shop", "disk", false},
                         {"get", "persistentvolumes", "", "pv1", true}, {"get", "persistentvolumes", "", "pv2", false}, {"get", "pods", "shop", "web", true},
                         {"get", "pods", "shop", "none", false}, {"list", "pods", "", "", false}, {"get", "nodes", "", "n1", true}, {"get", "nodes", "", "n2", false},
                         {"list", "nodes", "", "", false}, {"create", "serviceaccounts/token", "shop", "robot", true},
                         {"create", "serviceaccounts/token", "shop", "default", false}, {"get", "serviceaccounts", "shop", "robot", true},
                         {"list", "services", "", "", true}, {"create", "services", "shop", "", false}, {"get", "pods/exec", "shop", "web", false}}) {
    RequestInfo info;
    info.is_resource = true;
    info.verb = it.verb;
    auto slash = it.resource.find('/');
    info.resource = it.resource.substr(0, slash);
    if (slash != std::string_view::npos) info.subresource = it.resource.substr(slash + 1);
    info.name_space = it.name_space;
    info.name = it.name;
    EXPECT_EQ(access.allows({"system:node:n1", "", {"system:nodes"}}, info), it.allowed) << it.verb << " " << it.resource << " " << it.name_space << "/" << it.name;
    bool anybody = it.resource == "services" && it.verb == "list";
    EXPECT_EQ(access.allows({"system:node:n2", "", {"system:nodes"}}, info), anybody || it.name == "n2") << "n2: " << it.resource << " " << it.name;
    EXPECT_FALSE(access.allows({"system:node:n1", "", {"system:authenticated"}}, info));
    EXPECT_FALSE(access.allows({"system:node:", "", {"system:nodes"}}, info));
  }
  EXPECT_EQ(ask("n1", "GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1").status, 200);
  EXPECT_EQ(ask("n1", "GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn2").status, 403);
  EXPECT_EQ(ask("n1", "GET", "/api/v1/nodes?fieldSelector=metadata.name%3Dn1").status, 200);
  auto refused = ask("n2", "GET", "/api/v1/namespaces/shop/secrets/pull");
  EXPECT_NE(refused.body.find(R"(in API group \"\" in the namespace \"shop\": no relationship found between node 'n2' and this object)"), std::string::npos) << refused.body;
}

TEST_F(Nodes, ChangeThemselvesAlone) {
  struct Case {
    std::string_view node, method, path, body;
    int status;
    std::string_view message;
  };
  for (const Case& it : {
           Case{"n1", "PATCH", "/api/v1/nodes/n1/status", R"({"status":{"nodeInfo":{"kubeletVersion":"v1"}}})", 200, ""},
           {"n1", "PATCH", "/api/v1/nodes/n2/status", "{}", 403, R"(nodes \"n2\" is forbidden: node \"n1\" is not allowed to modify node \"n2\")"},
           {"n1", "PATCH", "/api/v1/nodes/n1", R"({"spec":{"taints":[{"key":"a","effect":"NoSchedule"}]}})", 403, "is not allowed to modify taints"},
           {"n1", "PATCH", "/api/v1/nodes/n1", R"({"metadata":{"labels":{"node-restriction.kubernetes.io/x":"y"}}})", 403,
            "is not allowed to modify labels: node-restriction.kubernetes.io/x"},
           {"n1", "PATCH", "/api/v1/nodes/n1", R"({"metadata":{"labels":{"kubernetes.io/arch":"amd64","own":"x"}}})", 200, ""},
           {"n1", "DELETE", "/api/v1/nodes/n1", "", 403, "cannot delete resource"},
           {"n1", "PATCH", "/api/v1/namespaces/shop/pods/web/status", R"({"status":{"phase":"Running"}})", 200, ""},
           {"n2", "PATCH", "/api/v1/namespaces/shop/pods/web/status", R"({"status":{"phase":"Failed"}})", 403, "for pods with spec.nodeName set to itself"},
           {"n2", "DELETE", "/api/v1/namespaces/shop/pods/web", "", 403, "can only delete pods with spec.nodeName set to itself"},
           {"n2", "POST", "/api/v1/namespaces/shop/pods/web/eviction", R"({"metadata":{"name":"web"}})", 403, "can only evict pods"},
           {"n1", "POST", "/api/v1/namespaces/shop/pods", R"({"metadata":{"name":"x"},"spec":{"nodeName":"n1","containers":[{"name":"c","image":"i"}]}})", 403,
            "can only create mirror pods"},
           {"n1", "POST", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", R"({"metadata":{"name":"n1"}})", 201, ""},
           {"n2", "POST", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", R"({"metadata":{"name":"n3"}})", 403, "can only access node lease"},
           {"n2", "PUT", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1", R"({"metadata":{"name":"n1"}})", 403, "can only access node lease"},
           {"n1", "POST", "/apis/storage.k8s.io/v1/csinodes", R"({"metadata":{"name":"n2"},"spec":{"drivers":[]}})", 403, "can only access CSINode"},
       }) {
    auto answer = ask(it.node, it.method, it.path, std::string(it.body));
    EXPECT_EQ(answer.status, it.status) << it.method << " " << it.path << " " << answer.body;
    EXPECT_NE(answer.body.find(it.message), std::string::npos) << it.message << "\n" << answer.body;
  }
}

TEST_F(Nodes, GetTokensForTheirPodsAlone) {
  auto pod = uid("/api/v1/namespaces/shop/pods/web");
  auto token = [&](std::string_view node, std::string_view spec) {
    return ask(node, "POST", "/api/v1/namespaces/shop/serviceaccounts/robot/token", concat(R"({"spec":)", spec, "}"));
  };
  auto bound = concat(R"("boundObjectRef":{"kind":"Pod","apiVersion":"v1","name":"web","uid":")", pod, "\"}");
  EXPECT_EQ(token("n1", concat("{", bound, "}")).status, 201);
  EXPECT_EQ(token("n1", concat("{", bound, R"(,"audiences":["vault"]})")).status, 201);
  auto refused = token("n1", concat("{", bound, R"(,"audiences":["bank"]})"));
  EXPECT_EQ(refused.status, 403);
  EXPECT_NE(refused.body.find("not found in pod spec volume, system:node:n1 is not authorized"), std::string::npos) << refused.body;
  EXPECT_EQ(token("n1", "{}").status, 403);
  EXPECT_EQ(token("n1", R"({"boundObjectRef":{"kind":"Pod","apiVersion":"v1","name":"web"}})").status, 403);
  EXPECT_EQ(token("n2", concat("{", bound, "}")).status, 403);
}

TEST_F(Nodes, MirrorPodsReferToNothing) {
  auto mirror = [&](std::string_view more, std::string_view spec) {
    return ask("n1", "POST", "/api/v1/namespaces/shop/pods",
               concat(R"({"metadata":{"generateName":"m-","annotations":{"kubernetes.io/config.mirror":"x"},"ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"n1","controller":true,"uid":")",
                      uid("/api/v1/nodes/n1"), "\"", more, R"(}]},"spec":{"nodeName":"n1","containers":[{"name":"c","image":"i"}])", spec, "}}"));
  };
  auto good = mirror("", "");
  EXPECT_EQ(good.status, 201) << good.body;
  EXPECT_EQ(mirror(R"(,"blockOwnerDeletion":true)", "").status, 403);
  for (std::string_view spec : {R"(,"serviceAccountName":"robot")", R"(,"volumes":[{"name":"s","secret":{"secretName":"x"}}])",
                                R"(,"volumes":[{"name":"s","persistentVolumeClaim":{"claimName":"x"}}])",
                                R"(,"volumes":[{"name":"s","projected":{"sources":[{"serviceAccountToken":{"path":"t"}}]}}])"})
    EXPECT_EQ(mirror("", spec).status, 403) << spec;
}

}  // namespace

}  // namespace sampan::apiserver
