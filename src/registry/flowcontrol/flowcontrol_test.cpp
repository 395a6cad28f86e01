// The rules of flow schemas and priority levels.
#include "registry/flowcontrol/standard_objects.h"
#include "registry/testing.h"

namespace sampan::registry {

extern const Rules kFlowSchemaRules;
extern const Rules kPriorityLevelConfigurationRules;

namespace {

using namespace testing;

constexpr std::string_view kVersion = "flowcontrol.apiserver.k8s.io/v1";

template <class Standard>
ObjectRef standard_object(const Rules& rules, const Standard& standard) {
  Arena arena;
  Value object = Value::object(arena);
  object.ensure_object("metadata").set("name", standard.name);
  object.set("spec", flowcontrol::spec_of(standard, arena));
  rules.defaults(object, "v1");
  return frozen(object, type_of(kVersion, rules.kind));
}

TEST(FlowControl, StandardObjectsAreValid) {
  for (const auto& level : flowcontrol::standard_levels())
    EXPECT_EQ(errors_of(kPriorityLevelConfigurationRules, *standard_object(kPriorityLevelConfigurationRules, level)), Errors{}) << level.name;
  for (const auto& schema : flowcontrol::standard_schemas())
    EXPECT_EQ(errors_of(kFlowSchemaRules, *standard_object(kFlowSchemaRules, schema)), Errors{}) << schema.name;
}

TEST(FlowControl, MandatoryObjectsStay) {
  auto level = make_defaulted(kPriorityLevelConfigurationRules, kVersion,
                              "{'metadata':{'name':'catch-all'},'spec':{'type':'Limited','limited':{'limitResponse':{'type':'Reject'}}}}");
  auto errors = errors_of(kPriorityLevelConfigurationRules, *level);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_TRUE(errors[0].ends_with("spec of 'catch-all' must equal the fixed value")) << errors[0];
  auto exempt = make_defaulted(kPriorityLevelConfigurationRules, kVersion,
                               "{'metadata':{'name':'exempt'},'spec':{'type':'Exempt','exempt':{'nominalConcurrencyShares':7}}}");
  EXPECT_EQ(errors_of(kPriorityLevelConfigurationRules, *exempt), Errors{});
}

TEST(FlowControl, Schemas) {
  auto schema = make_defaulted(
      kFlowSchemaRules, kVersion,
      "{'metadata':{'name':'a'},'spec':{'matchingPrecedence':1,'distinguisherMethod':{'type':'x'},'rules':[{'subjects':[{'kind':'User'}],"
      "'resourceRules':[{'verbs':['fly'],'apiGroups':['*','a'],'resources':['x']}],'nonResourceRules':[{'verbs':['*'],"
      "'nonResourceURLs':['x','/a*']}]}]}}");
  EXPECT_EQ(errors_of(kFlowSchemaRules, *schema),
            (Errors{"spec.distinguisherMethod.type: Unsupported value: {\"Type\":\"x\"}: supported values: \"ByNamespace\", \"ByUser\"",
                    "spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1",
                    "spec.priorityLevelConfiguration.name: Required value: must reference a priority level",
                    "spec.rules[0].nonResourceRules[0].nonResourceURLs[0]: Invalid value: \"x\": must start with slash",
                    "spec.rules[0].nonResourceRules[0].nonResourceURLs[1]: Invalid value: \"/a*\": wildcard can only do suffix matching",
                    "spec.rules[0].resourceRules[0].apiGroups: Invalid value: [\"*\",\"a\"]: if '*' is present, must not specify other api "
                    "groups",
                    "spec.rules[0].resourceRules[0].namespaces: Required value: resource rules that are not cluster scoped must supply at "
                    "least one namespace",
                    "spec.rules[0].resourceRules[0].verbs: Unsupported value: [\"fly\"]: supported values: \"create\", \"delete\", "
                    "\"deletecollection\", \"get\", \"list\", \"patch\", \"proxy\", \"update\", \"watch\"",
                    "spec.rules[0].subjects[0].user: Required value: user is required when subject kind is 'User'"}));
}

TEST(FlowControl, Queues) {
  auto level = make_defaulted(kPriorityLevelConfigurationRules, kVersion,
                              "{'metadata':{'name':'a'},'spec':{'type':'Limited','limited':{'lendablePercent':101,'limitResponse':{'type':"
                              "'Queue','queuing':{'queues':1024,'handSize':8}}}}}");
  EXPECT_EQ(errors_of(kPriorityLevelConfigurationRules, *level),
            (Errors{"spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive",
                    "spec.limited.limitResponse.queuing.handSize: Invalid value: 8: required entropy bits of deckSize 1024 and handSize 8 "
                    "should not be greater than 60"}));
  EXPECT_EQ(cells_of(kPriorityLevelConfigurationRules, *level), (Errors{"a", "Limited", "30", "1024", "8", "50", "<unknown>"}));
}

}  // namespace

}  // namespace sampan::registry
