// The probes of all containers on the node: each is a timer of its own, which runs one check and says when what is known of the container has changed.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "base/environment.h"
#include "kubelet/plan.h"
#include "kubelet/recorder.h"
#include "kubelet/workers.h"
#include "schema/object.h"

namespace sampan::kubelet {

// What a check of a container says.
struct Finding {
  enum Kind : uint8_t { Success, Warning, Failure, Error } kind = Success;
  std::string text;
};
Finding check_once(Runtime& runtime, const core_v1::Probe& probe, const core_v1::Container& container, const std::string& container_id,
                   const std::string& pod_ip);
// A port by its number, or by the name it has in the container's spec.
Result<int> port_of(const schema::IntOrString& port, const core_v1::Container& container);

class Probes : public ProbeResults {
 public:
  // `changed` is called with the pod's uid.
  Probes(Runtime& runtime, Recorder& recorder, Workers& workers, Executor& timers, Clock& clock, std::function<void(const std::string& uid)> changed);
  ~Probes();

  // What runs now: probes of containers that are new begin, those of containers that are gone end. Of a pod that is ending only readiness is still asked.
  // `last` is what was told of the pod before: what had started is not asked again whether it has.
  void update(const schema::ObjectRef& pod, const PodRuntime& runtime, const core_v1::PodStatus& last, bool is_ending);
  void forget(const std::string& uid);
  ProbeResult result(ProbeKind kind, const std::string& container_id) const override;

 private:
  struct Watch;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace sampan::kubelet
