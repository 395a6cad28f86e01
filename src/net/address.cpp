#include "net/address.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "base/environment.h"
#include "base/text.h"

namespace sampan::net {

namespace {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

std::string print(const Address& address) {
  char host[NI_MAXHOST], port[NI_MAXSERV];
  if (getnameinfo(reinterpret_cast<const sockaddr*>(&address.storage), address.size, host, sizeof host, port, sizeof port,
                  NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return "?";
  return address.storage.ss_family == AF_INET6 ? concat('[', host, "]:", port) : concat(host, ':', port);
}

Result<std::vector<Address>> resolve(const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
  if (is_ip_address(host)) hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  int problem = getaddrinfo(host.c_str(), concat(port).c_str(), &hints, &found);
  if (problem != 0) {
    bool unknown = problem == EAI_NONAME || problem == EAI_NODATA;
    return fail(Error(Reason::ServiceUnavailable, concat("dial tcp: lookup ", host, ": ", unknown ? "no such host" : gai_strerror(problem))));
  }
  std::vector<Address> addresses;
  for (auto entry = found; entry; entry = entry->ai_next) {
    Address address{.size = entry->ai_addrlen};
    memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
    addresses.push_back(address);
  }
  freeaddrinfo(found);
  return addresses;
}

// Waits for a connect() under way. 0, or why it failed; ETIME if the deadline came first.
int finish_connect(int fd, int64_t deadline_us) {
  pollfd waiting{.fd = fd, .events = POLLOUT, .revents = 0};
  while (true) {
    int64_t left_ms = -1;
    if (deadline_us != kNoDeadline) left_ms = (deadline_us - real_clock().monotonic_us() + 999) / 1000;
    if (deadline_us != kNoDeadline && left_ms <= 0) return ETIME;
    int ready = poll(&waiting, 1, static_cast<int>(std::min<int64_t>(left_ms, INT32_MAX)));
    if (ready > 0) break;
    check(ready == 0 || errno == EINTR);
  }
  int problem = 0;
  socklen_t size = sizeof problem;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &size) != 0) return errno;
  if (problem != 0) return problem;
  sockaddr_storage peer;
  size = sizeof peer;
  // A connect that was cancelled meanwhile has no error, and no peer.
  return getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0 ? 0 : errno;
}

Result<void> connect_socket(int fd, const Address& address, int64_t deadline_us, std::string_view network, std::string_view name) {
  int problem = 0;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0)
    problem = errno == EINPROGRESS ? finish_connect(fd, deadline_us) : errno;
  if (problem == 0) return {};
  if (problem == ETIME) return fail(Error(Reason::Timeout, concat("dial ", network, " ", name, ": i/o timeout")));
  return fail(Error(Reason::ServiceUnavailable, concat("dial ", network, " ", name, ": connect: ", error_words(problem))));
}

Result<std::unique_ptr<SocketStream>> open_socket(int family) {
  int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(Error(Reason::ServiceUnavailable, concat("socket: ", error_words(errno))));
  return std::make_unique<SocketStream>(fd);
}

void set_option(int fd, int level, int option, int value) { setsockopt(fd, level, option, &value, sizeof value); }

void tune(int fd) {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  // A peer that vanished without a word would otherwise hold a watch for ever.
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 30);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 6);
}

}  // namespace

std::string error_words(int number) {
  std::string words = strerror(number);
  if (!words.empty() && words[0] >= 'A' && words[0] <= 'Z') words[0] += 'a' - 'A';
  return words;
}

std::string describe_socket(int fd) {
  Address own, other;
  own.size = other.size = sizeof own.storage;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&own.storage), &own.size) != 0 || own.storage.ss_family == AF_UNIX) return "unix";
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&other.storage), &other.size) != 0) return concat("tcp ", print(own));
  return concat("tcp ", print(own), "->", print(other));
}

std::string join_host_port(std::string_view host, uint16_t port) {
  return host.find(':') == std::string_view::npos ? concat(host, ':', port) : concat('[', host, "]:", port);
}

bool is_ip_address(std::string_view host) {
  in6_addr scratch;
  std::string text(host);
  return inet_pton(AF_INET, text.c_str(), &scratch) == 1 || inet_pton(AF_INET6, text.c_str(), &scratch) == 1;
}

Result<std::unique_ptr<SocketStream>> dial_tcp(const std::string& host, uint16_t port, int64_t deadline_us, Cancellation* cancellation) {
  Error last(Reason::ServiceUnavailable, concat("dial tcp: lookup ", host, ": no such host"));
  for (auto& address : TRY(resolve(host, port))) {
    auto stream = TRY(open_socket(address.storage.ss_family));
    if (cancellation) cancellation->attach(stream.get());
    auto connected = connect_socket(stream->fd(), address, deadline_us, "tcp", print(address));
    if (connected) {
      tune(stream->fd());
      return stream;
    }
    if (cancellation) cancellation->attach(nullptr);
    last = std::move(connected).error();
    if (last.is(Reason::Timeout)) break;
    if (cancellation && cancellation->cancelled()) return fail(Error(Reason::ServiceUnavailable, "context canceled"));
  }
  return fail(std::move(last));
}

Result<std::unique_ptr<SocketStream>> dial_unix(const std::string& path, int64_t deadline_us) {
  Address address{.size = sizeof(sockaddr_un)};
  auto name = reinterpret_cast<sockaddr_un*>(&address.storage);
  name->sun_family = AF_UNIX;
  if (path.size() >= sizeof name->sun_path) return fail(bad_request(concat("dial unix ", path, ": the path is too long")));
  memcpy(name->sun_path, path.c_str(), path.size() + 1);
  auto stream = TRY(open_socket(AF_UNIX));
  TRY(connect_socket(stream->fd(), address, deadline_us, "unix", path));
  return stream;
}

}  // namespace sampan::net
