#include "apiserver/discovery.h"

#include <gtest/gtest.h>

#include "apiserver/testing.h"
#include "base/text.h"
#include "schema/json.h"

namespace sampan::apiserver {
namespace {

TEST(Discovery, StorageVersionHash) {
  const struct {
    std::string_view group, version, kind, want;
  } cases[] = {
      {"", "v1", "ConfigMap", "qFsyl6wFWjQ="},
      {"apps", "v1", "Deployment", "8aSe+NMegvE="},
      {"apps", "v1", "StatefulSet", "H+vl74LkKdo="},
  };
  for (const auto& it : cases) EXPECT_EQ(storage_version_hash(it.group, it.version, it.kind), it.want) << it.kind;
}

std::string json(schema::Value value) {
  std::string text;
  schema::write_json(text, value);
  return text;
}

TEST(Discovery, Groups) {
  TestServer server;
  Arena arena;
  auto versions = discovery_versions(server.catalog(), "10.1.2.3:6443", arena);
  EXPECT_EQ(json(versions), R"({"versions":["v1"],"serverAddressByClientCIDRs":[{"clientCIDR":"0.0.0.0/0","serverAddress":"10.1.2.3:6443"}]})");
  std::string names;
  for (auto group : discovery_groups(server.catalog(), arena)["groups"].items()) append(names, group["name"].as_string(), " ");
  EXPECT_EQ(names,
            "apiregistration.k8s.io apps events.k8s.io authentication.k8s.io authorization.k8s.io autoscaling batch certificates.k8s.io "
            "networking.k8s.io policy rbac.authorization.k8s.io storage.k8s.io admissionregistration.k8s.io apiextensions.k8s.io "
            "scheduling.k8s.io coordination.k8s.io node.k8s.io discovery.k8s.io resource.k8s.io flowcontrol.apiserver.k8s.io ");
  EXPECT_EQ(json(discovery_group(server.catalog(), "autoscaling", arena)),
            R"({"name":"autoscaling","versions":[{"groupVersion":"autoscaling/v2","version":"v2"},{"groupVersion":"autoscaling/v1","version":"v1"}],)"
            R"("preferredVersion":{"groupVersion":"autoscaling/v2","version":"v2"}})");
}

TEST(Discovery, Resources) {
  TestServer server;
  Arena arena;
  auto list = discovery_resources(*server.catalog().group_version("apps", "v1"), arena);
  EXPECT_EQ(list["groupVersion"].as_string(), "apps/v1");
  std::string names;
  for (auto item : list["resources"].items()) append(names, item["name"].as_string(), " ");
  EXPECT_EQ(names,
            "controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets "
            "replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status ");
  EXPECT_EQ(json(list["resources"].at(3)),
            R"({"name":"deployments","singularName":"deployment","namespaced":true,"kind":"Deployment",)"
            R"("verbs":["create","delete","deletecollection","get","list","patch","update","watch"],)"
            R"("shortNames":["deploy"],"categories":["all"],"storageVersionHash":"8aSe+NMegvE="})");
  EXPECT_EQ(json(list["resources"].at(4)),
            R"({"name":"deployments/scale","singularName":"","namespaced":true,"group":"autoscaling","version":"v1","kind":"Scale",)"
            R"("verbs":["get","patch","update"]})");
}

TEST(Discovery, Pages) {
  TestServer server;
  const struct {
    std::string_view method, path, accept, if_none_match;
    int status;
    std::string_view type;
  } cases[] = {
      {"GET", "/api", "", "", 200, "application/json"},
      {"GET", "/apis/", "", "", 200, "application/json"},
      {"GET", "/apis/apps", "application/yaml", "", 200, "application/yaml"},
      {"GET", "/apis/apps/v1", "application/vnd.kubernetes.protobuf", "", 200, "application/vnd.kubernetes.protobuf"},
      {"POST", "/apis/apps/v1", "", "", 405, "application/json"},
      {"POST", "/apis/apps/v9", "", "", 404, "application/json"},
      {"GET", "/apis//v1", "", "", 404, "text/plain; charset=utf-8"},
      {"GET", "/index.html", "", "", 200, "application/json"},
      {"GET", "/apis/apps/v9", "", "", 404, "application/json"},
      {"GET", "/apis/nosuch/v1", "", "", 404, "text/plain; charset=utf-8"},
      {"GET", "/apis", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList", "", 200,
       "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"},
      {"GET", "/api", "application/vnd.kubernetes.protobuf;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList", "", 200,
       "application/vnd.kubernetes.protobuf;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"},
      // The beta form is gone since 1.35.
      {"GET", "/apis", "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList", "", 406, "application/json"},
      {"GET", "/apis", "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json", "", 200,
       "application/json"},
      {"GET", "/apis/apps", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList", "", 406, "application/json"},
  };
  for (const auto& it : cases) {
    net::Headers headers;
    if (!it.accept.empty()) headers.emplace_back("accept", it.accept);
    auto response = server.ask(it.method, it.path, headers);
    EXPECT_EQ(response.status, it.status) << it.path << " " << it.accept;
    EXPECT_EQ(header(response, "content-type"), it.type) << it.path << " " << it.accept;
  }
}

TEST(Discovery, EntityTag) {
  TestServer server;
  net::Headers headers = {{"accept", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}};
  auto first = server.ask("GET", "/apis", headers);
  auto tag = header(first, "etag");
  EXPECT_EQ(tag.size(), 130u);
  EXPECT_EQ(header(first, "cache-control"), "public");
  headers.emplace_back("if-none-match", tag);
  auto second = server.ask("GET", "/apis", headers);
  EXPECT_EQ(second.status, 304);
  EXPECT_EQ(header(second, "etag"), tag);
  EXPECT_TRUE(second.body.empty());
  headers.back().second = "\"other\"";
  EXPECT_EQ(server.ask("GET", "/apis", headers).status, 200);
}

TEST(Discovery, RootListsAllPages) {
  TestServer server;
  auto body = server.ask("GET", "/", {}).body;
  for (std::string_view path : {"/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1", "/version", "/livez/ping", "/readyz"})
    EXPECT_NE(body.find(concat("\"", path, "\"")), std::string::npos) << path;
}

}  // namespace
}  // namespace sampan::apiserver
