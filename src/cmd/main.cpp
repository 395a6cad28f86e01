#include <pthread.h>

#include <cstdio>
#include <cstring>
#include <string_view>

#include "cmd/commands.h"

using namespace sampan::cmd;

namespace {

// Expressions of policies are evaluated on whatever thread a request is on (cel/evaluate.h): it has the stack for it, also where the limit is lower.
void give_threads_stack() {
  constexpr size_t kStackBytes = 8 << 20;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_setattr_default_np(&attributes);
  pthread_attr_destroy(&attributes);
}

}  // namespace

int main(int argc, char** argv) {
  give_threads_stack();
  const char* slash = std::strrchr(argv[0], '/');
  std::string_view program = slash ? slash + 1 : argv[0];
  for (const Command& command : commands())
    if (!command.alias.empty() && program == command.alias) return command.run({argv + 1, argv + argc});
  if (argc > 1)
    for (const Command& command : commands())
      if (argv[1] == command.name) return command.run({argv + 2, argv + argc});
  bool is_help = argc > 1 && (std::strcmp(argv[1], "help") == 0 || std::strcmp(argv[1], "--help") == 0 || std::strcmp(argv[1], "-h") == 0);
  if (argc > 1 && !is_help) {
    std::fprintf(stderr, "Error: there is no command %s; `sampan help` lists them\n", argv[1]);
    return 2;
  }
  std::printf("sampan: a whole Kubernetes in one binary\n\nusage: sampan COMMAND [flags]\n\n");
  for (const Command& command : commands())
    std::printf("  %-20s %s\n", command.name.data(), command.summary.data());
  return 0;
}
