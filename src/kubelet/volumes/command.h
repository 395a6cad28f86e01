// Programs of the system that mount and make file systems.
#pragma once
#include <string>
#include <vector>

namespace sampan::kubelet {

struct CommandResult {
  int exit_code = -1;  // 127: there is no such program; 128 + n: ended by signal n
  std::string output;  // both kinds
};
CommandResult run_command(const std::vector<std::string>& words);

}  // namespace sampan::kubelet
