#include "cmd/place.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>

#include "base/text.h"
#include "cluster/certificates.h"
#include "cmd/node_process.h"

namespace sampan::cmd {

namespace {

constexpr int kNetworks = 16, kPortsTried = 100;
constexpr int kFirstPods = 244, kFirstServices = 96;  // 10.244.0.0/16 and downwards, 10.96.0.0/16 and upwards

// Of the machine's interfaces, but for this one.
std::vector<network::Address> addresses_but(std::string_view own) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return {};
  std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> all(list, freeifaddrs);
  std::vector<network::Address> found;
  for (auto* one = all.get(); one; one = one->ifa_next) {
    if (!one->ifa_addr || one->ifa_addr->sa_family != AF_INET || one->ifa_name == own) continue;
    auto bytes = reinterpret_cast<const char*>(&reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr);
    if (auto address = network::address_of({bytes, 4})) found.push_back(*address);
  }
  return found;
}

Result<Networks> networks_of(const Machine& machine) {
  auto file = machine.data_dir + "/networks";
  if (auto kept = cluster::read_file(file)) {
    auto words = split(trim(*kept), ' ');
    if (words.size() == 2) return Networks{std::string(words[0]), std::string(words[1])};
  }
  auto taken = addresses_but(cni_installation(machine.data_dir, machine.run_dir).bridge);
  auto found = free_networks(taken);
  if (!found) return fail(bad_request("all networks that pods could have are in use on this machine; --cluster-cidr and --service-cluster-ip-range name others"));
  TRY(cluster::write_file(file, concat(found->pods, " ", found->services, "\n"), 0644));
  return std::move(*found);
}

}  // namespace

bool port_is_free(uint16_t port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in name{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {INADDR_ANY}, .sin_zero = {}};
  bool is_free = bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof name) == 0;
  close(fd);
  return is_free;
}

Result<uint16_t> free_port_from(uint16_t first) {
  for (uint16_t port = first; port < first + kPortsTried; port++)
    if (port_is_free(port)) return port;
  return fail(bad_request(concat("the ports from ", first, " on are all in use")));
}

std::optional<Networks> free_networks(std::span<const network::Address> taken) {
  for (int i = 0; i < kNetworks; i++) {
    Networks candidate{concat("10.", kFirstPods - i, ".0.0/16"), concat("10.", kFirstServices + i, ".0.0/16")};
    auto pods = network::parse_network(candidate.pods), services = network::parse_network(candidate.services);
    auto is_in = [&](const network::Address& address) { return pods->contains(address) || services->contains(address); };
    if (std::none_of(taken.begin(), taken.end(), is_in)) return candidate;
  }
  return {};
}

Result<Place> find_place(const Machine& machine) {
  auto networks = TRY(networks_of(machine));
  Place place{std::move(networks.pods), std::move(networks.services)};
  if (machine.is_usual()) return place;
  place.kubelet_port = TRY(free_port_from(place.kubelet_port));
  place.dns_port = TRY(free_port_from(place.dns_port));
  return place;
}

}  // namespace sampan::cmd
