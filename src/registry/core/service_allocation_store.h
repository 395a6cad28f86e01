// The allocator's view of the cluster's own store.
#pragma once
#include <mutex>

#include "registry/core/service_allocation.h"

namespace sampan::registry::core {

// IPAddress objects, through the verbs of their kind.
class StoredAddresses : public AddressObjects {
 public:
  StoredAddresses(ObjectStore& addresses, Clock& clock) : addresses_(addresses), clock_(clock) {}
  Result<void> create(Value ip_address, Arena& arena) override;
  Result<void> remove(std::string_view name) override;
  bool exists(std::string_view name) override;
  std::vector<ObjectRef> list() override;

 private:
  ObjectStore& addresses_;
  Clock& clock_;
};

// The RangeAllocation under /registry/ranges/servicenodeports, where a real kube-apiserver keeps it too.
class StoredPorts : public PortStore {
 public:
  StoredPorts(store::Store& store, int first, int count) : store_(store), first_(first), count_(count) {}
  Result<void> update(const std::function<Result<void>(PortBitmap& ports)>& change) override;

 private:
  store::Store& store_;
  int first_, count_;
  std::mutex mutex_;  // changes take turns here, so that only other processes' can come between
};

// The CIDRs of the ServiceCIDR objects that are ready and not being deleted.
ReadyCidrs ready_cidrs_of(ObjectStore& service_cidrs);

}  // namespace sampan::registry::core
