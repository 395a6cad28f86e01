// What the workers of pods are handed. Everything outlives them.
#pragma once
#include "base/environment.h"
#include "kubelet/back_off.h"
#include "kubelet/cgroups.h"
#include "kubelet/cluster.h"
#include "kubelet/images.h"
#include "kubelet/node_facts.h"
#include "kubelet/probes/probes.h"
#include "kubelet/recorder.h"
#include "kubelet/volumes/volumes.h"
#include "kubelet/workers.h"

namespace sampan::kubelet {

struct Parts {
  Runtime& runtime;
  Cluster& cluster;
  Volumes& volumes;
  Images& images;
  Probes& probes;
  Recorder& recorder;
  Workers& workers;
  Executor& timers;
  Clock& clock;
  Cgroups& cgroups;
  BackOff& crashes;
  std::function<std::shared_ptr<const NodeFacts>()> facts;
  // Services that a pod of the namespace is told of; an error while they are not known yet.
  std::function<Result<std::vector<schema::ObjectRef>>(std::string_view namespace_, bool links)> services;
  // "" where the runtime's network is ready, else why not.
  std::function<std::string()> network_error;
  // The runtime's name of the handler for a runtime class; "" for the default.
  std::function<Result<std::string>(std::string_view runtime_class)> runtime_handler;
  // Whether the node takes the pod: a phase reason and a message if not.
  struct Refusal {
    std::string reason, message;
  };
  std::function<std::optional<Refusal>(const schema::ObjectRef& pod)> admit;
  // A status to be told; `wanted` is the pod as the API server last showed it. `finished`: nothing of the pod is left on the node, its object may go.
  std::function<void(const schema::ObjectRef& pod, const schema::ObjectRef& wanted, bool finished)> publish;
};

}  // namespace sampan::kubelet
