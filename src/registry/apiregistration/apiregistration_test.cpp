// The rules of APIServices.
#include "registry/testing.h"

namespace sampan::registry {

extern const Rules kAPIServiceRules;

namespace {

using namespace testing;

constexpr std::string_view kVersion = "apiregistration.k8s.io/v1";

TEST(APIServices, LocalOnesAreAvailableAtOnce) {
  Arena arena;
  Value object = tree(arena, "{'metadata':{'name':'v1.a.b'},'spec':{'group':'a.b','version':'v1','groupPriorityMinimum':1,'versionPriority':1}}");
  kAPIServiceRules.prepare_create(object, {.now_seconds = 86400});
  auto service = frozen(object, type_of(kVersion, "APIService"));
  EXPECT_EQ(errors_of(kAPIServiceRules, *service), Errors{});
  EXPECT_EQ(cells_of(kAPIServiceRules, *service), (Errors{"v1.a.b", "Local", "True", "<unknown>"}));
  EXPECT_EQ(object["status"]["conditions"].at(0)["lastTransitionTime"].as_string(), "1970-01-02T00:00:00Z");
}

TEST(APIServices, Validation) {
  auto service = make_defaulted(kAPIServiceRules, kVersion,
                                "{'metadata':{'name':'x'},'spec':{'group':'a.b','version':'v1','groupPriorityMinimum':20001,'service':{'port':0}}}");
  EXPECT_EQ(errors_of(kAPIServiceRules, *service),
            (Errors{"metadata.name: Invalid value: \"x\": must be `spec.version+\".\"+spec.group`: \"v1.a.b\"",
                    "spec.groupPriorityMinimum: Invalid value: 20001: must be positive and less than 20000",
                    "spec.service.name: Required value", "spec.service.namespace: Required value",
                    "spec.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive",
                    "spec.versionPriority: Invalid value: 0: must be positive and less than 1000"}));
}

TEST(APIServices, TheNameIsHeldAgainstTheSpecWhereThereIsOne) {
  constexpr std::string_view kSpec = "'spec':{'group':'a.b','version':'v1','groupPriorityMinimum':1,'versionPriority':1}}";
  auto errors = [&](std::string_view metadata) {
    return errors_of(kAPIServiceRules, *make(kVersion, "APIService", concat("{'metadata':{", metadata, "},", kSpec)));
  };
  EXPECT_EQ(errors(""), Errors{});
  EXPECT_EQ(errors("'name':'v1.a.b'"), Errors{});
  EXPECT_EQ(errors("'generateName':'v1.','name':'v1.a.b'"),
            Errors{"metadata.generateName: Invalid value: \"v1.\": must be `spec.version+\".\"+spec.group`: \"v1.a.b\""});
}

}  // namespace

}  // namespace sampan::registry
