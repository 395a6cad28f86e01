// What runs in or for a container right after its start and right before its end.
#pragma once
#include <condition_variable>
#include <mutex>
#include <set>

#include "kubelet/plan.h"
#include "kubelet/recorder.h"

namespace sampan::kubelet {

// Runs the handler to its end, or until `timeout_s` is over (0: no limit). The error is what the container's status shows.
Result<void> run_hook(Runtime& runtime, const core_v1::Pod& pod, const ContainerSpec& spec, const std::string& container_id, const std::string& pod_ip,
                      const core_v1::LifecycleHandler& handler, int64_t timeout_s);

// In what order containers of a pod end: regular ones at once, then the sidecars, the last first.
class TerminationOrder {
 public:
  TerminationOrder(const core_v1::Pod& pod, const std::vector<const Container*>& running);
  // Blocks until all that must end before it have ended, or the time is over; how long that took.
  int64_t wait_for_turn(std::string_view name, int64_t timeout_s);
  void ended(std::string_view name);

 private:
  const core_v1::Pod pod_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string, std::less<>> running_;
};

struct KillOrder {
  const core_v1::Pod& pod;
  std::string pod_ip;
  std::string message;                       // of the event; "" for the usual one
  KillReason reason = KillReason::Unknown;
  std::optional<int64_t> grace_override;
  TerminationOrder* order = nullptr;
};

// How long it may take to end; 0 and 1 are lengthened by kill_container.
int64_t grace_period(const core_v1::Pod& pod, const core_v1::Container& container, KillReason reason);
// The preStop hook, then the runtime's stop; blocks until the container is gone.
Result<void> kill_container(Runtime& runtime, Recorder& recorder, const KillOrder& order, const Container& container);

}  // namespace sampan::kubelet
