// The rules of custom resource definitions.
#include "registry/testing.h"

namespace sampan::registry {

extern const Rules kCustomResourceDefinitionRules;

namespace {

using namespace testing;

constexpr std::string_view kVersion = "apiextensions.k8s.io/v1";

ObjectRef definition(std::string_view versions, std::string_view more = "") {
  return make_defaulted(kCustomResourceDefinitionRules, kVersion,
                        concat("{'metadata':{'name':'widgets.example.com'},'spec':{'group':'example.com','scope':'Namespaced','names':{'plural':"
                               "'widgets','kind':'Widget'}",
                               more, ",'versions':", versions, "}}"));
}

std::string version_with(std::string_view schema) {
  return concat("[{'name':'v1','served':true,'storage':true,'schema':{'openAPIV3Schema':", schema, "}}]");
}

Errors schema_errors(std::string_view schema) { return errors_of(kCustomResourceDefinitionRules, *definition(version_with(schema))); }

TEST(CustomResourceDefinitions, Defaults) {
  EXPECT_EQ(defaulted(kCustomResourceDefinitionRules, "{'spec':{'names':{'kind':'Widget'},'versions':[{'name':'v1','storage':true}]}}"),
            "{'spec':{'names':{'kind':'Widget','singular':'widget','listKind':'WidgetList'},'versions':[{'name':'v1','storage':true}],"
            "'conversion':{'strategy':'None'}},'status':{'storedVersions':['v1']}}");
}

TEST(CustomResourceDefinitions, NothingAtAll) {
  auto empty = make_defaulted(kCustomResourceDefinitionRules, kVersion, "{'metadata':{'name':'a.b'}}");
  EXPECT_EQ(errors_of(kCustomResourceDefinitionRules, *empty),
            (Errors{"metadata.name: Invalid value: \"a.b\": must be spec.names.plural+\".\"+spec.group", "spec.group: Required value",
                    "spec.names.kind: Required value", "spec.names.listKind: Required value", "spec.names.plural: Required value",
                    "spec.names.singular: Required value", "spec.scope: Required value",
                    "spec.versions: Invalid value: null: must have exactly one version marked as storage version",
                    "status.storedVersions: Invalid value: null: must have at least one stored version"}));
}

TEST(CustomResourceDefinitions, Schemas) {
  EXPECT_EQ(schema_errors("{'type':'object','properties':{'a':{'type':'string'},'b':{'x-kubernetes-int-or-string':true,"
                          "'anyOf':[{'type':'integer'},{'type':'string'}]}}}"),
            Errors{});
  EXPECT_EQ(schema_errors("{}"), Errors{"spec.validation.openAPIV3Schema.type: Required value: must not be empty at the root"});
  EXPECT_EQ(schema_errors("{'type':'object','properties':{'a':{'type':'array'},'b':{}}}"),
            (Errors{"spec.validation.openAPIV3Schema.properties[a].items: Required value: must be specified",
                    "spec.validation.openAPIV3Schema.properties[b].type: Required value: must not be empty for specified object fields"}));
  EXPECT_EQ(schema_errors("{'type':'object','anyOf':[{'properties':{'c':{'type':'string'}}}]}"),
            (Errors{"spec.validation.openAPIV3Schema.anyOf[0].properties[c].type: Forbidden: must be empty to be structural",
                    "spec.validation.openAPIV3Schema.properties[c]: Required value: because it is defined in "
                    "spec.validation.openAPIV3Schema.anyOf[0].properties[c]"}));
  EXPECT_EQ(schema_errors("{'type':'object','properties':{'l':{'type':'array','x-kubernetes-list-type':'map','x-kubernetes-list-map-keys':"
                          "['k','z'],'items':{'type':'object','properties':{'k':{'type':'string'}}}}}}"),
            (Errors{"spec.validation.openAPIV3Schema.properties[l].items.properties[k].default: Required value: this property is in "
                    "x-kubernetes-list-map-keys, so it must have a default or be a required property",
                    "spec.validation.openAPIV3Schema.properties[l].x-kubernetes-list-map-keys: Invalid value: [\"k\",\"z\"]: entries must all "
                    "be names of item properties"}));
}

TEST(CustomResourceDefinitions, VersionsOfTheirOwn) {
  auto versions =
      "[{'name':'v1','served':true,'storage':true,'schema':{'openAPIV3Schema':{'type':'object'}}},"
      "{'name':'v2','served':true,'storage':false,'schema':{'openAPIV3Schema':{'type':'string'}},'subresources':{'scale':{"
      "'specReplicasPath':'.a','statusReplicasPath':'.status.n'}},'selectableFields':[{'jsonPath':'.spec.x'}]}]";
  EXPECT_EQ(errors_of(kCustomResourceDefinitionRules, *definition(versions)),
            (Errors{"spec.versions[1].schema.openAPIV3Schema.type: Invalid value: \"string\": must be object at the root",
                    "spec.versions[1].selectableFields[0].jsonPath: Invalid value: \".spec.x\": is an invalid path: does not refer to a valid "
                    "field",
                    "spec.versions[1].subresources.scale.specReplicasPath: Invalid value: \".a\": should be a json path under .spec"}));
}

TEST(CustomResourceDefinitions, ConversionAndChange) {
  auto webhook = definition(version_with("{'type':'object'}"), ",'conversion':{'strategy':'Webhook','webhook':{'conversionReviewVersions':['v9'],"
                                                               "'clientConfig':{'url':'http://user@h/?q#f'}}}");
  EXPECT_EQ(errors_of(kCustomResourceDefinitionRules, *webhook),
            (Errors{"spec.conversion.conversionReviewVersions: Invalid value: [\"v9\"]: must include at least one of v1, v1beta1",
                    "spec.conversion.webhookClientConfig.url: Invalid value: \"f\": fragments are not permitted in the URL",
                    "spec.conversion.webhookClientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; desired format: "
                    "https://host[/path]",
                    "spec.conversion.webhookClientConfig.url: Invalid value: \"q\": query parameters are not permitted in the URL",
                    "spec.conversion.webhookClientConfig.url: Invalid value: \"user\": user information is not permitted in the URL"}));
}

}  // namespace

}  // namespace sampan::registry
