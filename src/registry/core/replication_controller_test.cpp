// Replication controllers and pod templates.
#include "registry/testing.h"

namespace sampan::registry {

extern const Rules kReplicationControllerRules;
extern const Rules kPodTemplateRules;

namespace {

using namespace testing;

constexpr std::string_view kTemplate = "{'metadata':{'labels':{'app':'a'}},'spec':{'containers':[{'name':'c','image':'nginx:1'}]}}";

ObjectRef controller(std::string_view spec, std::string_view pod_template = kTemplate, std::string_view status = "{}") {
  return make_defaulted(kReplicationControllerRules, "v1",
                        concat("{'metadata':{'name':'a'},'spec':{'template':", pod_template, spec.empty() ? "" : ",", spec, "},'status':", status, "}"));
}

TEST(ReplicationController, Defaults) {
  auto object = controller("");
  EXPECT_EQ((*object)["spec"]["replicas"].as_int(), 1);
  EXPECT_EQ((*object)["spec"]["selector"]["app"].as_string(), "a");
  EXPECT_EQ((*object)["metadata"]["labels"]["app"].as_string(), "a");
  EXPECT_EQ((*object)["spec"]["template"]["spec"]["restartPolicy"].as_string(), "Always");
  EXPECT_EQ(errors_of(kReplicationControllerRules, *object), Errors{});
}

TEST(ReplicationController, Validation) {
  struct {
    std::string_view spec, pod_template, want;
  } cases[] = {
      {"'replicas':-1", kTemplate, "spec.replicas: Invalid value: -1: must be greater than or equal to 0"},
      {"'selector':{'app':'b'}", kTemplate,
       "spec.template.metadata.labels: Invalid value: {\"app\":\"a\"}: `selector` does not match template `labels`"},
      {"", "{'spec':{'containers':[{'name':'c','image':'i'}]}}", "spec.selector: Required value"},
      {"", "{'metadata':{'labels':{'a':'b'}},'spec':{'restartPolicy':'Never','containers':[{'name':'c','image':'i'}]}}",
       "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\""},
      {"", "{'metadata':{'labels':{'a':'b'}},'spec':{'activeDeadlineSeconds':1,'containers':[{'name':'c','image':'i'}]}}",
       "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicationController is not Supported"},
  };
  for (auto& c : cases)
    EXPECT_EQ(errors_of(kReplicationControllerRules, *controller(c.spec, c.pod_template)), Errors{std::string(c.want)}) << c.spec << c.pod_template;
}

TEST(ReplicationController, Status) {
  EXPECT_EQ(subresource_errors_of(kReplicationControllerRules, "status", *controller("", kTemplate, "{'replicas':1,'readyReplicas':2}"), *controller("")),
            Errors{"status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas"});
}

TEST(ReplicationController, Row) {
  EXPECT_EQ(cells_of(kReplicationControllerRules, *controller("'replicas':3", kTemplate, "{'replicas':2,'readyReplicas':1}")),
            (Cells{"a", "3", "2", "1", "<unknown>", "c", "nginx:1", "app=a"}));
}

TEST(PodTemplate, Row) {
  auto object = make_defaulted(kPodTemplateRules, "v1", concat("{'metadata':{'name':'t'},'template':", kTemplate, "}"));
  EXPECT_EQ(cells_of(kPodTemplateRules, *object), (Cells{"t", "c", "nginx:1", "app=a"}));
  EXPECT_EQ(errors_of(kPodTemplateRules, *object), Errors{});
}

TEST(PodTemplate, NoEphemeralContainers) {
  auto object = make_defaulted(kPodTemplateRules, "v1",
                               "{'metadata':{'name':'t'},'template':{'spec':{'containers':[{'name':'c','image':'i'}],"
                               "'ephemeralContainers':[{'name':'e','image':'i'}]}}}");
  EXPECT_EQ(errors_of(kPodTemplateRules, *object),
            Errors{"template.spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template"});
}

}  // namespace
}  // namespace sampan::registry
