#include "cluster/daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "base/text.h"
#include "cluster/certificates.h"

namespace sampan::cluster {

namespace {

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// When the process was started, in the kernel's ticks since boot: with the number it names a process for good. "" = there is none. One that was killed is
// there until its last thread is gone: until then it holds its files and ports.
std::string start_time(int pid) {
  auto stat = contents(concat("/proc/", pid, "/stat"));
  auto behind_name = stat.rfind(')');
  if (behind_name == std::string::npos) return {};
  auto fields = split(std::string_view(stat).substr(behind_name + 2), ' ');
  if (fields.size() < 20 || (fields[0] == "Z" && fields[17] == "1")) return {};
  return std::string(fields[19]);
}

std::string what(std::string_view doing) { return concat(doing, ": ", strerror(errno)); }

[[noreturn]] void become(const std::vector<std::string>& arguments, int log) {
  setsid();
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, 0);
  dup2(log, 1);
  dup2(log, 2);
  close_range(3, ~0u, 0);
  std::vector<char*> words;
  for (const auto& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  execvp(words[0], words.data());
  auto said = concat("cannot run ", arguments[0], ": ", strerror(errno), "\n");
  (void)!write(2, said.data(), said.size());
  _exit(127);
}

}  // namespace

int running(const Daemon& daemon) {
  auto text = contents(daemon.pid_file);
  auto parts = split(trim(text), ' ');
  int pid = 0;
  if (parts.size() != 2 || !parse_int(parts[0], pid) || pid <= 1) return 0;
  return start_time(pid) == parts[1] ? pid : 0;
}

Result<int> start(const Daemon& daemon, const std::vector<std::string>& arguments) {
  int log = open(daemon.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0) return fail(internal_error(what(concat("open ", daemon.log_file))));
  int pid = fork();
  if (pid < 0) {
    auto why = what(concat("start ", daemon.name));
    close(log);
    return fail(internal_error(why));
  }
  if (pid == 0) become(arguments, log);
  close(log);
  TRY(write_file(daemon.pid_file, concat(pid, " ", start_time(pid), "\n"), 0644));
  return pid;
}

Result<void> stop(const Daemon& daemon, int timeout_ms) {
  int pid = running(daemon);
  if (pid && kill(pid, SIGTERM) != 0) return fail(internal_error(what(concat("stop ", daemon.name))));
  for (int waited = 0; running(daemon); waited += 20) {
    waitpid(pid, nullptr, WNOHANG);  // where it is our child
    if (waited >= timeout_ms) {
      kill(pid, SIGKILL);
      timeout_ms = waited + 5000;
    }
    usleep(20'000);
  }
  unlink(daemon.pid_file.c_str());
  return {};
}

std::string last_words(const Daemon& daemon, size_t lines) {
  auto text = contents(daemon.log_file);
  size_t at = text.size();
  for (size_t i = 0; i <= lines && at != std::string::npos && at > 0; i++) at = text.rfind('\n', at - 1);
  return at == std::string::npos || at == 0 ? text : text.substr(at + 1);
}

}  // namespace sampan::cluster
