// Ingresses, network policies, address ranges, endpoint slices and the kinds of storage.
#include "registry/testing.h"

namespace sampan::registry {

extern const Rules kIngressRules, kIngressClassRules, kNetworkPolicyRules, kServiceCIDRRules, kIPAddressRules, kEndpointSliceRules,
    kStorageClassRules, kCSIDriverRules, kCSINodeRules, kVolumeAttachmentRules, kVolumeAttributesClassRules, kCSIStorageCapacityRules;

namespace {

using namespace testing;

struct Case {
  const Rules& rules;
  const char* json;
  Errors want;
};

void expect_errors(std::string_view api_version, std::span<const Case> cases) {
  for (const auto& c : cases) EXPECT_EQ(errors_of(c.rules, *make_defaulted(c.rules, api_version, c.json)), c.want) << c.json;
}

TEST(Networking, refused_on_create) {
  const Case cases[] = {
      {kIngressRules, "{}", {"spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"}},
      {kIngressRules, "{'spec':{'defaultBackend':{'service':{'name':'a'}}}}", {"spec.defaultBackend: Required value: port name or number is required"}},
      {kIngressRules, "{'spec':{'rules':[{'host':'1.2.3.4','http':{'paths':[{'path':'a','pathType':'Exact'}]}}]}}",
       {"spec.rules[0].host: Invalid value: \"1.2.3.4\": must be a DNS name, not an IP address",
        "spec.rules[0].http.paths[0].backend: Invalid value: \"\": resource or service backend is required",
        "spec.rules[0].http.paths[0].path: Invalid value: \"a\": must be an absolute path"}},
      {kIngressClassRules, "{'spec':{'controller':'a.b/c','parameters':{'kind':'K','name':'n','scope':'Namespace'}}}",
       {"spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"}},
      {kNetworkPolicyRules, "{'spec':{'ingress':[{'from':[{}],'ports':[{'port':5,'endPort':3}]}]}}",
       {"spec.ingress[0].from[0]: Required value: must specify a peer",
        "spec.ingress[0].ports[0].endPort: Invalid value: 5: must be greater than or equal to `port`"}},
      {kNetworkPolicyRules, "{'spec':{'egress':[{'to':[{'ipBlock':{'cidr':'10.0.0.0/8','except':['11.0.0.0/16']}}]}]}}",
       {"spec.egress[0].to[0].ipBlock.except[0]: Invalid value: \"11.0.0.0/16\": must be a strict subset of `cidr`"}},
      {kServiceCIDRRules, "{'spec':{'cidrs':['2001:DB8::/64']}}",
       {"spec.cidrs[0]: Invalid value: \"2001:DB8::/64\": must be in canonical form (\"2001:db8::/64\")"}},
      {kIPAddressRules, "{}", {"spec.parentRef: Required value"}},
  };
  expect_errors("networking.k8s.io/v1", cases);
}

TEST(Networking, names_of_addresses_are_canonical) {
  std::vector<std::string> complaints;
  kIPAddressRules.validate_name("2001:DB8::1", false, complaints);
  EXPECT_EQ(complaints, std::vector<std::string>{"must be in canonical form (\"2001:db8::1\")"});
}

TEST(Networking, a_range_may_gain_a_family_only) {
  auto cidrs = [](const char* list) { return make("networking.k8s.io/v1", "ServiceCIDR", concat("{'spec':{'cidrs':", list, "}}")); };
  EXPECT_EQ(update_errors_of(kServiceCIDRRules, *cidrs("['10.0.0.0/8','fd00::/112']"), *cidrs("['10.0.0.0/8']")), Errors{});
  EXPECT_EQ(update_errors_of(kServiceCIDRRules, *cidrs("['11.0.0.0/8']"), *cidrs("['10.0.0.0/8']")),
            Errors{"spec.cidrs[0]: Invalid value: \"11.0.0.0/8\": field is immutable"});
}

TEST(Networking, policy_defaults_and_row) {
  EXPECT_EQ(defaulted(kNetworkPolicyRules, "{'spec':{'egress':[{'ports':[{'port':53}]}]}}"),
            "{'spec':{'egress':[{'ports':[{'port':53,'protocol':'TCP'}]}],'policyTypes':['Ingress','Egress']}}");
  auto policy = make("networking.k8s.io/v1", "NetworkPolicy",
                     "{'metadata':{'name':'p'},'spec':{'podSelector':{'matchLabels':{'b':'c'},'matchExpressions':[{'key':'a','operator':'In','values':['y','x']}]}}}");
  EXPECT_EQ(cells_of(kNetworkPolicyRules, *policy), (Cells{"p", "a in (x,y),b=c", "<unknown>"}));
}

TEST(EndpointSlice, rules_and_row) {
  const Case cases[] = {
      {kEndpointSliceRules, "{'addressType':'IPv4','endpoints':[{'addresses':['fd00::1']}]}",
       {"endpoints[0].addresses: Invalid value: \"fd00::1\": must be an IPv4 address"}},
      {kEndpointSliceRules, "{'addressType':'IPv4','endpoints':[{'addresses':[]}],'ports':[{},{}]}",
       {"endpoints[0].addresses: Required value: must contain at least 1 address", "ports[1].name: Duplicate value: \"\""}},
      {kEndpointSliceRules, "{}", {"addressType: Required value"}},
  };
  expect_errors("discovery.k8s.io/v1", cases);
  auto slice = make("discovery.k8s.io/v1", "EndpointSlice",
                    "{'metadata':{'name':'s'},'addressType':'IPv4','endpoints':[{'addresses':['10.0.0.1']},{'addresses':['10.0.0.2']}],'ports':[{'port':80}]}");
  EXPECT_EQ(cells_of(kEndpointSliceRules, *slice), (Cells{"s", "IPv4", "80", "10.0.0.1,10.0.0.2", "<unknown>"}));
}

TEST(Storage, refused_on_create) {
  const Case cases[] = {
      {kStorageClassRules, "{}", {"provisioner: Required value"}},
      {kStorageClassRules, "{'provisioner':'a','allowedTopologies':[{}]}",
       {"allowedTopologies[0].matchLabelExpressions: Duplicate value: \"\""}},
      {kVolumeAttributesClassRules, "{'driverName':'a'}", {"parameters: Required value: must contain at least one key/value pair"}},
      {kCSIDriverRules, "{'spec':{'tokenRequests':[{'audience':'a','expirationSeconds':5},{'audience':'a'}],'serviceAccountTokenInSecrets':true}}",
       {"spec.tokenRequests[0].expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes",
        "spec.tokenRequests[1].audience: Duplicate value: \"a\""}},
      {kCSINodeRules, "{'spec':{'drivers':[{'name':'a','nodeID':'n','topologyKeys':['k','k']}]}}", {"spec.drivers[0]: Duplicate value: \"k\""}},
      {kVolumeAttachmentRules, "{'spec':{'attacher':'a','nodeName':'n','source':{}}}",
       {"spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName"}},
      {kCSIStorageCapacityRules, "{'storageClassName':'a','capacity':'-1'}", {"capacity: Invalid value: \"-1\": must be greater than or equal to 0"}},
  };
  expect_errors("storage.k8s.io/v1", cases);
}

TEST(Storage, immutable) {
  auto driver = [](const char* id) {
    return make("storage.k8s.io/v1", "CSINode", concat("{'spec':{'drivers':[{'name':'a','nodeID':'", id, "'}]}}"));
  };
  EXPECT_EQ(update_errors_of(kCSINodeRules, *driver("m"), *driver("n")),
            Errors{"spec.drivers: Invalid value: {\"Name\":\"a\",\"NodeID\":\"m\",\"TopologyKeys\":null,\"Allocatable\":null}: field is immutable"});
  auto storage_class = [](const char* policy) {
    return make_defaulted(kStorageClassRules, "storage.k8s.io/v1", concat("{'provisioner':'a','reclaimPolicy':'", policy, "'}"));
  };
  EXPECT_EQ(update_errors_of(kStorageClassRules, *storage_class("Retain"), *storage_class("Delete")),
            Errors{"reclaimPolicy: Invalid value: \"Retain\": field is immutable"});
}

TEST(Storage, driver_defaults_and_row) {
  EXPECT_EQ(defaulted(kCSIDriverRules, "{'spec':{}}"),
            "{'spec':{'attachRequired':true,'podInfoOnMount':false,'storageCapacity':false,'fsGroupPolicy':'ReadWriteOnceWithFSType',"
            "'volumeLifecycleModes':['Persistent'],'requiresRepublish':false,'seLinuxMount':false}}");
  EXPECT_EQ(cells_of(kCSIDriverRules, *make_defaulted(kCSIDriverRules, "storage.k8s.io/v1", "{'metadata':{'name':'d'}}")),
            (Cells{"d", "true", "false", "false", "<unset>", "false", "Persistent", "<unknown>"}));
  EXPECT_EQ(cells_of(kStorageClassRules,
                     *make("storage.k8s.io/v1", "StorageClass",
                           "{'metadata':{'name':'c','annotations':{'storageclass.kubernetes.io/is-default-class':'true'}},'provisioner':'p'}")),
            (Cells{"c (default)", "p", "Delete", "Immediate", "false", "<unknown>"}));
}

}  // namespace
}  // namespace sampan::registry
