// The environment variables of a container.
#pragma once
#include "kubelet/cluster.h"
#include "kubelet/downward.h"
#include "kubelet/volumes/volumes.h"

namespace sampan::kubelet {

using Environment = std::vector<std::pair<std::string, std::string>>;

struct EnvironmentInput {
  const core_v1::Pod& pod;
  const core_v1::Container& container;
  PodAddresses addresses;
  Quantities allocatable;
  Cluster& cluster;
  std::vector<schema::ObjectRef> services;                     // of the pod's namespace, and default/kubernetes
  const std::map<std::string, MountedVolume>& volumes;
};

// An error is what a container waits for with CreateContainerConfigError.
Result<Environment> make_environment(const EnvironmentInput& input);

// What a service is announced with: WEB_SERVICE_HOST, WEB_PORT_80_TCP ...
void add_service(Environment& out, const core_v1::Service& service);

}  // namespace sampan::kubelet
