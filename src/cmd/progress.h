// What a command says while it brings a machine up: a line for each thing, with how long it took.
#pragma once
#include <string>
#include <string_view>

#include "base/status.h"
#include "cmd/machine.h"

namespace sampan::cmd {

class Progress {
 public:
  Progress();
  void begin(std::string_view what);
  void done(std::string_view remark = {});

 private:
  const bool terminal_;
  std::string what_;
  int64_t began_us_ = 0;
};

int64_t now_us();  // that never goes back

// Asks until `there` says so. Ends early where the daemon has ended.
Result<void> wait_for(const cluster::Daemon& daemon, int64_t timeout_us, std::string_view what, const std::function<Result<bool>()>& there);

// That somebody listens at its socket.
Result<void> check_runtime(const Machine& machine);

// Directories, the container runtime (unless one was named), and in it the images that the cluster brings along.
Result<void> bring_up_runtime(const Machine& machine, Progress& progress);

std::string own_program();  // its path

}  // namespace sampan::cmd
