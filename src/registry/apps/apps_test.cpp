// The workloads of apps/v1.
#include "registry/testing.h"

namespace sampan::registry {

extern const Rules kControllerRevisionRules;
extern const Rules kDaemonSetRules;
extern const Rules kDeploymentRules;
extern const Rules kReplicaSetRules;
extern const Rules kStatefulSetRules;

using namespace testing;

namespace {

constexpr std::string_view kTemplate =
    "'selector':{'matchLabels':{'app':'a'}},'template':{'metadata':{'labels':{'app':'a'}},'spec':{'containers':[{'name':'c','image':'nginx'}]}}";

ObjectRef workload(const Rules& rules, std::string_view spec, std::string_view rest = {}) {
  return make_defaulted(rules, "apps/v1", concat("{'metadata':{'name':'w','generation':1},'spec':{", spec, "}", rest, "}"));
}
Errors spec_errors(const Rules& rules, std::string_view spec) { return errors_of(rules, *workload(rules, spec)); }
std::string with_template(std::string_view spec) { return concat(kTemplate, ",", spec); }

struct Case {
  std::string_view spec;  // beside a good selector and template
  Errors want;
};

TEST(Deployment, Defaults) {
  auto object = workload(kDeploymentRules, kTemplate);
  auto spec = object->view()["spec"];
  EXPECT_EQ(spec["replicas"].as_int(), 1);
  EXPECT_EQ(spec["strategy"]["type"].as_string(), "RollingUpdate");
  EXPECT_EQ(spec["strategy"]["rollingUpdate"]["maxSurge"].as_int_or_string().text, "25%");
  EXPECT_EQ(spec["revisionHistoryLimit"].as_int(), 10);
  EXPECT_EQ(spec["progressDeadlineSeconds"].as_int(), 600);
  EXPECT_EQ(spec["template"]["spec"]["restartPolicy"].as_string(), "Always");
}

TEST(Deployment, Spec) {
  const Case cases[] = {
      {"'replicas':2", {}},
      {"'replicas':-1", {"spec.replicas: Invalid value: -1: must be greater than or equal to 0"}},
      {"'strategy':{'type':'Bad'}",
       {"spec.strategy: Unsupported value: {\"Type\":\"Bad\",\"RollingUpdate\":null}: supported values: \"Recreate\", \"RollingUpdate\""}},
      {"'strategy':{'type':'Recreate','rollingUpdate':{}}",
       {"spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"}},
      {"'strategy':{'rollingUpdate':{'maxSurge':0,'maxUnavailable':0}}",
       {"spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"}},
      {"'strategy':{'rollingUpdate':{'maxSurge':1,'maxUnavailable':'101%'}}",
       {"spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"101%\": must not be greater than 100%"}},
      {"'minReadySeconds':700", {"spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds"}},
      {"'revisionHistoryLimit':-1", {"spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0"}},
  };
  for (const auto& c : cases) EXPECT_EQ(spec_errors(kDeploymentRules, with_template(c.spec)), c.want) << c.spec;
}

TEST(Deployment, Selector) {
  constexpr std::string_view kRest = "'template':{'metadata':{'labels':{'app':'a'}},'spec':{'containers':[{'name':'c','image':'x'}]}}";
  EXPECT_EQ(spec_errors(kDeploymentRules, concat("'selector':{},", kRest)),
            Errors{"spec.selector: Invalid value: {}: empty selector is invalid for deployment"});
  EXPECT_EQ(spec_errors(kDeploymentRules, kRest),
            (Errors{"spec.selector: Required value",
                    "spec.template.metadata.labels: Invalid value: {\"app\":\"a\"}: `selector` does not match template `labels`"}));
  EXPECT_EQ(spec_errors(kDeploymentRules, concat("'selector':{'matchExpressions':[{'key':'app','operator':'Bad'}]},", kRest)),
            (Errors{"spec.selector.matchExpressions[0].operator: Invalid value: \"Bad\": not a valid selector operator",
                    "spec.selector: Invalid value: {\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"Bad\"}]}: invalid label selector"}));
  auto old = workload(kDeploymentRules, kTemplate);
  auto changed = workload(kDeploymentRules,
                          "'selector':{'matchLabels':{'b':'c'}},'template':{'metadata':{'labels':{'b':'c'}},'spec':{'containers':[{'name':"
                          "'c','image':'nginx'}]}}");
  EXPECT_EQ(update_errors_of(kDeploymentRules, *changed, *old),
            Errors{"spec.selector: Invalid value: {\"matchLabels\":{\"b\":\"c\"}}: field is immutable"});
}

TEST(Deployment, PodsThatEnd) {
  EXPECT_EQ(spec_errors(kDeploymentRules,
                        "'selector':{'matchLabels':{'app':'a'}},'template':{'metadata':{'labels':{'app':'a'}},'spec':{'restartPolicy':'Never',"
                        "'activeDeadlineSeconds':5,'containers':[{'name':'c','image':'x'}]}}"),
            (Errors{"spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported",
                    "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\""}));
}

TEST(Deployment, Status) {
  auto old = workload(kDeploymentRules, kTemplate, ",'status':{'collisionCount':2}");
  auto object = workload(kDeploymentRules, kTemplate, ",'status':{'replicas':1,'readyReplicas':2,'availableReplicas':3}");
  EXPECT_EQ(subresource_errors_of(kDeploymentRules, "status", *object, *old),
            (Errors{"status.availableReplicas: Invalid value: 3: cannot be greater than readyReplicas",
                    "status.availableReplicas: Invalid value: 3: cannot be greater than status.replicas",
                    "status.collisionCount: Invalid value: 0: cannot be decremented",
                    "status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas"}));
  auto scaled = workload(kDeploymentRules, with_template("'replicas':-2"));
  EXPECT_EQ(subresource_errors_of(kDeploymentRules, "scale", *scaled, *old),
            Errors{"spec.replicas: Invalid value: -2: must be greater than or equal to 0"});
}

TEST(Deployment, AnnotationsMakeAGeneration) {
  auto old = workload(kDeploymentRules, kTemplate);
  Arena arena;
  Value object = schema::thaw(*old, arena);
  kDeploymentRules.prepare_update(object, *old, "");
  EXPECT_EQ(object["metadata"]["generation"].as_int(), 1);
  object["metadata"].ensure_object("annotations").set("a", "b");
  kDeploymentRules.prepare_update(object, *old, "");
  EXPECT_EQ(object["metadata"]["generation"].as_int(), 2);
}

TEST(Deployment, Warnings) {
  auto object = make_defaulted(kDeploymentRules, "apps/v1", concat("{'metadata':{'name':'a.b'},'spec':{", kTemplate, "}}"));
  auto warnings = warnings_of(kDeploymentRules, *object);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_TRUE(warnings[0].starts_with("metadata.name: this is used in Pod names and hostnames")) << warnings[0];
}

TEST(Deployment, Row) {
  auto object = workload(kDeploymentRules, with_template("'replicas':3"), ",'status':{'readyReplicas':2,'updatedReplicas':3,'availableReplicas':1}");
  EXPECT_EQ(cells_of(kDeploymentRules, *object), (Cells{"w", "2/3", "3", "1", "<unknown>", "c", "nginx", "app=a"}));
}

TEST(ReplicaSet, StatusAndRow) {
  auto object = workload(kReplicaSetRules, kTemplate, ",'status':{'replicas':2,'fullyLabeledReplicas':3,'readyReplicas':1,'availableReplicas':-1}");
  EXPECT_EQ(subresource_errors_of(kReplicaSetRules, "status", *object, *object),
            (Errors{"status.availableReplicas: Invalid value: -1: must be greater than or equal to 0",
                    "status.fullyLabeledReplicas: Invalid value: 3: cannot be greater than status.replicas"}));
  EXPECT_EQ(cells_of(kReplicaSetRules, *object), (Cells{"w", "1", "2", "1", "<unknown>", "c", "nginx", "app=a"}));
}

TEST(DaemonSet, Strategy) {
  const Case cases[] = {
      {"'updateStrategy':{'type':'OnDelete'}", {}},
      {"'updateStrategy':{'rollingUpdate':{'maxSurge':1}}",
       {"spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero"}},
      {"'updateStrategy':{'rollingUpdate':{'maxUnavailable':0}}",
       {"spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0"}},
      {"'updateStrategy':{'type':'X','rollingUpdate':{'maxSurge':'1%'}}",
       {"spec.updateStrategy: Unsupported value: {\"Type\":\"X\",\"RollingUpdate\":{\"MaxUnavailable\":0,\"MaxSurge\":\"1%\"}}: supported "
        "values: \"RollingUpdate\", \"OnDelete\""}},
  };
  for (const auto& c : cases) EXPECT_EQ(spec_errors(kDaemonSetRules, with_template(c.spec)), c.want) << c.spec;
  EXPECT_EQ(spec_errors(kDaemonSetRules, ""),
            (Errors{"spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`",
                    "spec.template.spec.containers: Required value"}));
}

TEST(DaemonSet, CountsItsTemplates) {
  Arena arena;
  Value object = tree(arena, concat("{'metadata':{'name':'w'},'spec':{", kTemplate, "}}"));
  kDaemonSetRules.defaults(object, "v1");
  kDaemonSetRules.prepare_create(object, {});
  auto generation = [&] { return object["metadata"]["annotations"]["deprecated.daemonset.template.generation"].as_string(); };
  EXPECT_EQ(generation(), "1");
  auto old = frozen(object, type_of("apps/v1", "DaemonSet"));
  object["metadata"]["annotations"].set("deprecated.daemonset.template.generation", "7");
  kDaemonSetRules.prepare_update(object, *old, "");
  EXPECT_EQ(generation(), "1");
  object["spec"]["template"]["spec"].set("hostNetwork", true);
  kDaemonSetRules.prepare_update(object, *old, "");
  EXPECT_EQ(generation(), "2");
}

TEST(StatefulSet, Defaults) {
  auto object = workload(kStatefulSetRules, with_template("'volumeClaimTemplates':[{'metadata':{'name':'v'},'spec':{}}]"));
  auto spec = object->view()["spec"];
  EXPECT_EQ(spec["podManagementPolicy"].as_string(), "OrderedReady");
  EXPECT_TRUE(spec["updateStrategy"]["rollingUpdate"]["partition"].present());
  EXPECT_EQ(spec["persistentVolumeClaimRetentionPolicy"]["whenScaled"].as_string(), "Retain");
  auto claim = spec["volumeClaimTemplates"].item(0);
  EXPECT_EQ(claim["kind"].as_string(), "PersistentVolumeClaim");
  EXPECT_EQ(claim["spec"]["volumeMode"].as_string(), "Filesystem");
  EXPECT_EQ(claim["status"]["phase"].as_string(), "Pending");
}

TEST(StatefulSet, Spec) {
  const Case cases[] = {
      {"'serviceName':'s'", {}},
      {"'podManagementPolicy':'X'", {"spec.podManagementPolicy: Invalid value: \"X\": must be 'OrderedReady' or 'Parallel'"}},
      {"'updateStrategy':{'type':'OnDelete','rollingUpdate':{'partition':1}}",
       {"spec.updateStrategy.rollingUpdate: Invalid value: {\"Partition\":1,\"MaxUnavailable\":null}: only allowed for updateStrategy "
        "'RollingUpdate'"}},
      {"'updateStrategy':{'type':'X','rollingUpdate':{}}",
       {"spec.updateStrategy: Invalid value: {\"Type\":\"X\",\"RollingUpdate\":{\"Partition\":0,\"MaxUnavailable\":null}}: must be "
        "'RollingUpdate' or 'OnDelete'"}},
      {"'ordinals':{'start':-1}", {"spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0"}},
      {"'persistentVolumeClaimRetentionPolicy':{'whenScaled':'X'}",
       {"spec.persistentVolumeClaimRetentionPolicy.whenScaled: Unsupported value: \"X\": supported values: \"Retain\", \"Delete\""}},
  };
  for (const auto& c : cases) EXPECT_EQ(spec_errors(kStatefulSetRules, with_template(c.spec)), c.want) << c.spec;
}

TEST(StatefulSet, ClaimsAreVolumes) {
  EXPECT_EQ(spec_errors(kStatefulSetRules,
                        "'selector':{'matchLabels':{'app':'a'}},'volumeClaimTemplates':[{'metadata':{'name':'data'},'spec':{'accessModes':["
                        "'ReadWriteOnce'],'resources':{'requests':{'storage':'1Gi'}}}}],'template':{'metadata':{'labels':{'app':'a'}},'spec':"
                        "{'hostname':'Bad!','containers':[{'name':'c','image':'x','volumeMounts':[{'name':'data','mountPath':'/d'}]}]}}"),
            Errors{});
}

TEST(StatefulSet, Update) {
  constexpr std::string_view kForbidden =
      "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
      "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
  auto old = workload(kStatefulSetRules, kTemplate);
  struct {
    std::string_view spec;
    bool allowed;
  } cases[] = {{"'replicas':4", true},      {"'serviceName':'x'", false},        {"'podManagementPolicy':'Parallel'", false},
               {"'ordinals':{'start':2}", true}, {"'revisionHistoryLimit':3", true}, {"'minReadySeconds':3", true}};
  for (const auto& c : cases)
    EXPECT_EQ(update_errors_of(kStatefulSetRules, *workload(kStatefulSetRules, with_template(c.spec)), *old),
              c.allowed ? Errors{} : Errors{std::string(kForbidden)})
        << c.spec;
}

TEST(ControllerRevision, DataAndRow) {
  struct {
    std::string_view json;
    Errors want;
  } cases[] = {
      {"{'metadata':{'name':'r'},'revision':1,'data':{'a':1}}", {}},
      {"{'metadata':{'name':'r'},'revision':-1,'data':{}}", {"revision: Invalid value: -1: must be greater than or equal to 0"}},
      {"{'metadata':{'name':'r'},'revision':1}", {"data: Required value: data is mandatory"}},
      {"{'metadata':{'name':'r'},'revision':1,'data':[]}", {"data: Required value: data must be a valid JSON object"}},
  };
  for (const auto& c : cases) EXPECT_EQ(errors_of(kControllerRevisionRules, *make("apps/v1", "ControllerRevision", c.json)), c.want) << c.json;
  auto object = make("apps/v1", "ControllerRevision",
                     "{'metadata':{'name':'r','ownerReferences':[{'apiVersion':'apps/v1','kind':'StatefulSet','name':'web','uid':'u',"
                     "'controller':true}]},'revision':4,'data':{}}");
  EXPECT_EQ(cells_of(kControllerRevisionRules, *object), (Cells{"r", "statefulset.apps/web", "4", "<unknown>"}));
}

}  // namespace
}  // namespace sampan::registry
