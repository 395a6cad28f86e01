#include "registry/storage_form.h"

#include "schema/conform.h"
#include "schema/json.h"

namespace sampan::registry {
namespace {

struct Case {
  const char* group;
  const char* resource;
  const char* json;
  const char* stored_begins;
};

const schema::Resource* resource_of(std::string_view group, std::string_view name) {
  for (const auto& resource : schema::builtin_resources())
    if (resource.group == group && resource.version == "v1" && resource.resource == name) return &resource;
  return nullptr;
}

TEST(StorageForm, IsUpstreams) {
  const Case cases[] = {
      {"", "configmaps", R"({"metadata":{"name":"a"},"data":{"k":"v"}})", "k8s"},
      {"apiregistration.k8s.io", "apiservices", R"({"metadata":{"name":"v1."},"spec":{"groupPriorityMinimum":18000,"versionPriority":1}})",
       R"({"kind":"APIService","apiVersion":"apiregistration.k8s.io/v1",)"},
      {"apiextensions.k8s.io", "customresourcedefinitions", R"({"metadata":{"name":"a.b"},"spec":{"group":"b","scope":"Cluster"}})",
       R"({"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1",)"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.resource);
    const schema::Resource* resource = resource_of(c.group, c.resource);
    ASSERT_TRUE(resource);
    Arena arena;
    auto tree = schema::parse_json(c.json, arena);
    auto object = schema::freeze(*tree, *resource->type);
    ASSERT_TRUE(object);
    auto stored = stored_form(*resource, **object);
    EXPECT_TRUE(stored.starts_with(c.stored_begins)) << stored;
    auto back = from_stored_form(*resource->type, stored);
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_TRUE((*back)->view().equals((*object)->view()));
  }
}

TEST(StorageForm, ReadsDefinitionsAsV1Beta1) {
  const schema::Resource* resource = resource_of("apiextensions.k8s.io", "customresourcedefinitions");
  ASSERT_TRUE(resource);
  auto object = from_stored_form(
      *resource->type,
      R"({"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1beta1","spec":{"version":"v1","validation":{"openAPIV3Schema":{"type":"object"}},)"
      R"("additionalPrinterColumns":[{"name":"N","type":"string","JSONPath":".n"}],"versions":[{"name":"v1"},{"name":"v2","schema":{"openAPIV3Schema":{"type":"string"}}}],)"
      R"("conversion":{"strategy":"Webhook","webhookClientConfig":{"url":"https://a"},"conversionReviewVersions":["v1"]}}})");
  ASSERT_TRUE(object) << object.error().message();
  std::string json;
  schema::write_json(json, (**object)["spec"]["versions"]);
  for (std::string_view part : {R"("name":"v1","served":false,"storage":false,"schema":{"openAPIV3Schema":{"type":"object"}})", R"({"type":"string"})", R"("jsonPath":".n")"})
    EXPECT_NE(json.find(part), std::string::npos) << json;
  EXPECT_EQ((**object)["spec"]["conversion"]["webhook"]["clientConfig"]["url"].as_string(), "https://a");
  EXPECT_EQ((**object)["spec"]["conversion"]["webhook"]["conversionReviewVersions"].size(), 1u);
}

TEST(StorageForm, RefusesWhatIsNeither) {
  const schema::Resource* resource = resource_of("", "configmaps");
  ASSERT_TRUE(resource);
  for (std::string_view value : {"", "{", "{\"data\":1}", "k8s", "nonsense"}) EXPECT_FALSE(from_stored_form(*resource->type, value)) << value;
}

}  // namespace
}  // namespace sampan::registry
