// The rules of pod specs: each case is a good pod with something in its spec, and what is wrong with it.
#include "registry/core/pod_spec.h"

#include "registry/core/pod_spec_diff.h"
#include "registry/testing.h"

namespace sampan::registry {

extern const Rules kPodRules;

namespace {

using namespace testing;

struct Case {
  std::string_view json;
  Errors want;
};

ObjectRef pod_with(std::string_view spec, std::string_view container, std::string_view metadata = {}) {
  return make_defaulted(kPodRules, "v1",
                        concat("{'metadata':{'name':'a','namespace':'n'", metadata.empty() ? "" : ",", metadata,
                               "},'spec':{'containers':[{'name':'c','image':'i'", container.empty() ? "" : ",", container, "}]",
                               spec.empty() ? "" : ",", spec, "}}"));
}

void expect_spec(std::initializer_list<Case> cases) {
  for (auto& c : cases) EXPECT_EQ(errors_of(kPodRules, *pod_with(c.json, "")), c.want) << c.json;
}
void expect_container(std::initializer_list<Case> cases) {
  for (auto& c : cases) EXPECT_EQ(errors_of(kPodRules, *pod_with("'volumes':[{'name':'v'},{'name':'w'}]", c.json)), c.want) << c.json;
}

constexpr std::string_view kLabelComplaint =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character "
    "(e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

TEST(PodSpec, PrivilegedContainersCanBeForbidden) {
  set_privileged_allowed(false);
  expect_spec({{"'initContainers':[{'name':'i','image':'i','securityContext':{'privileged':true}}]",
                {"spec.initContainers[0].securityContext.privileged: Forbidden: disallowed by cluster policy"}},
               {"'initContainers':[{'name':'i','image':'i','securityContext':{'privileged':false}}]", {}}});
  set_privileged_allowed(true);
}

TEST(PodSpec, Names) {
  expect_spec({
      {"'hostname':'A'", {concat("spec.hostname: Invalid value: \"A\": ", kLabelComplaint)}},
      {"'restartPolicy':'Sometimes'",
       {"spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"OnFailure\", \"Never\""}},
      {"'activeDeadlineSeconds':0",
       {"spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"}},
      {"'setHostnameAsFQDN':true,'hostnameOverride':'h'",
       {"spec.hostnameOverride: Forbidden: may not be specified when setHostnameAsFQDN is true"}},
      {"'dnsPolicy':'None'", {"spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"}},
      {"'dnsConfig':{'searches':['.','a_b.c.'],'options':[{}]}", {"spec.dnsConfig.options[0]: Required value: must not be empty"}},
      {"'schedulingGates':[{'name':'g'},{'name':'g'}]", {"spec.schedulingGates[1]: Duplicate value: \"g\""}},
  });
}

TEST(PodSpec, Containers) {
  auto object = make_defaulted(kPodRules, "v1", "{'metadata':{'name':'a'},'spec':{'containers':[]}}");
  EXPECT_EQ(errors_of(kPodRules, *object), Errors{"spec.containers: Required value"});
  expect_spec({
      {"'initContainers':[{'name':'c','image':'i'}]", {"spec.initContainers[0].name: Duplicate value: \"c\""}},
      {"'initContainers':[{'name':'i','image':'i','readinessProbe':{'exec':{'command':['x']}}}]",
       {"spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without restartPolicy=Always"}},
      {"'initContainers':[{'name':'i','image':'i','restartPolicy':'Always','readinessProbe':{'exec':{'command':['x']}}}]", {}},
      {"'initContainers':[{'name':'i','image':'i','resizePolicy':[{'resourceName':'cpu','restartPolicy':'RestartContainer'}]}]",
       {"spec.initContainers[0].resizePolicy[0].restartPolicy: Invalid value: \"RestartContainer\": must not be set to 'RestartContainer' for "
        "non-sidecar initContainers"}},
  });
  expect_container({
      {"'image':''", {"spec.containers[0].image: Required value"}},
      {"'image':' i'", {"spec.containers[0].image: Invalid value: \" i\": must not have leading or trailing whitespace"}},
      {"'ports':[{'containerPort':70000,'protocol':'X'}]",
       {"spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
        "spec.containers[0].ports[0].protocol: Unsupported value: \"X\": supported values: \"SCTP\", \"TCP\", \"UDP\""}},
      {"'ports':[{'containerPort':1,'hostPort':5},{'containerPort':2,'hostPort':5}]",
       {"spec.containers[0].ports[1].hostPort: Duplicate value: \"TCP//5\""}},
      {"'livenessProbe':{}", {"spec.containers[0].livenessProbe: Required value: must specify a handler type"}},
      {"'livenessProbe':{'tcpSocket':{'port':'p'},'successThreshold':2}",
       {"spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1"}},
      {"'lifecycle':{'preStop':{'sleep':{'seconds':31}}}",
       {"spec.containers[0].lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)"}},
      {"'resizePolicy':[{'resourceName':'disk','restartPolicy':'NotRequired'}]",
       {"spec.containers[0].resizePolicy: Unsupported value: \"disk\": supported values: \"cpu\", \"memory\""}},
      {"'restartPolicyRules':[{'action':'Restart'}]",
       {"spec.containers[0].restartPolicy: Required value: must specify restartPolicy when restart rules are used",
        "spec.containers[0].restartPolicyRules[0].exitCodes: Required value: must be specified"}},
  });
}

TEST(PodSpec, Environment) {
  expect_container({
      {"'env':[{'name':''}]", {"spec.containers[0].env[0].name: Required value"}},
      {"'env':[{'name':'A','value':'x','valueFrom':{'fieldRef':{'fieldPath':'metadata.name'}}}]",
       {"spec.containers[0].env[0].valueFrom: Invalid value: \"\": may not be specified when `value` is not empty"}},
      {"'env':[{'name':'A','valueFrom':{}}]",
       {"spec.containers[0].env[0].valueFrom: Invalid value: \"\": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, "
        "`secretKeyRef` or `fileKeyRef`"}},
      {"'env':[{'name':'A','valueFrom':{'fieldRef':{'fieldPath':'metadata.labels[\\u0027a\\u0027]'}}}]", {}},
      {"'env':[{'name':'A','valueFrom':{'fieldRef':{'fieldPath':'spec.x'}}}]",
       {"spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: \"spec.x\": error converting fieldPath: field label not supported: "
        "spec.x"}},
      {"'env':[{'name':'A','valueFrom':{'fieldRef':{'fieldPath':'status.phase'}}}]",
       {"spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Unsupported value: \"status.phase\": supported values: \"metadata.name\", "
        "\"metadata.namespace\", \"metadata.uid\", \"spec.nodeName\", \"spec.serviceAccountName\", \"status.hostIP\", \"status.hostIPs\", "
        "\"status.podIP\", \"status.podIPs\""}},
      {"'env':[{'name':'A','valueFrom':{'resourceFieldRef':{'resource':'limits.cpu','divisor':'2'}}}]",
       {"spec.containers[0].env[0].valueFrom.resourceFieldRef.divisor: Invalid value: \"limits.cpu\": only divisor's values 1m and 1 are supported "
        "with the cpu resource"}},
      {"'env':[{'name':'A','valueFrom':{'fileKeyRef':{'key':'K','volumeName':'x','path':'p'}}}]",
       {"spec.containers[0].env[0].valueFrom.fileKeyRef.volumeName: Not found: \"x\""}},
      {"'envFrom':[{}]", {"spec.containers[0].envFrom: Invalid value: \"\": must specify one of: `configMapRef` or `secretRef`"}},
  });
}

TEST(PodSpec, Mounts) {
  expect_container({
      {"'volumeMounts':[{'name':'x','mountPath':'/a'}]", {"spec.containers[0].volumeMounts[0].name: Not found: \"x\""}},
      {"'volumeMounts':[{'name':'v','mountPath':'/a'},{'name':'w','mountPath':'/a'}]",
       {"spec.containers[0].volumeMounts[1].mountPath: Invalid value: \"/a\": must be unique"}},
      {"'volumeMounts':[{'name':'v','mountPath':'/a','subPath':'../x'}]",
       {"spec.containers[0].volumeMounts.subPath: Invalid value: \"../x\": must not contain '..'"}},
      {"'volumeMounts':[{'name':'v','mountPath':'/a','mountPropagation':'Bidirectional'}]",
       {"spec.containers[0].volumeMounts.mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers"}},
      {"'volumeMounts':[{'name':'v','mountPath':'/a','recursiveReadOnly':'Enabled'}]",
       {"spec.containers[0].volumeMounts.recursiveReadOnly: Forbidden: may only be specified when readOnly is true"}},
      {"'volumeDevices':[{'name':'v','devicePath':'/d'}]",
       {"spec.containers[0].volumeDevices[0].name: Invalid value: \"v\": can only use volume source type of PersistentVolumeClaim or Ephemeral for "
        "block mode"}},
  });
}

TEST(PodSpec, Resources) {
  expect_container({
      {"'resources':{'requests':{'cpu':'2'},'limits':{'cpu':'1'}}",
       {"spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1"}},
      {"'resources':{'requests':{'cpu':'-1'}}",
       {"spec.containers[0].resources.requests[cpu]: Invalid value: \"-1\": must be greater than or equal to 0"}},
      {"'resources':{'requests':{'gold':'1'}}",
       {"spec.containers[0].resources.requests[gold]: Invalid value: \"gold\": must be a standard resource for containers",
        "spec.containers[0].resources.requests[gold]: Invalid value: \"gold\": must be a standard resource type or fully qualified"}},
      {"'resources':{'limits':{'example.com/gpu':'1500m'}}",
       {"spec.containers[0].resources.limits[example.com/gpu]: Invalid value: \"1500m\": must be an integer",
        "spec.containers[0].resources.requests[example.com/gpu]: Invalid value: \"1500m\": must be an integer"}},
      {"'resources':{'requests':{'example.com/gpu':'1'}}",
       {"spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources"}},
      {"'resources':{'limits':{'hugepages-2Mi':'2Mi'}}", {"spec.containers[0].resources: Forbidden: HugePages require cpu or memory"}},
      {"'resources':{'limits':{'cpu':'1','hugepages-2Mi':'3Mi'}}",
       {"spec.containers[0].resources.limits[hugepages-2Mi]: Invalid value: \"3Mi\": 3Mi is not positive integer multiple of hugepages-2Mi",
        "spec.containers[0].resources.requests[hugepages-2Mi]: Invalid value: \"3Mi\": 3Mi is not positive integer multiple of hugepages-2Mi"}},
      {"'resources':{'claims':[{'name':'x'}]}",
       {"spec.containers[0].resources.claims[0]: Not found: \"x\": must be one of the names in pod.spec.resourceClaims which is empty"}},
  });
  EXPECT_EQ(errors_of(kPodRules, *pod_with("'resources':{'requests':{'cpu':'1'}}", "'resources':{'requests':{'cpu':'2'}}")),
            Errors{"spec.resources.requests[cpu]: Invalid value: \"1\": must be greater than or equal to aggregate container requests of 2"});
}

TEST(PodSpec, Volumes) {
  expect_spec({
      {"'volumes':[{'name':'v'},{'name':'v'}]", {"spec.volumes[1].name: Duplicate value: \"v\""}},
      {"'volumes':[{'name':'v','emptyDir':{},'hostPath':{'path':'/'}}]",
       {"spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"}},
      {"'volumes':[{'name':'v','hostPath':{'path':'/a/../b','type':'X'}}]",
       {"spec.volumes[0].hostPath.path: Invalid value: \"/a/../b\": must not contain '..'",
        "spec.volumes[0].hostPath.type: Unsupported value: \"X\": supported values: \"\", \"BlockDevice\", \"CharDevice\", \"Directory\", "
        "\"DirectoryOrCreate\", \"File\", \"FileOrCreate\", \"Socket\""}},
      {"'volumes':[{'name':'v','secret':{'defaultMode':512}}]",
       {"spec.volumes[0].secret.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive",
        "spec.volumes[0].secret.secretName: Required value"}},
      {"'volumes':[{'name':'v','projected':{'sources':[{'secret':{'name':'s','items':[{'key':'k','path':'p'}]}},"
       "{'configMap':{'name':'m','items':[{'key':'k','path':'p'}]}}]}}]",
       {"spec.volumes[0].projected: Invalid value: \"m\": conflicting duplicate paths"}},
      {"'serviceAccountName':'s','volumes':[{'name':'v','projected':{'sources':[{'serviceAccountToken':{'path':'t','expirationSeconds':1}}]}}]",
       {"spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 1: may not specify a duration less than 10 "
        "minutes"}},
      {"'volumes':[{'name':'v','iscsi':{'targetPortal':'p','iqn':'iqn.2001-04.com.example:s','lun':300}}]",
       {"spec.volumes[0].iscsi.lun: Invalid value: 300: must be between 0 and 255, inclusive"}},
      {"'volumes':[{'name':'v','iscsi':{'targetPortal':'p','iqn':'iqn.x'}}]", {"spec.volumes[0].iscsi.iqn: Invalid value: \"iqn.x\": must be valid format"}},
      {"'volumes':[{'name':'v','ephemeral':{'volumeClaimTemplate':{'spec':{'accessModes':['ReadWriteOnce']}}}}]",
       {"spec.volumes[0].ephemeral.volumeClaimTemplate.spec.resources[storage]: Required value"}},
      {"'volumes':[{'name':'v','csi':{'driver':'A.b'}},{'name':'w','nfs':{'server':'s','path':'p'}}]",
       {"spec.volumes[1].nfs.path: Invalid value: \"p\": must be an absolute path"}},
  });
}

TEST(PodSpec, Scheduling) {
  constexpr std::string_view kRequired = "'requiredDuringSchedulingIgnoredDuringExecution'";
  expect_spec({
      {"'tolerations':[{'operator':'Equal'}]",
       {"spec.tolerations[0].operator: Invalid value: \"Equal\": operator must be Exists when `key` is empty, which means \"match all values and all "
        "keys\""}},
      {"'tolerations':[{'key':'a','operator':'Gt','value':'1'}]",
       {"spec.tolerations[0].operator: Unsupported value: \"Gt\": supported values: \"Equal\", \"Exists\", \"Lt\", \"Gt\""}},
      {"'tolerations':[{'key':'a','effect':'NoSchedule','tolerationSeconds':1}]",
       {"spec.tolerations[0].effect: Invalid value: \"NoSchedule\": effect must be 'NoExecute' when `tolerationSeconds` is set"}},
      {"'topologySpreadConstraints':[{'maxSkew':0,'topologyKey':'','whenUnsatisfiable':'X'}]",
       {"spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero",
        "spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty",
        "spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: \"X\": supported values: \"DoNotSchedule\", \"ScheduleAnyway\""}},
      {"'topologySpreadConstraints':[{'maxSkew':1,'topologyKey':'z','whenUnsatisfiable':'ScheduleAnyway','minDomains':2}]",
       {"spec.topologySpreadConstraints[0].minDomains: Invalid value: 2: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not "
        "ScheduleAnyway"}},
      {"'topologySpreadConstraints':[{'maxSkew':1,'topologyKey':'z','whenUnsatisfiable':'DoNotSchedule','matchLabelKeys':['a']}]",
       {"spec.topologySpreadConstraints[0].matchLabelKeys: Forbidden: must not be specified when labelSelector is not set"}},
      {concat("'affinity':{'nodeAffinity':{", kRequired, ":{'nodeSelectorTerms':[{'matchExpressions':[{'key':'a','operator':'In'}]}]}}}"),
       {"spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values: Required value: "
        "must be specified when `operator` is 'In' or 'NotIn'"}},
      {concat("'affinity':{'podAffinity':{", kRequired, ":[{'topologyKey':'z','namespaces':['A']}]}}"),
       {concat("spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].namespace: Invalid value: \"A\": ", kLabelComplaint)}},
      {"'affinity':{'podAntiAffinity':{'preferredDuringSchedulingIgnoredDuringExecution':[{'weight':101,'podAffinityTerm':{'topologyKey':'z'}}]}}",
       {"spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 101: must be in the range 1-100"}},
  });
}

TEST(PodSpec, Security) {
  expect_spec({
      {"'securityContext':{'runAsUser':-1}",
       {"spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive"}},
      {"'securityContext':{'seccompProfile':{'type':'RuntimeDefault','localhostProfile':'p'}}",
       {"spec.securityContext.seccompProfile.localhostProfile: Invalid value: {\"Type\":\"RuntimeDefault\",\"LocalhostProfile\":\"p\"}: can only be "
        "set when seccomp type is Localhost"}},
      {"'hostNetwork':true,'securityContext':{'sysctls':[{'name':'net.ipv4.x','value':'1'}]}",
       {"spec.securityContext.sysctls[0].name: Invalid value: \"net.ipv4.x\": may not be specified when 'hostNetwork' is true"}},
      {"'securityContext':{'sysctls':[{'name':'a..b','value':'1'},{'name':'kernel/shm_rmid_forced','value':'1'}]}",
       {"spec.securityContext.sysctls[0].name: Invalid value: \"a..b\": must have at most 253 characters and match regex "
        "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$"}},
      {"'hostUsers':false,'hostPID':true", {"spec.HostPID: Forbidden: when `hostUsers` is false"}},
      {"'securityContext':{'seLinuxChangePolicy':'MountOption'}",
       {"spec.securityContext.seLinuxChangePolicy: Unsupported value: \"MountOption\": supported values: \"Recursive\""}},
      {"'securityContext':{'appArmorProfile':{'type':'Localhost'}}",
       {"spec.securityContext.appArmorProfile.localhostProfile: Required value: must be set when AppArmor type is Localhost"}},
      {"'os':{'name':'plan9'}", {"spec.os: Unsupported value: \"plan9\": supported values: \"linux\", \"windows\""}},
      {"'os':{'name':'windows'},'securityContext':{'fsGroup':1}", {"spec.securityContext.fsGroup: Forbidden: cannot be set for a windows pod"}},
      {"'os':{'name':'linux'},'securityContext':{'windowsOptions':{'runAsUserName':'a'}}",
       {"spec.securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod"}},
      {"'securityContext':{'windowsOptions':{'hostProcess':true}}",
       {"spec.hostNetwork: Invalid value: false: hostNetwork must be true if pod contains any hostProcess containers"}},
      {"'securityContext':{'windowsOptions':{'runAsUserName':'a\\\\\\\\b\\\\\\\\c'}}",
       {"spec.securityContext.windowsOptions.runAsUserName: Invalid value: \"a\\\\\\\\b\\\\\\\\c\": runAsUserName cannot contain more than one "
        "backslash"}},
  });
  expect_container({
      {"'securityContext':{'procMount':'Unmasked'}",
       {"spec.containers[0].securityContext.procMount: Invalid value: \"Unmasked\": `hostUsers` must be false to use `Unmasked`"}},
  });
}

TEST(PodSpec, Annotations) {
  struct {
    std::string_view annotations, want;
  } cases[] = {
      {"{'controller.kubernetes.io/pod-deletion-cost':'+1'}",
       "metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: \"+1\": must be a 32bit integer"},
      {"{'kubernetes.io/config.mirror':'x'}",
       "metadata.annotations[kubernetes.io/config.mirror]: Invalid value: \"x\": must set spec.nodeName if mirror pod annotation is set"},
      {"{'scheduler.alpha.kubernetes.io/tolerations':'[{\\u0022Key\\u0022:\\u0022a\\u0022,\\u0022operator\\u0022:\\u0022X\\u0022}]'}",
       "metadata.annotations.scheduler.alpha.kubernetes.io/tolerations[0].operator: Unsupported value: \"X\": supported values: \"Equal\", \"Exists\""},
      {"{'scheduler.alpha.kubernetes.io/tolerations':'['}",
       "metadata.annotations: Invalid value: \"scheduler.alpha.kubernetes.io/tolerations\": unexpected end of JSON input"},
      {"{'seccomp.security.alpha.kubernetes.io/pod':'x'}",
       "metadata.annotations.seccomp.security.alpha.kubernetes.io/pod: Invalid value: \"x\": must be a valid seccomp profile"},
      {"{'container.apparmor.security.beta.kubernetes.io/x':'unconfined'}",
       "metadata.annotations[container.apparmor.security.beta.kubernetes.io/x]: Invalid value: \"x\": container not found"},
  };
  for (auto& c : cases)
    EXPECT_EQ(errors_of(kPodRules, *pod_with("", "", concat("'annotations':", c.annotations))), Errors{std::string(c.want)}) << c.annotations;
  EXPECT_EQ(errors_of(kPodRules, *pod_with("", "'securityContext':{'seccompProfile':{'type':'Unconfined'}}",
                                           "'annotations':{'container.seccomp.security.alpha.kubernetes.io/c':'runtime/default'}")),
            Errors{"spec.containers[0].securityContext.seccompProfile.type: Forbidden: seccomp type in annotation and field must match"});
}

// What an object has already is tolerated when it is updated.
TEST(PodSpec, OldMistakesAreTolerated) {
  for (std::string_view spec : {"'topologySpreadConstraints':[{'maxSkew':1,'topologyKey':'z','whenUnsatisfiable':'DoNotSchedule',"
                                "'labelSelector':{'matchLabels':{'a':'b c'}}}]",
                                "'tolerations':[{'key':'a','operator':'Gt','value':'1'}]", "'securityContext':{'seLinuxChangePolicy':'MountOption'}",
                                "'overhead':{'cpu':'1','hugepages-2Mi':'3Mi'}"}) {
    auto object = pod_with(spec, "");
    EXPECT_NE(errors_of(kPodRules, *object), Errors{}) << spec;
    FieldErrors errors;
    auto options = pod_spec_options((*object)["spec"], (*object)["metadata"]["annotations"]);
    validate_pod_spec((*object)["spec"], {}, Path("spec"), errors, options);
    EXPECT_EQ(texts_of(errors), Errors{}) << spec;
  }
}

TEST(PodSpec, Warnings) {
  struct {
    std::string_view spec, container, want;
  } cases[] = {
      {"'nodeSelector':{'beta.kubernetes.io/os':'linux'}", "",
       "spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use \"kubernetes.io/os\" instead"},
      {"'volumes':[{'name':'v','gitRepo':{'repository':'r'}}]", "",
       "spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+"},
      {"'hostAliases':[{'ip':'1.2.3.4'},{'ip':'1.2.3.4'}]", "", "spec.hostAliases[1].ip: duplicate ip \"1.2.3.4\""},
      {"'volumes':[{'name':'v','secret':{'secretName':'s','items':[{'key':'a','path':'p'},{'key':'b','path':'p/q'}]}}]", "",
       "volume \"v\" (Secret \"s\"): overlapping paths: \"p/q\" with \"p\""},
      {"", "'env':[{'name':'A','value':'1'},{'name':'A','value':'2'}]",
       "spec.containers[0].env[1]: hides previous definition of \"A\", which may be dropped when using apply"},
      {"", "'resources':{'requests':{'memory':'1500m'}}",
       "spec.containers[0].resources.requests[memory]: fractional byte value \"1500m\" is invalid, must be an integer"},
      {"", "'ports':[{'containerPort':1},{'containerPort':1}]",
       "spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]"},
      {"'affinity':{'podAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':[{'topologyKey':'z'}]}}", "",
       "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector: a null labelSelector results in matching no pod"},
  };
  for (auto& c : cases) EXPECT_EQ(warnings_of(kPodRules, *pod_with(c.spec, c.container)), Warnings{std::string(c.want)}) << c.spec << c.container;
}

TEST(PodSpec, TemplatesAreToldOfNegativeGracePeriods) {
  auto object = make("v1", "PodTemplate", "{'template':{'spec':{'terminationGracePeriodSeconds':-1}}}");
  std::vector<std::string> warnings;
  pod_template_warnings((*object)["template"], Path("template"), {}, warnings);
  EXPECT_EQ(warnings, (std::vector<std::string>{
                          "template.spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1"}));
}

}  // namespace
}  // namespace sampan::registry
