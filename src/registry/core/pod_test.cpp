// Pods as a kind: defaults, what writes bring, updates, columns. The rules of specs are in pod_spec_test.cpp.
#include "registry/core/pod.h"

#include "registry/testing.h"

namespace sampan::registry {

extern const Rules kPodRules;

namespace {

using namespace testing;

// A good pod whose spec has also these members ("'nodeName':'n1'").
std::string pod_json(std::string_view spec = {}, std::string_view metadata = {}, std::string_view status = {}) {
  return concat("{'metadata':{'name':'a','namespace':'n'", metadata.empty() ? "" : ",", metadata,
                "},'spec':{'containers':[{'name':'c','image':'nginx:1','imagePullPolicy':'Always'}]", spec.empty() ? "" : ",", spec, "}",
                status.empty() ? "" : ",'status':{", status, status.empty() ? "" : "}", "}");
}
ObjectRef pod(std::string_view spec = {}, std::string_view metadata = {}, std::string_view status = {}) {
  return make_defaulted(kPodRules, "v1", pod_json(spec, metadata, status));
}
ObjectRef pod_of(std::string_view json) { return make_defaulted(kPodRules, "v1", json); }

ObjectRef created(std::string_view json, Warnings* warnings = nullptr) {
  Arena arena;
  Value value = tree(arena, json);
  kPodRules.defaults(value, "v1");
  kPodRules.prepare_create(value, {.now_seconds = 1000, .warnings = warnings});
  return frozen(value, type_of("v1", "Pod"));
}

ObjectRef updated(const Object& object, const Object& old, std::string_view subresource) {
  Arena arena;
  Value value = schema::thaw(object, arena);
  kPodRules.prepare_update(value, old, subresource);
  return frozen(value, object.type());
}

std::string text(const schema::AnyView& view) {
  std::string out;
  if (!view.present()) return "absent";
  schema::write_json(out, view);
  for (char& c : out)
    if (c == '"') c = '\'';
  return out;
}

TEST(Pod, Defaults) {
  auto object = pod_of("{'metadata':{'name':'a'},'spec':{'hostNetwork':true,'serviceAccount':'sa','containers':[{'name':'c','image':'nginx',"
                       "'ports':[{'containerPort':80}],'resources':{'limits':{'cpu':'1'}},'livenessProbe':{'httpGet':{'port':80}},"
                       "'env':[{'name':'A','valueFrom':{'fieldRef':{'fieldPath':'metadata.name'}}}]}],"
                       "'volumes':[{'name':'a'},{'name':'b','secret':{'secretName':'s'}},{'name':'c','hostPath':{'path':'/'}}]}}");
  auto spec = (*object)["spec"], container = spec["containers"].item(0);
  EXPECT_EQ(text(container["imagePullPolicy"]), "'Always'");
  EXPECT_EQ(text(container["ports"]), "[{'hostPort':80,'containerPort':80,'protocol':'TCP'}]");
  EXPECT_EQ(text(container["resources"]), "{'limits':{'cpu':'1'},'requests':{'cpu':'1'}}");
  EXPECT_EQ(text(container["livenessProbe"]),
            "{'httpGet':{'path':'/','port':80,'scheme':'HTTP'},'timeoutSeconds':1,'periodSeconds':10,'successThreshold':1,'failureThreshold':3}");
  EXPECT_EQ(text(container["env"].item(0)["valueFrom"]["fieldRef"]), "{'apiVersion':'v1','fieldPath':'metadata.name'}");
  EXPECT_EQ(text(spec["volumes"]), "[{'name':'a','emptyDir':{}},{'name':'b','secret':{'secretName':'s','defaultMode':420}},"
                                   "{'name':'c','hostPath':{'path':'/','type':''}}]");
  EXPECT_EQ(text(spec["serviceAccountName"]), "'sa'");
  EXPECT_EQ(text(spec["enableServiceLinks"]), "true");
  EXPECT_EQ(text(spec["terminationGracePeriodSeconds"]), "30");
  EXPECT_EQ(text(spec["securityContext"]), "{}");
  EXPECT_EQ(text(spec["schedulerName"]), "'default-scheduler'");
}

TEST(Pod, DefaultsAreStable) {
  Arena arena;
  Value value = tree(arena, pod_json("'resources':{'limits':{'cpu':'2','memory':'1Gi'}}"));
  kPodRules.defaults(value, "v1");
  auto once = json_of(value);
  kPodRules.defaults(value, "v1");
  EXPECT_EQ(json_of(value), once);
}

TEST(Pod, DefaultsOfPodLevelResources) {
  auto object = pod_of("{'metadata':{'name':'a'},'spec':{'resources':{'limits':{'cpu':'2','memory':'1Gi'}},'containers':["
                       "{'name':'c','image':'i','resources':{'requests':{'cpu':'500m'},'limits':{'hugepages-2Mi':'4Mi'}}},"
                       "{'name':'d','image':'i','resources':{'requests':{'cpu':'250m'}}}]}}");
  EXPECT_EQ(text((*object)["spec"]["resources"]), "{'limits':{'cpu':'2','hugepages-2Mi':'4Mi','memory':'1Gi'},"
                                                  "'requests':{'cpu':'750m','hugepages-2Mi':'4Mi','memory':'1Gi'}}");
}

TEST(Pod, StatusOfANewPod) {
  struct {
    std::string_view resources, want;
  } cases[] = {
      {"{}", "BestEffort"},
      {"{'requests':{'cpu':'1'}}", "Burstable"},
      {"{'limits':{'cpu':'1','memory':'1Gi'}}", "Guaranteed"},
      {"{'limits':{'cpu':'1','memory':'1Gi'},'requests':{'cpu':'500m'}}", "Burstable"},
      {"{'limits':{'cpu':'0','memory':'0'}}", "BestEffort"},
  };
  for (auto& c : cases) {
    auto object = created(concat("{'metadata':{'name':'a'},'spec':{'containers':[{'name':'c','image':'i','resources':", c.resources, "}]},",
                                 "'status':{'phase':'Running'}}"));
    EXPECT_EQ(text((*object)["status"]), concat("{'phase':'Pending','qosClass':'", c.want, "'}")) << c.resources;
  }
  auto gated = created(pod_json("'schedulingGates':[{'name':'g'}]"));
  EXPECT_EQ(text((*gated)["status"]["conditions"].item(0)["reason"]), "'SchedulingGated'");
}

TEST(Pod, LabelKeysAreMergedOnCreate) {
  auto object = created(pod_json("'topologySpreadConstraints':[{'maxSkew':1,'topologyKey':'z','whenUnsatisfiable':'DoNotSchedule',"
                                 "'labelSelector':{},'matchLabelKeys':['app','none']}]",
                                 "'labels':{'app':'x'}"));
  EXPECT_EQ(text((*object)["spec"]["topologySpreadConstraints"].item(0)["labelSelector"]),
            "{'matchExpressions':[{'key':'app','operator':'In','values':['x']}]}");
}

TEST(Pod, AppArmorAnnotationsBecomeFields) {
  Warnings warnings;
  auto object = created(pod_json("", "'annotations':{'container.apparmor.security.beta.kubernetes.io/c':'localhost/p'}"), &warnings);
  EXPECT_EQ(text((*object)["spec"]["containers"].item(0)["securityContext"]),
            "{'appArmorProfile':{'type':'Localhost','localhostProfile':'p'}}");
  EXPECT_EQ(warnings, Warnings{"metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: deprecated since v1.30; use the "
                               "\"appArmorProfile\" field instead"});
}

TEST(Pod, DisabledFieldsAreDropped) {
  auto object = created("{'metadata':{'name':'a'},'spec':{'containers':[{'name':'c','image':'i','lifecycle':{'stopSignal':'SIGTERM'}}],"
                        "'schedulingGroup':{'podGroupName':'g'},'volumes':[{'name':'v','projected':{'sources':[{'clusterTrustBundle':{'path':'p'}}]}}]}}");
  EXPECT_EQ(text((*object)["spec"]["containers"].item(0)["lifecycle"]), "absent");
  EXPECT_EQ(text((*object)["spec"]["schedulingGroup"]), "absent");
  EXPECT_EQ(text((*object)["spec"]["volumes"].item(0)["projected"]["sources"]), "[{}]");
}

TEST(Pod, OnlyAtCreate) {
  EXPECT_EQ(errors_of(kPodRules, *pod("'ephemeralContainers':[{'name':'e','image':'i'}],'nodeName':'n','schedulingGates':[{'name':'g'}]")),
            (Errors{"spec.ephemeralContainers: Forbidden: cannot be set on create",
                    "spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared"}));
}

TEST(Pod, UpdatesThatAreAllowed) {
  struct {
    std::string_view old, now;
  } cases[] = {
      {"", "'activeDeadlineSeconds':10"},
      {"'activeDeadlineSeconds':10", "'activeDeadlineSeconds':5"},
      {"'tolerations':[{'key':'a','operator':'Exists'}]", "'tolerations':[{'key':'b','operator':'Exists'},{'key':'a','operator':'Exists'}]"},
      {"'schedulingGates':[{'name':'a'},{'name':'b'}]", "'schedulingGates':[{'name':'b'}]"},
      {"'schedulingGates':[{'name':'a'}]", "'schedulingGates':[{'name':'a'}],'nodeSelector':{'d':'ssd'}"},
      {"'schedulingGates':[{'name':'a'}]",
       "'affinity':{'nodeAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':{'nodeSelectorTerms':[{'matchExpressions':"
       "[{'key':'k','operator':'Exists'}]}]}}}"},
      {"'overhead':{'memory':'1073741824'}", "'overhead':{'memory':'1Gi'}"},
  };
  for (auto& c : cases) EXPECT_EQ(update_errors_of(kPodRules, *pod(c.now), *pod(c.old)), Errors{}) << c.now;
}

TEST(Pod, UpdatesThatAreNot) {
  struct {
    std::string_view old, now, want;
  } cases[] = {
      {"'activeDeadlineSeconds':5", "'activeDeadlineSeconds':10",
       "spec.activeDeadlineSeconds: Invalid value: 10: must be less than or equal to previous value"},
      {"'tolerations':[{'key':'a','operator':'Exists'}]", "",
       "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"},
      {"'schedulingGates':[{'name':'a'}]", "'schedulingGates':[{'name':'b'}]",
       "spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'b'"},
      {"'schedulingGates':[{'name':'a'}],'nodeSelector':{'d':'ssd'}", "'schedulingGates':[{'name':'a'}]",
       "spec.nodeSelector: Invalid value: null: only additions to spec.nodeSelector are allowed (no mutations or deletions)"},
  };
  for (auto& c : cases) EXPECT_EQ(update_errors_of(kPodRules, *pod(c.now), *pod(c.old)), Errors{std::string(c.want)}) << c.now;

  EXPECT_EQ(update_errors_of(kPodRules, *pod("'initContainers':[{'name':'i','image':'i'}]"), *pod()),
            Errors{"spec.initContainers: Forbidden: pod updates may not add or remove containers"});
  EXPECT_EQ(update_errors_of(kPodRules, *pod("'hostNetwork':true"), *pod()),
            Errors{"spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
                   "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
                   "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n"
                   "@@ -44,7 +44,7 @@\n  \"AutomountServiceAccountToken\": null,\n  \"NodeName\": \"\",\n  \"SecurityContext\": {\n"
                   "-  \"HostNetwork\": false,\n+  \"HostNetwork\": true,\n   \"HostPID\": false,\n   \"HostIPC\": false,\n"
                   "   \"ShareProcessNamespace\": null,\n"});
}

TEST(Pod, MirrorAnnotationStays) {
  auto mirror = pod("'nodeName':'n'", "'annotations':{'kubernetes.io/config.mirror':'x'}");
  EXPECT_EQ(update_errors_of(kPodRules, *pod("'nodeName':'n'"), *mirror),
            Errors{"metadata.annotations[kubernetes.io/config.mirror]: Forbidden: may not remove or update mirror pod annotation"});
}

TEST(Pod, EphemeralContainers) {
  auto old = pod("'ephemeralContainers':[{'name':'e','image':'i'}]");
  auto more = updated(*pod("'hostname':'other','ephemeralContainers':[{'name':'e','image':'i'},{'name':'f','image':'i'}]"), *old,
                      "ephemeralcontainers");
  EXPECT_EQ(text((*more)["spec"]["hostname"]), "absent");  // nothing else comes along
  EXPECT_EQ((*more)["spec"]["ephemeralContainers"].size(), 2u);
  EXPECT_EQ(subresource_errors_of(kPodRules, "ephemeralcontainers", *more, *old), Errors{});
  EXPECT_EQ(subresource_errors_of(kPodRules, "ephemeralcontainers", *pod(), *old),
            Errors{"spec.ephemeralContainers: Forbidden: existing ephemeral containers \"e\" may not be removed\n"});
  auto bad = pod("'ephemeralContainers':[{'name':'e','image':'i'},{'name':'c','image':'i','targetContainerName':'x','ports':[{'containerPort':1}]}]");
  EXPECT_EQ(subresource_errors_of(kPodRules, "ephemeralcontainers", *bad, *old),
            (Errors{"spec.ephemeralContainers[1].name: Duplicate value: \"c\"",
                    "spec.ephemeralContainers[1].ports: Forbidden: cannot be set for an Ephemeral Container",
                    "spec.ephemeralContainers[1].targetContainerName: Not found: \"x\""}));
}

std::string sized(std::string_view resources, std::string_view rest = {}) {
  return concat("{'metadata':{'name':'a','namespace':'n'},'spec':{'containers':[{'name':'c','image':'i','resources':", resources, "}]", rest, "}}");
}

TEST(Pod, Resize) {
  auto old = pod_of(sized("{'requests':{'cpu':'1','ephemeral-storage':'1Gi'}}"));
  auto resized = updated(*pod_of(sized("{'requests':{'cpu':'2','ephemeral-storage':'1Gi'}}", ",'hostname':'h'")), *old, "resize");
  EXPECT_EQ(text((*resized)["spec"]["hostname"]), "absent");
  EXPECT_EQ(subresource_errors_of(kPodRules, "resize", *resized, *old), Errors{});
  struct {
    std::string_view resources, want;
  } cases[] = {
      {"{'requests':{'ephemeral-storage':'1Gi'}}", "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed"},
      {"{'requests':{'cpu':'1','ephemeral-storage':'2Gi'}}", "spec: Forbidden: only cpu and memory resources are mutable"},
  };
  for (auto& c : cases) {
    auto errors = subresource_errors_of(kPodRules, "resize", *pod_of(sized(c.resources)), *old);
    EXPECT_NE(std::find(errors.begin(), errors.end(), c.want), errors.end()) << c.resources;
  }
  EXPECT_EQ(subresource_errors_of(kPodRules, "resize", *pod_of(sized("{}")), *pod_of(sized("{'requests':{'cpu':'0'}}"))),
            Errors{"spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed"});
}

TEST(Pod, StatusUpdates) {
  auto old = pod("'restartPolicy':'Never'", "", "'qosClass':'BestEffort','containerStatuses':[{'name':'c','state':{'terminated':{'exitCode':1}}}]");
  struct {
    std::string_view status, want;
  } cases[] = {
      {"'qosClass':'Burstable'", "status.qosClass: Invalid value: \"Burstable\": field is immutable"},
      {"'qosClass':'BestEffort','containerStatuses':[{'name':'c','state':{'running':{}}}]",
       "status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state"},
      {"'qosClass':'BestEffort','podIP':'1.2.3.4','podIPs':[{'ip':'1.2.3.4'},{'ip':'1.2.3.5'}]",
       "status.podIPs: Invalid value: [{\"IP\":\"1.2.3.4\"},{\"IP\":\"1.2.3.5\"}]: may specify no more than one IP for each IP family"},
      {"'qosClass':'BestEffort','conditions':[{'type':'a b','status':'True'}]",
       "status.conditions[0].Type: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and "
       "end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
       "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"},
  };
  for (auto& c : cases)
    EXPECT_EQ(subresource_errors_of(kPodRules, "status", *pod("'restartPolicy':'Never'", "", c.status), *old), Errors{std::string(c.want)})
        << c.status;
  // An old field and its list are kept in step, and an observed generation is not lost.
  auto now = updated(*pod("", "", "'podIP':'1.2.3.4'"), *pod("", "", "'observedGeneration':3,'qosClass':'BestEffort'"), "status");
  EXPECT_EQ(text((*now)["status"]), "{'observedGeneration':3,'podIP':'1.2.3.4','podIPs':[{'ip':'1.2.3.4'}],'qosClass':'BestEffort'}");
}

TEST(Pod, Columns) {
  struct {
    std::string_view name, spec, metadata, status, ready, reason, restarts;
  } cases[] = {
      {"new", "", "", "'phase':'Pending'", "0/1", "Pending", "0"},
      {"gated", "", "", "'phase':'Pending','conditions':[{'type':'PodScheduled','status':'False','reason':'SchedulingGated'}]", "0/1",
       "SchedulingGated", "0"},
      {"running", "", "", "'phase':'Running','containerStatuses':[{'name':'c','ready':true,'restartCount':0,'state':{'running':{}}}]", "1/1",
       "Running", "0"},
      {"waiting", "", "", "'phase':'Running','containerStatuses':[{'name':'c','restartCount':3,'state':{'waiting':{'reason':'CrashLoopBackOff'}},"
                          "'lastState':{'terminated':{'exitCode':1,'finishedAt':'1970-01-01T00:15:00Z'}}}]",
       "0/1", "CrashLoopBackOff", "3 (100s ago)"},
      {"signal", "", "", "'phase':'Failed','containerStatuses':[{'name':'c','state':{'terminated':{'exitCode':137,'signal':9}}}]", "0/1", "Signal:9",
       "0"},
      {"exit", "", "", "'phase':'Failed','containerStatuses':[{'name':'c','state':{'terminated':{'exitCode':2}}}]", "0/1", "ExitCode:2", "0"},
      {"init", "'initContainers':[{'name':'i','image':'i'},{'name':'j','image':'i'}]", "",
       "'phase':'Pending','initContainerStatuses':[{'name':'i','state':{'terminated':{'exitCode':0}}},{'name':'j','state':{'running':{}}}]", "0/1",
       "Init:1/2", "0"},
      {"init failed", "'initContainers':[{'name':'i','image':'i'}]", "",
       "'phase':'Pending','initContainerStatuses':[{'name':'i','restartCount':2,'state':{'terminated':{'exitCode':1,'reason':'Error'}}}]", "0/1",
       "Init:Error", "2"},
      {"sidecar", "'initContainers':[{'name':'s','image':'i','restartPolicy':'Always'}]", "",
       "'phase':'Running','initContainerStatuses':[{'name':'s','started':true,'ready':true,'restartCount':1,'state':{'running':{}}}],"
       "'containerStatuses':[{'name':'c','ready':true,'restartCount':2,'state':{'running':{}}}]",
       "2/2", "Running", "3"},
      {"terminating", "", "'deletionTimestamp':'2020-01-01T00:00:00Z'", "'phase':'Running'", "0/1", "Terminating", "0"},
      {"lost", "", "'deletionTimestamp':'2020-01-01T00:00:00Z'", "'phase':'Running','reason':'NodeLost'", "0/1", "Unknown", "0"},
      {"evicted", "", "", "'phase':'Failed','reason':'Evicted'", "0/1", "Evicted", "0"},
  };
  for (auto& c : cases) {
    auto cells = cells_of(kPodRules, *pod(c.spec, c.metadata, c.status), 1000);
    EXPECT_EQ(cells, (Cells{"a", std::string(c.ready), std::string(c.reason), std::string(c.restarts), "<unknown>", "<none>", "<none>", "<none>",
                            "<none>"}))
        << c.name;
  }
  auto wide = cells_of(kPodRules, *pod("'nodeName':'n1','readinessGates':[{'conditionType':'g'}]", "",
                                       "'podIPs':[{'ip':'10.0.0.1'}],'conditions':[{'type':'g','status':'True'}]"));
  EXPECT_EQ((Cells{wide[5], wide[6], wide[8]}), (Cells{"10.0.0.1", "n1", "1/1"}));
}

TEST(Pod, CompletedWithOneStillRunning) {
  auto object = pod_of("{'metadata':{'name':'a'},'spec':{'containers':[{'name':'c','image':'i'},{'name':'d','image':'i'}]},'status':{'phase':'Running',"
                       "'containerStatuses':[{'name':'c','state':{'terminated':{'exitCode':0,'reason':'Completed'}}},"
                       "{'name':'d','ready':true,'state':{'running':{}}}]}}");
  EXPECT_EQ(cells_of(kPodRules, *object)[2], "NotReady");
}

TEST(Pod, Binding) {
  Arena arena;
  auto binding = make("v1", "Binding", "{'metadata':{'name':'a','labels':{'zone':'z'}},'target':{'kind':'Node','name':'n1'}}");
  EXPECT_TRUE(check_binding(*binding, "a").has_value());
  EXPECT_FALSE(check_binding(*binding, "b").has_value());
  auto bad = check_binding(*make("v1", "Binding", "{'metadata':{'name':'a'},'target':{'kind':'Pod'}}"), "a");
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().message(),
            "[target.kind: Unsupported value: \"Pod\": supported values: \"Node\", \"<empty>\", target.name: Required value]");

  Value value = tree(arena, pod_json("", "", "'nominatedNodeName':'x'"));
  ASSERT_TRUE(bind_pod(value, *binding, 1000).has_value());
  EXPECT_EQ(value["spec"]["nodeName"].as_string(), "n1");
  EXPECT_EQ(value["metadata"]["labels"]["zone"].as_string(), "z");
  EXPECT_EQ(json_of(value["status"]), "{'conditions':[{'type':'PodScheduled','status':'True','lastProbeTime':null,"
                                      "'lastTransitionTime':'1970-01-01T00:16:40Z'}]}");
  auto again = bind_pod(value, *binding, 1000);
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().message(), "Operation cannot be fulfilled on pods/binding \"a\": pod a is already assigned to node \"n1\"");
  auto gated = bind_pod(tree(arena, pod_json("'schedulingGates':[{'name':'g'}]")), *binding, 1000);
  EXPECT_EQ(gated.error().message(), "Operation cannot be fulfilled on pods/binding \"a\": pod a has non-empty .spec.schedulingGates");
}

TEST(Pod, GracePeriods) {
  auto bound = pod("'nodeName':'n','terminationGracePeriodSeconds':20");
  EXPECT_EQ(kPodRules.grace_seconds(*bound, -1), 20);
  EXPECT_EQ(kPodRules.grace_seconds(*bound, 5), 5);
  EXPECT_EQ(kPodRules.grace_seconds(*pod(), -1), 0);  // not assigned to a node
  EXPECT_EQ(kPodRules.grace_seconds(*pod("'nodeName':'n'", "", "'phase':'Succeeded'"), -1), 0);
}

TEST(Pod, FieldLabels) {
  auto object = pod("'nodeName':'n1','hostNetwork':true", "", "'phase':'Running','podIP':'10.0.0.1'");
  std::map<std::string_view, std::string> values;
  for (auto& label : kPodRules.field_labels) values[label.label] = label.value(*object);
  EXPECT_EQ(values["spec.nodeName"], "n1");
  EXPECT_EQ(values["spec.host"], "n1");
  EXPECT_EQ(values["spec.hostNetwork"], "true");
  EXPECT_EQ(values["spec.restartPolicy"], "Always");
  EXPECT_EQ(values["status.phase"], "Running");
  EXPECT_EQ(values["status.podIP"], "10.0.0.1");
}

TEST(Pod, WarningsOnlyOnCreate) {
  auto object = pod("'imagePullSecrets':[{'name':'s'},{'name':'s'}]");
  EXPECT_EQ(warnings_of(kPodRules, *object), Warnings{"spec.imagePullSecrets[1].name: duplicate name \"s\""});
  EXPECT_EQ(warnings_of(kPodRules, *object, &*object), Warnings{});
}

}  // namespace
}  // namespace sampan::registry
