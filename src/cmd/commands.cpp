#include "cmd/commands.h"

namespace sampan::cmd {

std::span<const Command> commands() {
  static constexpr Command all[] = {
      {"up", "", "start a cluster on this machine, with a first pod", run_up},
      {"join", "", "make this machine a node of a cluster on another one", run_join},
      {"token", "", "tokens to join with: make, list, delete them", run_token},
      {"down", "", "stop the cluster on this machine", run_down},
      {"status", "", "how the cluster on this machine is", run_status},
      {"logs", "", "what the cluster's own processes log", run_logs},
      {"image", "", "bring images in, list them", run_image},
      {"certificates", "", "when the cluster's certificates end, and new ones", run_certificates},
      {"server", "", "run a whole control plane: API server, controllers and scheduler in one process", run_server},
      {"node", "", "run a node whose server is elsewhere; `sampan join` calls it", run_node},
      {"apiserver", "kube-apiserver", "serve the Kubernetes API from an embedded store or from etcd", run_apiserver},
      {"controller-manager", "kube-controller-manager", "bring the cluster to what is wanted (controllers)", run_controller_manager},
      {"scheduler", "kube-scheduler", "decide which node each pod runs on", run_scheduler},
      {"kubelet", "kubelet", "look after the pods of a node (node agent)", run_kubelet},
      {"proxy", "kube-proxy", "lead traffic to services to their endpoints (nftables)", run_proxy},
      {"cni", "sampan-cni", "connect a pod to the network, as container runtimes ask for it (CNI)", run_cni},
      {"cni-loopback", "loopback", "the CNI plug-in of that name", run_cni_loopback},
  };
  return all;
}

}  // namespace sampan::cmd
