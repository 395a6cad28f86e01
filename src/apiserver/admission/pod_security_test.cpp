#include <gtest/gtest.h>

#include "apiserver/admission/testing.h"
#include "apiserver/admission/pod_security_policy.h"
#include "base/text.h"

namespace sampan::apiserver {

namespace {

using registry::testing::frozen;
using registry::testing::tree;
using testing::Trial;

std::string judged(std::string_view spec, SecurityPolicy policy, std::string_view annotations = "{}") {
  Arena arena;
  auto pod = frozen(tree(arena, concat("{'metadata':{'name':'p','annotations':", annotations, "},'spec':", spec, "}")), *schema::builtin_kind("", "v1", "Pod"));
  return details_of(violations(policy, (*pod)["metadata"], (*pod)["spec"]));
}

constexpr SecurityPolicy kBaseline{SecurityLevel::Baseline}, kRestricted{SecurityLevel::Restricted};

TEST(PodSecurity, Baseline) {
  struct Case {
    std::string_view spec, want;
  };
  for (const Case& it : {
           Case{"{'containers':[{'name':'c'}]}", ""},
           {"{'hostNetwork':true,'hostPID':true,'containers':[{'name':'c'}]}", "host namespaces (hostNetwork=true, hostPID=true)"},
           {"{'initContainers':[{'name':'i','securityContext':{'privileged':true}}],'containers':[{'name':'c','securityContext':{'privileged':true}}]}",
            "privileged (containers \"i\", \"c\" must not set securityContext.privileged=true)"},
           {"{'containers':[{'name':'c','ports':[{'containerPort':1,'hostPort':80},{'containerPort':2,'hostPort':443}]}]}",
            "hostPort (container \"c\" uses hostPorts 443, 80)"},
           {"{'volumes':[{'name':'v','hostPath':{'path':'/'}}],'containers':[{'name':'c'}]}", "hostPath volumes (volume \"v\")"},
           {"{'containers':[{'name':'c','securityContext':{'capabilities':{'add':['CHOWN','NET_RAW','SYS_ADMIN']}}}]}",
            "non-default capabilities (container \"c\" must not include \"NET_RAW\", \"SYS_ADMIN\" in securityContext.capabilities.add)"},
           {"{'securityContext':{'sysctls':[{'name':'kernel.shm_rmid_forced','value':'1'},{'name':'a.b','value':'1'}]},'containers':[{'name':'c'}]}",
            "forbidden sysctls (a.b)"},
           {"{'securityContext':{'seLinuxOptions':{'type':'x','user':'u'}},'containers':[{'name':'c','securityContext':{'seLinuxOptions':{'role':'r'}}}]}",
            "seLinuxOptions (pod and container \"c\" set forbidden securityContext.seLinuxOptions: type \"x\"; user may not be set; role may not be set)"},
           {"{'securityContext':{'seccompProfile':{'type':'Unconfined'}},'containers':[{'name':'c'}]}",
            "seccompProfile (pod must not set securityContext.seccompProfile.type to \"Unconfined\")"},
           {"{'containers':[{'name':'c','livenessProbe':{'httpGet':{'host':'evil','port':80}}}]}",
            "probe or lifecycle host (container \"c\" uses probe or lifecycle host \"evil\")"},
           {"{'containers':[{'name':'c','securityContext':{'procMount':'Unmasked'}}]}",
            "procMount (container \"c\" must not set securityContext.procMount to \"Unmasked\")"},
           {"{'hostUsers':false,'containers':[{'name':'c','securityContext':{'procMount':'Unmasked'}}]}", ""},
           {"{'containers':[{'name':'c','securityContext':{'windowsOptions':{'hostProcess':true}}}]}",
            "hostProcess (container \"c\" must not set securityContext.windowsOptions.hostProcess=true)"},
       })
    EXPECT_EQ(judged(it.spec, kBaseline), it.want) << it.spec;
  EXPECT_EQ(judged("{'containers':[{'name':'c'}]}", kBaseline, "{'container.apparmor.security.beta.kubernetes.io/c':'unconfined'}"),
            "forbidden AppArmor profile (annotation must not set AppArmor profile type to \"container.apparmor.security.beta.kubernetes.io/c=\"unconfined\"\")");
}

TEST(PodSecurity, RestrictedAndVersions) {
  constexpr std::string_view plain = "{'containers':[{'name':'c'}]}";
  EXPECT_EQ(judged(plain, kRestricted),
            "allowPrivilegeEscalation != false (container \"c\" must set securityContext.allowPrivilegeEscalation=false), "
            "unrestricted capabilities (container \"c\" must set securityContext.capabilities.drop=[\"ALL\"]), "
            "runAsNonRoot != true (pod or container \"c\" must set securityContext.runAsNonRoot=true), "
            "seccompProfile (pod or container \"c\" must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\")");
  EXPECT_EQ(judged(plain, {SecurityLevel::Restricted, 8}),
            "allowPrivilegeEscalation != false (container \"c\" must set securityContext.allowPrivilegeEscalation=false), "
            "runAsNonRoot != true (pod or container \"c\" must set securityContext.runAsNonRoot=true)");
  EXPECT_EQ(judged(plain, {}), "");
  constexpr std::string_view good =
      "{'os':{'name':'linux'},'securityContext':{'runAsNonRoot':true,'seccompProfile':{'type':'RuntimeDefault'}},'volumes':[{'name':'v','emptyDir':{}}],"
      "'containers':[{'name':'c','securityContext':{'allowPrivilegeEscalation':false,'capabilities':{'drop':['ALL'],'add':['NET_BIND_SERVICE']}}}]}";
  EXPECT_EQ(judged(good, kRestricted), "");
  EXPECT_EQ(judged("{'os':{'name':'windows'},'securityContext':{'runAsNonRoot':true},'containers':[{'name':'c'}]}", kRestricted), "");
  EXPECT_EQ(judged("{'hostUsers':false,'securityContext':{'runAsUser':0},'containers':[{'name':'c'}]}", {SecurityLevel::Restricted, 35}).find("runAs"), std::string::npos);
  EXPECT_NE(judged("{'hostUsers':false,'securityContext':{'runAsUser':0},'containers':[{'name':'c'}]}", {SecurityLevel::Restricted, 34}).find("pod must not set runAsUser=0"),
            std::string::npos);
  EXPECT_NE(judged("{'volumes':[{'name':'v','nfs':{'server':'s','path':'/'}}],'containers':[{'name':'c'}]}", kRestricted)
                .find("restricted volume types (volume \"v\" uses restricted volume type \"nfs\")"),
            std::string::npos);
}

TEST(PodSecurity, NamespacesDecide) {
  Trial trial;
  auto plugin = *pod_security("", trial.catalog());
  auto pod = [&](std::string_view spec) { return trial.judge(*plugin, Operation::Create, "", "pods", concat("{'metadata':{'name':'p'},'spec':", spec, "}")); };
  constexpr std::string_view bad = "{'hostIPC':true,'containers':[{'name':'c','image':'i'}]}";
  EXPECT_EQ(pod(bad), "Internal error occurred: failed to lookup namespace \"shop\"");
  trial.put("", "namespaces", "{'metadata':{'name':'shop','labels':{'pod-security.kubernetes.io/enforce':'baseline','pod-security.kubernetes.io/enforce-version':'v1.30'}}}");
  EXPECT_EQ(pod(bad), "pods \"p\" is forbidden: violates PodSecurity \"baseline:v1.30\": host namespaces (hostIPC=true)");
  EXPECT_EQ(trial.judge(*plugin, Operation::Create, "", "namespaces", "{'metadata':{'name':'x','labels':{'pod-security.kubernetes.io/warn':'none'}}}"),
            "Namespace \"x\" is invalid: metadata.labels[pod-security.kubernetes.io/warn]: Invalid value: \"none\": must be one of privileged, baseline, restricted");
  auto exempt = *pod_security("apiVersion: pod-security.admission.config.k8s.io/v1\nkind: PodSecurityConfiguration\nexemptions: {namespaces: [shop]}\n", trial.catalog());
  EXPECT_EQ(trial.judge(*exempt, Operation::Create, "", "pods", concat("{'metadata':{'name':'p'},'spec':", bad, "}")).find("forbidden"), std::string::npos);
  EXPECT_FALSE(pod_security("kind: Other\n", trial.catalog()));
}

}  // namespace

}  // namespace sampan::apiserver
