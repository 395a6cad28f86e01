// Where a cluster finds room on a machine on which others may live: ports and networks that nobody else has.
#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "base/status.h"
#include "cmd/machine.h"
#include "network/address.h"

namespace sampan::cmd {

struct Place {
  std::string pods, services;  // networks, as --cluster-cidr takes them
  uint16_t kubelet_port = 10250, dns_port = 10053;
};

bool port_is_free(uint16_t port);
Result<uint16_t> free_port_from(uint16_t first);

// Networks of ours that none of the addresses is in; nothing where all are taken.
struct Networks {
  std::string pods, services;
};
std::optional<Networks> free_networks(std::span<const network::Address> taken);

// The networks are chosen at the first start and kept with the cluster's data. A cluster at the usual place has the usual ports.
Result<Place> find_place(const Machine& machine);

}  // namespace sampan::cmd
