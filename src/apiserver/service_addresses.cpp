#include "apiserver/service_addresses.h"

#include "base/text.h"
#include "registry/core/service_allocation_store.h"

namespace sampan::apiserver {

namespace core = registry::core;
using schema::ObjectRef;

namespace {

std::vector<registry::Cidr> parse_ranges(std::string_view text) {
  std::vector<registry::Cidr> ranges;
  for (auto part : split(text, ','))
    if (auto range = registry::parse_cidr(trim(part))) ranges.push_back(*range);
  return ranges;
}

class Wiring : public ServiceAddresses {
 public:
  Wiring(registry::ObjectStore& services, registry::ObjectStore& addresses, registry::ObjectStore* cidrs, store::Store& store, Clock& clock, Random& random,
         const ServiceAddressOptions& options)
      : services_(services),
        cidrs_(cidrs),
        configured_(parse_ranges(options.cluster_ip_range)),
        addresses_(addresses, clock),
        ports_(store, options.node_port_first, options.node_port_count),
        allocator_(addresses_, ports_, [this] { return ready_cidrs(); }, random, allocator_options(options)) {
    services_.set_hooks(&allocator_);
  }
  ~Wiring() override { services_.set_hooks(nullptr); }

  Result<void> repair() override {
    std::vector<ObjectRef> services;
    auto snapshot = TRY(services_.cache().fresh());
    snapshot.each("", "", [&](std::string_view, const ObjectRef& service) {
      services.push_back(service);
      return true;
    });
    return allocator_.repair(services);
  }

 private:
  core::AllocatorOptions allocator_options(const ServiceAddressOptions& options) const {
    core::AllocatorOptions out;
    out.port_first = options.node_port_first;
    out.port_count = options.node_port_count;
    out.families.clear();
    for (const auto& range : configured_) out.families.push_back(range.is_v4() ? "IPv4" : "IPv6");
    out.default_family = out.families.front();
    return out;
  }

  // The ranges of the ServiceCIDR objects; the configured ones until there are any.
  std::vector<registry::Cidr> ready_cidrs() {
    std::vector<registry::Cidr> ready;
    if (cidrs_) ready = core::ready_cidrs_of(*cidrs_)();
    return ready.empty() ? configured_ : ready;
  }

  registry::ObjectStore& services_;
  registry::ObjectStore* cidrs_;
  std::vector<registry::Cidr> configured_;
  core::StoredAddresses addresses_;
  core::StoredPorts ports_;
  core::ServiceAllocator allocator_;
};

}  // namespace

Result<std::unique_ptr<ServiceAddresses>> allocate_service_addresses(Catalog& catalog, store::Store& store, Clock& clock, Random& random,
                                                                     const ServiceAddressOptions& options) {
  auto services = catalog.store_of("", "services");
  auto addresses = catalog.store_of("networking.k8s.io", "ipaddresses");
  if (!services || !addresses) return fail(bad_request("--runtime-config: services and ipaddresses cannot be switched off"));
  if (parse_ranges(options.cluster_ip_range).empty())
    return fail(bad_request(concat("--service-cluster-ip-range ", quoted(options.cluster_ip_range), " is no range of addresses")));
  return std::make_unique<Wiring>(*services, *addresses, catalog.store_of("networking.k8s.io", "servicecidrs"), store, clock, random, options);
}

}  // namespace sampan::apiserver
