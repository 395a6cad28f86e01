// One thread of the DNS server: its loop, its sockets, its questions to others.
#pragma once
#include <list>

#include "network/dns/server.h"

namespace sampan::network::dns {

// Where an answer goes. Of a connection that has gone meanwhile it goes nowhere.
using Reply = std::function<void(std::string_view answer)>;

class DnsServer::Worker {
 public:
  explicit Worker(DnsServer& server) : server_(server), upstream_(std::make_unique<Upstream>(loop_, server.options_.upstreams)) {}
  ~Worker();
  Result<void> listen(const Address& address);
  void start();

  net::Loop& loop() { return loop_; }
  const DnsServer& server() const { return server_; }
  // Answers at once into `out` if it can: the size, or 0. Otherwise (and if `later` is given) the answer comes later, or never.
  size_t answer(std::string_view query, char* out, size_t size_max, bool tcp, bool v6, const std::function<Reply()>& later);
  void add_connection(int fd, bool v6);
  void remove(TcpConnection* connection);

 private:
  struct Count;
  size_t from_others(std::string_view query, const Question& question, char* out, size_t size_max, bool tcp, const std::function<Reply()>& later);
  size_t chase(std::string_view query, const Question& question, WireName target, char* out, size_t size_max, bool tcp, const std::function<Reply()>& later);
  void count(const Question& question, bool tcp, bool v6, const Resolved& resolved, int64_t start_ns);

  DnsServer& server_;
  net::Loop loop_;
  std::unique_ptr<Upstream> upstream_;
  std::vector<std::unique_ptr<net::LoopClient>> listeners_;
  std::list<std::unique_ptr<net::LoopClient>> connections_;
  std::vector<Metrics::Line> lines_;
  Series* codes_[2][16] = {};
  uint32_t spin_ = 0;
  std::thread thread_;
};

// A datagram socket: many queries are read, and their answers sent, in one system call each.
class DnsServer::UdpSocket final : public net::LoopClient {
 public:
  UdpSocket(Worker& worker, int fd, bool v6);
  ~UdpSocket() override;
  void on_ready(uint32_t events) override;

 private:
  struct Buffers;
  Worker& worker_;
  const int fd_;
  const bool v6_;
  std::unique_ptr<Buffers> buffers_;
};

class DnsServer::TcpListener final : public net::LoopClient {
 public:
  TcpListener(Worker& worker, int fd, bool v6) : worker_(worker), fd_(fd), v6_(v6) {}
  ~TcpListener() override;
  void on_ready(uint32_t events) override;

 private:
  Worker& worker_;
  const int fd_;
  const bool v6_;
};

}  // namespace sampan::network::dns
