#include "apiserver/service_addresses.h"

#include "base/encoding.h"
#include "base/text.h"
#include "registry/core/service_allocation.h"
#include "schema/protobuf.h"

namespace sampan::apiserver {

namespace core = registry::core;
using schema::ObjectRef;
using schema::Value;

namespace {

// Cluster IPs: one IPAddress object each.
class StoredAddresses : public core::AddressObjects {
 public:
  explicit StoredAddresses(registry::ObjectStore& store) : store_(store) {}
  Result<void> create(Value ip_address, Arena& arena) override {
    TRY(store_.create("", ip_address, arena, {}));
    return {};
  }
  Result<void> remove(std::string_view name) override {
    auto outcome = store_.remove("", name, {});
    if (!outcome && !outcome.error().is(Reason::NotFound)) return fail(std::move(outcome).error());
    return {};
  }
  bool exists(std::string_view name) override { return store_.get("", name).has_value(); }
  std::vector<ObjectRef> list() override {
    std::vector<ObjectRef> all;
    store_.cache().snapshot().each("", "", [&](std::string_view, const ObjectRef& object) {
      all.push_back(object);
      return true;
    });
    return all;
  }

 private:
  registry::ObjectStore& store_;
};

// Node ports: upstream's RangeAllocation, under upstream's key, so that a kube-apiserver on the same store agrees.
class StoredPorts : public core::PortStore {
 public:
  StoredPorts(store::Store& store, int first, int count)
      : store_(store), type_(*schema::builtin_type("io.k8s.api.core.v1.RangeAllocation")), first_(first), count_(count) {}

  Result<void> update(const std::function<Result<void>(core::PortBitmap&)>& change) override {
    constexpr int kTries = 100;
    for (int tries = 0; tries < kTries; tries++) {
      auto range = TRY(store_.range({.start = kKey, .end = ""}));
      core::PortBitmap ports(first_, count_);
      store::Write write;
      write.expected = 0;
      std::string before;
      if (!range.entries.empty()) {
        before = TRY(stored_bytes(range.entries[0].value));
        ports.set_bytes(before);
        write.expected = range.entries[0].modified;
      }
      TRY(change(ports));
      std::string after = ports.bytes();
      if (!range.entries.empty() && after == before) return {};
      write.key = kKey;
      write.value = TRY(encode(ports.range_text(), after));
      if (TRY(store_.write(std::move(write))).applied) return {};
    }
    return fail(Error(Reason::ServerTimeout, "the node ports in use keep changing; please try again").retry_after(1));
  }

 private:
  static constexpr const char* kKey = "/registry/ranges/servicenodeports";

  Result<std::string> stored_bytes(std::string_view value) {
    auto envelope = TRY(schema::open_envelope(value));
    auto object = TRY(schema::decode_protobuf(envelope.raw, type_));
    return std::string((*object)["data"].as_string());
  }

  Result<std::string> encode(std::string_view range, std::string_view bytes) {
    Arena arena;
    Value object = Value::object(arena);
    object.set("range", range);
    std::string text;
    append_base64(text, bytes);
    object.set("data", std::string_view(text));
    auto frozen = TRY(schema::freeze(object, type_));
    std::string out;
    schema::encode_envelope(out, *frozen, "v1", "RangeAllocation");
    return out;
  }

  store::Store& store_;
  const schema::Type& type_;
  int first_, count_;
};

std::vector<registry::Cidr> parse_ranges(std::string_view text) {
  std::vector<registry::Cidr> ranges;
  for (auto part : split(text, ','))
    if (auto range = registry::parse_cidr(trim(part))) ranges.push_back(*range);
  return ranges;
}

class Wiring : public ServiceAddresses {
 public:
  Wiring(registry::ObjectStore& services, registry::ObjectStore& addresses, registry::ObjectStore* cidrs, store::Store& store, Random& random,
         const ServiceAddressOptions& options)
      : services_(services),
        cidrs_(cidrs),
        configured_(parse_ranges(options.cluster_ip_range)),
        addresses_(addresses),
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
    if (cidrs_)
      cidrs_->cache().snapshot().each("", "", [&](std::string_view, const ObjectRef& object) {
        if ((*object)["metadata"]["deletionTimestamp"].present()) return true;
        auto list = (*object)["spec"]["cidrs"];
        for (uint32_t i = 0; i < list.size(); i++)
          if (auto range = registry::parse_cidr(list.item(i).as_string())) ready.push_back(*range);
        return true;
      });
    return ready.empty() ? configured_ : ready;
  }

  registry::ObjectStore& services_;
  registry::ObjectStore* cidrs_;
  std::vector<registry::Cidr> configured_;
  StoredAddresses addresses_;
  StoredPorts ports_;
  core::ServiceAllocator allocator_;
};

}  // namespace

Result<std::unique_ptr<ServiceAddresses>> allocate_service_addresses(Catalog& catalog, store::Store& store, Random& random,
                                                                     const ServiceAddressOptions& options) {
  auto services = catalog.store_of("", "services");
  auto addresses = catalog.store_of("networking.k8s.io", "ipaddresses");
  if (!services || !addresses) return fail(bad_request("--runtime-config: services and ipaddresses cannot be switched off"));
  if (parse_ranges(options.cluster_ip_range).empty())
    return fail(bad_request(concat("--service-cluster-ip-range ", quoted(options.cluster_ip_range), " is no range of addresses")));
  return std::make_unique<Wiring>(*services, *addresses, catalog.store_of("networking.k8s.io", "servicecidrs"), store, random, options);
}

}  // namespace sampan::apiserver
