// The CNI plug-in: ADD, DEL, CHECK, GC, STATUS and VERSION of the specification. A container runtime starts it for each pod.
#pragma once
#include "network/cni/config.h"

namespace sampan::network::cni {

struct Outcome {
  int exit_code = 0;
  std::string output;  // JSON for standard output; may be empty
};

Outcome run(const Invocation& invocation);
// From the environment and standard input to standard output: what the command does. `program` is the last part of argv[0].
int run_command(std::string_view program);

}  // namespace sampan::network::cni
