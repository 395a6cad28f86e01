#include "apiserver/admission/testing.h"

namespace sampan::apiserver {

using testing::Trial;

namespace {

struct Case {
  std::string_view name, limits, resource, in, out;
};

constexpr Case kCases[] = {
    {"defaults", "[{'type':'Container','default':{'cpu':'1'},'defaultRequest':{'memory':'1Mi','cpu':'500m'}}]", "pods",
     "{'spec':{'containers':[{'name':'a'},{'name':'b','resources':{'requests':{'cpu':'1','memory':'2Mi'},'limits':{'cpu':'1'}}}],'initContainers':"
     "[{'name':'i','resources':{'limits':{'cpu':'2'}}}]}}",
     "{'spec':{'containers':[{'name':'a','resources':{'limits':{'cpu':'1'},'requests':{'cpu':'500m','memory':'1Mi'}}},{'name':'b','resources':"
     "{'requests':{'cpu':'1','memory':'2Mi'},'limits':{'cpu':'1'}}}],'initContainers':[{'name':'i','resources':{'limits':{'cpu':'2'},'requests':"
     "{'cpu':'500m','memory':'1Mi'}}}]},'metadata':{'annotations':{'kubernetes.io/limit-ranger':'LimitRanger plugin set: cpu, memory request for "
     "container a; cpu limit for container a; cpu, memory request for init container i'}}}"},
    {"below", "[{'type':'Container','min':{'cpu':'100m'}}]", "pods",
     "{'metadata':{'name':'p'},'spec':{'containers':[{'name':'a','resources':{'requests':{'cpu':'50m'}}}]}}",
     "pods \"p\" is forbidden: minimum cpu usage per Container is 100m, but request is 50m"},
    {"above", "[{'type':'Container','max':{'cpu':'1'}}]", "pods",
     "{'metadata':{'name':'p'},'spec':{'containers':[{'name':'a','resources':{'requests':{'cpu':'1'},'limits':{'cpu':'2'}}}]}}",
     "pods \"p\" is forbidden: maximum cpu usage per Container is 1, but limit is 2"},
    {"nothing said", "[{'type':'Pod','max':{'cpu':'1'},'min':{'memory':'1Mi'}}]", "pods",
     "{'metadata':{'name':'p'},'spec':{'containers':[{'name':'a'}]}}",
     "pods \"p\" is forbidden: [minimum memory usage per Pod is 1Mi.  No request is specified, maximum cpu usage per Pod is 1.  No limit is specified]"},
    {"ratio", "[{'type':'Pod','maxLimitRequestRatio':{'cpu':'1500m'}}]", "pods",
     "{'metadata':{'name':'p'},'spec':{'containers':[{'name':'a','resources':{'requests':{'cpu':'1'},'limits':{'cpu':'2'}}}]}}",
     "pods \"p\" is forbidden: cpu max limit to request ratio per Pod is 1500m, but provided ratio is 2.000000"},
    {"init containers and sidecars", "[{'type':'Pod','max':{'cpu':'4'}}]", "pods",
     "{'metadata':{'name':'p'},'spec':{'containers':[{'name':'a','resources':{'limits':{'cpu':'1'}}}],'initContainers':[{'name':'s','restartPolicy':"
     "'Always','resources':{'limits':{'cpu':'1'}}},{'name':'i','resources':{'limits':{'cpu':'4'}}}]}}",
     "pods \"p\" is forbidden: maximum cpu usage per Pod is 4, but limit is 5"},
    {"pod level", "[{'type':'Pod','max':{'cpu':'4'}}]", "pods",
     "{'metadata':{'name':'p'},'spec':{'resources':{'limits':{'cpu':'6'}},'containers':[{'name':'a','resources':{'limits':{'cpu':'1'}}}]}}",
     "pods \"p\" is forbidden: maximum cpu usage per Pod is 4, but limit is 6"},
    {"claim", "[{'type':'PersistentVolumeClaim','min':{'storage':'1Gi'},'max':{'storage':'2Gi'}}]", "persistentvolumeclaims",
     "{'metadata':{'name':'c'},'spec':{'resources':{'requests':{'storage':'3Gi'}}}}",
     "persistentvolumeclaims \"c\" is forbidden: maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi"},
    {"small claim", "[{'type':'PersistentVolumeClaim','min':{'storage':'1Gi'}}]", "persistentvolumeclaims",
     "{'metadata':{'name':'c'},'spec':{'resources':{'requests':{'storage':'1Mi'}}}}",
     "persistentvolumeclaims \"c\" is forbidden: minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 1Mi"},
};

TEST(LimitRangerPlugin, Table) {
  for (const Case& it : kCases) {
    Trial trial;
    trial.put("", "limitranges", concat("{'metadata':{'name':'r','namespace':'shop'},'spec':{'limits':", it.limits, "}}"));
    auto plugin = limit_ranger(trial.catalog());
    EXPECT_EQ(trial.judge(*plugin, Operation::Create, "", it.resource, it.in), it.out) << it.name;
  }
}

TEST(LimitRangerPlugin, LooksAtResizesButNotAtUpdates) {
  Trial trial;
  trial.put("", "limitranges", "{'metadata':{'name':'r','namespace':'shop'},'spec':{'limits':[{'type':'Container','max':{'cpu':'1'}}]}}");
  auto plugin = limit_ranger(trial.catalog());
  constexpr std::string_view pod = "{'metadata':{'name':'p'},'spec':{'containers':[{'name':'a','resources':{'requests':{'cpu':'2'},'limits':{'cpu':'2'}}}]}}";
  EXPECT_EQ(trial.judge(*plugin, Operation::Update, "", "pods", pod, pod), pod);
  EXPECT_EQ(trial.judge(*plugin, Operation::Update, "", "pods/resize", pod, pod),
            "pods \"p\" is forbidden: maximum cpu usage per Container is 1, but limit is 2");
}

}  // namespace

}  // namespace sampan::apiserver
