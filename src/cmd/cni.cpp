// The CNI plug-in as a command: a container runtime starts us by the plug-in's name.
#include "network/cni/plugin.h"

#include "cmd/commands.h"

namespace sampan::cmd {

int run_cni(Arguments) { return network::cni::run_command(network::cni::kPluginType); }
int run_cni_loopback(Arguments) { return network::cni::run_command(network::cni::kLoopbackType); }

}  // namespace sampan::cmd
