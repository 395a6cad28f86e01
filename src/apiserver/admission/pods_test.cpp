// The plug-ins that look at pods.
#include "apiserver/admission/testing.h"

namespace sampan::apiserver {

using testing::Trial;

namespace {

constexpr auto Create = Operation::Create;
constexpr auto Update = Operation::Update;

struct Case {
  std::string_view name, in, out;
};

void run(Trial& trial, AdmissionPlugin& plugin, std::span<const Case> cases) {
  for (const Case& it : cases) EXPECT_EQ(trial.judge(plugin, Create, "", "pods", it.in), it.out) << it.name;
}

TEST(ServiceAccountPlugin, MountsTheToken) {
  Trial trial;
  trial.put("", "namespaces", "{'metadata':{'name':'shop'}}");
  trial.put("", "serviceaccounts", "{'metadata':{'name':'default','namespace':'shop'},'imagePullSecrets':[{'name':'pull'}]}");
  auto plugin = service_account(trial.catalog(), trial.clock, trial.random);
  auto out = trial.judge(*plugin, Create, "", "pods", "{'metadata':{'name':'a'},'spec':{'containers':[{'name':'c'}]}}");
  EXPECT_TRUE(out.starts_with("{'metadata':{'name':'a'},'spec':{'containers':[{'name':'c','volumeMounts':[{'name':'kube-api-access-")) << out;
  EXPECT_NE(out.find("'readOnly':true,'mountPath':'/var/run/secrets/kubernetes.io/serviceaccount'}]}],'serviceAccountName':'default','serviceAccount':'default','volumes':[{'name':"
                     "'kube-api-access-"),
            out.npos)
      << out;
  EXPECT_TRUE(out.ends_with(
      "'projected':{'defaultMode':420,'sources':[{'serviceAccountToken':{'path':'token','expirationSeconds':3607}},{'configMap':{'name':"
      "'kube-root-ca.crt','items':[{'key':'ca.crt','path':'ca.crt'}]}},{'downwardAPI':{'items':[{'path':'namespace','fieldRef':{'apiVersion':"
      "'v1','fieldPath':'metadata.namespace'}}]}}]}}],'imagePullSecrets':[{'name':'pull'}]}}"))
      << out;
}

TEST(ServiceAccountPlugin, HoldsPodsToTheirAccount) {
  Trial trial;
  trial.put("", "namespaces", "{'metadata':{'name':'shop'}}");
  trial.put("", "serviceaccounts", "{'metadata':{'name':'quiet','namespace':'shop'},'automountServiceAccountToken':false}");
  trial.put("", "serviceaccounts",
            "{'metadata':{'name':'strict','namespace':'shop','annotations':{'kubernetes.io/enforce-mountable-secrets':'true'}},"
            "'automountServiceAccountToken':false,'secrets':[{'name':'mine'}]}");
  auto plugin = service_account(trial.catalog(), trial.clock, trial.random);
  constexpr Case cases[] = {
      {"missing", "{'metadata':{'name':'a'},'spec':{'serviceAccountName':'none'}}",
       "pods \"a\" is forbidden: error looking up service account shop/none: serviceaccount \"none\" not found"},
      {"default missing", "{'metadata':{'generateName':'a-'},'spec':{}}",
       "pods \"a-\" is forbidden: error looking up service account shop/default: serviceaccount \"default\" not found"},
      {"no token wanted", "{'spec':{'serviceAccountName':'quiet','containers':[{'name':'c'}]}}",
       "{'spec':{'serviceAccountName':'quiet','containers':[{'name':'c'}]}}"},
      {"container mounts itself",
       "{'spec':{'serviceAccountName':'quiet','automountServiceAccountToken':true,'containers':[{'name':'c','volumeMounts':[{'name':'v',"
       "'mountPath':'/var/run/secrets/kubernetes.io/serviceaccount'}]}]}}",
       "{'spec':{'serviceAccountName':'quiet','automountServiceAccountToken':true,'containers':[{'name':'c','volumeMounts':[{'name':'v',"
       "'mountPath':'/var/run/secrets/kubernetes.io/serviceaccount'}]}]}}"},
      {"mirror", "{'metadata':{'name':'m','annotations':{'kubernetes.io/config.mirror':'x'}},'spec':{'serviceAccountName':'quiet'}}",
       "pods \"m\" is forbidden: a mirror pod may not reference service accounts"},
      {"mirror with secret",
       "{'metadata':{'name':'m','annotations':{'kubernetes.io/config.mirror':'x'}},'spec':{'volumes':[{'name':'v','secret':{'secretName':'s'}}]}}",
       "pods \"m\" is forbidden: a mirror pod may not reference secrets"},
      {"plain mirror", "{'metadata':{'annotations':{'kubernetes.io/config.mirror':'x'}},'spec':{}}",
       "{'metadata':{'annotations':{'kubernetes.io/config.mirror':'x'}},'spec':{}}"},
      {"foreign secret in a volume",
       "{'metadata':{'name':'a'},'spec':{'serviceAccountName':'strict','volumes':[{'name':'v','secret':{'secretName':'s'}}]}}",
       "pods \"a\" is forbidden: volume with secret.secretName=\"s\" is not allowed because service account strict does not reference that secret"},
      {"foreign secret in env",
       "{'metadata':{'name':'a'},'spec':{'serviceAccountName':'strict','initContainers':[{'name':'i','env':[{'name':'E','valueFrom':"
       "{'secretKeyRef':{'name':'s','key':'k'}}}]}]}}",
       "pods \"a\" is forbidden: init container i with envVar E referencing secret.secretName=\"s\" is not allowed because service account strict does "
       "not reference that secret"},
      {"foreign pull secret", "{'metadata':{'name':'a'},'spec':{'serviceAccountName':'strict','imagePullSecrets':[{'name':'p'}]}}",
       "pods \"a\" is forbidden: imagePullSecrets[0].name=\"p\" is not allowed because service account strict does not reference that "
       "imagePullSecret"},
      {"own secret", "{'spec':{'serviceAccountName':'strict','containers':[{'name':'c','envFrom':[{'secretRef':{'name':'mine'}}]}]}}",
       "{'spec':{'serviceAccountName':'strict','containers':[{'name':'c','envFrom':[{'secretRef':{'name':'mine'}}]}]}}"},
  };
  run(trial, *plugin, cases);
  EXPECT_EQ(trial.judge(*plugin, Update, "", "pods/ephemeralcontainers",
                        "{'metadata':{'name':'a'},'spec':{'serviceAccountName':'strict','ephemeralContainers':[{'name':'e','envFrom':[{'secretRef':"
                        "{'name':'s'}}]}]}}",
                        "{'metadata':{'name':'a'}}"),
            "pods \"a\" is forbidden: ephemeral container e with envFrom referencing secret.secretName=\"s\" is not allowed because service account "
            "strict does not reference that secret");
}

TEST(PriorityPlugin, ResolvesClasses) {
  Trial trial;
  auto plugin = priority(trial.catalog());
  constexpr Case without[] = {
      {"none", "{'spec':{}}", "{'spec':{'priority':0,'preemptionPolicy':'PreemptLowerPriority'}}"},
      {"unknown", "{'metadata':{'name':'a'},'spec':{'priorityClassName':'zz'}}",
       "pods \"a\" is forbidden: no PriorityClass with name zz was found"},
      {"own number", "{'metadata':{'name':'a'},'spec':{'priority':7}}",
       "pods \"a\" is forbidden: the integer value of priority (7) must not be provided in pod spec; priority admission controller computed 0 from the "
       "given PriorityClass name"},
      {"own policy", "{'metadata':{'name':'a'},'spec':{'preemptionPolicy':'Never'}}",
       "pods \"a\" is forbidden: the string value of PreemptionPolicy (Never) must not be provided in pod spec; priority admission controller computed "
       "PreemptLowerPriority from the given PriorityClass name"},
  };
  run(trial, *plugin, without);
  trial.put("scheduling.k8s.io", "priorityclasses", "{'metadata':{'name':'high'},'value':10,'preemptionPolicy':'Never'}");
  trial.put("scheduling.k8s.io", "priorityclasses", "{'metadata':{'name':'usual'},'value':5,'globalDefault':true}");
  constexpr Case with[] = {
      {"named", "{'spec':{'priorityClassName':'high','priority':10}}",
       "{'spec':{'priorityClassName':'high','priority':10,'preemptionPolicy':'Never'}}"},
      {"default", "{'spec':{}}", "{'spec':{'priorityClassName':'usual','priority':5,'preemptionPolicy':'PreemptLowerPriority'}}"},
  };
  run(trial, *plugin, with);
  EXPECT_EQ(trial.judge(*plugin, Update, "", "pods", "{'spec':{}}", "{'spec':{'priority':3,'preemptionPolicy':'Never'}}"),
            "{'spec':{'priority':3,'preemptionPolicy':'Never'}}");
}

TEST(PriorityPlugin, AllowsOneDefault) {
  Trial trial;
  trial.put("scheduling.k8s.io", "priorityclasses", "{'metadata':{'name':'usual'},'value':5,'globalDefault':true}");
  auto plugin = priority(trial.catalog());
  constexpr std::string_view usual = "{'metadata':{'name':'usual'},'value':5,'globalDefault':true}";
  constexpr std::string_view other = "{'metadata':{'name':'other'},'value':6,'globalDefault':true}";
  constexpr std::string_view plain = "{'metadata':{'name':'other'},'value':6}";
  auto judge = [&](Operation operation, std::string_view now, std::string_view old) {
    return trial.judge(*plugin, operation, "scheduling.k8s.io", "priorityclasses", now, old);
  };
  EXPECT_EQ(judge(Create, other, {}),
            "priorityclasses.scheduling.k8s.io \"other\" is forbidden: PriorityClass usual is already marked as default. Only one default can exist");
  EXPECT_EQ(judge(Update, other, plain), judge(Create, other, {}));
  EXPECT_EQ(judge(Create, plain, {}), plain);
  EXPECT_EQ(judge(Update, usual, usual), usual);
}

TEST(TolerationPlugins, AddWhatIsMissing) {
  Trial trial;
  auto seconds = default_toleration_seconds({});
  constexpr Case cases[] = {
      {"none", "{'spec':{}}",
       "{'spec':{'tolerations':[{'key':'node.kubernetes.io/not-ready','operator':'Exists','effect':'NoExecute','tolerationSeconds':300},{'key':"
       "'node.kubernetes.io/unreachable','operator':'Exists','effect':'NoExecute','tolerationSeconds':300}]}}"},
      {"everything", "{'spec':{'tolerations':[{'operator':'Exists'}]}}", "{'spec':{'tolerations':[{'operator':'Exists'}]}}"},
      {"one", "{'spec':{'tolerations':[{'key':'node.kubernetes.io/unreachable','operator':'Exists'}]}}",
       "{'spec':{'tolerations':[{'key':'node.kubernetes.io/unreachable','operator':'Exists'},{'key':'node.kubernetes.io/not-ready','operator':"
       "'Exists','effect':'NoExecute','tolerationSeconds':300}]}}"},
  };
  run(trial, *seconds, cases);
  auto briefly = default_toleration_seconds({.not_ready_seconds = 2, .unreachable_seconds = 3});
  constexpr Case brief[] = {
      {"none", "{'spec':{}}",
       "{'spec':{'tolerations':[{'key':'node.kubernetes.io/not-ready','operator':'Exists','effect':'NoExecute','tolerationSeconds':2},{'key':"
       "'node.kubernetes.io/unreachable','operator':'Exists','effect':'NoExecute','tolerationSeconds':3}]}}"},
  };
  run(trial, *briefly, brief);
  auto devices = extended_resource_toleration();
  constexpr Case wishes[] = {
      {"device", "{'spec':{'containers':[{'resources':{'requests':{'example.com/gpu':'1','cpu':'1','requests.x/y':'1'}}}]}}",
       "{'spec':{'containers':[{'resources':{'requests':{'example.com/gpu':'1','cpu':'1','requests.x/y':'1'}}}],'tolerations':[{'key':"
       "'example.com/gpu','operator':'Exists','effect':'NoSchedule'}]}}"},
      {"native", "{'spec':{'containers':[{'resources':{'requests':{'x.kubernetes.io/y':'1'}}}]}}",
       "{'spec':{'containers':[{'resources':{'requests':{'x.kubernetes.io/y':'1'}}}]}}"},
  };
  run(trial, *devices, wishes);
}

TEST(RuntimeClassPlugin, SetsOverheadAndPlace) {
  Trial trial;
  trial.put("node.k8s.io", "runtimeclasses",
            "{'metadata':{'name':'vm'},'handler':'vm','overhead':{'podFixed':{'cpu':'100m'}},'scheduling':{'nodeSelector':{'vm':'yes'},'tolerations':"
            "[{'key':'vm','operator':'Exists'}]}}");
  auto plugin = runtime_class(trial.catalog());
  constexpr Case cases[] = {
      {"set", "{'spec':{'runtimeClassName':'vm','tolerations':[{'key':'vm','operator':'Equal','value':'1','effect':'NoSchedule'}]}}",
       "{'spec':{'runtimeClassName':'vm','tolerations':[{'key':'vm','operator':'Exists'}],'overhead':{'cpu':'100m'},'nodeSelector':{'vm':'yes'}}}"},
      {"same overhead", "{'spec':{'runtimeClassName':'vm','overhead':{'cpu':'0.1'},'nodeSelector':{'vm':'yes'}}}",
       "{'spec':{'runtimeClassName':'vm','overhead':{'cpu':'100m'},'nodeSelector':{'vm':'yes'},'tolerations':[{'key':'vm','operator':'Exists'}]}}"},
      {"other overhead", "{'metadata':{'name':'a'},'spec':{'runtimeClassName':'vm','overhead':{'cpu':'2'}}}",
       "pods \"a\" is forbidden: pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"},
      {"elsewhere", "{'metadata':{'name':'a'},'spec':{'runtimeClassName':'vm','nodeSelector':{'vm':'no'}}}",
       "pods \"a\" is forbidden: conflict: runtimeClass.scheduling.nodeSelector[vm] = yes; pod.spec.nodeSelector[vm] = no"},
      {"unknown", "{'metadata':{'name':'a'},'spec':{'runtimeClassName':'zz'}}",
       "pods \"a\" is forbidden: pod rejected: RuntimeClass \"zz\" not found"},
      {"no class", "{'metadata':{'name':'a'},'spec':{'overhead':{'cpu':'1'}}}",
       "pods \"a\" is forbidden: pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"},
      {"empty overhead", "{'metadata':{'name':'a'},'spec':{'overhead':{}}}",
       "pods \"a\" is forbidden: pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"},
      {"plain", "{'spec':{}}", "{'spec':{}}"},
  };
  run(trial, *plugin, cases);
}

TEST(PodTopologyLabelsPlugin, CopiesTheNodesPlace) {
  Trial trial;
  trial.put("", "nodes", "{'metadata':{'name':'n','labels':{'topology.kubernetes.io/zone':'z','other':'x'}}}");
  auto plugin = pod_topology_labels(trial.catalog());
  constexpr Case cases[] = {
      {"placed", "{'spec':{'nodeName':'n'}}", "{'spec':{'nodeName':'n'},'metadata':{'labels':{'topology.kubernetes.io/zone':'z'}}}"},
      {"not placed", "{'spec':{}}", "{'spec':{}}"},
      {"unknown node", "{'spec':{'nodeName':'m'}}", "{'spec':{'nodeName':'m'}}"},
  };
  run(trial, *plugin, cases);
  auto& binding = registry::testing::type_of("v1", "Binding");
  EXPECT_EQ(trial.judge(*plugin, Create, "", "pods/binding", "{'metadata':{'name':'a'},'target':{'kind':'Node','name':'n'}}", {}, &binding),
            "{'metadata':{'name':'a','labels':{'topology.kubernetes.io/zone':'z'}},'target':{'kind':'Node','name':'n'}}");
}

TEST(AlwaysPullImagesPlugin, SetsThePolicy) {
  Trial trial;
  auto plugin = always_pull_images();
  EXPECT_EQ(trial.judge(*plugin, Create, "", "pods", "{'spec':{'containers':[{'image':'a'}],'volumes':[{'name':'v','image':{'reference':'r'}}]}}"),
            "{'spec':{'containers':[{'image':'a','imagePullPolicy':'Always'}],'volumes':[{'name':'v','image':{'reference':'r','pullPolicy':"
            "'Always'}}]}}");
  EXPECT_EQ(trial.judge(*plugin, Update, "", "pods", "{'spec':{'containers':[{'image':'a'}]}}", "{'spec':{'containers':[{'image':'a'}]}}"),
            "{'spec':{'containers':[{'image':'a'}]}}");
}

TEST(PodResizeValidatorPlugin, KeepsPodsWithinTheirNode) {
  Trial trial;
  auto* nodes = trial.catalog().store_of("", "nodes");
  trial.put("", "nodes", "{'metadata':{'name':'n'},'status':{'allocatable':{'cpu':'2','memory':'1Gi'}}}");
  trial.put("", "nodes", "{'metadata':{'name':'w','labels':{'kubernetes.io/os':'windows'}}}");
  ASSERT_TRUE(nodes->get("", "n").has_value());
  auto plugin = pod_resize_validator(trial.catalog());
  auto judge = [&](std::string_view node, std::string_view cpu, int generation) {
    auto pod = [&](int number) {
      return concat("{'metadata':{'name':'a','generation':", number, "},'spec':{'nodeName':'", node,
                    "','containers':[{'name':'c','resources':{'requests':{'cpu':'", cpu, "'}}}]}}");
    };
    auto now = pod(generation);
    auto out = trial.judge(*plugin, Update, "", "pods/resize", now, pod(1));
    return out == now ? std::string("fine") : out;
  };
  EXPECT_EQ(judge("n", "2", 2), "fine");
  EXPECT_EQ(judge("n", "3", 1), "fine");
  EXPECT_EQ(judge("n", "2500m", 2),
            "pods \"a\" is forbidden: node didn't have enough allocatable resources: cpu, requested: 2500, allocatable: 2000");
  EXPECT_EQ(judge("w", "1", 2), "pods \"a\" is forbidden: pod resize is only supported on linux nodes, node \"w\" is \"windows\"");
  EXPECT_EQ(judge("m", "1", 2), "pods \"a\" is forbidden: node \"m\" not found");
}

}  // namespace

}  // namespace sampan::apiserver
