// What is told of a pod in each state it may be found in.
#include "kubelet/status.h"

#include "kubelet/testing.h"
#include "schema/json.h"

namespace sampan::kubelet {
namespace {

struct Told {
  schema::ObjectRef pod;
  Arena arena;
  PodStatus status;
};

std::unique_ptr<Told> tell(std::string_view spec, std::string_view words, std::string_view probes = "", bool is_final = false, bool may_run = false,
                           const StartFailures& failures = {}, std::string_view old = "") {
  auto told = std::make_unique<Told>();
  told->pod = pod_with(spec, old.empty() ? "" : concat(", status: ", old));
  auto pod = told->pod->as<core_v1::Pod>();
  auto runtime = runtime_with(words, pod);
  ProbesForTest results(probes);
  ReportInput report{pod, pod.status(), runtime, results, failures, "containerd", 1'800'000'000};
  StatusInput input{report, is_final, may_run};
  input.host_ips = {"192.168.0.1"};
  input.now = 1'700'000'100;
  told->status = make_status(input, told->arena);
  return told;
}

// "Running Ready=False(ContainersNotReady)", the containers as "name:state/reason+restarts!ready".
std::string summary(const Told& told) {
  auto tree = told.status.tree;
  std::string out(tree["phase"].as_string());
  if (out != told.status.phase) append(out, "->", told.status.phase);
  for (auto list : {"initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"})
    for (auto container : tree[list].items()) {
      append(out, " ", container["name"].as_string(), ":");
      auto state = container["state"].members();
      append(out, state.empty() ? "none" : state[0].name);
      if (!state.empty() && !state[0].value["reason"].as_string().empty()) append(out, "/", state[0].value["reason"].as_string());
      if (container["restartCount"].as_int()) append(out, "+", container["restartCount"].as_int());
      if (!container["lastState"].members().empty()) append(out, "<", container["lastState"].members()[0].value["reason"].as_string());
      if (container["ready"].as_bool()) out += "!";
    }
  for (auto condition : tree["conditions"].items())
    if (condition["status"].as_string() != "True" && condition["type"].as_string() != "ContainersReady")
      append(out, " ", condition["type"].as_string(), "=", condition["reason"].as_string());
  return out;
}

constexpr std::string_view kOne = "{restartPolicy: Always, containers: [{name: a, image: i}]}";
constexpr std::string_view kJob = "{restartPolicy: OnFailure, containers: [{name: a, image: i}]}";
constexpr std::string_view kNever = "{restartPolicy: Never, containers: [{name: a, image: i}]}";
constexpr std::string_view kProbed = "{restartPolicy: Always, containers: [{name: a, image: i, readinessProbe: {}, startupProbe: {}}]}";
constexpr std::string_view kInit = "{restartPolicy: Never, initContainers: [{name: i, image: i}], containers: [{name: a, image: i}]}";
constexpr std::string_view kSidecar = "{restartPolicy: Never, initContainers: [{name: s, image: i, restartPolicy: Always}], containers: [{name: a, image: i}]}";

TEST(Status, table) {
  struct Case {
    std::string_view spec, runtime, probes, expected;
    bool is_final = false, may_run = false;
  } cases[] = {
      {kOne, "", "", "Pending a:waiting/ContainerCreating PodReadyToStartContainers= Ready=ContainersNotReady"},
      {kOne, "sandbox:ready", "", "Pending a:waiting/ContainerCreating Ready=ContainersNotReady"},
      {kOne, "sandbox:ready a:running", "", "Running a:running!"},
      {kOne, "sandbox:ready a:running#2 a:exited=1#1", "", "Running a:running+2<Error!"},
      {kOne, "sandbox:ready a:exited=1", "", "Running a:terminated/Error Ready=ContainersNotReady"},
      {kOne, "sandbox:ready a:exited=1", "", "Failed a:terminated/Error Ready=PodFailed", true},
      {kJob, "sandbox:ready a:exited=0", "", "Succeeded a:terminated/Completed Ready=PodCompleted"},
      {kJob, "sandbox:ready a:exited=1", "", "Running a:terminated/Error Ready=ContainersNotReady"},
      {kNever, "sandbox:ready a:exited=1", "", "Failed a:terminated/Error Ready=PodFailed"},
      {kNever, "sandbox:ready a:exited=1", "", "Pending->Failed a:terminated/Error Ready=ContainersNotReady", false, true},
      {kProbed, "sandbox:ready a:running", "", "Running a:running Ready=ContainersNotReady"},
      {kProbed, "sandbox:ready a:running", "startup:a.0=ok", "Running a:running Ready=ContainersNotReady"},
      {kProbed, "sandbox:ready a:running", "startup:a.0=ok readiness:a.0=ok", "Running a:running!"},
      {kProbed, "sandbox:ready a:running", "startup:a.0=ok readiness:a.0=fail", "Running a:running Ready=ContainersNotReady"},
      {kInit, "sandbox:ready i:running", "", "Pending i:running a:waiting/PodInitializing Initialized=ContainersNotInitialized Ready=ContainersNotReady"},
      {kInit, "sandbox:ready i:exited=0", "", "Pending i:terminated/Completed! a:waiting/PodInitializing Ready=ContainersNotReady"},
      {kInit, "sandbox:ready i:exited=1", "", "Failed i:terminated/Error a:waiting/PodInitializing Initialized=ContainersNotInitialized Ready=PodFailed"},
      {kInit, "sandbox:ready a:running", "", "Running i:terminated/Completed! a:running!"},
      {kSidecar, "sandbox:ready s:running", "", "Pending s:running! a:waiting/PodInitializing Ready=ContainersNotReady"},
      {kSidecar, "sandbox:ready a:running s:running", "", "Running s:running! a:running!"},
      {kSidecar, "sandbox:ready a:exited=0 s:exited=137", "", "Succeeded s:terminated/Error a:terminated/Completed Ready=PodCompleted"},
  };
  for (auto& c : cases) EXPECT_EQ(summary(*tell(c.spec, c.runtime, c.probes, c.is_final, c.may_run)), c.expected) << c.spec << "\n  " << c.runtime;
}

TEST(Status, what_could_not_be_started) {
  StartFailures failures = {{"a", {"CrashLoopBackOff", "back-off 10s restarting failed container=a pod=p_default(u)"}}};
  EXPECT_EQ(summary(*tell(kOne, "sandbox:ready a:exited=1#3", "", false, false, failures)),
            "Running a:waiting/CrashLoopBackOff+3<Error Ready=ContainersNotReady");
  failures = {{"a", {"ErrImagePull", "no"}}};
  EXPECT_EQ(summary(*tell(kOne, "sandbox:ready", "", false, false, failures)), "Pending a:waiting/ErrImagePull Ready=ContainersNotReady");
}

TEST(Status, what_was_told_before) {
  // The runtime has lost the container of a pod that ran.
  constexpr std::string_view running =
      "{phase: Running, podIP: 1.2.3.4, podIPs: [{ip: 1.2.3.4}], startTime: '2023-11-14T00:00:00Z', containerStatuses: [{name: a, restartCount: 1, state: {running: {}}}]}";
  EXPECT_EQ(summary(*tell(kOne, "sandbox:ready", "", false, false, {}, running)),
            "Running a:waiting/ContainerCreating+2<ContainerStatusUnknown Ready=ContainersNotReady");
  // A phase that is final stays.
  EXPECT_EQ(summary(*tell(kOne, "sandbox:ready a:running", "", false, false, {}, "{phase: Failed, reason: Evicted}")), "Failed a:running! Ready=PodFailed");
  // A pod that has no sandbox keeps its address, whether it ended or not.
  EXPECT_EQ(tell(kNever, "sandbox:notready a:exited=0", "", false, false, {}, running)->status.tree["podIP"].as_string(), "1.2.3.4");
  EXPECT_EQ(tell(kOne, "sandbox:ready a:exited=0", "", false, false, {}, running)->status.tree["podIP"].as_string(), "10.0.0.5");
  auto told = tell(kNever, "sandbox:notready a:exited=0", "", true, false, {}, running);
  EXPECT_EQ(told->status.tree["podIP"].as_string(), "1.2.3.4");
  EXPECT_EQ(told->status.tree["startTime"].as_string(), "2023-11-14T00:00:00Z");
}

TEST(Status, conditions) {
  constexpr std::string_view gated = "{readinessGates: [{conditionType: x/y}, {conditionType: z}], containers: [{name: a, image: i}]}";
  auto told = tell(gated, "sandbox:ready a:running", "", false, false, {},
                   "{conditions: [{type: z, status: 'False'}, {type: PodScheduled, status: 'True', lastTransitionTime: '2001-01-01T00:00:00Z'}]}");
  std::string text;
  schema::write_json(text, told->status.tree["conditions"]);
  EXPECT_NE(text.find("corresponding condition of pod readiness gate \\\"x/y\\\" does not exist., the status of pod readiness gate \\\"z\\\" is not \\\"True\\\", but False"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("\"type\":\"z\""), std::string::npos);
  EXPECT_NE(text.find("2001-01-01T00:00:00Z"), std::string::npos) << text;
}

// What is told is a status that conforms.
TEST(Status, whole) {
  auto told = tell("{containers: [{name: a, image: i, resources: {requests: {cpu: 1}}, volumeMounts: [{name: v, mountPath: /v, readOnly: true}]}]}",
                   "sandbox:ready a:running#1 a:exited=2#0");
  std::string text;
  schema::write_json(text, told->status.tree);
  EXPECT_EQ(text,
            R"({"observedGeneration":1,"phase":"Running","startTime":"2023-11-14T22:15:00Z","qosClass":"Burstable","hostIP":"192.168.0.1","hostIPs":[{"ip":"192.168.0.1"}],)"
            R"("podIP":"10.0.0.5","podIPs":[{"ip":"10.0.0.5"}],"containerStatuses":[{"name":"a","state":{"running":{"startedAt":"2023-11-14T22:13:18Z"}},)"
            R"("lastState":{"terminated":{"exitCode":2,"reason":"Error","startedAt":"2023-11-14T22:13:17Z","finishedAt":"2023-11-14T22:13:17Z","containerID":"containerd://a.0"}},)"
            R"("ready":true,"restartCount":1,"image":"registry/image:1","imageID":"registry/image@sha256:1","containerID":"containerd://a.1","started":true,)"
            R"("allocatedResources":{"cpu":"1"},"resources":{"requests":{"cpu":"1"}},"volumeMounts":[{"name":"v","mountPath":"/v","readOnly":true,"recursiveReadOnly":"Disabled"}]}],)"
            R"("conditions":[{"type":"PodReadyToStartContainers","observedGeneration":1,"status":"True","lastTransitionTime":"2023-11-14T22:15:00Z"},)"
            R"({"type":"Initialized","observedGeneration":1,"status":"True","lastTransitionTime":"2023-11-14T22:15:00Z"},)"
            R"({"type":"Ready","observedGeneration":1,"status":"True","lastTransitionTime":"2023-11-14T22:15:00Z"},)"
            R"({"type":"ContainersReady","observedGeneration":1,"status":"True","lastTransitionTime":"2023-11-14T22:15:00Z"},)"
            R"({"type":"PodScheduled","observedGeneration":1,"status":"True","lastTransitionTime":"2023-11-14T22:15:00Z"}]})");
  schema::Conformance found;
  ASSERT_TRUE(schema::conform(told->status.tree, core_v1::PodStatus::schema_type(), found));
  EXPECT_TRUE(found.unknown_fields.empty());
}

}  // namespace
}  // namespace sampan::kubelet
