#include "cmd/commands.h"

namespace sampan::cmd {

std::span<const Command> commands() {
  static constexpr Command all[] = {
      {"server", "", "run a whole control plane: API server, controllers and scheduler in one process", run_server},
      {"apiserver", "kube-apiserver", "serve the Kubernetes API from an embedded store or from etcd", run_apiserver},
      {"proxy", "kube-proxy", "lead traffic to services to their endpoints (nftables)", run_proxy},
      {"cni", "sampan-cni", "connect a pod to the network, as container runtimes ask for it (CNI)", run_cni},
      {"cni-loopback", "loopback", "the CNI plug-in of that name", run_cni_loopback},
  };
  return all;
}

}  // namespace sampan::cmd
