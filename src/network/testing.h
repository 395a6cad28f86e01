// What the tests of this module share: network namespaces of their own, in which the kernel's network can be changed without harm.
#pragma once
#include <sched.h>
#include <unistd.h>

#include <thread>

#include "network/netlink/links.h"

namespace sampan::network {

// Tests that change the network need root.
inline bool can_make_namespaces() { return geteuid() == 0; }

// A new network namespace. It lives as long as something refers to it.
inline Namespace make_namespace() {
  std::optional<Namespace> made;
  std::thread([&] {
    if (unshare(CLONE_NEWNET) != 0) return;
    auto current = Namespace::current();
    if (current) made.emplace(std::move(*current));
    (void)set_sysctl("ipv6/conf/all/disable_ipv6", "0");
    (void)set_sysctl("ipv6/conf/default/accept_dad", "0");  // addresses work at once
    auto route = NetlinkSocket::open(NETLINK_ROUTE);
    if (route) (void)set_up(*route, 1);  // lo
  }).join();
  return std::move(made).value();
}

// Runs `work` on a thread that lives in the namespace, and waits for it.
template <class F>
void in_namespace(const Namespace& where, F&& work) {
  std::thread([&] {
    if (setns(where.fd(), CLONE_NEWNET) == 0) work();
  }).join();
}

}  // namespace sampan::network
