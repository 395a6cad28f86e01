#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/etcd_server_for_test.h"

extern char** environ;

namespace sampan::store {

namespace {

bool installed() {
  for (auto* path : {"/usr/bin/etcd", "/usr/local/bin/etcd"})
    if (::access(path, X_OK) == 0) return true;
  return false;
}

int free_port() {
  int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  bool bound = ::bind(socket, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
               ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(socket);
  return bound ? ntohs(address.sin_port) : 0;
}

}  // namespace

std::unique_ptr<EtcdServer> EtcdServer::start(std::string tls) {
  if (!installed()) return nullptr;
  auto server = std::make_unique<EtcdServer>();
  server->tls_ = std::move(tls);
  server->port_ = free_port();
  server->peer_port_ = free_port();
  server->start_again();
  return server;
}

EtcdServer::~EtcdServer() {
  stop();
}

void EtcdServer::stop() {
  if (process_ < 0) return;
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  process_ = -1;
}

std::string EtcdServer::endpoint() const {
  return concat(tls_.empty() ? "http" : "https", "://127.0.0.1:", port_);
}

void EtcdServer::start_again() {
  auto peer = concat("http://127.0.0.1:", peer_port_);
  std::vector<std::string> arguments = {"etcd", "--name=test", "--data-dir=" + directory_.path() + "/data",
                                        "--listen-client-urls=" + endpoint(), "--advertise-client-urls=" + endpoint(),
                                        "--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer,
                                        "--initial-cluster=test=" + peer,
                                        // Short ticks: elections and the least time of a lease follow from them.
                                        "--heartbeat-interval=10", "--election-timeout=100", "--log-level=error"};
  if (!tls_.empty())
    for (auto* flag : {"--cert-file=/server.crt", "--key-file=/server.key", "--trusted-ca-file=/ca.crt"}) {
      std::string text = flag;
      arguments.push_back(text.insert(text.find('/'), tls_));
    }
  if (!tls_.empty()) arguments.push_back("--client-cert-auth");
  std::vector<char*> pointers;
  for (auto& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  auto log = directory_.path() + "/etcd.log";
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  if (posix_spawnp(&process_, "etcd", &actions, nullptr, pointers.data(), environ) != 0) process_ = -1;
  posix_spawn_file_actions_destroy(&actions);
}

}  // namespace sampan::store
