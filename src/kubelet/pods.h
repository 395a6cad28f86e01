// What the agent knows of the pods on its node: what the node's HTTP endpoints answer from (/pods, /containerLogs, /exec, /attach,
// /portForward, /stats/summary, /metrics/resource). Any thread may ask; nothing here waits for the API server.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "kubelet/runtime.h"
#include "schema/object.h"

namespace sampan::kubelet {

struct ContainerInfo {
  std::string name;
  std::string id;  // the runtime's, without "containerd://"
  ContainerState state = ContainerState::Unknown;
  uint32_t attempt = 0;
  std::string log_path;  // absolute
  bool stdin = false, stdin_once = false, tty = false;  // as the pod's spec says
};

struct PodInfo {
  schema::ObjectRef pod;    // with its status as last generated
  std::string sandbox_id;   // of the sandbox that runs; "" if none does
  std::vector<ContainerInfo> containers;  // newest first, all that the runtime still knows, of every kind of container
};

class Pods {
 public:
  virtual ~Pods() = default;

  virtual std::vector<schema::ObjectRef> list() = 0;
  // By name, and by uid if one is given. A pod that is known by the name of a static pod's mirror is found by the mirror's uid, too.
  // NotFound: pod "NS_NAME" not found... in upstream's words.
  virtual Result<PodInfo> find(std::string_view namespace_, std::string_view name, std::string_view uid) = 0;
  // The running container of that name: container not found ("NAME") otherwise.
  virtual Result<ContainerInfo> running(std::string_view namespace_, std::string_view name, std::string_view uid,
                                        std::string_view container) = 0;
  // Of what container the log is to be read, the last one or the one before it. Errors are upstream's ("container \"x\" in pod \"y\" is waiting to
  // start: ContainerCreating", "previous terminated container ... not found", "container x is not valid for pod y"), 400.
  virtual Result<ContainerInfo> log_of(std::string_view namespace_, std::string_view name, std::string_view container,
                                       bool previous) = 0;
  // Calls `changed` once, as soon as the container has stopped or been replaced: a followed log then ends. Returns a number for forget().
  virtual uint64_t when_stopped(const std::string& container_id, std::function<void()> changed) = 0;
  virtual void forget(uint64_t number) = 0;

  virtual std::string stats_summary(bool only_cpu_and_memory) = 0;  // JSON of stats/v1alpha1 Summary
  virtual std::string resource_metrics() = 0;                       // Prometheus' text form
};

}  // namespace sampan::kubelet
