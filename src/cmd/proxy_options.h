// kube-proxy's flags and configuration file, as what our proxy is to do.
#pragma once
#include <string>

#include "base/status.h"
#include "cmd/commands.h"
#include "network/proxy/proxy.h"

namespace sampan::cmd {

struct ProxyCommand {
  network::proxy::ProxyOptions proxy;
  std::string kubeconfig, master;
  bool clean_up = false;   // --cleanup: take the rules away and leave
  bool init_only = false;
  std::string help;        // to be shown instead
};

Result<ProxyCommand> parse_proxy_command(Arguments arguments);

}  // namespace sampan::cmd
