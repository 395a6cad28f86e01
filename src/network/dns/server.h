// The DNS server: UDP and TCP on a few threads, each with its own sockets; answers of its own from the index, the rest from other servers.
#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/environment.h"
#include "base/metrics.h"
#include "base/replaced.h"
#include "client/informer.h"
#include "network/dns/answers.h"
#include "network/dns/resolver.h"
#include "network/dns/upstream.h"
#include "network/status_server.h"

namespace sampan::network::dns {

struct ServerOptions {
  std::vector<Address> addresses;  // to listen on
  uint16_t port = 53;              // 0: any free one
  ZoneOptions zone;
  std::string resolv_conf = "/etc/resolv.conf";
  std::vector<Server> upstreams;   // instead of those in resolv_conf
  unsigned threads = 1;
  // Who is answered: pods, nodes. Empty: everybody who can reach us, which for an address that the world can reach makes an open resolver.
  std::vector<Network> clients;
  std::vector<std::pair<Address, uint16_t>> metrics, health, ready;  // :9153/metrics, :8080/health, :8181/ready
};

class Metrics {
 public:
  Metrics();
  std::string text(const AnswerCache& cache) const;
  // How the queries of one kind are counted.
  struct Line {
    Series *requests, *duration;
  };
  Line line(bool tcp, bool v6, uint16_t type, bool own_zone);
  MetricFamily requests, responses, durations, cache_hits, cache_misses, forward_requests, forward_responses;
};

class DnsServer {
 public:
  explicit DnsServer(ServerOptions options);
  ~DnsServer();
  Index& index() { return index_; }
  // What it answers from; before start(). The informers outlive it.
  Result<void> follow(client::Informers& informers);
  Result<void> start();
  uint16_t port() const { return port_; }
  bool admits(const Address& client) const;
  // More who are answered, under a name by which they can be replaced: the addresses of a node. None: no longer. At any time.
  void admit(const std::string& name, std::vector<Address> addresses);

 private:
  class Worker;
  class UdpSocket;
  class TcpListener;
  class TcpConnection;
  Result<int> open_socket(const Address& address, int type);

  ServerOptions options_;
  std::mutex admitted_mutex_;
  std::map<std::string, std::vector<Address>> admitted_by_name_;
  Replaced<std::vector<Address>> admitted_{std::make_shared<const std::vector<Address>>()};
  Index index_;
  Resolver resolver_;
  AnswerCache cache_;
  Metrics metrics_;
  StatusServer pages_;
  uint16_t port_ = 0;
  std::atomic<bool> ready_ = false;
  std::vector<client::Informer*> followed_;
  std::vector<client::Subscription> subscriptions_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace sampan::network::dns
