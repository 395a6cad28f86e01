// The rules of webhook configurations and admission policies.
#include "registry/testing.h"

namespace sampan::registry {

extern const Rules kMutatingWebhookConfigurationRules;
extern const Rules kValidatingWebhookConfigurationRules;
extern const Rules kValidatingAdmissionPolicyRules;
extern const Rules kMutatingAdmissionPolicyRules;
extern const Rules kValidatingAdmissionPolicyBindingRules;

namespace {

using namespace testing;

constexpr std::string_view kVersion = "admissionregistration.k8s.io/v1";

TEST(Webhooks, Defaults) {
  EXPECT_EQ(defaulted(kMutatingWebhookConfigurationRules, "{'webhooks':[{'rules':[{}],'clientConfig':{'service':{}}}]}"),
            "{'webhooks':[{'rules':[{'scope':'*'}],'clientConfig':{'service':{'port':443}},'failurePolicy':'Fail','matchPolicy':'Equivalent',"
            "'namespaceSelector':{},'objectSelector':{},'timeoutSeconds':10,'reinvocationPolicy':'Never'}]}");
}

TEST(Webhooks, WhatMustBeSaid) {
  auto hooks = make_defaulted(kValidatingWebhookConfigurationRules, kVersion,
                              "{'webhooks':[{},{'name':'a.b.c','sideEffects':'Some','timeoutSeconds':31,'admissionReviewVersions':['v1'],"
                              "'clientConfig':{'service':{'name':'s','path':'/a//b'}},'rules':[{'operations':['CREATE','*'],'apiGroups':['*','a'],"
                              "'apiVersions':[''],'resources':['*','pods','a/*','a/b']}]}]}");
  EXPECT_EQ(errors_of(kValidatingWebhookConfigurationRules, *hooks),
            (Errors{"webhooks[0].admissionReviewVersions: Required value: must specify one of v1, v1beta1",
                    "webhooks[0].clientConfig: Required value: exactly one of url or service is required", "webhooks[0].name: Required value",
                    "webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun",
                    "webhooks[1].clientConfig.service.name: Required value",
                    "webhooks[1].clientConfig.service.path: Invalid value: \"/a//b\": segment[1] may not be empty",
                    "webhooks[1].rules[0].apiGroups: Invalid value: [\"*\",\"a\"]: if '*' is present, must not specify other API groups",
                    "webhooks[1].rules[0].apiVersions[0]: Required value",
                    "webhooks[1].rules[0].operations: Invalid value: [\"CREATE\",\"*\"]: if '*' is present, must not specify other operations",
                    "webhooks[1].rules[0].resources: Invalid value: [\"*\",\"pods\",\"a/*\",\"a/b\"]: if '*' is present, must not specify other "
                    "resources without subresources",
                    "webhooks[1].rules[0].resources[3]: Invalid value: \"a/b\": if 'a/*' is present, must not specify a/b",
                    "webhooks[1].sideEffects: Unsupported value: \"Some\": supported values: \"None\", \"NoneOnDryRun\"",
                    "webhooks[1].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds"}));
}

TEST(Webhooks, WhatWasThereMayStay) {
  auto old = make_defaulted(kValidatingWebhookConfigurationRules, kVersion,
                            "{'webhooks':[{'name':'a.b.c','sideEffects':'Some','admissionReviewVersions':['v9'],'clientConfig':{'url':"
                            "'https://h:1/x'}}]}");
  EXPECT_EQ(errors_of(kValidatingWebhookConfigurationRules, *old).size(), 2u);
  EXPECT_EQ(update_errors_of(kValidatingWebhookConfigurationRules, *old, *old), Errors{});
}

TEST(AdmissionPolicies, Validating) {
  auto policy = make_defaulted(kValidatingAdmissionPolicyRules, kVersion,
                               "{'metadata':{'name':'p'},'spec':{'paramKind':{'apiVersion':'a/b/c','kind':'K'},'matchConstraints':{},'variables':"
                               "[{'name':'for','expression':'1'}],'auditAnnotations':[{'key':'k','valueExpression':' '}],'validations':"
                               "[{'expression':'true','message':'a\\nb','reason':'Gone'}]}}");
  EXPECT_EQ(errors_of(kValidatingAdmissionPolicyRules, *policy),
            (Errors{"spec.auditAnnotations[0].valueExpression: Required value: valueExpression is not specified",
                    "spec.matchConstraints.resourceRules: Required value",
                    "spec.paramKind.apiVersion: Invalid value: \"a/b/c\": unexpected GroupVersion string: a/b/c",
                    "spec.validations[0].message: Invalid value: \"a\\nb\": must not contain line breaks",
                    "spec.validations[0].reason: Unsupported value: \"Gone\": supported values: \"Forbidden\", \"Invalid\", "
                    "\"RequestEntityTooLarge\"",
                    "spec.variables[0].name: Invalid value: \"for\": must be a valid CEL identifier"}));
}

TEST(AdmissionPolicies, MutatingDoesNotDelete) {
  auto policy = make_defaulted(kMutatingAdmissionPolicyRules, kVersion,
                               "{'metadata':{'name':'p'},'spec':{'reinvocationPolicy':'Never','matchConstraints':{'resourceRules':[{'operations':"
                               "['DELETE'],'apiGroups':[''],'apiVersions':['v1'],'resources':['pods']}]},'mutations':[{'patchType':'JSONPatch',"
                               "'applyConfiguration':{'expression':'x'}}]}}");
  EXPECT_EQ(errors_of(kMutatingAdmissionPolicyRules, *policy),
            (Errors{"spec.matchConstraints.resourceRules.operations: Unsupported value: \"DELETE\": supported values: \"*\", \"CONNECT\", "
                    "\"CREATE\", \"UPDATE\"",
                    "spec.mutations[0].applyConfiguration: Invalid value: \"{applyConfiguration}\": must not be specified when patchType is "
                    "JSONPatch",
                    "spec.mutations[0].jsonPatch: Required value: must be specified when patchType is JSONPatch"}));
}

TEST(AdmissionPolicies, Expressions) {
  auto policy = make_defaulted(kValidatingAdmissionPolicyRules, kVersion,
                               "{'metadata':{'name':'p'},'spec':{'matchConstraints':{'resourceRules':[{'operations':['*'],'apiGroups':['*'],'apiVersions':['*'],"
                               "'resources':['*']}]},'variables':[{'name':'n','expression':'[1]'},{'name':'m','expression':'variables.l'}],'matchConditions':"
                               "[{'name':'a','expression':' params.x '},{'name':'b','expression':'size(variables.n) > 0'}],'validations':[{'expression':'variables.n',"
                               "'messageExpression':'authorizer'},{'expression':'int(string(dyn(\\u0022x\\u0022))) == variables.n[0]'}],'auditAnnotations':"
                               "[{'key':'k','valueExpression':' variables.n[0]'},{'key':'l','valueExpression':'null'}]}}");
  EXPECT_EQ(errors_of(kValidatingAdmissionPolicyRules, *policy),
            (Errors{"spec.auditAnnotations[0].valueExpression: Invalid value: \" variables.n[0]\": must evaluate to one of [string null_type] but got int",
                    "spec.matchConditions[0].expression: Invalid value: \"params.x\": compilation failed: ERROR: <input>:1:1: undeclared reference to 'params' "
                    "(in container '')\n | params.x\n | ^",
                    "spec.matchConditions[1].expression: Invalid value: \"size(variables.n) > 0\": compilation failed: ERROR: <input>:1:6: undeclared reference to "
                    "'variables' (in container '')\n | size(variables.n) > 0\n | .....^",
                    "spec.validations[0].expression: Invalid value: \"variables.n\": must evaluate to bool but got list(int)",
                    "spec.validations[0].messageExpression: Invalid value: \"authorizer\": compilation failed: ERROR: <input>:1:1: undeclared reference to 'authorizer' "
                    "(in container '')\n | authorizer\n | ^",
                    "spec.validations[1].expression: Internal error: program instantiation failed: type conversion error from 'string' to 'int'",
                    "spec.variables[1].expression: Invalid value: \"variables.l\": compilation failed: ERROR: <input>:1:10: undefined field 'l'\n | variables.l\n "
                    "| .........^"}));
}

TEST(AdmissionPolicies, ConditionsThatStayAreNotJudged) {
  constexpr std::string_view kPolicy = "{'metadata':{'name':'p'},'spec':{'matchConstraints':{'resourceRules':[{'operations':['*'],'apiGroups':['*'],'apiVersions':['*'],"
                                       "'resources':['*']}]},'matchConditions':[{'name':'a','expression':'params'}],'validations':[{'expression':'true'}]}}";
  auto old = make_defaulted(kValidatingAdmissionPolicyRules, kVersion, kPolicy);
  EXPECT_EQ(errors_of(kValidatingAdmissionPolicyRules, *old).size(), 1u);
  EXPECT_EQ(update_errors_of(kValidatingAdmissionPolicyRules, *old, *old), Errors{});
  std::string with_params(kPolicy);
  with_params.insert(with_params.find("'matchConditions'"), "'paramKind':{'apiVersion':'v1','kind':'ConfigMap'},");
  auto changed = make_defaulted(kValidatingAdmissionPolicyRules, kVersion, with_params);
  EXPECT_EQ(update_errors_of(kValidatingAdmissionPolicyRules, *changed, *old),
            Errors{"spec.matchConditions[0].expression: Invalid value: \"params\": must evaluate to bool but got dyn"});
}

TEST(AdmissionPolicies, Patches) {
  auto policy = make_defaulted(kMutatingAdmissionPolicyRules, kVersion,
                               "{'metadata':{'name':'p'},'spec':{'reinvocationPolicy':'Never','matchConstraints':{'resourceRules':[{'operations':['CREATE'],'apiGroups':"
                               "[''],'apiVersions':['v1'],'resources':['pods']}]},'variables':[{'name':'o','expression':'Object{}'}],'mutations':[{'patchType':'JSONPatch',"
                               "'jsonPatch':{'expression':'[JSONPatch{value: Object.a{b: 1}}]'}},{'patchType':'JSONPatch','jsonPatch':{'expression':'[]'}},{'patchType':"
                               "'ApplyConfiguration','applyConfiguration':{'expression':'Object{spec: Object.spec{}}'}},{'patchType':'ApplyConfiguration',"
                               "'applyConfiguration':{'expression':'Object.spec{}'}}]}}");
  EXPECT_EQ(errors_of(kMutatingAdmissionPolicyRules, *policy),
            (Errors{"spec.mutations[1].jsonPatch.expression: Invalid value: \"[]\": must evaluate to list(JSONPatch) but got list(dyn)",
                    "spec.mutations[3].applyConfiguration.expression: Invalid value: \"Object.spec{}\": must evaluate to Object but got Object.spec",
                    "spec.variables[0].expression: Invalid value: \"Object{}\": compilation failed: ERROR: <input>:1:7: undeclared reference to 'Object' (in container "
                    "'')\n | Object{}\n | ......^"}));
}

TEST(AdmissionPolicies, Bindings) {
  auto binding = make_defaulted(kValidatingAdmissionPolicyBindingRules, kVersion,
                                "{'metadata':{'name':'b'},'spec':{'policyName':'p','validationActions':['Deny','Warn'],'paramRef':{'name':'n',"
                                "'selector':{},'parameterNotFoundAction':'Deny'}}}");
  EXPECT_EQ(errors_of(kValidatingAdmissionPolicyBindingRules, *binding),
            (Errors{"spec.paramRef.name: Forbidden: name and selector are mutually exclusive",
                    "spec.paramRef.selector: Forbidden: name and selector are mutually exclusive",
                    "spec.validationActions: Invalid value: [\"Deny\",\"Warn\"]: must not contain both Deny and Warn (repeating the same "
                    "validation failure information in the API response and headers serves no purpose)"}));
  EXPECT_EQ(cells_of(kValidatingAdmissionPolicyBindingRules, *binding), (Errors{"b", "p", "*/n", "<unknown>"}));
}

}  // namespace

}  // namespace sampan::registry
