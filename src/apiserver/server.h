// The API server: connection -> authentication -> flow control -> authorisation -> admission -> registry. This file assembles the chain; every link
// is an interface of its own.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "apiserver/access/access.h"
#include "apiserver/admission.h"
#include "apiserver/audit/trail.h"
#include "apiserver/catalog.h"
#include "apiserver/front_door.h"
#include "apiserver/identity.h"
#include "apiserver/streams/backends.h"
#include "apiserver/usage/usage.h"
#include "base/environment.h"
#include "net/server.h"
#include "store/store.h"

namespace sampan::apiserver {

namespace fairness {
class FlowControl;
}

struct ServerConfig {
  BackendConfig backends;
  RuntimeConfig runtime_config;
  AdmissionConfig admission;
  AccessConfig access;
  AuditConfig audit;
  FrontDoorConfig front_door;
  UsageTimes usage;
  bool priority_and_fairness = true;  // else reads and mutations are only counted, each to their own limit
  unsigned requests_in_flight_max = 400, mutations_in_flight_max = 200;  // together the seats that levels share
  int64_t request_timeout_us = 60'000'000;  // of requests that are no watches; clients may ask for less
  int64_t watch_seconds_min = 1800;   // a watch lives so long and up to as long again
  unsigned workers = 64;
  bool store_is_local = true;         // reads never block, so they are answered on the I/O threads
};

// Answers paths that are no resources: /healthz, /version, /apis, /openapi/v3 ...
class Page {
 public:
  virtual ~Page() = default;
  virtual bool serves(std::string_view path) const = 0;
  virtual HandlerResult handle(Context& context) = 0;
  virtual void list_paths(std::vector<std::string>& out) const = 0;  // for "/"
};

class ApiServer {
 public:
  static Result<std::unique_ptr<ApiServer>> create(store::Store& store, Clock& clock, Random& random, ServerConfig config);
  virtual ~ApiServer() = default;
  virtual net::Handler handler() = 0;
  // For a component of this process, which need not prove who it is nor be allowed what it was written to do: all that comes after authorisation. `request` has no body.
  virtual Result<void> call(net::Request request, const User& user, Direct& direct) = 0;
  virtual Catalog& catalog() = 0;
  virtual const Services& services() = 0;
  virtual void add_page(std::unique_ptr<Page> page) = 0;
  virtual fairness::FlowControl* flow_control() = 0;  // null: it is off
  virtual std::vector<std::string> paths() const = 0;  // that the pages have, in no order
  // Watches end cleanly and new requests are refused; the HTTP server then drains what runs.
  virtual void begin_shutdown() = 0;
};

// The answer to a body that is over the limit.
net::Response body_too_large(const net::Request& request);

// Namespaces, priority classes, the `kubernetes` service: what every cluster has. Idempotent.
struct BootstrapOptions {
  std::string service_cidr = "10.0.0.0/24";
  uint16_t port = 6443;
  std::string client_ca;   // PEM, for who serves extensions of the API
  Clock* clock = nullptr;  // null: the real one
};
Result<void> bootstrap(Catalog& catalog, const BootstrapOptions& options);

}  // namespace sampan::apiserver
