// The plug-ins that are off by default and bound what somebody may do.
#include <gtest/gtest.h>

#include "apiserver/admission/testing.h"
#include "base/text.h"

namespace sampan::apiserver {

namespace {

using testing::Trial;
using enum Operation;

TEST(PodNodeSelector, NamespacesChooseNodes) {
  Trial trial;
  trial.put("", "namespaces", "{'metadata':{'name':'shop','annotations':{'scheduler.alpha.kubernetes.io/node-selector':'env=test, zone=a'}}}");
  auto plugin = *pod_node_selector("podNodeSelectorPluginConfig: {shop: 'env=test,zone=a,disk=ssd'}", trial.catalog());
  auto judge = [&](std::string_view selector) {
    return trial.judge(*plugin, Create, "", "pods", concat("{'metadata':{'name':'p'},'spec':{'nodeSelector':", selector, "}}"));
  };
  EXPECT_EQ(judge("{'disk':'ssd'}"), "{'metadata':{'name':'p'},'spec':{'nodeSelector':{'disk':'ssd','env':'test','zone':'a'}}}");
  EXPECT_EQ(judge("{'env':'prod'}"), "pods \"p\" is forbidden: pod node label selector conflicts with its namespace node label selector");
  EXPECT_EQ(judge("{'disk':'hdd'}"), "pods \"p\" is forbidden: pod node label selector labels conflict with its namespace whitelist");
}

TEST(PodTolerationRestriction, NamespacesChooseTolerations) {
  Trial trial;
  trial.put("", "namespaces", R"({'metadata':{'name':'shop','annotations':{'scheduler.alpha.kubernetes.io/defaultTolerations':'[{\'key\':\'a\',\'operator\':\'Exists\'}]'}}})");
  auto plugin = *pod_toleration_restriction(
      "apiVersion: podtolerationrestriction.admission.k8s.io/v1alpha1\nkind: Configuration\nwhitelist: [{key: a, operator: Exists}, {key: b, operator: Exists}]\n", trial.catalog());
  auto judge = [&](std::string_view tolerations) {
    return trial.judge(*plugin, Create, "", "pods", concat("{'metadata':{'name':'p'},'spec':{'tolerations':", tolerations, "}}"));
  };
  EXPECT_EQ(judge("[{'key':'b','operator':'Exists'}]"),
            "{'metadata':{'name':'p'},'spec':{'tolerations':[{'key':'b','operator':'Exists'},{'key':'a','operator':'Exists'}]}}");
  EXPECT_EQ(judge("[{'key':'c','operator':'Exists'}]"),
            "pods \"p\" is forbidden: pod tolerations (possibly merged with namespace default tolerations) conflict with its cluster whitelist");
}

TEST(EventRateLimit, BucketsRunDry) {
  Trial trial;  // whose clock goes on by 0.4 s each time it is asked
  constexpr std::string_view kHead = "apiVersion: eventratelimit.admission.k8s.io/v1alpha1\nkind: Configuration\n";
  auto plugin = *event_rate_limit(concat(kHead, "limits: [{type: User, qps: 1, burst: 2}]\n"), trial.clock);
  auto judge = [&](std::string_view user) {
    trial.act_as({std::string(user), "", {}});
    return trial.judge(*plugin, Create, "", "events", "{'metadata':{'name':'e'}}").substr(0, 13);
  };
  EXPECT_EQ(judge("jane"), "{'metadata':{");
  EXPECT_EQ(judge("jane"), "{'metadata':{");
  EXPECT_EQ(judge("jane"), "limit reached");
  EXPECT_EQ(judge("joe"), "{'metadata':{");
  EXPECT_EQ(judge("jane"), "{'metadata':{");  // more than a second has gone by
  EXPECT_FALSE(event_rate_limit(concat(kHead, "limits: []\n"), trial.clock));
  EXPECT_FALSE(event_rate_limit(concat(kHead, "limits: [{type: Moon, qps: 1, burst: 1}]\n"), trial.clock));
}

TEST(OwnerReferences, AreAMatterOfRights) {
  Trial trial;
  auto plugin = owner_references_permission_enforcement(trial.catalog(), trial.access());
  constexpr std::string_view none = "{'metadata':{'name':'p'}}", owned = "{'metadata':{'name':'p','ownerReferences':[{'apiVersion':'apps/v1','kind':'ReplicaSet','name':'r','uid':'u'}]}}",
                             holding = "{'metadata':{'name':'p','ownerReferences':[{'apiVersion':'apps/v1','kind':'ReplicaSet','name':'r','uid':'u','blockOwnerDeletion':true}]}}",
                             strange = "{'metadata':{'name':'p','ownerReferences':[{'apiVersion':'moon/v1','kind':'Crater','name':'r','uid':'u','blockOwnerDeletion':true}]}}";
  auto refused = [&](Operation operation, std::string_view now, std::string_view old = {}) {
    auto text = trial.judge(*plugin, operation, "", "pods", now, old);
    auto at = text.find("is forbidden: ");
    return at == std::string::npos ? std::string() : text.substr(at + 14, 46);
  };
  trial.act_as({"jane", "", {}});
  EXPECT_EQ(refused(Create, owned), "");
  EXPECT_EQ(refused(Update, owned, owned), "");
  EXPECT_EQ(refused(Update, owned, none), "cannot set an ownerRef on a resource you can't");
  EXPECT_EQ(refused(Create, holding), "cannot set blockOwnerDeletion if an ownerRefer");
  EXPECT_EQ(refused(Create, strange), "cannot set blockOwnerDeletion in this case bec");
  trial.put("rbac.authorization.k8s.io", "clusterroles",
            "{'metadata':{'name':'own'},'rules':[{'apiGroups':['apps'],'resources':['replicasets/finalizers'],'verbs':['update']},{'apiGroups':[''],'resources':['pods'],'verbs':['delete']}]}");
  trial.put("rbac.authorization.k8s.io", "clusterrolebindings",
            "{'metadata':{'name':'own'},'roleRef':{'apiGroup':'rbac.authorization.k8s.io','kind':'ClusterRole','name':'own'},'subjects':[{'kind':'User','name':'jane'}]}");
  EXPECT_EQ(refused(Update, owned, none), "");
  EXPECT_EQ(refused(Create, holding), "");
}

TEST(Certificates, SignersAreAMatterOfRights) {
  Trial trial;
  auto approval = certificate_approval(trial.access());
  auto signing = certificate_signing(trial.access());
  trial.act_as({"jane", "", {}});
  constexpr std::string_view old = "{'metadata':{'name':'c'},'spec':{'signerName':'example.com/one','request':'AAAA','usages':['any']}}",
                             sealed = "{'metadata':{'name':'c'},'spec':{'signerName':'example.com/one','request':'AAAA','usages':['any']},'status':{'certificate':'AAAA'}}";
  auto judge = [&](AdmissionPlugin& plugin, std::string_view sub, std::string_view now) {
    auto text = trial.judge(plugin, Update, "certificates.k8s.io", concat("certificatesigningrequests/", sub), now, old);
    return text.find("forbidden") == std::string::npos ? std::string("good") : text;
  };
  EXPECT_EQ(judge(*approval, "approval", old), "certificatesigningrequests.certificates.k8s.io \"c\" is forbidden: user not permitted to approve requests with signerName \"example.com/one\"");
  EXPECT_EQ(judge(*signing, "status", sealed), "certificatesigningrequests.certificates.k8s.io \"c\" is forbidden: user not permitted to sign requests with signerName \"example.com/one\"");
  EXPECT_EQ(judge(*signing, "status", old), "good");
  trial.put("rbac.authorization.k8s.io", "clusterroles",
            "{'metadata':{'name':'signs'},'rules':[{'apiGroups':['certificates.k8s.io'],'resources':['signers'],'resourceNames':['example.com/*'],'verbs':['approve','sign']}]}");
  trial.put("rbac.authorization.k8s.io", "clusterrolebindings",
            "{'metadata':{'name':'signs'},'roleRef':{'apiGroup':'rbac.authorization.k8s.io','kind':'ClusterRole','name':'signs'},'subjects':[{'kind':'User','name':'jane'}]}");
  EXPECT_EQ(judge(*approval, "approval", old), "good");
  EXPECT_EQ(judge(*signing, "status", sealed), "good");
}

}  // namespace

}  // namespace sampan::apiserver
