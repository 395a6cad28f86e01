// The listening socket, the I/O threads and who of them gets a new connection.
#include "net/server.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>

#include "base/check.h"
#include "base/text.h"
#include "net/connection.h"

namespace sampan::net {

namespace {

constexpr int kBacklog = 4096;
constexpr int64_t kAcceptPause_us = 100'000;  // when the process is out of descriptors

std::string print_address(const sockaddr_storage& address, socklen_t size) {
  auto v6 = reinterpret_cast<const sockaddr_in6*>(&address);
  if (address.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
    sockaddr_storage mapped{};
    auto v4 = reinterpret_cast<sockaddr_in*>(&mapped);
    v4->sin_family = AF_INET;
    v4->sin_port = v6->sin6_port;
    memcpy(&v4->sin_addr, v6->sin6_addr.s6_addr + 12, sizeof v4->sin_addr);
    return print_address(mapped, sizeof *v4);
  }
  char host[NI_MAXHOST], port[NI_MAXSERV];
  if (getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, host, sizeof host, port, sizeof port,
                  NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return {};
  return address.ss_family == AF_INET6 ? concat('[', host, "]:", port) : concat(host, ':', port);
}

void set_option(int fd, int level, int option, int value) { setsockopt(fd, level, option, &value, sizeof value); }

void tune(int fd) {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  // A client that vanished without a word would otherwise hold its watches for ever.
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 20);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 6);
}

Result<int> open_listener(const std::string& address, uint16_t port, bool shared) {
  auto problem = [&](const char* what) {
    return fail(internal_error(concat("listen on ", address, " port ", port, ": ", what, ": ", strerror(errno))));
  };
  sockaddr_storage storage{};
  auto v4 = reinterpret_cast<sockaddr_in*>(&storage);
  auto v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  bool is_v4 = inet_pton(AF_INET, address.c_str(), &v4->sin_addr) == 1;
  if (!is_v4 && inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr) != 1)
    return fail(bad_request(concat("listen on ", address, ": not an IP address")));
  storage.ss_family = is_v4 ? AF_INET : AF_INET6;
  (is_v4 ? v4->sin_port : v6->sin6_port) = htons(port);
  int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return problem("socket");
  set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (shared) set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  if (!is_v4) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);  // [::] takes IPv4 clients too, as in Go
  if (bind(fd, reinterpret_cast<sockaddr*>(&storage), is_v4 ? sizeof *v4 : sizeof *v6) != 0 || ::listen(fd, kBacklog) != 0) {
    auto failed = problem("bind");
    close(fd);
    return failed;
  }
  return fd;
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

// Where stop() waits for the last connection.
struct Departures {
  std::mutex mutex;
  std::condition_variable changed;
};

// One I/O thread and its connections.
class IoThread final : public ConnectionOwner {
 public:
  IoThread(std::shared_ptr<ServerShared> shared, TlsFiles& tls, Departures& departures)
      : shared_(std::move(shared)), tls_(tls), departures_(departures) {}
  void start() {
    thread_ = std::thread([this] { run(); });
  }
  void finish() {
    loop_->stop();
    thread_.join();
  }
  Loop& loop() { return *loop_; }
  size_t connections() const { return count_.load(std::memory_order_relaxed); }

  // Any thread.
  void adopt(int fd, std::string remote_address) {
    count_.fetch_add(1, std::memory_order_relaxed);
    auto owned = std::make_shared<Descriptor>(fd);
    loop_->post([this, owned, remote_address = std::move(remote_address)] {
      auto connection = std::make_unique<Connection>(owned->release(), remote_address, shared_, loop_, *this);
      auto key = connection.get();
      connections_.emplace(key, std::move(connection));
      if (shutting_down_) key->shut_down();
    });
  }
  void shut_down() {
    loop_->post([this] {
      shutting_down_ = true;
      for (auto connection : all()) connection->shut_down();
    });
  }

  std::shared_ptr<const TlsGeneration> tls() override { return tls_.current(loop_->now_us()); }
  void closed(Connection* connection) override {
    auto node = connections_.extract(connection);
    check(!node.empty());
    loop_->bury(std::move(node.mapped()));
    count_.fetch_sub(1, std::memory_order_relaxed);
    if (shared_->connections_open.fetch_sub(1) == 1) {
      std::lock_guard lock(departures_.mutex);
      departures_.changed.notify_all();
    }
  }

 private:
  void run() {
    loop_->run();
    for (auto connection : all()) connection->close_now();
    loop_->end();
  }
  std::vector<Connection*> all() const {
    std::vector<Connection*> list;
    for (auto& [connection, owned] : connections_) list.push_back(connection);
    return list;
  }

  const std::shared_ptr<ServerShared> shared_;
  TlsFiles& tls_;
  Departures& departures_;
  const std::shared_ptr<Loop> loop_ = std::make_shared<Loop>();
  std::atomic<size_t> count_ = 0;
  std::unordered_map<Connection*, std::unique_ptr<Connection>> connections_;  // own thread
  bool shutting_down_ = false;                                                // own thread
  std::thread thread_;
};

// Accepts on the first I/O thread and gives each connection to the one that has fewest: the kernel's own way of sharing
// (SO_REUSEPORT) leaves a few long-lived connections, the usual case here, unevenly spread.
class Acceptor final : public LoopClient {
 public:
  Acceptor(int fd, std::shared_ptr<ServerShared> shared, std::vector<std::unique_ptr<IoThread>>& threads)
      : fd_(fd), shared_(std::move(shared)), threads_(threads), loop_(threads.front()->loop()) {
    loop_.watch(fd_.get(), EPOLLIN, this);
  }

  void on_ready(uint32_t) override {
    for (int i = 0; i < kAcceptsPerTurn; i++)
      if (!accept_one()) return;
  }
  void on_timer() override {
    if (fd_.get() >= 0) loop_.rewatch(fd_.get(), EPOLLIN, this);
  }
  void stop() {
    if (fd_.get() < 0) return;
    loop_.unwatch(fd_.get());
    loop_.disarm(this);
    close(fd_.release());
  }

 private:
  bool accept_one() {
    sockaddr_storage address;
    socklen_t size = sizeof address;
    if (fd_.get() < 0) return false;
    int fd = accept4(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        // The connection stays in the backlog, and would wake the thread again and again.
        loop_.rewatch(fd_.get(), 0, this);
        loop_.arm(this, loop_.now_us() + kAcceptPause_us);
        return false;
      }
      return errno != EAGAIN;  // anything else is that one connection's trouble
    }
    shared_->connections_total.fetch_add(1, std::memory_order_relaxed);
    if (shared_->connections_open.load() + shared_->streams->size() >= shared_->limits.connections_max) {
      close(fd);
      return true;
    }
    shared_->connections_open.fetch_add(1);
    tune(fd);
    auto fewest = std::min_element(threads_.begin(), threads_.end(), [](auto& a, auto& b) { return a->connections() < b->connections(); });
    (*fewest)->adopt(fd, print_address(address, size));
    return true;
  }

  static constexpr int kAcceptsPerTurn = 64;
  Descriptor fd_;
  const std::shared_ptr<ServerShared> shared_;
  std::vector<std::unique_ptr<IoThread>>& threads_;
  Loop& loop_;
};

class HttpsServer final : public Server {
 public:
  HttpsServer(ServerOptions& options, Handler handler, std::unique_ptr<TlsFiles> tls, int fd)
      : shared_(std::make_shared<ServerShared>()), tls_(std::move(tls)) {
    shared_->limits = options.limits;
    shared_->handler = std::move(handler);
    shared_->too_large = std::move(options.too_large);
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    check(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.ss_family == AF_INET ? reinterpret_cast<sockaddr_in*>(&address)->sin_port
                                               : reinterpret_cast<sockaddr_in6*>(&address)->sin6_port);
    for (unsigned i = 0; i < std::max(options.io_threads, 1u); i++)
      threads_.push_back(std::make_unique<IoThread>(shared_, *tls_, departures_));
    acceptor_ = std::make_unique<Acceptor>(fd, shared_, threads_);
    for (auto& thread : threads_) thread->start();
  }
  ~HttpsServer() override { stop(std::chrono::milliseconds(0)); }

  uint16_t port() const override { return port_; }

  void stop(std::chrono::milliseconds grace) override {
    if (threads_.empty()) return;
    // Behind the acceptor's end in the first loop's queue, each connection is told to go.
    threads_.front()->loop().post([this] {
      acceptor_->stop();
      for (auto& thread : threads_) thread->shut_down();
    });
    {
      std::unique_lock lock(departures_.mutex);
      departures_.changed.wait_for(lock, grace, [this] { return shared_->connections_open.load() == 0; });
    }
    // Threads end one after another: none may still hand a connection to one that is gone.
    threads_.front()->loop().post([this] { acceptor_->stop(); });
    shared_->streams->close();
    for (auto& thread : threads_) thread->finish();
    acceptor_ = nullptr;
    threads_.clear();
  }

  Counts counts() const override {
    return {.connections_open = shared_->connections_open,
            .connections_total = shared_->connections_total,
            .requests_total = shared_->requests_total,
            .bytes_sent = shared_->bytes_sent};
  }

 private:
  const std::shared_ptr<ServerShared> shared_;
  const std::unique_ptr<TlsFiles> tls_;
  Departures departures_;
  uint16_t port_ = 0;
  std::vector<std::unique_ptr<IoThread>> threads_;
  std::unique_ptr<Acceptor> acceptor_;
};

}  // namespace

Result<std::unique_ptr<Server>> listen(ServerOptions options, Handler handler) {
  auto tls = TRY(TlsFiles::open(options.tls));
  int fd = TRY(open_listener(options.address, options.port, options.shares_port));
  return std::make_unique<HttpsServer>(options, std::move(handler), std::move(tls), fd);
}

}  // namespace sampan::net
