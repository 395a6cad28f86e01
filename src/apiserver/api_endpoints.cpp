#include "apiserver/api_endpoints.h"

#include <algorithm>

#include "apiserver/bootstrap.h"
#include "base/log.h"
#include "base/text.h"
#include "base/watchman.h"
#include "registry/addresses.h"
#include "registry/storage_form.h"

namespace sampan::apiserver {

using schema::Value;

namespace {

constexpr int64_t kInterval_us = 10'000'000;
constexpr int64_t kLeaseSeconds = 15;
constexpr std::string_view kLeases = "/registry/masterleases/";

using Addresses = std::vector<std::string>;  // sorted

void add_port(Value ports, Arena& arena, uint16_t number) {
  Value port = Value::object(arena);
  port.set("name", "https");
  port.set("port", static_cast<int64_t>(number));
  port.set("protocol", "TCP");
  ports.push(port);
}

void fill_endpoints(Value object, Arena& arena, const Addresses& addresses, uint16_t port) {
  object["metadata"].ensure_object("labels").set("endpointslice.kubernetes.io/skip-mirror", "true");
  Value subset = Value::object(arena);
  for (auto& address : addresses) {
    Value it = Value::object(arena);
    it.set("ip", arena.copy(address));
    subset.ensure_list("addresses").push(it);
  }
  add_port(subset.ensure_list("ports"), arena, port);
  object.ensure_list("subsets").push(subset);
}

void fill_slice(Value object, Arena& arena, const Addresses& addresses, uint16_t port) {
  object["metadata"].ensure_object("labels").set("kubernetes.io/service-name", "kubernetes");
  object.set("addressType", addresses.front().find(':') == std::string::npos ? "IPv4" : "IPv6");
  Value endpoints = object.ensure_list("endpoints");
  for (auto& address : addresses) {
    Value it = Value::object(arena);
    it.ensure_list("addresses").push(arena.copy(address));
    it.ensure_object("conditions").set("ready", true);
    endpoints.push(it);
  }
  add_port(object.ensure_list("ports"), arena, port);
}

bool take_over(Value current, Value wanted, std::initializer_list<std::string_view> members) {
  bool changed = false;
  for (auto member : members) {
    if (current[member].equals(wanted[member])) continue;
    current.set(member, wanted[member]);
    changed = true;
  }
  Value labels = current["metadata"].ensure_object("labels");
  for (auto& label : wanted["metadata"]["labels"].members()) {
    if (labels[label.name].as_string() == label.value.as_string()) continue;
    labels.set(label.name, label.value);
    changed = true;
  }
  return changed;
}

class Keeper final : public ApiEndpoints {
 public:
  Keeper(Catalog& catalog, store::Store& store, Clock& clock, ApiEndpointsOptions options)
      : catalog_(catalog), store_(store), clock_(clock), options_(std::move(options)) {}

  Result<void> start() {
    TRY(publish(true));
    watchman_.start(kInterval_us);
    return {};
  }

  ~Keeper() override {
    watchman_.stop();
    if (!options_.shared_store) return;
    if (auto left = publish(false); !left) LOG_WARNING("take this server out of the endpoints of the API: ", left.error().message());
  }

 private:
  int64_t look() {
    if (auto done = publish(true); !done) LOG_WARNING("publish the endpoints of the API, trying again: ", done.error().message());
    return kInterval_us;
  }

  Result<void> publish(bool alive) {
    Addresses addresses = {options_.address};
    if (options_.shared_store) {
      TRY(write_lease(alive));
      addresses = TRY(leased());
    }
    if (addresses.empty()) return {};  // the last one to go leaves its own
    StandardObject endpoints{"", "endpoints", "default", "kubernetes", [&](Value object, Arena& arena) {
                               fill_endpoints(object, arena, addresses, options_.port);
                             }};
    endpoints.reconcile = [](Value current, Value wanted) { return take_over(current, wanted, {"subsets"}); };
    StandardObject slice{"discovery.k8s.io", "endpointslices", "default", "kubernetes", [&](Value object, Arena& arena) {
                           fill_slice(object, arena, addresses, options_.port);
                         }};
    slice.reconcile = [](Value current, Value wanted) { return take_over(current, wanted, {"endpoints", "ports"}); };
    // The kind of address cannot be changed.
    slice.must_replace = [](Value current, Value wanted) { return !current["addressType"].equals(wanted["addressType"]); };
    TRY(ensure_object(catalog_, endpoints, clock_));
    return ensure_object(catalog_, slice, clock_);
  }

  // In upstream's form: endpoints with one address.
  Result<void> write_lease(bool alive) {
    store::Write write{.key = concat(kLeases, options_.address), .value = std::nullopt};
    if (alive) {
      Arena arena;
      auto* type = catalog_.find("", "endpoints")->resource->type;
      Value lease = Value::object(arena);
      Value subset = Value::object(arena), address = Value::object(arena);
      address.set("ip", std::string_view(options_.address));
      subset.ensure_list("addresses").push(address);
      lease.ensure_list("subsets").push(subset);
      write.value = registry::stored_form(*catalog_.find("", "endpoints")->resource, *TRY(schema::freeze(lease, *type)));
      write.ttl_seconds = kLeaseSeconds;
      write.durability = store::Durability::Relaxed;
    }
    TRY(store_.write(std::move(write)));
    return {};
  }

  Result<Addresses> leased() {
    auto* type = catalog_.find("", "endpoints")->resource->type;
    auto range = TRY(store_.range({.start = std::string(kLeases), .end = store::end_of_prefix(kLeases)}));
    Addresses out;
    for (auto& entry : range.entries) {
      auto lease = TRY(registry::from_stored_form(*type, entry.value));
      auto ip = (*lease)["subsets"].item(0)["addresses"].item(0)["ip"];
      if (ip.present()) out.emplace_back(ip.as_string());
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  Catalog& catalog_;
  store::Store& store_;
  Clock& clock_;
  const ApiEndpointsOptions options_;
  Watchman watchman_{[this](bool) { return look(); }};
};

}  // namespace

Result<std::unique_ptr<ApiEndpoints>> ApiEndpoints::start(Catalog& catalog, store::Store& store, Clock& clock, ApiEndpointsOptions options) {
  auto address = registry::parse_ip(options.address);
  // Nobody could reach them there, and the API takes no such endpoints.
  if (!address || address->is_loopback() || address->is_unspecified()) return nullptr;
  auto keeper = std::make_unique<Keeper>(catalog, store, clock, std::move(options));
  TRY(keeper->start());
  return keeper;
}

}  // namespace sampan::apiserver
