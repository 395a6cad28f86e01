// What a controller is: a table of what it watches and one function that brings one thing nearer to what is wanted. The frame (frame.h) owns informers,
// queue, back-off, metrics and waiting for the controller's own writes to be seen.
//
// reconcile() is called again whenever something it watches changes, and may be called for no reason: it looks at what is there and does what is
// missing. It is plain blocking code and is never run twice at once for one key.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/environment.h"
#include "base/status.h"
#include "client/api.h"
#include "client/events.h"
#include "client/informer.h"
#include "controllers/node_health.h"

namespace sampan::controllers {

using client::Change;
using client::Informer;
using client::Index;
using schema::Object;
using schema::ObjectRef;
using schema::Value;

// "namespace/name", or "name" of what has no namespace.
struct Key {
  std::string_view name_space, name;
  static Key of(std::string_view text);
};
std::string key_of(const Object& object);

// What an administrator sets (flags of the controller manager).
struct Settings {
  std::string root_ca_pem;            // for kube-root-ca.crt in every namespace; "": not published
  std::string signing_certificate_pem, signing_key_pem;  // of the CA that signs certificate requests; "": they wait for another signer
  int64_t signing_seconds = 365 * 24 * 3600;
  bool allocate_node_cidrs = false;
  std::vector<std::string> cluster_cidrs, service_cidrs;  // one a family
  int node_cidr_mask_v4 = 24, node_cidr_mask_v6 = 64;
  NodePatience nodes;
  std::string local_path = "/var/lib/sampan/volumes";  // on every node, for volumes that are made on demand
};

// What a controller works with. `api` has the controller's own identity, and remembers what was written so that the next reconcile of the key sees it.
struct Environment {
  client::Api& api;
  client::Informers& informers;
  client::Events& events;
  Clock& clock;
  Random& random;
  Executor& executor;
  Settings settings = {};
  int64_t now_seconds() { return clock.now_us() / 1'000'000; }
};

// When to look at a key again though nothing changes. An error comes again by itself, later and later.
struct Again {
  int64_t after_us = -1;  // <0: not
  static Again never() { return {}; }
  static Again in(int64_t us) { return {us}; }
};

class Watches {
 public:
  virtual ~Watches() = default;
  using Enqueue = std::function<void(std::string_view key)>;
  // Each call gives the informer of the resource to look things up in.
  virtual Informer& on(std::string_view group, std::string_view resource, std::function<void(const Change&, const Enqueue&)> keys) = 0;
  // The key is the object's own.
  Informer& each(std::string_view group, std::string_view resource);
  // The keys are the controllers (owner references with controller=true) of `kind` that the object has or had.
  Informer& owned(std::string_view group, std::string_view resource, std::string_view owner_kind);
  // No key: only to be read, and loaded before the first reconcile.
  Informer& read(std::string_view group, std::string_view resource);
  // At any time, of resources that were not there before.
  virtual Result<void> follow(const schema::Resource& resource, std::function<void(const Change&, const Enqueue&)> keys) = 0;
  // The key comes up every so often, first at once.
  virtual void every(int64_t period_us, std::string_view key) = 0;
};

class Controller {
 public:
  virtual ~Controller() = default;
  virtual void watch(Watches& watches) = 0;  // once, before the first reconcile
  virtual Result<Again> reconcile(const Key& key) = 0;
};

// A line of the list in controllers.cpp.
struct Entry {
  std::string_view name;       // as --controllers and metrics call it: "deployment-controller"
  std::string_view account;    // the service account in kube-system whose rights it has: "deployment-controller"
  unsigned workers;            // keys at once
  std::unique_ptr<Controller> (*make)(Environment&);
  bool on_by_default = true;
  std::string_view source = {};  // of its events, where it is not the account
};

}  // namespace sampan::controllers
