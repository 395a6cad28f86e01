// HorizontalPodAutoscalers: both versions.
#include "registry/testing.h"

namespace sampan::registry {

extern const Rules kHorizontalPodAutoscalerRules;

using namespace testing;

namespace {

constexpr const Rules& kRules = kHorizontalPodAutoscalerRules;
constexpr std::string_view kTarget = "'scaleTargetRef':{'apiVersion':'apps/v1','kind':'Deployment','name':'d'}";

ObjectRef autoscaler(std::string_view spec, std::string_view rest = {}) {
  return make_defaulted(kRules, "autoscaling/v2", concat("{'metadata':{'name':'h'},'spec':{", kTarget, ",", spec, "}", rest, "}"));
}

std::string converted(std::string_view json, std::string_view from, std::string_view to) {
  Arena arena;
  Value object = tree(arena, json);
  kRules.convert(object, from, to);
  return json_of(object);
}

TEST(HorizontalPodAutoscaler, Defaults) {
  EXPECT_EQ(defaulted(kRules, "{'spec':{'maxReplicas':3}}", "v2"),
            "{'spec':{'maxReplicas':3,'minReplicas':1,'metrics':[{'type':'Resource','resource':{'name':'cpu','target':{'type':'Utilization',"
            "'averageUtilization':80}}}]}}");
  EXPECT_EQ(defaulted(kRules, "{'spec':{'maxReplicas':3}}", "v1"), "{'spec':{'maxReplicas':3,'minReplicas':1,'targetCPUUtilizationPercentage':80}}");
  auto object = autoscaler("'maxReplicas':3,'behavior':{'scaleUp':{'policies':[{'type':'Pods','value':1,'periodSeconds':2}]}}");
  auto behavior = (*object)["spec"]["behavior"];
  EXPECT_EQ(behavior["scaleUp"]["policies"].size(), 1u);
  EXPECT_EQ(behavior["scaleUp"]["selectPolicy"].as_string(), "Max");
  EXPECT_TRUE(behavior["scaleUp"]["stabilizationWindowSeconds"].present());
  EXPECT_EQ(behavior["scaleDown"]["policies"].item(0)["value"].as_int(), 100);
  EXPECT_FALSE(behavior["scaleDown"]["stabilizationWindowSeconds"].present());
}

TEST(HorizontalPodAutoscaler, Spec) {
  const struct {
    std::string_view spec;
    Errors want;
  } cases[] = {
      {"'maxReplicas':3", {}},
      {"'minReplicas':0,'maxReplicas':3",
       {"spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas",
        "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1"}},
      {"'minReplicas':2",
       {"spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`",
        "spec.maxReplicas: Required value: must be set and greater than 0"}},
      {"'maxReplicas':3,'metrics':[{'type':''}]",
       {"spec.metrics[0].type: Required value: must specify a metric source type",
        "spec.metrics[0].type: Unsupported value: \"\": supported values: \"ContainerResource\", \"External\", \"Object\", \"Pods\", \"Resource\"",
        "spec.metrics[0].type: Unsupported value: \"\": supported values: \"ContainerResource\", \"External\", \"Object\", \"Pods\", "
        "\"Resource\""}},
      {"'maxReplicas':3,'metrics':[{'type':'Pods'}]",
       {"spec.metrics[0].pods: Required value: must populate information for the given metric source"}},
      {"'maxReplicas':3,'metrics':[{'type':'Pods','pods':{'metric':{'name':'m'},'target':{'type':'Valuex','averageValue':'0'}}}]",
       {"spec.metrics[0].pods.target.averageValue: Invalid value: \"0\": must be positive",
        "spec.metrics[0].pods.target.type: Invalid value: \"Valuex\": must be either Utilization, Value, or AverageValue"}},
      {"'maxReplicas':3,'metrics':[{'type':'Resource','resource':{'name':'cpu','target':{'type':'Utilization','averageUtilization':0}},'pods':"
       "{'metric':{'name':'m'},'target':{'type':'AverageValue','averageValue':'1'}}}]",
       {"spec.metrics[0].pods: Forbidden: must populate the given metric source only"}},
      {"'maxReplicas':3,'behavior':{'scaleUp':{'selectPolicy':'X','stabilizationWindowSeconds':3601,'policies':[{'type':'Y','value':0,"
       "'periodSeconds':1801}]}}",
       {"spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800",
        "spec.behavior.scaleUp.policies[0].type: Unsupported value: \"Y\": supported values: \"Percent\", \"Pods\"",
        "spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero",
        "spec.behavior.scaleUp.selectPolicy: Unsupported value: \"X\": supported values: \"Disabled\", \"Max\", \"Min\"",
        "spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600"}},
  };
  for (const auto& c : cases) EXPECT_EQ(errors_of(kRules, *autoscaler(c.spec)), c.want) << c.spec;
  auto bad_target = make_defaulted(kRules, "autoscaling/v2", "{'metadata':{'name':'h'},'spec':{'maxReplicas':1,'scaleTargetRef':{'kind':'K'}}}");
  EXPECT_EQ(errors_of(kRules, *bad_target), (Errors{"spec.scaleTargetRef.apiVersion: Invalid value: \"\": apiVersion must specify API group",
                                                    "spec.scaleTargetRef.name: Required value"}));
  EXPECT_EQ(update_errors_of(kRules, *bad_target, *bad_target), Errors{"spec.scaleTargetRef.name: Required value"});
}

TEST(HorizontalPodAutoscaler, ToV1) {
  EXPECT_EQ(converted("{'spec':{'maxReplicas':3,'metrics':[{'type':'Resource','resource':{'name':'cpu','target':{'type':'Utilization',"
                      "'averageUtilization':70}}}]},'status':{'currentMetrics':null,'desiredReplicas':2}}",
                      "autoscaling/v2", "autoscaling/v1"),
            "{'spec':{'maxReplicas':3,'targetCPUUtilizationPercentage':70},'status':{'desiredReplicas':2,'currentReplicas':0}}");
  Arena arena;
  Value object = tree(arena,
                      "{'spec':{'maxReplicas':3,'metrics':[{'type':'Object','object':{'describedObject':{'apiVersion':'a/v1','kind':'K','name':'n'},"
                      "'target':{'type':'AverageValue','averageValue':'2'},'metric':{'name':'m'}}}],'behavior':{'scaleDown':{'selectPolicy':'Max',"
                      "'policies':[{'type':'Percent','value':10,'periodSeconds':60}]}}}}");
  kRules.convert(object, "autoscaling/v2", "autoscaling/v1");
  Value annotations = object["metadata"]["annotations"];
  EXPECT_EQ(annotations["autoscaling.alpha.kubernetes.io/metrics"].as_string(),
            "[{\"type\":\"Object\",\"object\":{\"target\":{\"kind\":\"K\",\"name\":\"n\",\"apiVersion\":\"a/v1\"},\"metricName\":\"m\","
            "\"targetValue\":\"0\",\"averageValue\":\"2\"}}]");
  EXPECT_EQ(annotations["autoscaling.alpha.kubernetes.io/behavior"].as_string(),
            "{\"ScaleUp\":null,\"ScaleDown\":{\"StabilizationWindowSeconds\":null,\"SelectPolicy\":\"Max\",\"Policies\":[{\"Type\":\"Percent\","
            "\"Value\":10,\"PeriodSeconds\":60}],\"Tolerance\":null}}");
}

TEST(HorizontalPodAutoscaler, ToV2) {
  EXPECT_EQ(converted("{'spec':{'maxReplicas':3}}", "autoscaling/v1", "autoscaling/v2"),
            "{'spec':{'maxReplicas':3,'metrics':[{'type':'Resource','resource':{'name':'cpu','target':{'type':'Utilization','averageUtilization':"
            "80}}}]}}");
  EXPECT_EQ(converted("{'spec':{'targetCPUUtilizationPercentage':5},'status':{'currentCPUUtilizationPercentage':7}}", "autoscaling/v1",
                      "autoscaling/v2"),
            "{'spec':{'metrics':[{'type':'Resource','resource':{'name':'cpu','target':{'type':'Utilization','averageUtilization':5}}}]},'status':{"
            "'currentMetrics':[{'type':'Resource','resource':{'name':'cpu','current':{'averageUtilization':7}}}]}}");
}

TEST(HorizontalPodAutoscaler, BothWays) {
  auto object = autoscaler(
      "'maxReplicas':5,'metrics':[{'type':'Resource','resource':{'name':'memory','target':{'type':'AverageValue','averageValue':'100Mi'}}},"
      "{'type':'ContainerResource','containerResource':{'name':'cpu','container':'c','target':{'type':'Utilization','averageUtilization':50}}},"
      "{'type':'Pods','pods':{'metric':{'name':'pps','selector':{'matchLabels':{'a':'b'}}},'target':{'type':'AverageValue','averageValue':'1k'}}},"
      "{'type':'Object','object':{'describedObject':{'kind':'Ingress','name':'i','apiVersion':'networking.k8s.io/v1'},'target':{'type':'Value',"
      "'value':'2k'},'metric':{'name':'rps'}}},{'type':'External','external':{'metric':{'name':'q'},'target':{'type':'AverageValue',"
      "'averageValue':'30'}}}],'behavior':{'scaleUp':{'tolerance':'100m'}}",
      ",'status':{'currentReplicas':1,'desiredReplicas':2,'conditions':[{'type':'AbleToScale','status':'True','lastTransitionTime':"
      "'2026-01-01T00:00:00Z','reason':'r','message':'m'}],'currentMetrics':[{'type':'Pods','pods':{'metric':{'name':'pps'},'current':{"
      "'averageValue':'3'}}}]}");
  Arena arena;
  Value value = schema::thaw(*object, arena);
  kRules.convert(value, "autoscaling/v2", "autoscaling/v1");
  EXPECT_TRUE(value["spec"]["metrics"].is_absent());
  auto v1 = frozen(value, type_of("autoscaling/v1", "HorizontalPodAutoscaler"));
  Value back = schema::thaw(*v1, arena);
  kRules.convert(back, "autoscaling/v1", "autoscaling/v2");
  back["metadata"].remove("annotations");
  EXPECT_TRUE(frozen(back, object->type())->view().equals(object->view())) << json_of(back);
}

TEST(HorizontalPodAutoscaler, BadAnnotationsAreLeftAlone) {
  for (auto text : {"nonsense", "[1]", "[{\\\"type\\\":3}]", "{}", "[{\\\"type\\\":\\\"Pods\\\",\\\"pods\\\":{\\\"targetAverageValue\\\":\\\"x\\\"}}]"}) {
    Arena arena;
    auto json = concat("{\"metadata\":{\"annotations\":{\"autoscaling.alpha.kubernetes.io/metrics\":\"", text,
                       "\",\"autoscaling.alpha.kubernetes.io/behavior\":\"", text, "\"}},\"spec\":{\"maxReplicas\":1}}");
    Value object = *schema::parse_json(arena.copy(json), arena);
    kRules.convert(object, "autoscaling/v1", "autoscaling/v2");
    EXPECT_EQ(object["spec"]["metrics"].size(), 1u) << text;
    EXPECT_TRUE(object["spec"]["behavior"].is_absent()) << text;
    EXPECT_TRUE(schema::freeze(object, type_of("autoscaling/v2", "HorizontalPodAutoscaler"))) << text;
  }
}

TEST(HorizontalPodAutoscaler, Row) {
  auto object = autoscaler(
      "'maxReplicas':5,'metrics':[{'type':'Resource','resource':{'name':'cpu','target':{'type':'Utilization','averageUtilization':80}}},{'type':"
      "'External','external':{'metric':{'name':'q'},'target':{'type':'AverageValue','averageValue':'30'}}},{'type':'Pods','pods':{'metric':{"
      "'name':'q'},'target':{'type':'AverageValue','averageValue':'30'}}}]",
      ",'status':{'currentReplicas':2,'desiredReplicas':2,'currentMetrics':[{'type':'Resource','resource':{'name':'cpu','current':{"
      "'averageUtilization':50}}}]}");
  EXPECT_EQ(cells_of(kRules, *object),
            (Cells{"h", "Deployment/d", "cpu: 50%/80%, <unknown>/30 (avg) + 1 more...", "1", "5", "2", "<unknown>"}));
}

}  // namespace
}  // namespace sampan::registry
