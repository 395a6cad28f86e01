// The subresources that are more than a window on their object, asked of a whole server.
#include "apiserver/testing.h"
#include "base/text.h"

#include <gtest/gtest.h>

namespace sampan::apiserver {

namespace {

constexpr std::string_view kPods = "/api/v1/namespaces/default/pods";

class Subresources : public ::testing::Test {
 protected:
  Subresources() {
    make("/api/v1/namespaces", "{'metadata':{'name':'default'}}");
    make("/api/v1/namespaces/default/serviceaccounts", "{'metadata':{'name':'default'}}");
  }

  // "201 message-or-body", with single quotes.
  std::string send(std::string_view method, std::string_view path, std::string body = {}, std::string_view media = "application/json") {
    for (char& c : body)
      if (c == '\'') c = '"';
    auto response = server_.ask(method, path, {{"content-type", std::string(media)}}, body);
    int status = response.status;
    std::string text = body_of(std::move(response));
    for (char& c : text)
      if (c == '"') c = '\'';
    return concat(status, " ", text);
  }

  void make(std::string_view path, std::string body) {
    auto answer = send("POST", path, std::move(body));
    EXPECT_TRUE(answer.starts_with("201") || answer.starts_with("409")) << answer;
  }

  void make_pod(std::string_view name) {
    make(kPods, concat("{'metadata':{'name':'", name, "','labels':{'app':'x'}},'spec':{'containers':[{'name':'c','image':'i'}]}}"));
  }

  void set_status(std::string_view path, std::string status) {
    auto answer = send("PATCH", concat(path, "/status"), concat("{'status':", status, "}"), "application/merge-patch+json");
    EXPECT_TRUE(answer.starts_with("200")) << answer;
  }

  static bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

  TestServer server_;
};

TEST_F(Subresources, BindingGivesANode) {
  make("/api/v1/nodes", "{'metadata':{'name':'n','labels':{'topology.kubernetes.io/zone':'z'}}}");
  make_pod("a");
  auto path = concat(kPods, "/a");
  EXPECT_TRUE(send("POST", concat(path, "/binding"), "{'metadata':{'name':'a','uid':'other'},'target':{'kind':'Node','name':'n'}}").starts_with("409"));
  EXPECT_TRUE(send("POST", concat(path, "/binding"), "{'metadata':{'name':'a','resourceVersion':'1'},'target':{'kind':'Node','name':'n'}}").starts_with("409"));
  EXPECT_EQ(send("POST", concat(path, "/binding"), "{'metadata':{'name':'a'},'target':{'kind':'Node','name':'n'}}"),
            "201 {'kind':'Status','apiVersion':'v1','metadata':{},'status':'Success','code':201}\n");
  auto pod = send("GET", path);
  EXPECT_TRUE(has(pod, "'nodeName':'n'") && has(pod, "'generation':1") && has(pod, "'topology.kubernetes.io/zone':'z'")) << pod;
}

TEST_F(Subresources, EvictionAsksTheBudget) {
  std::string_view budget = "/apis/policy/v1/namespaces/default/poddisruptionbudgets/b";
  make("/apis/policy/v1/namespaces/default/poddisruptionbudgets",
       "{'metadata':{'name':'b'},'spec':{'minAvailable':1,'selector':{'matchLabels':{'app':'x'}}}}");
  for (std::string_view name : {"a", "b"}) {
    make_pod(name);
    set_status(concat(kPods, "/", name), "{'phase':'Running','conditions':[{'type':'Ready','status':'True'}]}");
  }
  auto evict = [&](std::string_view name, std::string_view query = "") {
    return send("POST", concat(kPods, "/", name, "/eviction", query), concat("{'metadata':{'name':'", name, "'}}"));
  };
  set_status(budget, "{'observedGeneration':1,'disruptionsAllowed':1,'currentHealthy':2,'desiredHealthy':1,'expectedPods':2}");
  EXPECT_TRUE(evict("a", "?dryRun=All").starts_with("201"));
  EXPECT_TRUE(send("GET", concat(kPods, "/a")).starts_with("200"));
  EXPECT_TRUE(evict("a").starts_with("201"));
  EXPECT_TRUE(send("GET", concat(kPods, "/a")).starts_with("404"));
  auto refused = evict("b");
  EXPECT_TRUE(refused.starts_with("429") && has(refused, "'reason':'DisruptionBudget'")) << refused;
  EXPECT_TRUE(has(send("GET", budget), "'disruptionsAllowed':0"));
  EXPECT_TRUE(evict("zz").starts_with("404"));
}

TEST_F(Subresources, EvictionHeedsPreconditions) {
  make_pod("a");
  auto body = "{'metadata':{'name':'a'},'deleteOptions':{'preconditions':{'resourceVersion':'1'}}}";
  auto refused = send("POST", concat(kPods, "/a/eviction"), body);
  EXPECT_TRUE(refused.starts_with("409")) << refused;
  EXPECT_TRUE(has(refused, "on Pod ") && has(refused, "the ResourceVersion in the precondition (1) does not match the ResourceVersion in record (")) << refused;
  EXPECT_FALSE(has(send("GET", concat(kPods, "/a")), "DisruptionTarget"));
  auto wrong = "{'metadata':{'name':'a'},'deleteOptions':{'propagationPolicy':'Sideways'}}";
  EXPECT_TRUE(send("POST", concat(kPods, "/a/eviction"), wrong).starts_with("422"));
}

TEST_F(Subresources, EphemeralContainersAndResize) {
  make_pod("a");
  auto debug = send("PATCH", concat(kPods, "/a/ephemeralcontainers"),
                    "{'metadata':{'labels':{'app':'y'}},'spec':{'ephemeralContainers':[{'name':'d','image':'i'}]}}",
                    "application/strategic-merge-patch+json");
  EXPECT_TRUE(debug.starts_with("200") && has(debug, "'app':'x'") && has(debug, "'ephemeralContainers':[{'name':'d'")) << debug;
  EXPECT_TRUE(has(debug, "'subresource':'ephemeralcontainers'")) << debug;
  auto resize = send("PATCH", concat(kPods, "/a/resize"), "{'spec':{'containers':[{'name':'c','resources':{'requests':{'cpu':'1'}}}]}}",
                     "application/strategic-merge-patch+json");
  EXPECT_TRUE(resize.starts_with("422") && has(resize, "Pod QOS Class may not change as a result of resizing")) << resize;
}

TEST_F(Subresources, ConnectionsNeedANode) {
  make_pod("a");
  EXPECT_EQ(send("GET", concat(kPods, "/a/log")), "204 ");
  auto exec = send("GET", concat(kPods, "/a/exec?command=ls"));
  EXPECT_TRUE(exec.starts_with("400") && has(exec, "pod a does not have a host assigned")) << exec;
  auto other = send("GET", concat(kPods, "/a/log?container=zz"));
  EXPECT_TRUE(other.starts_with("400") && has(other, "container zz is not valid for pod a")) << other;
  EXPECT_TRUE(send("GET", concat(kPods, "/zz/log")).starts_with("404"));
  auto proxy = send("GET", concat(kPods, "/a/proxy/"));
  EXPECT_TRUE(proxy.starts_with("400") && has(proxy, "address not allowed")) << proxy;
  EXPECT_TRUE(send("GET", "/api/v1/nodes/none/proxy/").starts_with("404"));
  EXPECT_TRUE(send("GET", "/api/v1/namespaces/default/services/none/proxy/").starts_with("404"));
}

TEST_F(Subresources, NamespacesAreFinalized) {
  make("/api/v1/namespaces", "{'metadata':{'name':'n'}}");
  auto finalize = [&](std::string_view finalizers) {
    return send("PUT", "/api/v1/namespaces/n/finalize", concat("{'metadata':{'name':'n'},'spec':{'finalizers':[", finalizers, "]},'status':{'phase':'x'}}"));
  };
  auto more = finalize("'example.com/a','kubernetes'");
  EXPECT_TRUE(more.starts_with("200") && has(more, "'phase':'Active'") && has(more, "'subresource':'finalize'")) << more;
  EXPECT_TRUE(send("DELETE", "/api/v1/namespaces/n").starts_with("200"));
  EXPECT_TRUE(finalize("").starts_with("200"));
  EXPECT_TRUE(send("GET", "/api/v1/namespaces/n").starts_with("404"));
}

TEST_F(Subresources, ScalesKeepTheirOwners) {
  make("/api/v1/namespaces/default/replicationcontrollers",
       "{'metadata':{'name':'r'},'spec':{'selector':{'a':'b'},'template':{'metadata':{'labels':{'a':'b'}},'spec':{'containers':[{'name':'c','image':'i'}]}}}}");
  constexpr std::string_view path = "/api/v1/namespaces/default/replicationcontrollers/r";
  auto applied = [&](std::string_view replicas, std::string_view query) {
    return send("PATCH", concat(path, "/scale?fieldManager=", query), concat("{'apiVersion':'autoscaling/v1','kind':'Scale','metadata':{'name':'r'},'spec':{'replicas':", replicas, "}}"),
                "application/apply-patch+yaml");
  };
  EXPECT_TRUE(applied("3", "one&force=true").starts_with("200"));
  auto refused = applied("4", "two");
  EXPECT_TRUE(refused.starts_with("409") && has(refused, "conflict with \\'one")) << refused;
  auto object = send("GET", path);
  EXPECT_TRUE(has(object, "'replicas':3") && has(object, "'manager':'one','operation':'Apply','apiVersion':'v1'")) << object;
}

TEST_F(Subresources, ComponentStatusesAreFoundOut) {
  auto list = send("GET", "/api/v1/componentstatuses");
  EXPECT_TRUE(has(list, "'items':[{'metadata':{'name':'etcd-0'},'conditions':[{'type':'Healthy','status':'True','message':'ok'}]}]")) << list;
  EXPECT_TRUE(has(list, "'metadata':{},")) << list;
  EXPECT_TRUE(has(send("GET", "/api/v1/componentstatuses?labelSelector=a"), "'items':[]"));
  EXPECT_TRUE(send("GET", "/api/v1/componentstatuses/etcd-0").starts_with("200"));
  EXPECT_TRUE(send("GET", "/api/v1/componentstatuses/zz").starts_with("404"));
}

TEST_F(Subresources, AGracePeriodWithoutAnEnd) {
  make("/api/v1/namespaces/default/pods", "{'metadata':{'name':'p'},'spec':{'nodeName':'n1','containers':[{'name':'c','image':'i'}]}}");
  auto answer = send("DELETE", "/api/v1/namespaces/default/pods/p?gracePeriodSeconds=9223372036854775807");
  EXPECT_TRUE(has(answer, "'deletionTimestamp':'9999-12-31T23:59:59Z','deletionGracePeriodSeconds':9223372036854775807")) << answer;
}

}  // namespace

}  // namespace sampan::apiserver
