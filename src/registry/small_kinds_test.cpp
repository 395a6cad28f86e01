// Kinds of few rules: disruption budgets, priority and runtime classes, leases.
#include "registry/testing.h"

namespace sampan::registry {

extern const Rules kLeaseCandidateRules;
extern const Rules kLeaseRules;
extern const Rules kPodDisruptionBudgetRules;
extern const Rules kPriorityClassRules;
extern const Rules kRuntimeClassRules;

using namespace testing;

namespace {

struct Case {
  std::string_view json;
  Errors want;
};

ObjectRef budget(std::string_view spec) { return make("policy/v1", "PodDisruptionBudget", concat("{'metadata':{'name':'b'},'spec':", spec, "}")); }

TEST(PodDisruptionBudget, Spec) {
  const Case cases[] = {
      {"{'minAvailable':1,'selector':{}}", {}},
      {"{'minAvailable':'50%x'}",
       {"spec.minAvailable: Invalid value: \"50%x\": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or "
        "'93%', regex used for validation is '[0-9]+%')"}},
      {"{'maxUnavailable':'101%'}", {"spec.maxUnavailable: Invalid value: \"101%\": must not be greater than 100%"}},
      {"{'maxUnavailable':-1}", {"spec.maxUnavailable: Invalid value: -1: must be greater than or equal to 0"}},
      {"{'maxUnavailable':1,'minAvailable':'2%'}",
       {"spec: Invalid value: {\"MinAvailable\":\"2%\",\"Selector\":null,\"MaxUnavailable\":1,\"UnhealthyPodEvictionPolicy\":null}: minAvailable "
        "and maxUnavailable cannot be both set"}},
      {"{'unhealthyPodEvictionPolicy':'X'}",
       {"spec.unhealthyPodEvictionPolicy: Unsupported value: \"X\": supported values: \"AlwaysAllow\", \"IfHealthyBudget\""}},
  };
  for (const auto& c : cases) EXPECT_EQ(errors_of(kPodDisruptionBudgetRules, *budget(c.json)), c.want) << c.json;
  auto bad_label = budget("{'selector':{'matchExpressions':[{'key':'a','operator':'In','values':['b c']}]}}");
  EXPECT_EQ(errors_of(kPodDisruptionBudgetRules, *bad_label).size(), 1u);
  EXPECT_EQ(update_errors_of(kPodDisruptionBudgetRules, *bad_label, *bad_label), Errors{});
  EXPECT_EQ(cells_of(kPodDisruptionBudgetRules, *budget("{'minAvailable':'50%'}")), (Cells{"b", "50%", "N/A", "0", "<unknown>"}));
}

TEST(PriorityClass, Rules) {
  const Case cases[] = {
      {"{'metadata':{'name':'p'},'value':100}", {}},
      {"{'metadata':{'name':'p'},'value':1000000001}", {"value: Forbidden: maximum allowed value of a user defined priority is 1000000000"}},
      {"{'metadata':{'name':'system-node-critical'},'value':2000001000}", {}},
      {"{'metadata':{'name':'system-node-critical'},'value':1}",
       {"metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: value of "
        "system-node-critical PriorityClass must be 2000001000"}},
      {"{'metadata':{'name':'system-x'},'value':1}",
       {"metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-x is not a known "
        "system priority class"}},
      {"{'metadata':{'name':'p'},'value':1,'preemptionPolicy':'X'}",
       {"preemptionPolicy: Unsupported value: \"X\": supported values: \"PreemptLowerPriority\", \"Never\""}},
  };
  for (const auto& c : cases)
    EXPECT_EQ(errors_of(kPriorityClassRules, *make_defaulted(kPriorityClassRules, "scheduling.k8s.io/v1", c.json)), c.want) << c.json;
  auto old = make("scheduling.k8s.io/v1", "PriorityClass", "{'metadata':{'name':'p'},'value':1,'preemptionPolicy':'Never'}");
  auto changed = make("scheduling.k8s.io/v1", "PriorityClass", "{'metadata':{'name':'p'},'value':2,'preemptionPolicy':'PreemptLowerPriority'}");
  EXPECT_EQ(update_errors_of(kPriorityClassRules, *changed, *old),
            (Errors{"preemptionPolicy: Invalid value: \"PreemptLowerPriority\": field is immutable",
                    "value: Forbidden: may not be changed in an update."}));
  EXPECT_EQ(cells_of(kPriorityClassRules, *old), (Cells{"p", "1", "false", "<unknown>", "Never"}));
}

TEST(Lease, Rules) {
  const Case cases[] = {
      {"{'holderIdentity':'a','leaseDurationSeconds':15}", {}},
      {"{'leaseDurationSeconds':0}", {"spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"}},
      {"{'leaseTransitions':-1}", {"spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0"}},
      {"{'strategy':'X'}", {"spec.strategy.strategy: Unsupported value: \"X\": supported values: \"OldestEmulationVersion\""}},
      {"{'preferredHolder':'b'}", {"spec.preferredHolder: Forbidden: may only be specified if `strategy` is defined"}},
  };
  for (const auto& c : cases)
    EXPECT_EQ(errors_of(kLeaseRules, *make("coordination.k8s.io/v1", "Lease", concat("{'metadata':{'name':'l'},'spec':", c.json, "}"))), c.want)
        << c.json;
  Arena arena;
  Value object = tree(arena, "{'metadata':{'name':'l'},'spec':{'strategy':'OldestEmulationVersion','holderIdentity':'a'}}");
  kLeaseRules.prepare_create(object, {});
  EXPECT_EQ(json_of(object["spec"]), "{'holderIdentity':'a'}");
}

TEST(LeaseCandidate, Rules) {
  auto candidate = [](std::string_view spec) {
    return make("coordination.k8s.io/v1beta1", "LeaseCandidate", concat("{'metadata':{'name':'c'},'spec':", spec, "}"));
  };
  const Case cases[] = {
      {"{'leaseName':'l','binaryVersion':'1.36.0','emulationVersion':'1.35.2','strategy':'OldestEmulationVersion'}", {}},
      {"{'leaseName':'l','binaryVersion':'1.36.0-alpha.2','emulationVersion':'1.36.0-alpha.10','strategy':'a.io/b'}",
       {"spec.binaryVersion: Invalid value: \"1.36.0-alpha.2\": must be greater than or equal to `emulationVersion`"}},
      {"{'leaseName':'l','binaryVersion':'1.36','strategy':'OldestEmulationVersion'}",
       {"spec.binaryVersion: Invalid value: \"1.36\": must be a valid semantic version",
        "spec.emulationVersion: Required value: must be specified when `strategy` is 'OldestEmulationVersion'"}},
      {"{}", {"spec.binaryVersion: Required value", "spec.leaseName: Required value", "spec.strategy: Required value"}},
  };
  for (const auto& c : cases) EXPECT_EQ(errors_of(kLeaseCandidateRules, *candidate(c.json)), c.want) << c.json;
  EXPECT_EQ(update_errors_of(kLeaseCandidateRules, *candidate("{'leaseName':'m','binaryVersion':'1.2.3','strategy':'a.io/b'}"),
                             *candidate("{'leaseName':'l','binaryVersion':'1.2.3','strategy':'a.io/b'}")),
            Errors{"spec.leaseName: Invalid value: \"m\": field is immutable"});
}

TEST(RuntimeClass, Rules) {
  auto runtime = [](std::string_view rest) { return make("node.k8s.io/v1", "RuntimeClass", concat("{'metadata':{'name':'r'},", rest, "}")); };
  const Case cases[] = {
      {"'handler':'runc'", {}},
      {"'handler':''", {"handler: Required value"}},
      {"'handler':'h','overhead':{'podFixed':{'odd':'0'}}",
       {"overhead.limits[odd]: Invalid value: \"odd\": must be a standard resource for containers",
        "overhead.limits[odd]: Invalid value: \"odd\": must be a standard resource type or fully qualified"}},
      {"'handler':'h','scheduling':{'tolerations':[{'key':'a','operator':'Exists'},{'key':'a','operator':'Exists'}]}",
       {"scheduling.tolerations[1]: Duplicate value: {\"Key\":\"a\",\"Operator\":\"Exists\",\"Value\":\"\",\"Effect\":\"\","
        "\"TolerationSeconds\":null}"}},
  };
  for (const auto& c : cases) EXPECT_EQ(errors_of(kRuntimeClassRules, *runtime(c.json)), c.want) << c.json;
  EXPECT_EQ(update_errors_of(kRuntimeClassRules, *runtime("'handler':'hx'"), *runtime("'handler':'h'")),
            Errors{"handler: Invalid value: \"hx\": field is immutable"});
  auto warnings = warnings_of(kRuntimeClassRules, *runtime("'handler':'h','scheduling':{'nodeSelector':{'beta.kubernetes.io/os':'linux'}}"));
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_TRUE(warnings[0].starts_with("scheduling.nodeSelector: ")) << warnings[0];
}

}  // namespace
}  // namespace sampan::registry
