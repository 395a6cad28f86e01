// One request on its way through the server.
#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "apiserver/catalog.h"
#include "apiserver/identity.h"
#include "apiserver/media.h"
#include "apiserver/query.h"
#include "apiserver/request_info.h"
#include "net/http.h"
#include "schema/object.h"

namespace sampan::apiserver {

class Access;
class Admission;
class Auditor;
class AuditTrail;
class Backends;
class ServerMetrics;
class Usage;

// What handlers may use of the server they run in.
struct Services {
  Catalog* catalog = nullptr;
  Admission* admission = nullptr;
  Access* access = nullptr;
  Clock* clock = nullptr;
  Random* random = nullptr;
  Executor* executor = nullptr;
  const std::atomic<bool>* stopping = nullptr;  // watches end
  ServerMetrics* metrics = nullptr;
  int64_t watch_seconds_min = 1800;             // how long watches live that do not say: this, and up to as much again
  Backends* backends = nullptr;                 // kubelets, and what is proxied to
  Auditor* audit = nullptr;                     // null: nothing is noted
  Usage* usage = nullptr;                       // of nodes and pods; null where metrics.k8s.io is not served
};

// A caller in this process: it hands over a tree and takes objects, so that nothing is encoded between.
struct Direct {
  schema::Value body;                      // instead of the request's bytes
  std::vector<schema::ObjectRef> objects;  // instead of the answer's: one object, or those of a list
  Arena* arena = nullptr;                  // for answers that are no stored objects
  schema::Value answer;
};

struct Context {
  net::Request& http;
  const Services& services;
  RequestInfo info;
  Query query;
  User user;
  const Served* served = nullptr;                   // for resources
  const schema::Subresource* subresource = nullptr;  // null for the resource itself
  std::vector<std::string> warnings;                // become Warning headers
  Direct* direct = nullptr;                         // null: the caller came over the network
  std::shared_ptr<AuditTrail> audit = {};           // null: this request is not noted
  int64_t deadline_us = INT64_MAX;                  // by the clock that never goes back; a watch has none

  int64_t now_seconds() const { return services.clock->now_us() / 1'000'000; }
};

using HandlerResult = Result<net::Response>;

}  // namespace sampan::apiserver
