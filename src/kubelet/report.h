// What is told about one container: where it is in its life, from what the runtime knows, what failed when it was to be started, and what was told before.
#pragma once
#include <map>

#include "kubelet/plan.h"

namespace sampan::kubelet {

struct ReportedState {
  enum Kind : uint8_t { None, Waiting, Running, Terminated } kind = None;
  std::string reason, message;
  int64_t started_at = 0, finished_at = 0;  // seconds; 0: not known
  int32_t exit_code = 0;
  std::string container_id;  // with the runtime's name: containerd://...
};

struct ContainerReport {
  ContainerSpec spec;
  const Container* known = nullptr;  // the newest in the runtime
  ReportedState state, last;
  std::string image, image_id, container_id;
  uint32_t restarts = 0;
  bool ready = false, started = false;
};

// Why a container could not be started: the reason is one word ("ErrImagePull"), as it is shown in the status.
struct StartFailure {
  std::string reason, message;
};
using StartFailures = std::map<std::string, StartFailure, std::less<>>;

struct ReportInput {
  const core_v1::Pod& pod;
  core_v1::PodStatus last;  // what was told last
  const PodRuntime& runtime;
  const ProbeResults& probes;
  const StartFailures& failures;
  std::string_view runtime_name;   // "containerd"
  int64_t agent_started_at = 0;    // seconds: what was ready before stays so until its probe says otherwise
};

// Init containers in the order of the spec, then regular, then ephemeral ones by name, as they are listed.
std::vector<ContainerReport> report_containers(const ReportInput& input);

// Pending, Running, Succeeded or Failed. `is_final`: no container will be started any more.
std::string_view phase_of(const core_v1::Pod& pod, const std::vector<ContainerReport>& reports, bool is_final);

}  // namespace sampan::kubelet
