// See command.h.
#include "kubelet/volumes/command.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "kubelet/volumes/beneath.h"

extern char** environ;

namespace sampan::kubelet {

namespace {

constexpr size_t kOutputMax = 64 << 10;

}  // namespace

CommandResult run_command(const std::vector<std::string>& words) {
  CommandResult result;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return result;
  Descriptor reader(ends[0]), writer(ends[1]);
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  (void)::posix_spawn_file_actions_init(&actions);
  (void)::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  (void)::posix_spawn_file_actions_adddup2(&actions, writer.get(), 1);
  (void)::posix_spawn_file_actions_adddup2(&actions, writer.get(), 2);
  pid_t child = 0;
  int error = ::posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  (void)::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    result.exit_code = 127;
    result.output = concat("exec: ", quoted(words[0]), ": executable file not found in $PATH");
    return result;
  }
  writer = Descriptor();
  char buffer[4096];
  for (ssize_t got; (got = ::read(reader.get(), buffer, sizeof buffer)) > 0 || (got < 0 && errno == EINTR);)
    if (got > 0 && result.output.size() < kOutputMax) result.output.append(buffer, static_cast<size_t>(got));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace sampan::kubelet
