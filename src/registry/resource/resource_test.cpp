// The rules of claims, classes and slices of devices.
#include "registry/testing.h"

namespace sampan::registry {

extern const Rules kResourceClaimRules;
extern const Rules kDeviceClassRules;
extern const Rules kResourceSliceRules;

namespace {

using namespace testing;

constexpr std::string_view kVersion = "resource.k8s.io/v1";

TEST(ResourceClaims, DefaultsAndRequests) {
  EXPECT_EQ(defaulted(kResourceClaimRules, "{'spec':{'devices':{'requests':[{'exactly':{}},{'firstAvailable':[{'allocationMode':'All'}]}]}}}"),
            "{'spec':{'devices':{'requests':[{'exactly':{'allocationMode':'ExactCount','count':1}},{'firstAvailable':[{'allocationMode':'All'}]}]"
            "}}}");
  auto claim = make_defaulted(kResourceClaimRules, kVersion,
                              "{'spec':{'devices':{'requests':[{'name':'r'},{'name':'s','exactly':{'deviceClassName':'c','allocationMode':'All',"
                              "'count':2}},{'name':'s','firstAvailable':[{'name':'t','deviceClassName':'c'}]}],'constraints':[{'requests':['s/t','u']"
                              ",'matchAttribute':'a'}],'config':[{'opaque':{'driver':'d','parameters':{}}}]}}}");
  constexpr std::string_view kUnknown = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
  EXPECT_EQ(errors_of(kResourceClaimRules, *claim),
            (Errors{"spec.devices.constraints[0].matchAttribute: Invalid value: \"a\": a fully qualified name must be a domain and a name separated "
                    "by a slash",
                    concat("spec.devices.constraints[0].requests[1]: Invalid value: \"u\": ", kUnknown),
                    "spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required",
                    "spec.devices.requests[1].exactly.count: Invalid value: 2: must not be specified when allocationMode is 'All'",
                    "spec.devices.requests[2]: Duplicate value: \"s\""}));
}

TEST(DeviceClasses, Selectors) {
  auto made = make(kVersion, "DeviceClass", "{'spec':{'extendedResourceName':'gpu','selectors':[{'cel':{'expression':'device.driver'}},{'cel':{'expression':'true'}},{}]}}");
  EXPECT_EQ(errors_of(kDeviceClassRules, *made),
            (Errors{"spec.extendedResourceName: Invalid value: \"gpu\": must be a valid extended resource name",
                    "spec.selectors[0].cel.expression: Invalid value: \"device.driver\": must evaluate to bool or the unknown type, not string",
                    "spec.selectors[2].cel: Required value"}));
}

TEST(ResourceClaims, SpecStays) {
  auto old = make_defaulted(kResourceClaimRules, kVersion, "{'spec':{'devices':{'requests':[{'name':'r','exactly':{'deviceClassName':'c'}}]}}}");
  auto now = make_defaulted(kResourceClaimRules, kVersion, "{}");
  EXPECT_EQ(update_errors_of(kResourceClaimRules, *now, *old),
            Errors{"spec: Invalid value: {\"Devices\":{\"Requests\":null,\"Constraints\":null,\"Config\":null}}: field is immutable"});
}

TEST(ResourceClaims, Status) {
  std::string_view spec = "'spec':{'devices':{'requests':[{'name':'r','exactly':{'deviceClassName':'c'}}]}}";
  auto old = make_defaulted(kResourceClaimRules, kVersion, concat("{", spec, "}"));
  auto now = make_defaulted(kResourceClaimRules, kVersion,
                            concat("{'metadata':{'name':'a'},", spec,
                                   ",'status':{'allocation':{'devices':{'results':[{'request':'r','driver':'d','pool':'p','device':'x'}]}},"
                                   "'reservedFor':[{'resource':'pods','name':'n','uid':'u'}],'devices':[{'driver':'d','pool':'p','device':'x'},"
                                   "{'driver':'d','pool':'p','device':'y'}]}}"));
  EXPECT_EQ(subresource_errors_of(kResourceClaimRules, "status", *now, *old),
            Errors{"status.devices[1]: Invalid value: {\"Driver\":\"d\",\"Pool\":\"p\",\"Device\":\"y\",\"ShareID\":\"\"}: must be an allocated device in the claim"});
  EXPECT_EQ(cells_of(kResourceClaimRules, *now), (Errors{"a", "allocated,reserved", "<unknown>"}));
}

TEST(ResourceSlices, Devices) {
  auto slice = make(kVersion, "ResourceSlice",
                    "{'spec':{'driver':'d','pool':{'name':'p','resourceSliceCount':1},'allNodes':true,'nodeName':'n','devices':[{'name':'x',"
                    "'attributes':{'v':{'version':'1.02.3'},'w':{'version':'1.2.3-rc.1+b'},'n':{}},'capacity':{'m':{'value':'1Gi','requestPolicy':"
                    "{}}}},{'name':'x','allowMultipleAllocations':true,'capacity':{'m':{'value':'4','requestPolicy':{'default':'3','validRange':"
                    "{'min':'1','step':'3'}}}}}]}}");
  EXPECT_EQ(errors_of(kResourceSliceRules, *slice),
            (Errors{"spec.devices[0].attributes[n]: Invalid value: \"\": exactly one value must be specified",
                    "spec.devices[0].attributes[v].version: Invalid value: \"1.02.3\": must be a string compatible with semver.org spec 2.0.0",
                    "spec.devices[0].capacity[m].requestPolicy: Forbidden: allowMultipleAllocations must be true",
                    "spec.devices[1].capacity[m].requestPolicy.validRange.step: Invalid value: \"3\": value is not a multiple of a given step (3) "
                    "from (1)",
                    "spec.devices[1]: Duplicate value: \"x\"",
                    "spec: Invalid value: \"{`nodeName`, `allNodes`}\": exactly one of `nodeName`, `nodeSelector`, `allNodes`, "
                    "`perDeviceNodeSelection` is required, but multiple fields are set"}));
}

// The one division of two numbers whose result has no place among them ends a program that makes it.
TEST(ResourceSlices, TheSmallestNumberInStepsOfMinusOne) {
  auto slice = make(kVersion, "ResourceSlice",
                    "{'spec':{'driver':'d','pool':{'name':'p','resourceSliceCount':1},'allNodes':true,'devices':[{'name':'x','allowMultipleAllocations':true,"
                    "'capacity':{'m':{'value':'4','requestPolicy':{'default':'-9223372036854775808','validRange':{'min':'0','step':'-1'}}}}}]}}");
  EXPECT_EQ(errors_of(kResourceSliceRules, *slice),
            Errors{"spec.devices[0].capacity[m].requestPolicy.validRange.min: Invalid value: \"-9223372036854775808\": default is less than min: 0"});
}

}  // namespace

}  // namespace sampan::registry
