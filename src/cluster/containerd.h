// A containerd of our own, for a cluster that is told of none.
#pragma once
#include <string>

#include "cluster/daemon.h"

namespace sampan::cluster {

struct ContainerdOptions {
  std::string program = "containerd";
  std::string root;   // images and snapshots; stays over a reboot
  std::string state;  // below /run
  std::string log_file;
  std::string cni_binaries = "/opt/cni/bin", cni_configuration = "/etc/cni/net.d";
  std::string pause_image;
};

class Containerd {
 public:
  explicit Containerd(ContainerdOptions options);
  const std::string& socket() const { return socket_; }
  bool is_running() const { return running(daemon_) != 0; }
  // Starts it if it does not run, and waits until it answers. The configuration is written anew each time.
  Result<void> start();
  Result<void> stop();

 private:
  const ContainerdOptions options_;
  const std::string socket_;
  const Daemon daemon_;
};

bool listens(const std::string& socket);  // whether anybody does there

}  // namespace sampan::cluster
