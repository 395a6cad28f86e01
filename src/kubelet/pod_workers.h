// The pods of the node, each with its life: wanted, running, ending, ended. A pod is worked on by one thread at a time, in plain blocking steps; each
// step looks at all there is and decides anew, so that nothing is lost when the agent is restarted in the middle.
#pragma once
#include <atomic>
#include <set>

#include "kubelet/parts.h"
#include "kubelet/report.h"

namespace sampan::kubelet {

// Why a pod must end although nobody deleted it.
struct Eviction {
  std::string reason, message;        // of its status
  std::optional<int64_t> grace_seconds;
  bool is_disruption = false;         // told by a DisruptionTarget condition as well
};

enum class PodLife : uint8_t { New, Active, Terminating, Terminated };

struct KnownPod {
  schema::ObjectRef pod;  // with the status last made
  PodLife life = PodLife::New;
  std::shared_ptr<const PodRuntime> runtime;
};

class PodWorkers {
 public:
  explicit PodWorkers(Parts parts);
  ~PodWorkers();  // waits for the steps that run

  void update(const schema::ObjectRef& pod);  // new, or changed
  void remove(const std::string& uid);        // it is no longer wanted: whatever is left of it goes
  void poke(const std::string& uid);          // look at it
  void poke_all();
  // A config map or a secret has changed: pods that mount it get its content.
  void on_change(std::string_view resource, std::string_view namespace_, std::string_view name);
  void on_event(const RuntimeEvent& event);
  // What pods mount is brought up to date where nobody tells of changes.
  void refresh_all();
  void evict(const std::string& uid, Eviction eviction);
  void stop();  // no new steps; containers stay

  std::vector<KnownPod> pods() const;
  std::optional<KnownPod> find(const std::string& uid) const;
  bool knows(const std::string& uid) const;
  // Whose containers those are that no pod is known for: they are ended and removed. `uids` of all in the runtime.
  void adopt_orphans();
  // Calls back once the container has stopped.
  uint64_t when_stopped(const std::string& container_id, std::function<void()> changed);
  void forget(uint64_t number);

 private:
  struct Worker;
  using WorkerRef = std::shared_ptr<Worker>;
  class Step;
  void queue(const WorkerRef& worker);
  void run(const WorkerRef& worker);
  void wake_at(const WorkerRef& worker, int64_t at_us);
  WorkerRef get(const std::string& uid) const;
  void know_container(const std::string& id, const std::string& uid);
  void tell_stopped(const PodRuntime& runtime);
  void end_orphan(const std::string& uid);
  void poke_who_waits_for_room();

  Parts parts_;
  mutable std::mutex mutex_;
  std::map<std::string, WorkerRef> workers_;           // by uid
  std::map<std::string, std::string> pod_of_;          // by container's or sandbox's id
  std::set<std::string> orphans_;                      // being ended
  std::map<uint64_t, std::pair<std::string, std::function<void()>>> waiting_;
  uint64_t next_waiting_ = 1;
  std::atomic<bool> stopped_{false};
  unsigned steps_ = 0;
  std::condition_variable no_steps_;
};

}  // namespace sampan::kubelet
