// Gives services what is unique in the cluster: cluster IPs, node ports and the ports of health checks.
//
// A cluster IP is taken by making the IPAddress object of its name: whoever makes it first has it, over several API servers too. Node ports are bits of the
// stored RangeAllocation, changed by compare-and-swap. Both are taken before the service is written and given back when the write fails, the
// service changes or goes; what a crash between the two leaves behind is put right by repair().
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/environment.h"
#include "registry/addresses.h"
#include "registry/object_store.h"

namespace sampan::registry::core {

// The IPAddress objects of the cluster.
class AddressObjects {
 public:
  virtual ~AddressObjects() = default;
  virtual Result<void> create(Value ip_address, Arena& arena) = 0;  // AlreadyExists: somebody has it
  virtual Result<void> remove(std::string_view name) = 0;
  virtual bool exists(std::string_view name) = 0;
  virtual std::vector<ObjectRef> list() = 0;
};

// Node ports in use. The bytes are upstream's: one big number whose bit i is port first + i, highest byte first.
class PortBitmap {
 public:
  PortBitmap(int first, int count) : first_(first), bits_(count) {}
  void set_bytes(std::string_view bytes);
  std::string bytes() const;
  bool in_range(int port) const { return port >= first_ && port < first_ + static_cast<int>(bits_.size()); }
  bool has(int port) const { return in_range(port) && bits_[port - first_]; }
  void set(int port, bool used) {
    if (in_range(port)) bits_[port - first_] = used;
  }
  // A free port by chance; the lower part of the range is left to those who ask for a certain port, as long as there are others. 0: none.
  int pick(Random& random) const;
  std::string range_text() const;  // "30000-32767"

 private:
  int pick_between(size_t low, size_t high, Random& random) const;
  int first_;
  std::vector<bool> bits_;
};

class PortStore {
 public:
  virtual ~PortStore() = default;
  // Reads, changes and writes as one step; `change` is called again after a lost race. Its error is given back and nothing is written.
  virtual Result<void> update(const std::function<Result<void>(PortBitmap& ports)>& change) = 0;
};

// From which addresses may be taken now: the CIDRs of the ServiceCIDR objects that are ready and not being deleted.
using ReadyCidrs = std::function<std::vector<Cidr>()>;

struct AllocatorOptions {
  std::string default_family = "IPv4";
  std::vector<std::string> families = {"IPv4"};  // that the cluster is configured for
  int port_first = 30000, port_count = 2768;
};

class ServiceAllocator : public Hooks {
 public:
  ServiceAllocator(AddressObjects& addresses, PortStore& ports, ReadyCidrs cidrs, Random& random, AllocatorOptions options);

  // As the machinery's hooks: `object` gets its addresses and ports before it is prepared and validated.
  Result<std::unique_ptr<Undo>> before_create(Value object, bool dry_run) override;
  Result<std::unique_ptr<Undo>> before_update(Value object, const Object& old, bool dry_run) override;
  void after_update(const Object& object, const Object& old) override;
  void after_delete(const Object& object) override;

  // Compares what is taken with what the services have. What a service has is taken at once; what no service has is freed when it was found so three
  // times in a row, as a service may be about to be written.
  Result<void> repair(const std::vector<ObjectRef>& services);

 private:
  struct Taken;
  class Giveback;
  Result<void> init_families(Value object, const Object* old);
  Result<void> init_plain_families(Value object, std::vector<std::string> families, std::string_view policy);
  Result<void> take_cluster_ips(Value object, Taken& taken, bool dry_run);
  Result<std::string> take_ip(Value object, std::string_view family, std::string_view wanted, Taken& taken, bool dry_run);
  Result<std::string> take_any_ip(Value object, std::string_view family, Taken& taken, bool dry_run);
  Result<bool> make_address(Value object, const Ip& ip);
  Result<void> update_cluster_ips(Value object, const Object& old, Taken& taken, bool dry_run);
  Result<void> take_node_ports(Value object, const Object* old, Taken& taken, bool dry_run);
  Result<int> take_port(int wanted, Taken& taken, bool dry_run);
  void release(const std::vector<std::string>& ips, const std::vector<int>& ports);
  Result<void> repair_ports(const std::vector<ObjectRef>& services);
  Result<void> repair_addresses(const std::vector<ObjectRef>& services);
  bool is_configured(std::string_view family) const;

  AddressObjects& addresses_;
  PortStore& ports_;
  ReadyCidrs cidrs_;
  Random& random_;
  AllocatorOptions options_;
  std::map<int, int> port_leaks_;                // port -> repairs that found it unused
  std::map<std::string, int> address_leaks_;
};

}  // namespace sampan::registry::core
