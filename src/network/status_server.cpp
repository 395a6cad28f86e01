// A small HTTP server over poll().
#include "network/status_server.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "network/netlink/netlink.h"

namespace sampan::network {
namespace {

constexpr size_t kConnectionsMax = 256;
constexpr size_t kRequestBytesMax = 8192;
constexpr int64_t kConnectionMs = 5000;

int64_t now_ms() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

std::string_view phrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
  }
  return "";
}

}  // namespace

struct StatusServer::Connection {
  int fd;
  Port port;
  int64_t until_ms;
  std::string input, output;
  bool answered = false;
  ~Connection() { ::close(fd); }
};

Page no_such_page() { return {.status = 404, .body = "404 page not found\n"}; }

StatusServer::StatusServer() : wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), thread_([this] { serve(); }) {}

StatusServer::~StatusServer() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
  thread_.join();
  for (const auto& [port, listener] : listeners_) ::close(listener.fd);
  ::close(wake_);
}

void StatusServer::wake() {
  uint64_t one = 1;
  (void)!write(wake_, &one, sizeof one);
}

Result<StatusServer::Port> StatusServer::listen(const Address& address, uint16_t port, Handler handler) {
  int fd = socket(address.v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  std::string where = concat("cannot listen on ", address.text(), " port ", port);
  if (fd < 0) return fail(system_error(where, errno));
  int on = 1, off = 0;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in6 six{.sin6_family = AF_INET6, .sin6_port = htons(port)};
  sockaddr_in four{.sin_family = AF_INET, .sin_port = htons(port)};
  if (address.v6) {
    // "::" takes IPv4 too, as Go's servers do.
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, address.is_unspecified() ? &off : &on, sizeof on);
    std::memcpy(&six.sin6_addr, address.bytes.data(), 16);
  } else {
    std::memcpy(&four.sin_addr, address.bytes.data(), 4);
  }
  const sockaddr* at = address.v6 ? reinterpret_cast<sockaddr*>(&six) : reinterpret_cast<sockaddr*>(&four);
  if (bind(fd, at, address.v6 ? sizeof six : sizeof four) != 0 || ::listen(fd, 128) != 0) {
    int error = errno;
    ::close(fd);
    return fail(system_error(where, error));
  }
  std::lock_guard lock(mutex_);
  listeners_.emplace(++last_, Listener{fd, std::make_shared<Handler>(std::move(handler))});
  wake();
  return last_;
}

uint16_t StatusServer::bound_port(Port port) const {
  std::lock_guard lock(mutex_);
  sockaddr_in6 at{};
  socklen_t size = sizeof at;
  getsockname(listeners_.at(port).fd, reinterpret_cast<sockaddr*>(&at), &size);
  return ntohs(at.sin6_port);  // at the same place in sockaddr_in
}

void StatusServer::close(Port port) {
  {
    std::lock_guard lock(mutex_);
    auto found = listeners_.find(port);
    if (found == listeners_.end()) return;
    shutdown(found->second.fd, SHUT_RDWR);
    ::close(found->second.fd);
    listeners_.erase(found);
  }
  wake();
  std::lock_guard wait(running_);
}

void StatusServer::accept_from(int listener, Port port) {
  while (connections_.size() < kConnectionsMax) {
    int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    connections_.push_back(std::unique_ptr<Connection>(new Connection{.fd = fd, .port = port, .until_ms = now_ms() + kConnectionMs}));
  }
}

void StatusServer::answer(Connection& connection) {
  std::string_view line(connection.input);
  line = line.substr(0, line.find("\r\n"));
  std::vector<std::string_view> words = split(line, ' ');
  Page page{.status = 400, .body = "400 Bad Request"};
  bool head = words.size() == 3 && words[0] == "HEAD";
  if (words.size() == 3 && words[2].starts_with("HTTP/1.")) {
    if (!head && words[0] != "GET") {
      page = {.status = 405, .body = "Method Not Allowed\n"};
    } else {
      std::lock_guard running(running_);
      std::shared_ptr<Handler> handler;
      {
        std::lock_guard lock(mutex_);
        auto found = listeners_.find(connection.port);
        if (found != listeners_.end()) handler = found->second.handler;
      }
      page = handler ? (*handler)(words[1].substr(0, words[1].find('?'))) : no_such_page();
    }
  }
  std::string& out = connection.output;
  append(out, "HTTP/1.1 ", page.status, " ", phrase(page.status), "\r\nContent-Type: ", page.type, "\r\nContent-Length: ", page.body.size(),
         "\r\nConnection: close\r\n");
  for (const auto& [name, value] : page.headers) append(out, name, ": ", value, "\r\n");
  append(out, "\r\n", head ? std::string_view() : std::string_view(page.body));
  connection.answered = true;
}

bool StatusServer::advance(Connection& connection) {
  char buffer[2048];
  while (!connection.answered) {
    ssize_t got = recv(connection.fd, buffer, sizeof buffer, 0);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
    connection.input.append(buffer, got);
    if (connection.input.find("\r\n\r\n") != std::string::npos) answer(connection);
    else if (connection.input.size() > kRequestBytesMax) return false;
  }
  while (!connection.output.empty()) {
    ssize_t sent = send(connection.fd, connection.output.data(), connection.output.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EINTR;
    connection.output.erase(0, sent);
  }
  shutdown(connection.fd, SHUT_WR);
  return false;
}

void StatusServer::serve() {
  std::vector<pollfd> waiting;
  std::vector<Port> ports;
  while (true) {
    waiting.assign(1, {.fd = wake_, .events = POLLIN});
    ports.clear();
    {
      std::lock_guard lock(mutex_);
      if (stopping_) break;
      for (const auto& [port, listener] : listeners_) {
        // A full house waits in the kernel's queue.
        waiting.push_back({.fd = listener.fd, .events = static_cast<short>(connections_.size() < kConnectionsMax ? POLLIN : 0)});
        ports.push_back(port);
      }
    }
    int64_t now = now_ms(), next = -1;
    for (const auto& connection : connections_) {
      waiting.push_back({.fd = connection->fd, .events = static_cast<short>(connection->answered ? POLLOUT : POLLIN)});
      int64_t left = std::max<int64_t>(connection->until_ms - now, 0);
      if (next < 0 || left < next) next = left;
    }
    poll(waiting.data(), waiting.size(), static_cast<int>(next));
    uint64_t drained;
    if (waiting[0].revents) (void)!read(wake_, &drained, sizeof drained);
    size_t first = 1 + ports.size();
    std::vector<std::unique_ptr<Connection>> kept;
    now = now_ms();
    for (size_t i = 0; i < connections_.size(); ++i) {
      bool alive = waiting[first + i].revents ? advance(*connections_[i]) : true;
      if (alive && connections_[i]->until_ms > now) kept.push_back(std::move(connections_[i]));
    }
    connections_ = std::move(kept);
    for (size_t i = 0; i < ports.size(); ++i)
      if (waiting[1 + i].revents & POLLIN) accept_from(waiting[1 + i].fd, ports[i]);
  }
  connections_.clear();
}

}  // namespace sampan::network
