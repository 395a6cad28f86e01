// The kinds of the core group that are not pods or services: what they refuse, default and show.
#include "registry/testing.h"

namespace sampan::registry {

extern const Rules kConfigMapRules, kSecretRules, kNamespaceRules, kNodeRules, kEndpointsRules, kLimitRangeRules, kResourceQuotaRules,
    kPersistentVolumeRules, kPersistentVolumeClaimRules, kEventRules, kEventsEventRules, kServiceAccountRules;

namespace {

using namespace testing;

struct Case {
  const Rules& rules;
  const char* api_version;
  const char* json;
  Errors want;
};

TEST(CoreKinds, refused_on_create) {
  const Case cases[] = {
      {kConfigMapRules, "v1", "{'data':{'a':'b'},'binaryData':{'a':'AQ=='}}",
       {"data[a]: Invalid value: \"a\": duplicate of key present in binaryData"}},
      {kConfigMapRules, "v1", "{'data':{'..':'b'}}", {"data[..]: Invalid value: \"..\": must not be '..'"}},
      {kSecretRules, "v1", "{'type':'kubernetes.io/tls','data':{'tls.crt':'AQ=='}}", {"data[tls.key]: Required value"}},
      {kSecretRules, "v1", "{'type':'kubernetes.io/dockerconfigjson','data':{'.dockerconfigjson':'W10='}}",
       {"data[.dockerconfigjson]: Invalid value: \"<secret contents redacted>\": json: cannot unmarshal array into Go value of type "
        "map[string]interface {}"}},
      {kSecretRules, "v1", "{'type':'kubernetes.io/service-account-token'}",
       {"metadata.annotations[kubernetes.io/service-account.name]: Required value"}},
      {kNamespaceRules, "v1", "{'spec':{'finalizers':['x']}}",
       {"spec.finalizers: Invalid value: \"x\": name is neither a standard finalizer name nor is it fully qualified"}},
      {kNodeRules, "v1", "{'spec':{'podCIDRs':['10.0.0.0/24','10.0.1.0/24']}}",
       {"spec.podCIDRs: Invalid value: [\"10.0.0.0/24\",\"10.0.1.0/24\"]: may specify no more than one CIDR for each IP family"}},
      {kNodeRules, "v1", "{'spec':{'taints':[{'key':'a','effect':'NoSchedule'},{'key':'a','effect':'NoSchedule'}]}}",
       {"metadata.taints[1]: Duplicate value: {\"Key\":\"a\",\"Value\":\"\",\"Effect\":\"NoSchedule\",\"TimeAdded\":null}: taints must be "
        "unique by key and effect pair"}},
      {kNodeRules, "v1", "{'status':{'capacity':{'pods':'500m'},'allocatable':{'pods':'1'}}}", {"status.capacity.pods: Invalid value: \"500m\": must be an integer"}},
      {kEndpointsRules, "v1", "{'subsets':[{}]}", {"subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"}},
      {kEndpointsRules, "v1", "{'subsets':[{'addresses':[{'ip':'169.254.1.1'}],'ports':[{'port':1}]}]}",
       {"subsets[0].addresses[0].ip: Invalid value: \"169.254.1.1\": may not be in the link-local range (169.254.0.0/16, fe80::/10)"}},
      {kLimitRangeRules, "v1", "{'spec':{'limits':[{'type':'Container','min':{'cpu':'2'},'max':{'cpu':'1'}}]}}",
       {"spec.limits[0].defaultRequest[cpu]: Invalid value: \"1\": min value 2 is greater than default request value 1",
        "spec.limits[0].default[cpu]: Invalid value: \"2\": min value 2 is greater than default value 1",
        "spec.limits[0].min[cpu]: Invalid value: \"2\": min value 2 is greater than max value 1"}},
      {kLimitRangeRules, "v1", "{'spec':{'limits':[{'type':'PersistentVolumeClaim'}]}}",
       {"spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither was provided"}},
      {kResourceQuotaRules, "v1", "{'spec':{'hard':{'pods':'1'},'scopes':['BestEffort','NotBestEffort']}}",
       {"spec.scopes: Invalid value: [\"BestEffort\",\"NotBestEffort\"]: conflicting scopes"}},
      {kResourceQuotaRules, "v1", "{'spec':{'hard':{'beans':'1'}}}",
       {"spec.hard[beans]: Invalid value: \"beans\": must be a standard resource for quota",
        "spec.hard[beans]: Invalid value: \"beans\": must be a standard resource type or fully qualified"}},
      {kPersistentVolumeRules, "v1", "{'spec':{'capacity':{'storage':'1Gi'},'accessModes':['ReadWriteOnce'],'local':{'path':'/a'}}}",
       {"spec.nodeAffinity: Required value: Local volume requires node affinity"}},
      {kPersistentVolumeRules, "v1", "{'spec':{'capacity':{'storage':'0'},'accessModes':['ReadWriteOnce']}}",
       {"spec.capacity[storage]: Invalid value: \"0\": must be greater than zero", "spec: Required value: must specify a volume type"}},
      {kPersistentVolumeRules, "v1",
       "{'spec':{'capacity':{'storage':'1'},'accessModes':['ReadWriteOnce'],'hostPath':{'path':'/'},'nfs':{'server':'a','path':'/b'},"
       "'persistentVolumeReclaimPolicy':'Recycle'}}",
       {"spec.nfs: Forbidden: may not specify more than 1 volume type",
        "spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'"}},
  };
  for (const auto& c : cases) EXPECT_EQ(errors_of(c.rules, *make_defaulted(c.rules, c.api_version, c.json)), c.want) << c.json;
}

TEST(CoreKinds, immutable) {
  auto old = make("v1", "ConfigMap", "{'immutable':true,'data':{'a':'b'}}");
  auto now = make("v1", "ConfigMap", "{'data':{'a':'c'}}");
  EXPECT_EQ(update_errors_of(kConfigMapRules, *now, *old),
            (Errors{"data: Forbidden: field is immutable when `immutable` is set", "immutable: Forbidden: field is immutable when `immutable` is set"}));
  EXPECT_EQ(update_errors_of(kSecretRules, *make("v1", "Secret", "{'type':'a'}"), *make("v1", "Secret", "{'type':'b'}")),
            Errors{"type: Invalid value: \"a\": field is immutable"});
  EXPECT_EQ(update_errors_of(kNodeRules, *make("v1", "Node", "{'spec':{'providerID':'b'}}"), *make("v1", "Node", "{'spec':{'providerID':'a'}}")),
            Errors{"spec.providerID: Forbidden: node updates may not change providerID except from \"\" to valid"});
}

constexpr const char* kClaim = "{'spec':{'accessModes':['ReadWriteOnce'],'resources':{'requests':{'storage':'%'}}},'status':{'phase':'Bound','capacity':{'storage':'2Gi'}}}";

ObjectRef claim(std::string_view size) {
  std::string json(kClaim);
  json.replace(json.find('%'), 1, size);
  return make_defaulted(kPersistentVolumeClaimRules, "v1", json);
}

TEST(CoreKinds, claims_grow_and_shrink_back_only_to_what_they_have) {
  EXPECT_EQ(update_errors_of(kPersistentVolumeClaimRules, *claim("4Gi"), *claim("2Gi")), Errors{});
  EXPECT_EQ(update_errors_of(kPersistentVolumeClaimRules, *claim("3Gi"), *claim("4Gi")), Errors{});
  EXPECT_EQ(update_errors_of(kPersistentVolumeClaimRules, *claim("2Gi"), *claim("4Gi")),
            Errors{"spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"});
}

TEST(CoreKinds, an_unbound_claim_keeps_its_spec) {
  auto unbound = [](std::string_view size) {
    return make_defaulted(kPersistentVolumeClaimRules, "v1",
                          concat("{'spec':{'accessModes':['ReadWriteOnce'],'resources':{'requests':{'storage':'", size, "'}}}}"));
  };
  EXPECT_EQ(update_errors_of(kPersistentVolumeClaimRules, *unbound("2Gi"), *unbound("1Gi")),
            Errors{"spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n"
                   "@@ -6,7 +6,7 @@\n  \"Resources\": {\n   \"Limits\": null,\n   \"Requests\": {\n-   \"storage\": \"1Gi\"\n+   \"storage\": \"2Gi\"\n"
                   "   }\n  },\n  \"VolumeName\": \"\",\n"});
}

TEST(CoreKinds, defaults) {
  EXPECT_EQ(defaulted(kSecretRules, "{'stringData':{'a':'b'},'data':{'a':'AQ=='}}"), "{'data':{'a':'Yg=='},'type':'Opaque'}");
  EXPECT_EQ(defaulted(kLimitRangeRules, "{'spec':{'limits':[{'type':'Container','max':{'cpu':'1'},'min':{'memory':'1Mi'}}]}}"),
            "{'spec':{'limits':[{'type':'Container','max':{'cpu':'1'},'min':{'memory':'1Mi'},'default':{'cpu':'1'},"
            "'defaultRequest':{'cpu':'1','memory':'1Mi'}}]}}");
  EXPECT_EQ(defaulted(kNamespaceRules, "{'metadata':{'name':'a'}}"),
            "{'metadata':{'name':'a','labels':{'kubernetes.io/metadata.name':'a'}},'status':{'phase':'Active'}}");
  EXPECT_EQ(defaulted(kNodeRules, "{'spec':{'podCIDR':'10.0.0.0/24'},'status':{'capacity':{'cpu':'1'}}}"),
            "{'spec':{'podCIDR':'10.0.0.0/24','podCIDRs':['10.0.0.0/24']},'status':{'capacity':{'cpu':'1'},'allocatable':{'cpu':'1'}}}");
}

TEST(CoreKinds, namespaces_have_their_finalizer) {
  Arena arena;
  Value value = tree(arena, "{'metadata':{'name':'a'}}");
  kNamespaceRules.prepare_create(value, {});
  EXPECT_EQ(json_of(value["spec"]), "{'finalizers':['kubernetes']}");
  auto old = frozen(value, type_of("v1", "Namespace"));
  EXPECT_FALSE(kNamespaceRules.deletable(*old));
  Value now = tree(arena, "{'metadata':{'name':'a'},'spec':{'finalizers':[]}}");
  kNamespaceRules.prepare_update(now, *old, "");
  EXPECT_EQ(json_of(now["spec"]), "{'finalizers':['kubernetes']}");
}

TEST(Events, old_and_new_rules) {
  constexpr const char* kOld = "{'metadata':{'name':'e','namespace':'ns'},'involvedObject':{'namespace':'other'}}";
  EXPECT_EQ(errors_of(kEventRules, *make("v1", "Event", kOld)),
            Errors{"involvedObject.namespace: Invalid value: \"other\": does not match event.namespace"});
  constexpr const char* kNew =
      "{'metadata':{'name':'e','namespace':'ns'},'regarding':{'namespace':'ns'},'eventTime':'2020-01-01T00:00:00.000000Z',"
      "'reportingController':'a.b/c','reportingInstance':'i','action':'a','reason':'r','type':'Odd','deprecatedCount':1}";
  EXPECT_EQ(errors_of(kEventsEventRules, *make("events.k8s.io/v1", "Event", kNew)),
            (Errors{"count: Invalid value: \"\": needs to be unset", "type: Invalid value: \"\": has invalid value: Odd"}));
}

TEST(Events, conversion_there_and_back) {
  Arena arena;
  constexpr const char* kCore = "{'reason':'r','involvedObject':{'name':'a'},'message':'m','count':2,'reportingComponent':'c'}";
  Value value = tree(arena, kCore);
  kEventRules.convert(value, "v1", "events.k8s.io/v1");
  EXPECT_EQ(json_of(value), "{'reason':'r','regarding':{'name':'a'},'note':'m','deprecatedCount':2,'reportingController':'c'}");
  kEventRules.convert(value, "events.k8s.io/v1", "v1");
  EXPECT_TRUE(value.equals(tree(arena, kCore)));
}

TEST(CoreKinds, rows) {
  EXPECT_EQ(cells_of(kNodeRules, *make("v1", "Node",
                                       "{'metadata':{'name':'n','labels':{'node-role.kubernetes.io/control-plane':''}},'spec':{'unschedulable':true},"
                                       "'status':{'conditions':[{'type':'Ready','status':'True'}],'addresses':[{'type':'InternalIP','address':'10.0.0.1'}],"
                                       "'nodeInfo':{'kubeletVersion':'v1.36.3','kernelVersion':'6.1','architecture':'amd64'}}}")),
            (Cells{"n", "Ready,SchedulingDisabled", "control-plane", "<unknown>", "v1.36.3", "10.0.0.1", "<none>", "<unknown>", "6.1 (amd64)",
                   "<unknown>"}));
  EXPECT_EQ(cells_of(kEndpointsRules, *make("v1", "Endpoints",
                                            "{'metadata':{'name':'e'},'subsets':[{'addresses':[{'ip':'10.0.0.1'},{'ip':'10.0.0.2'}],"
                                            "'ports':[{'port':80},{'port':81}]}]}")),
            (Cells{"e", "10.0.0.1:80,10.0.0.2:80,10.0.0.1:81 + 1 more...", "<unknown>"}));
  EXPECT_EQ(cells_of(kResourceQuotaRules, *make("v1", "ResourceQuota",
                                                "{'metadata':{'name':'q'},'status':{'hard':{'limits.cpu':'2','pods':'5'},'used':{'pods':'1'}}}")),
            (Cells{"q", "pods: 1/5", "limits.cpu: 0/2", "<unknown>"}));
  EXPECT_EQ(cells_of(kPersistentVolumeClaimRules, *claim("1Gi")), (Cells{"", "Bound", "", "", "", "", "<unset>", "<unknown>", "Filesystem"}));
  EXPECT_EQ(cells_of(kEventRules, *make("v1", "Event",
                                        "{'metadata':{'name':'e'},'involvedObject':{'kind':'Pod','name':'p'},'lastTimestamp':'1970-01-01T00:01:00Z',"
                                        "'type':'Normal','reason':'R','message':' m ','source':{'component':'c','host':'h'}}")),
            (Cells{"age:60", "Normal", "R", "pod/p", "", "c, h", "m", "<unknown>", "1", "e"}));
}

TEST(CoreKinds, warnings) {
  EXPECT_EQ(warnings_of(kSecretRules, *make("v1", "Secret", "{'type':'kubernetes.io/tls','data':{'tls.crt':'AQ=='}}")),
            Warnings{"tls: failed to find any PEM data in certificate input"});
  EXPECT_EQ(warnings_of(kServiceAccountRules,
                        *make("v1", "ServiceAccount", "{'metadata':{'annotations':{'kubernetes.io/enforce-mountable-secrets':'true'}}}"))
                .size(),
            1u);
  EXPECT_EQ(warnings_of(kPersistentVolumeClaimRules, *claim("1500m")),
            Warnings{"spec.resources.requests[storage]: fractional byte value \"1500m\" is invalid, must be an integer"});
}

}  // namespace
}  // namespace sampan::registry
