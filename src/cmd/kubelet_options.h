// kubelet's flags and configuration file, as what our agent is to do.
#pragma once
#include <string>

#include "cmd/delegated_access.h"
#include "cmd/flags.h"
#include "kubelet/agent.h"
#include "kubelet/server/server.h"

namespace sampan::cmd {

struct KubeletOptions {
  kubelet::AgentOptions agent;
  kubelet::NodeServerOptions server;
  bool serves = true;
  DelegatedAccessOptions access;
  std::string health_address;
  uint16_t health_port = 0;  // 0: none
  std::string kubeconfig, bootstrap_kubeconfig, pki_dir;
  bool rotates = true;  // renews its certificate
};

std::span<const Flag> kubelet_flags();
Result<KubeletOptions> kubelet_options(const FlagSet& flags);

}  // namespace sampan::cmd
