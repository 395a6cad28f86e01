// Wires the allocation of service addresses and ports (registry/core/service_allocation.h) to what is stored.
#pragma once
#include <memory>
#include <string>

#include "apiserver/catalog.h"
#include "base/environment.h"
#include "store/store.h"

namespace sampan::apiserver {

struct ServiceAddressOptions {
  std::string cluster_ip_range = "10.0.0.0/24";  // one CIDR, or two of different families: --service-cluster-ip-range
  int node_port_first = 30000, node_port_count = 2768;
};

class ServiceAddresses {
 public:
  virtual ~ServiceAddresses() = default;
  // Compares what is taken with what services have; to be called at start and now and then.
  virtual Result<void> repair() = 0;
};

// Installs itself as the hooks of the service store.
Result<std::unique_ptr<ServiceAddresses>> allocate_service_addresses(Catalog& catalog, store::Store& store, Clock& clock, Random& random,
                                                                     const ServiceAddressOptions& options);

}  // namespace sampan::apiserver
