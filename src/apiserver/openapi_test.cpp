#include <gtest/gtest.h>

#include "apiserver/openapi_gnostic.h"
#include "apiserver/testing.h"
#include "base/encoding.h"
#include "base/text.h"
#include "schema/json.h"

namespace sampan::apiserver {
namespace {

using schema::Value;

class OpenApi : public ::testing::Test {
 protected:
  Value document(std::string_view path) {
    texts_.push_back(std::make_unique<std::string>(body_of(server_.ask("GET", path, {}))));
    auto parsed = schema::parse_json(*texts_.back(), arena_);
    EXPECT_TRUE(parsed.has_value()) << path;
    return parsed ? *parsed : Value();
  }
  static std::string json(Value value) {
    std::string text;
    schema::write_json(text, value);
    return text;
  }

  TestServer server_;
  Arena arena_;
  std::vector<std::unique_ptr<std::string>> texts_;
};

TEST_F(OpenApi, Definitions) {
  auto schemas = document("/openapi/v3/apis/node.k8s.io/v1")["components"]["schemas"];
  auto runtime_class = schemas["io.k8s.api.node.v1.RuntimeClass"];
  EXPECT_EQ(json(runtime_class["required"]), R"(["handler"])");
  EXPECT_EQ(json(runtime_class["x-kubernetes-group-version-kind"]), R"([{"group":"node.k8s.io","kind":"RuntimeClass","version":"v1"}])");
  const struct {
    std::string_view type, field, want;
  } cases[] = {
      {"io.k8s.api.node.v1.RuntimeClass", "handler", R"({"type":"string","default":""})"},
      {"io.k8s.api.node.v1.RuntimeClass", "metadata",
       R"({"default":{},"allOf":[{"$ref":"#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}]})"},
      {"io.k8s.api.node.v1.Overhead", "podFixed",
       R"({"type":"object","additionalProperties":{"$ref":"#/components/schemas/io.k8s.apimachinery.pkg.api.resource.Quantity"}})"},
      {"io.k8s.api.node.v1.Scheduling", "nodeSelector",
       R"({"type":"object","additionalProperties":{"default":"","type":"string"},"x-kubernetes-map-type":"atomic"})"},
      {"io.k8s.api.node.v1.Scheduling", "tolerations",
       R"({"type":"array","items":{"default":{},"allOf":[{"$ref":"#/components/schemas/io.k8s.api.core.v1.Toleration"}]},)"
       R"("x-kubernetes-list-type":"atomic"})"},
      {"io.k8s.api.core.v1.Toleration", "tolerationSeconds", R"({"type":"integer","format":"int64"})"},
  };
  for (const auto& it : cases) {
    auto property = schemas[it.type]["properties"][it.field];
    EXPECT_FALSE(property["description"].as_string().empty()) << it.field;
    property.remove("description");
    auto want = schema::parse_json(it.want, arena_);
    EXPECT_TRUE(property.equals(*want)) << it.field << ": " << json(property);
  }
  EXPECT_EQ(schemas["io.k8s.apimachinery.pkg.api.resource.Quantity"]["oneOf"].size(), 2u);
}

TEST_F(OpenApi, MergeKeysOfStrategicPatches) {
  auto containers = document("/openapi/v3/api/v1")["components"]["schemas"]["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"];
  EXPECT_EQ(json(containers["x-kubernetes-list-map-keys"]), R"(["name"])");
  EXPECT_EQ(containers["x-kubernetes-list-type"].as_string(), "map");
  EXPECT_EQ(containers["x-kubernetes-patch-merge-key"].as_string(), "name");
  EXPECT_EQ(containers["x-kubernetes-patch-strategy"].as_string(), "merge");
}

TEST_F(OpenApi, Operations) {
  auto paths = document("/openapi/v2")["paths"];
  const struct {
    std::string_view path, method, id, action;
  } cases[] = {
      {"/apis/", "get", "getAPIVersions", ""},
      {"/apis/apps/", "get", "getAppsAPIGroup", ""},
      {"/apis/rbac.authorization.k8s.io/v1/", "get", "getRbacAuthorizationV1APIResources", ""},
      {"/api/v1/pods", "get", "listCoreV1PodForAllNamespaces", "list"},
      {"/api/v1/namespaces/{namespace}/pods", "get", "listCoreV1NamespacedPod", "list"},
      {"/api/v1/namespaces/{namespace}/pods", "post", "createCoreV1NamespacedPod", "post"},
      {"/api/v1/namespaces/{namespace}/pods", "delete", "deleteCoreV1CollectionNamespacedPod", "deletecollection"},
      {"/api/v1/namespaces/{namespace}/pods/{name}", "put", "replaceCoreV1NamespacedPod", "put"},
      {"/api/v1/namespaces/{namespace}/pods/{name}/eviction", "post", "createCoreV1NamespacedPodEviction", "post"},
      {"/api/v1/namespaces/{namespace}/pods/{name}/log", "get", "readCoreV1NamespacedPodLog", "get"},
      {"/api/v1/namespaces/{namespace}/pods/{name}/exec", "post", "connectCoreV1PostNamespacedPodExec", "connect"},
      {"/api/v1/nodes/{name}/proxy/{path}", "options", "connectCoreV1OptionsNodeProxyWithPath", "connect"},
      {"/api/v1/namespaces/{name}/finalize", "put", "replaceCoreV1NamespaceFinalize", "put"},
      {"/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale", "patch", "patchAppsV1NamespacedDeploymentScale", "patch"},
      {"/api/v1/watch/namespaces/{namespace}/pods/{name}", "get", "watchCoreV1NamespacedPod", "watch"},
      {"/api/v1/watch/pods", "get", "watchCoreV1PodListForAllNamespaces", "watchlist"},
  };
  for (const auto& it : cases) {
    auto operation = paths[it.path][it.method];
    EXPECT_EQ(operation["operationId"].as_string(), it.id) << it.path;
    EXPECT_EQ(operation["x-kubernetes-action"].as_string(), it.action) << it.path;
  }
  auto eviction = paths["/api/v1/namespaces/{namespace}/pods/{name}/eviction"];
  EXPECT_EQ(json(eviction["post"]["x-kubernetes-group-version-kind"]), R"({"group":"policy","version":"v1","kind":"Eviction"})");
  // What all operations of a path take stands with the path.
  EXPECT_EQ(json(eviction["parameters"]),
            R"([{"$ref":"#/parameters/dryRun"},{"$ref":"#/parameters/fieldManager"},{"$ref":"#/parameters/fieldValidation"},)"
            R"({"name":"name","in":"path","description":"The name of the object.","required":true,"type":"string","uniqueItems":true},)"
            R"({"$ref":"#/parameters/namespace"},{"$ref":"#/parameters/pretty"}])");
}

TEST_F(OpenApi, EveryReferenceHasADefinition) {
  auto text = body_of(server_.ask("GET", "/openapi/v2", {}));
  auto whole = schema::parse_json(text, arena_);
  ASSERT_TRUE(whole.has_value());
  auto definitions = (*whole)["definitions"];
  constexpr std::string_view start = "\"#/definitions/";
  size_t count = 0;
  for (size_t at = text.find(start); at != std::string::npos; at = text.find(start, at + 1)) {
    auto begin = at + start.size();
    auto name = std::string_view(text).substr(begin, text.find('"', begin) - begin);
    ASSERT_TRUE(definitions.has(name)) << name;
    count++;
  }
  EXPECT_GT(count, 1000u);
}

TEST_F(OpenApi, DocumentsAreNamedByTheirHash) {
  auto url = document("/openapi/v3")["paths"]["apis/apps/v1"]["serverRelativeURL"].as_string();
  ASSERT_TRUE(url.starts_with("/openapi/v3/apis/apps/v1?hash="));
  auto found = server_.ask("GET", url, {});
  EXPECT_EQ(found.status, 200);
  EXPECT_EQ(header(found, "cache-control"), "public, immutable");
  EXPECT_FALSE(header(found, "expires").empty());
  auto tag = header(found, "etag");
  EXPECT_EQ(tag, concat("\"", url.substr(url.find('=') + 1), "\""));

  auto moved = server_.ask("GET", "/openapi/v3/apis/apps/v1?hash=old", {});
  EXPECT_EQ(moved.status, 301);
  EXPECT_EQ(header(moved, "location"), url);

  auto plain = server_.ask("GET", "/openapi/v3/apis/apps/v1", {});
  EXPECT_EQ(header(plain, "cache-control"), "no-cache, private");
  EXPECT_EQ(server_.ask("GET", "/openapi/v3/apis/apps/v1", {{"if-none-match", tag}}).status, 304);
  EXPECT_EQ(server_.ask("GET", "/openapi/v3/apis/apps/v9", {}).status, 404);
  EXPECT_EQ(server_.ask("GET", "/openapi/v3/apis/apps/v1", {{"accept", "text/html"}}).status, 406);
}

TEST_F(OpenApi, VersionTwoInProtobuf) {
  constexpr std::string_view type = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
  auto response = server_.ask("GET", "/openapi/v2", {{"accept", "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"}});
  EXPECT_EQ(header(response, "content-type"), type);
  EXPECT_EQ(header(response, "etag"), header(server_.ask("GET", "/openapi/v2", {}), "etag"));
  auto body = body_of(std::move(response));
  EXPECT_EQ(hex(std::string_view(body).substr(0, 5)), "0a03322e30");  // swagger = "2.0"

  auto schema = schema::parse_json(R"({"type":"array","items":{"$ref":"#/a"},"required":["b"],"enum":["c"],"x-y":1})", arena_);
  std::string out;
  gnostic_definition(out, "n", *schema);
  EXPECT_EQ(hex(out),
            "4a34"                                  // definitions
            "0a32" "0a016e" "122d"                  // n:
            "9a010162"                              // required b
            "a201" "05" "1203226322"                // enum: yaml "c"
            "b201" "07" "0a056172726179"            // type array
            "ba01" "07" "0a050a03232f61"            // items: $ref
            "fa01" "0a" "0a03782d79" "1203" "120131");  // x-y: yaml 1
}

}  // namespace
}  // namespace sampan::apiserver
