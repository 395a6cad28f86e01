// Sending packets between the namespaces of a test: a server answers with the address (and port) that asked it.
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>

#include "base/text.h"
#include "network/testing.h"

namespace sampan::network {

inline constexpr int kWaitMs = 500;  // for an answer: as long as one takes on a busy machine, since whoever should get none waits so long too

struct SocketAddress {
  SocketAddress(std::string_view address, uint16_t port) {
    Address parsed = *parse_address(address);
    if (parsed.v6) {
      auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
      v6->sin6_family = AF_INET6;
      v6->sin6_port = htons(port);
      std::memcpy(&v6->sin6_addr, parsed.bytes.data(), 16);
      size = sizeof *v6;
    } else {
      auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
      v4->sin_family = AF_INET;
      v4->sin_port = htons(port);
      std::memcpy(&v4->sin_addr, parsed.bytes.data(), 4);
      size = sizeof *v4;
    }
  }
  sockaddr_storage storage{};
  socklen_t size;
};

inline std::string address_text(const sockaddr_storage& from) {
  char out[64] = "";
  if (from.ss_family == AF_INET) inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(from).sin_addr, out, sizeof out);
  if (from.ss_family == AF_INET6) inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(from).sin6_addr, out, sizeof out);
  return out;
}

// TCP (a line and the end) or UDP (a datagram), until it is destroyed. Answers `name` if it has one, else the client's address.
class Listener {
 public:
  Listener(const Namespace& where, std::string_view address, uint16_t port, int type = SOCK_STREAM, std::string name = "")
      : type_(type), name_(std::move(name)) {
    in_namespace(where, [&] {
      SocketAddress at(address, port);
      fd_ = socket(at.storage.ss_family, type | SOCK_CLOEXEC, 0);
      int on = 1;
      setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
      if (bind(fd_, reinterpret_cast<sockaddr*>(&at.storage), at.size) != 0) ADD_FAILURE() << "bind " << address << ": " << strerror(errno);
      if (type == SOCK_STREAM) listen(fd_, 64);
    });
    thread_ = std::thread([this] { serve(); });
  }
  ~Listener() {
    stop_ = true;
    thread_.join();
    close(fd_);
  }

 private:
  void serve() {
    while (!stop_) {
      pollfd waiting{.fd = fd_, .events = POLLIN};
      if (poll(&waiting, 1, 20) <= 0) continue;
      sockaddr_storage from{};
      socklen_t size = sizeof from;
      char buffer[64];
      if (type_ == SOCK_STREAM) {
        int client = accept(fd_, reinterpret_cast<sockaddr*>(&from), &size);
        if (client < 0) continue;
        std::string answer = name_.empty() ? address_text(from) : name_;
        (void)!send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
        close(client);
      } else if (recvfrom(fd_, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &size) >= 0) {
        std::string answer = name_.empty() ? address_text(from) : name_;
        sendto(fd_, answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
      }
    }
  }
  int type_, fd_ = -1;
  std::string name_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

// One connection or datagram; what was answered, "refused", or "" after silence. source_port 0: any. (An ICMP refusal of a TCP connection is noticed only
// with the second try of the kernel, a second later: where one is expected, send a datagram.)
inline std::string ask(const Namespace& from, std::string_view address, uint16_t port, int type = SOCK_STREAM, uint16_t source_port = 0,
                       std::string_view source_address = "") {
  std::string answer;
  in_namespace(from, [&] {
    SocketAddress to(address, port);
    int fd = socket(to.storage.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (source_port || !source_address.empty()) {
      SocketAddress source(source_address.empty() ? std::string_view("0.0.0.0") : source_address, source_port);
      if (bind(fd, reinterpret_cast<sockaddr*>(&source.storage), source.size) != 0) ADD_FAILURE() << strerror(errno);
    }
    bool ok = connect(fd, reinterpret_cast<sockaddr*>(&to.storage), to.size) == 0 || errno == EINPROGRESS;
    if (ok && type == SOCK_DGRAM) (void)!send(fd, "?", 1, 0);  // where this machine itself refuses it, an answer comes all the same
    pollfd waiting{.fd = fd, .events = POLLIN};
    char buffer[128];
    if (ok && poll(&waiting, 1, kWaitMs) > 0) {
      ssize_t got = recv(fd, buffer, sizeof buffer, 0);
      if (got >= 0) answer.assign(buffer, got);
      else if (errno == ECONNREFUSED) answer = "refused";
    }
    close(fd);
  });
  return answer;
}

// A cable between two namespaces; each has one end with an address of a /24 or /64.
inline void join_with_wire(const Namespace& left, const Namespace& right, std::string_view left_address, std::string_view right_address,
                           const std::string& name = "wire0") {
  auto set = [&](std::string_view text) {
    NetlinkSocket route = std::move(*NetlinkSocket::open(NETLINK_ROUTE));
    auto link = find_link(route, name);
    ASSERT_TRUE(link && *link);
    Address address = *parse_address(text);
    ASSERT_TRUE(add_address(route, (*link)->index, address, address.v6 ? 64 : 24));
    ASSERT_TRUE(set_up(route, (*link)->index));
  };
  in_namespace(left, [&] {
    NetlinkSocket route = std::move(*NetlinkSocket::open(NETLINK_ROUTE));
    // Of two ends with the same index the kernel notices the carrier up to a second later; so one is to have another.
    ASSERT_TRUE(make_bridge(route, "skip-" + name, 0));
    ASSERT_TRUE(make_veth(route, {.host_name = name, .inner_name = name, .inner_namespace = right.fd()}));
    set(left_address);
  });
  in_namespace(right, [&] { set(right_address); });
}

}  // namespace sampan::network
