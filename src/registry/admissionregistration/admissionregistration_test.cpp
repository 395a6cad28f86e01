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
