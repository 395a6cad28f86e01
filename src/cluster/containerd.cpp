#include "cluster/containerd.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "base/text.h"
#include "cluster/certificates.h"

namespace sampan::cluster {

namespace {

constexpr int kStartTimeoutMs = 20'000, kStopTimeoutMs = 10'000;

// Lowering a process's oom_score_adj needs a capability that containers and sandboxes often lack; asking for it all the same makes every container fail.
bool may_lower_oom_score() {
  FILE* file = fopen("/proc/self/oom_score_adj", "r+e");
  if (!file) return false;
  int before = 0;
  bool may = fscanf(file, "%d", &before) == 1;
  rewind(file);
  may = may && fprintf(file, "%d", before > -999 ? before - 1 : before) > 0 && fflush(file) == 0;
  if (may) {
    rewind(file);
    fprintf(file, "%d", before);
  }
  fclose(file);
  return may;
}

std::string configuration(const ContainerdOptions& options, const std::string& socket) {
  std::string text = concat("version = 2\nroot = ", quoted(options.root), "\nstate = ", quoted(options.state), "\noom_score = 0\n");
  append(text, "disabled_plugins = [\"io.containerd.snapshotter.v1.btrfs\", \"io.containerd.snapshotter.v1.zfs\", \"io.containerd.snapshotter.v1.devmapper\", ",
         "\"io.containerd.snapshotter.v1.aufs\", \"io.containerd.tracing.processor.v1.otlp\"]\n");
  append(text, "[grpc]\n  address = ", quoted(socket), "\n");
  append(text, "[plugins.\"io.containerd.grpc.v1.cri\"]\n  sandbox_image = ", quoted(options.pause_image),
         "\n  restrict_oom_score_adj = ", may_lower_oom_score() ? "false" : "true",
         "\n  enable_unprivileged_ports = true\n  enable_unprivileged_icmp = true\n  stream_server_address = \"127.0.0.1\"\n");
  append(text, "  [plugins.\"io.containerd.grpc.v1.cri\".cni]\n    bin_dir = ", quoted(options.cni_binaries), "\n    conf_dir = ",
         quoted(options.cni_configuration), "\n");
  // Where administrators tell of mirrors, authorities and plain HTTP, one folder a registry.
  append(text, "  [plugins.\"io.containerd.grpc.v1.cri\".registry]\n    config_path = \"/etc/containerd/certs.d:/etc/docker/certs.d\"\n");
  append(text, "  [plugins.\"io.containerd.grpc.v1.cri\".containerd]\n    snapshotter = \"overlayfs\"\n");
  append(text, "    [plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc]\n      runtime_type = \"io.containerd.runc.v2\"\n");
  return text;
}

}  // namespace

bool listens(const std::string& socket_path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof name.sun_path) return false;
  socket_path.copy(name.sun_path, sizeof name.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool connected = fd >= 0 && connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof name) == 0;
  if (fd >= 0) close(fd);
  return connected;
}

Containerd::Containerd(ContainerdOptions options)
    : options_(std::move(options)),
      socket_(options_.state + ".sock"),
      daemon_{"containerd", options_.state + ".pid", options_.log_file} {}

Result<void> Containerd::start() {
  if (is_running() && listens(socket_)) return {};
  TRY(make_directory(options_.root, 0711));
  TRY(make_directory(options_.state, 0711));
  TRY(make_directory(options_.cni_configuration, 0711));
  auto file = options_.state + ".toml";
  TRY(write_file(file, configuration(options_, socket_), 0644));
  bool started = false;
  for (int waited = 0; !listens(socket_); waited += 10) {
    waitpid(-1, nullptr, WNOHANG);
    if (!is_running()) {  // one that was just killed takes a moment to be gone
      if (started) return fail(internal_error(concat("containerd did not start (is the package containerd installed?); it said:\n", last_words(daemon_, 5))));
      TRY(cluster::start(daemon_, {options_.program, "--config", file}));
      started = true;
    }
    if (waited > kStartTimeoutMs) return fail(internal_error(concat("containerd does not answer on ", socket_, "; see ", options_.log_file)));
    usleep(10'000);
  }
  return {};
}

Result<void> Containerd::stop() { return cluster::stop(daemon_, kStopTimeoutMs); }

}  // namespace sampan::cluster
