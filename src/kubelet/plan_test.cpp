// What is done next for a pod in each state it may be found in.
#include "kubelet/plan.h"

#include "kubelet/testing.h"

namespace sampan::kubelet {
namespace {

std::string text_of(const Plan& plan) {
  std::string out;
  if (plan.kill_pod) append(out, " kill-pod");
  if (plan.create_sandbox) append(out, " sandbox@", plan.attempt);
  for (auto& kill : plan.kills) append(out, " kill ", kill.id, " (", kill.message, ")");
  for (auto i : plan.start_ephemeral) append(out, " ephemeral", i);
  for (auto i : plan.start_init) append(out, " init", i);
  for (auto i : plan.start_regular) append(out, " main", i);
  return out.empty() ? out : out.substr(1);
}

constexpr std::string_view kTwo = "{restartPolicy: Always, containers: [{name: a, image: i}, {name: b, image: i}]}";
constexpr std::string_view kOnFailure = "{restartPolicy: OnFailure, containers: [{name: a, image: i}]}";
constexpr std::string_view kNever = "{restartPolicy: Never, containers: [{name: a, image: i}]}";
constexpr std::string_view kInit =
    "{restartPolicy: Always, initContainers: [{name: i0, image: i}, {name: i1, image: i}], containers: [{name: a, image: i}]}";
constexpr std::string_view kInitNever = "{restartPolicy: Never, initContainers: [{name: i0, image: i}], containers: [{name: a, image: i}]}";
constexpr std::string_view kSidecar =
    "{restartPolicy: Never, initContainers: [{name: s, image: i, restartPolicy: Always, startupProbe: {}}, {name: i1, image: i}], containers: [{name: a, image: i}]}";
constexpr std::string_view kProbed =
    "{restartPolicy: Always, containers: [{name: a, image: i, livenessProbe: {}, startupProbe: {}}, {name: b, image: i}]}";
constexpr std::string_view kProbedNever = "{restartPolicy: Never, containers: [{name: a, image: i, livenessProbe: {}}]}";
constexpr std::string_view kDebugged = "{restartPolicy: Always, containers: [{name: a, image: i}], ephemeralContainers: [{name: e, image: i}]}";
constexpr std::string_view kRules =
    "{restartPolicy: Never, containers: [{name: a, image: i, restartPolicy: Never, restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [42]}}]}]}";

TEST(Plan, table) {
  struct Case {
    std::string_view spec, runtime, probes, expected;
  } cases[] = {
      {kTwo, "", "", "kill-pod sandbox@0 main0 main1"},
      {kTwo, "sandbox:ready", "", "main0 main1"},
      {kTwo, "sandbox:ready a:running", "", "main1"},
      {kTwo, "sandbox:ready a:running b:running", "", ""},
      {kTwo, "sandbox:ready a:running b:exited=0", "", "main1"},
      {kTwo, "sandbox:ready a:running b:created", "", "main1"},
      {kTwo, "sandbox:ready a:running b:unknown", "", "kill b.0 (Container is in \"unknown\" state, try killing it before restart) main1"},
      {kTwo, "sandbox:ready a:running-changed b:running", "", "kill a.0 (Container a definition changed, will be restarted) main0"},
      {kTwo, "sandbox:notready@3 a:exited=137", "", "kill-pod sandbox@4 main0 main1"},
      {kTwo, "sandbox:ready@1 sandbox:ready@0", "", "kill-pod sandbox@2 main0 main1"},
      {kTwo, "sandbox:ready-noip@0", "", "kill-pod sandbox@1 main0 main1"},
      {kTwo, "sandbox:ready-hostnet@0", "", "kill-pod sandbox@1 main0 main1"},
      {kOnFailure, "sandbox:ready a:exited=0", "", "kill-pod"},
      {kOnFailure, "sandbox:ready a:exited=1", "", "main0"},
      {kOnFailure, "sandbox:notready a:exited=0", "", "kill-pod"},
      {kOnFailure, "sandbox:notready a:exited=1", "", "kill-pod sandbox@1 main0"},
      {kNever, "sandbox:ready a:exited=1", "", "kill-pod"},
      {kNever, "sandbox:notready a:exited=1", "", "kill-pod"},
      {kNever, "sandbox:notready", "", "kill-pod sandbox@1 main0"},
      {kRules, "sandbox:ready a:exited=42", "", "main0"},
      {kRules, "sandbox:ready a:exited=1", "", "kill-pod"},
      {kInit, "", "", "kill-pod sandbox@0 init0"},
      {kInit, "sandbox:ready", "", "init0"},
      {kInit, "sandbox:ready i0:running", "", ""},
      {kInit, "sandbox:ready i0:exited=0", "", "init1"},
      {kInit, "sandbox:ready i0:exited=2", "", "init0"},
      {kInit, "sandbox:ready i1:running i0:exited=0", "", ""},
      {kInit, "sandbox:ready i1:exited=0", "", "main0"},
      {kInit, "sandbox:ready i1:exited=0 a:running", "", ""},
      {kInit, "sandbox:ready a:running", "", ""},
      {kInitNever, "sandbox:ready i0:exited=1", "", "kill-pod"},
      {kInitNever, "sandbox:ready i0:exited=0", "", "main0"},
      {kSidecar, "sandbox:ready s:running", "", ""},
      {kSidecar, "sandbox:ready s:running", "startup:s.0=ok", "init1"},
      {kSidecar, "sandbox:ready s:running", "startup:s.0=fail", "kill s.0 (Init container s failed startup probe) init0"},
      {kSidecar, "sandbox:ready i1:exited=0 s:running", "startup:s.0=ok", "main0"},
      {kSidecar, "sandbox:ready a:running i1:exited=0 s:exited=1", "startup:s.0=ok", "init0"},
      {kSidecar, "sandbox:ready a:exited=0 i1:exited=0 s:running", "startup:s.0=ok", "kill-pod"},
      {kProbed, "sandbox:ready a:running b:running", "liveness:a.0=ok", ""},
      {kProbed, "sandbox:ready a:running b:running", "liveness:a.0=fail", "kill a.0 (Container a failed liveness probe, will be restarted) main0"},
      {kProbed, "sandbox:ready a:running b:running", "startup:a.0=fail", "kill a.0 (Container a failed startup probe, will be restarted) main0"},
      {kProbedNever, "sandbox:ready a:running", "liveness:a.0=fail", "kill-pod kill a.0 (Container a failed liveness probe)"},
      {kDebugged, "sandbox:ready a:running", "", "ephemeral0"},
      {kDebugged, "sandbox:ready e:exited=1 a:running", "", ""},
  };
  for (auto& c : cases) {
    auto object = pod_with(c.spec);
    auto pod = object->as<core_v1::Pod>();
    EXPECT_EQ(text_of(plan_for(pod, runtime_with(c.runtime, pod), ProbesForTest(c.probes))), c.expected)
        << c.spec << "\n  " << c.runtime << " " << c.probes;
  }
}

// The views of both are one, which containers_of() relies on.
TEST(Containers, an_ephemeral_one_is_read_as_a_container) {
  auto& container = core_v1::Container::schema_type();
  auto& ephemeral = core_v1::EphemeralContainer::schema_type();
  for (size_t i = 0; i < container.fields.size(); i++) EXPECT_EQ(container.fields[i].name, ephemeral.fields[i].name);
  auto object = pod_with("{containers: [{name: a}], ephemeralContainers: [{name: e, image: i, targetContainerName: a, tty: true}]}");
  auto spec = find_container(object->as<core_v1::Pod>(), "e");
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->target, "a");
  EXPECT_TRUE(spec->container.tty());
  EXPECT_EQ(field_path_of(*spec), "spec.ephemeralContainers{e}");
}

}  // namespace
}  // namespace sampan::kubelet
