// The sub-commands of the one binary. A new one is a file and a line in commands.cpp.
#pragma once
#include <span>
#include <string_view>

namespace sampan::cmd {

using Arguments = std::span<char* const>;

struct Command {
  std::string_view name;
  std::string_view alias;  // the name of the Kubernetes program it stands for: what argv[0] may say
  std::string_view summary;
  int (*run)(Arguments);
};

std::span<const Command> commands();

int run_up(Arguments arguments);
int run_down(Arguments arguments);
int run_join(Arguments arguments);
int run_token(Arguments arguments);
int run_node(Arguments arguments);
int run_status(Arguments arguments);
int run_logs(Arguments arguments);
int run_image(Arguments arguments);
int run_certificates(Arguments arguments);
int run_server(Arguments arguments);
int run_apiserver(Arguments arguments);
int run_controller_manager(Arguments arguments);
int run_scheduler(Arguments arguments);
int run_kubelet(Arguments arguments);
int run_cni(Arguments arguments);
int run_cni_loopback(Arguments arguments);
int run_proxy(Arguments arguments);

}  // namespace sampan::cmd
