// What to do next for a pod: decided from its spec, from what the runtime knows and from what the probes found; no call is made. The decision
// is made anew each time something changes, so it needs no memory of what was decided before.
#pragma once
#include "kubelet/containers.h"

namespace sampan::kubelet {

enum class ProbeKind : uint8_t { Startup, Liveness, Readiness };
enum class ProbeResult : uint8_t { Unknown, Success, Failure };

// What the probes of a running container have found so far. Unknown: nothing yet, or there is no such probe.
class ProbeResults {
 public:
  virtual ~ProbeResults() = default;
  virtual ProbeResult result(ProbeKind kind, const std::string& container_id) const = 0;
};

enum class KillReason : uint8_t { Unknown, LivenessProbe, StartupProbe, FailedPostStartHook };

struct Kill {
  std::string id, name;
  std::string message;  // of the event
  KillReason reason = KillReason::Unknown;
};

struct Plan {
  bool kill_pod = false;        // stop all containers and the sandbox
  bool create_sandbox = false;
  std::string sandbox_id;       // of the one that is used, or was
  uint32_t attempt = 0;         // of the sandbox
  std::vector<Kill> kills;
  std::vector<unsigned> start_ephemeral, start_init, start_regular;  // indexes, in order
};

struct SandboxNeed {
  bool is_new = false;
  uint32_t attempt = 0;
  std::string id;  // of the one there is; "" if there is none that could be taken for it
};
SandboxNeed sandbox_need(const core_v1::Pod& pod, const PodRuntime& runtime);

Plan plan_for(const core_v1::Pod& pod, const PodRuntime& runtime, const ProbeResults& probes);

}  // namespace sampan::kubelet
