// Configurations for the runtime, made from a pod's spec.
#pragma once
#include "kubelet/environment.h"
#include "kubelet/node_facts.h"

namespace sampan::kubelet {

using Complaints = std::vector<std::pair<std::string_view, std::string>>;  // warnings about the pod: {reason, message}

Result<SandboxConfig> sandbox_config(const core_v1::Pod& pod, uint32_t attempt, const NodeFacts& facts, Complaints& complaints);

struct ContainerInput {
  const core_v1::Pod& pod;
  const ContainerSpec& spec;
  uint32_t attempt = 0;             // how often it was restarted
  std::string image_id;
  Image image;                      // as the runtime describes it
  std::string target_id;            // of an ephemeral container: whose processes it sees
  std::vector<std::string> pod_ips;
  const Environment& environment;
  const std::map<std::string, MountedVolume>& volumes;
  const NodeFacts& facts;
};
// Writes the pod's hosts file and the container's termination message file, and holds sub-paths. An error is what the container waits for with
// CreateContainerConfigError.
Result<ContainerConfig> container_config(const ContainerInput& input);

// The parts
SecurityContext security_context(const core_v1::Pod& pod, const core_v1::Container& container, const Image& image, const NodeFacts& facts);
Result<void> verify_non_root(const core_v1::Pod& pod, const core_v1::Container& container, const Image& image);
Result<std::vector<Mount>> container_mounts(const ContainerInput& input);
NamespaceOptions namespaces_of(const core_v1::Pod& pod);
SecurityProfile seccomp_of(const core_v1::SeccompProfile& profile, const NodeFacts& facts);

}  // namespace sampan::kubelet
