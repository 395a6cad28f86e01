// Interfaces, addresses and routes by rtnetlink. A socket works in the network namespace in which it was opened.
#pragma once
#include <functional>
#include <optional>

#include "network/address.h"
#include "network/netlink/netlink.h"

namespace sampan::network {

struct Link {
  int index = 0;
  std::string name;
  std::string kind;   // "bridge", "veth"; "" for hardware
  std::string mac;    // 6 bytes
  int mtu = 0;
  int master = 0;     // index
  bool up = false;
};

struct InterfaceAddress {
  int index;
  Address address;
  int prefix;
};

struct Route {
  Network destination;             // 0.0.0.0/0: the default
  std::optional<Address> gateway;
  int index = 0;                   // of the interface; 0: found by the gateway
  uint8_t protocol = 3;            // RTPROT_BOOT; who made it
  bool operator==(const Route&) const = default;
};

Result<std::optional<Link>> find_link(NetlinkSocket& route, std::string_view name);
Result<int> make_bridge(NetlinkSocket& route, std::string_view name, int mtu);  // its index; EEXIST if the name is taken

struct VethWish {
  std::string_view host_name, inner_name;
  int inner_namespace;  // descriptor: the inner end is born there
  int mtu = 0;          // 0: the kernel's default
  std::string_view inner_mac = {};
};
Result<void> make_veth(NetlinkSocket& route, const VethWish& wish);
Result<void> remove_link(NetlinkSocket& route, int index);
Result<void> set_up(NetlinkSocket& route, int index);
// Makes the link a port of the bridge, in hairpin mode: what came in by it may go out by it.
Result<void> join_bridge(NetlinkSocket& route, int index, int bridge);
Result<void> set_mac(NetlinkSocket& route, int index, std::string_view mac);

// EEXIST when it is there. IPv6 addresses are usable at once: no duplicate address detection.
Result<void> add_address(NetlinkSocket& route, int index, const Address& address, int prefix);
Result<std::vector<InterfaceAddress>> list_addresses(NetlinkSocket& route);

Result<void> replace_route(NetlinkSocket& route, const Route& wish);
Result<void> remove_route(NetlinkSocket& route, const Route& wish);
// Of the main table. protocol 0: all.
Result<std::vector<Route>> list_routes(NetlinkSocket& route, uint8_t protocol);

// A descriptor of a network namespace, and running code in it on this thread.
class Namespace {
 public:
  static Result<Namespace> open(const std::string& path);
  static Result<Namespace> current();
  Namespace(Namespace&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Namespace& operator=(Namespace&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Namespace();
  int fd() const { return fd_; }
  bool same_as(const Namespace& other) const;
  // The calling thread is in the namespace while `work` runs.
  Result<void> run(const std::function<Result<void>()>& work) const;

 private:
  explicit Namespace(int fd) : fd_(fd) {}
  int fd_;
};

// /proc/sys/net/... of the calling thread's namespace, if it does not say so already.
Result<void> set_sysctl(const std::string& name, std::string_view value);

}  // namespace sampan::network
