#include <cstdio>
#include <cstring>
#include <string_view>

#include "cmd/commands.h"

using namespace sampan::cmd;

int main(int argc, char** argv) {
  const char* slash = std::strrchr(argv[0], '/');
  std::string_view program = slash ? slash + 1 : argv[0];
  for (const Command& command : commands())
    if (!command.alias.empty() && program == command.alias) return command.run({argv + 1, argv + argc});
  if (argc > 1)
    for (const Command& command : commands())
      if (argv[1] == command.name) return command.run({argv + 2, argv + argc});
  std::fprintf(argc > 1 ? stderr : stdout, "sampan: a whole Kubernetes in one binary\n\nusage: sampan COMMAND [flags]\n\n");
  for (const Command& command : commands())
    std::fprintf(argc > 1 ? stderr : stdout, "  %-20s %s\n", command.name.data(), command.summary.data());
  return argc > 1 ? 2 : 0;
}
