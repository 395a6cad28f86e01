// Interfaces, addresses and network namespaces.
#include "network/netlink/links.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/text.h"

namespace sampan::network {
namespace {

constexpr uint16_t kCreate = NLM_F_CREATE | NLM_F_EXCL;

void begin_link(Messages& out, uint16_t type, uint16_t flags, int index, unsigned set = 0) {
  out.begin(type, flags);
  out.header(ifinfomsg{.ifi_family = AF_UNSPEC, .ifi_index = index, .ifi_flags = set, .ifi_change = set});
}

Link link_of(const Answer& answer) {
  Link link;
  ifinfomsg head{};
  if (answer.body.size() < sizeof head) return link;
  std::memcpy(&head, answer.body.data(), sizeof head);
  link.index = head.ifi_index;
  link.up = head.ifi_flags & IFF_UP;
  Attributes all(answer.after(sizeof head));
  while (all.next()) {
    if (all.type() == IFLA_IFNAME) link.name = all.text();
    if (all.type() == IFLA_ADDRESS) link.mac = all.value();
    if (all.type() == IFLA_MTU) link.mtu = all.u32();
    if (all.type() == IFLA_MASTER) link.master = all.u32();
    if (all.type() == IFLA_LINKINFO) {
      std::string_view kind = find_attribute(all.value(), IFLA_INFO_KIND);
      link.kind = kind.substr(0, kind.find('\0'));
    }
  }
  return link;
}

}  // namespace

Result<std::optional<Link>> find_link(NetlinkSocket& route, std::string_view name) {
  Messages request;
  begin_link(request, RTM_GETLINK, 0, 0);
  request.text(IFLA_IFNAME, name);
  request.end();
  std::optional<Link> found;
  auto answer = route.query(request, [&](const Answer& link) {
    if (link.type == RTM_NEWLINK) found = link_of(link);
  });
  if (!answer && answer.error().code() != ENODEV) return fail(std::move(answer).error());
  return found;
}

Result<int> make_bridge(NetlinkSocket& route, std::string_view name, int mtu) {
  Messages request;
  begin_link(request, RTM_NEWLINK, kCreate, 0);
  request.text(IFLA_IFNAME, name);
  if (mtu) request.u32(IFLA_MTU, mtu);
  size_t info = request.open(IFLA_LINKINFO);
  request.text(IFLA_INFO_KIND, "bridge");
  request.close(info);
  request.end();
  TRY(route.execute(request));
  std::optional<Link> link = TRY(find_link(route, name));
  if (!link) return fail(system_error(concat("bridge ", name), ENODEV));
  return link->index;
}

Result<void> make_veth(NetlinkSocket& route, const VethWish& wish) {
  Messages request;
  begin_link(request, RTM_NEWLINK, kCreate, 0, IFF_UP);
  request.text(IFLA_IFNAME, wish.host_name);
  if (wish.mtu) request.u32(IFLA_MTU, wish.mtu);
  size_t info = request.open(IFLA_LINKINFO);
  request.text(IFLA_INFO_KIND, "veth");
  size_t data = request.open(IFLA_INFO_DATA);
  size_t peer = request.open(VETH_INFO_PEER);
  request.header(ifinfomsg{});
  request.text(IFLA_IFNAME, wish.inner_name);
  request.u32(IFLA_NET_NS_FD, wish.inner_namespace);
  if (wish.mtu) request.u32(IFLA_MTU, wish.mtu);
  if (!wish.inner_mac.empty()) request.attribute(IFLA_ADDRESS, wish.inner_mac);
  request.close(peer);
  request.close(data);
  request.close(info);
  request.end();
  return route.execute(request);
}

Result<void> remove_link(NetlinkSocket& route, int index) {
  Messages request;
  begin_link(request, RTM_DELLINK, 0, index);
  request.end();
  return route.execute(request);
}

Result<void> set_up(NetlinkSocket& route, int index) {
  Messages request;
  begin_link(request, RTM_NEWLINK, 0, index, IFF_UP);
  request.end();
  return route.execute(request);
}

Result<void> join_bridge(NetlinkSocket& route, int index, int bridge) {
  Messages request;
  begin_link(request, RTM_NEWLINK, 0, index);
  request.u32(IFLA_MASTER, bridge);
  request.end();
  request.begin(RTM_SETLINK, 0);
  request.header(ifinfomsg{.ifi_family = AF_BRIDGE, .ifi_index = index});
  size_t port = request.open(IFLA_PROTINFO);
  request.u8(IFLA_BRPORT_MODE, 1);
  request.close(port);
  request.end();
  return route.execute(request);
}

Result<void> set_mac(NetlinkSocket& route, int index, std::string_view mac) {
  Messages request;
  begin_link(request, RTM_NEWLINK, 0, index);
  request.attribute(IFLA_ADDRESS, mac);
  request.end();
  return route.execute(request);
}

Result<void> add_address(NetlinkSocket& route, int index, const Address& address, int prefix) {
  Messages request;
  request.begin(RTM_NEWADDR, kCreate);
  request.header(ifaddrmsg{.ifa_family = static_cast<uint8_t>(address.v6 ? AF_INET6 : AF_INET),
                           .ifa_prefixlen = static_cast<uint8_t>(prefix),
                           .ifa_flags = static_cast<uint8_t>(address.v6 ? IFA_F_NODAD : 0),
                           .ifa_index = static_cast<uint32_t>(index)});
  request.attribute(IFA_LOCAL, address.view());
  request.attribute(IFA_ADDRESS, address.view());
  if (!address.v6 && prefix < 31) request.attribute(IFA_BROADCAST, network_of(address, prefix).last().view());
  request.end();
  return route.execute(request);
}

Result<std::vector<InterfaceAddress>> list_addresses(NetlinkSocket& route) {
  Messages request;
  request.begin(RTM_GETADDR, NLM_F_DUMP);
  request.header(ifaddrmsg{});
  request.end();
  std::vector<InterfaceAddress> found;
  TRY(route.query(request, [&](const Answer& answer) {
    ifaddrmsg head;
    if (answer.type != RTM_NEWADDR || answer.body.size() < sizeof head) return;
    std::memcpy(&head, answer.body.data(), sizeof head);
    std::string_view local = find_attribute(answer.after(sizeof head), IFA_LOCAL);
    if (local.empty()) local = find_attribute(answer.after(sizeof head), IFA_ADDRESS);
    if (std::optional<Address> address = address_of(local)) found.push_back({static_cast<int>(head.ifa_index), *address, head.ifa_prefixlen});
  }));
  return found;
}

namespace {

void put_route(Messages& out, uint16_t type, uint16_t flags, const Route& wish) {
  bool v6 = wish.destination.v6();
  out.begin(type, flags);
  out.header(rtmsg{.rtm_family = static_cast<uint8_t>(v6 ? AF_INET6 : AF_INET),
                   .rtm_dst_len = static_cast<uint8_t>(wish.destination.prefix),
                   .rtm_table = RT_TABLE_MAIN,
                   .rtm_protocol = wish.protocol,
                   .rtm_scope = static_cast<uint8_t>(type == RTM_DELROUTE ? RT_SCOPE_NOWHERE
                                                     : wish.gateway || v6 ? RT_SCOPE_UNIVERSE
                                                                          : RT_SCOPE_LINK),
                   .rtm_type = RTN_UNICAST});
  if (wish.destination.prefix) out.attribute(RTA_DST, wish.destination.address.view());
  if (wish.gateway) out.attribute(RTA_GATEWAY, wish.gateway->view());
  if (wish.index) out.u32(RTA_OIF, wish.index);
  out.end();
}

}  // namespace

Result<void> replace_route(NetlinkSocket& route, const Route& wish) {
  Messages request;
  put_route(request, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, wish);
  return route.execute(request);
}

Result<void> remove_route(NetlinkSocket& route, const Route& wish) {
  Messages request;
  put_route(request, RTM_DELROUTE, 0, wish);
  return route.execute(request);
}

Result<std::vector<Route>> list_routes(NetlinkSocket& route, uint8_t protocol) {
  Messages request;
  request.begin(RTM_GETROUTE, NLM_F_DUMP);
  request.header(rtmsg{});
  request.end();
  std::vector<Route> found;
  TRY(route.query(request, [&](const Answer& answer) {
    rtmsg head;
    if (answer.type != RTM_NEWROUTE || answer.body.size() < sizeof head) return;
    std::memcpy(&head, answer.body.data(), sizeof head);
    if (head.rtm_table != RT_TABLE_MAIN || head.rtm_type != RTN_UNICAST) return;
    if (head.rtm_family != AF_INET && head.rtm_family != AF_INET6) return;
    if (protocol && head.rtm_protocol != protocol) return;
    Route one{.destination = {.address = {.v6 = head.rtm_family == AF_INET6}, .prefix = head.rtm_dst_len}, .protocol = head.rtm_protocol};
    Attributes all(answer.after(sizeof head));
    while (all.next()) {
      if (all.type() == RTA_DST) one.destination.address = address_of(all.value()).value_or(one.destination.address);
      if (all.type() == RTA_GATEWAY) one.gateway = address_of(all.value());
      if (all.type() == RTA_OIF) one.index = all.u32();
    }
    found.push_back(one);
  }));
  return found;
}

Result<Namespace> Namespace::open(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(system_error(path, errno));
  return Namespace(fd);
}

Result<Namespace> Namespace::current() { return open("/proc/thread-self/ns/net"); }

Namespace::~Namespace() {
  if (fd_ >= 0) close(fd_);
}

bool Namespace::same_as(const Namespace& other) const {
  struct stat a, b;
  return fstat(fd_, &a) == 0 && fstat(other.fd_, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

Result<void> Namespace::run(const std::function<Result<void>()>& work) const {
  Namespace before = TRY(current());
  if (setns(fd_, CLONE_NEWNET) != 0) return fail(system_error("cannot enter the network namespace", errno));
  Result<void> result = work();
  check(setns(before.fd_, CLONE_NEWNET) == 0);  // a thread in the wrong namespace would do harm
  return result;
}

Result<void> set_sysctl(const std::string& name, std::string_view value) {
  std::string path = concat("/proc/sys/net/", name);
  int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return fail(system_error(path, errno));
  char now[64];
  ssize_t got = read(fd, now, sizeof now);
  bool wrong = got < 0 || trim({now, static_cast<size_t>(got)}) != value;
  int error = wrong && pwrite(fd, value.data(), value.size(), 0) < 0 ? errno : 0;
  close(fd);
  if (error) return fail(system_error(path, error));
  return {};
}

}  // namespace sampan::network
