#include "cmd/commands.h"

namespace sampan::cmd {

std::span<const Command> commands() {
  static constexpr Command all[] = {
      {"apiserver", "kube-apiserver", "serve the Kubernetes API from an embedded store or from etcd", run_apiserver},
  };
  return all;
}

}  // namespace sampan::cmd
