// The API as a component uses it: verbs on objects. In the API server's own process nothing is encoded or sent (apiserver/in_process.h); elsewhere
// the same calls go over HTTPS (https.h). Everything blocks until it is answered, and every refusal is the server's own Status.
//
// What is there is not asked for but watched: see informer.h.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "schema/object.h"
#include "schema/schema.h"
#include "schema/value.h"

namespace sampan::client {

using schema::Object;
using schema::ObjectRef;
using schema::Resource;
using schema::Value;

// A built-in resource in its stored version; stops the process if there is none ("pods" of "" ...).
const Resource& builtin(std::string_view group, std::string_view resource);

// Who a component is: what admission and audit see, and which field manager its writes are of.
struct Identity {
  std::string user;  // "system:kube-scheduler"
  std::vector<std::string> groups;
  std::string manager;  // the field manager: "kube-controller-manager"
};

enum class PatchType : uint8_t { Json, Merge, Strategic, Apply };

struct Options {
  std::string_view subresource;  // "", "status", "scale" ...
  std::string_view manager;      // "" = the identity's
  bool force = false;            // of an apply: take over what others own
  bool dry_run = false;
};

struct DeleteOptions {
  std::optional<int64_t> grace_seconds;
  std::string_view propagation;       // "", "Background", "Foreground", "Orphan"
  std::string_view uid;               // only this very object
  std::string_view resource_version;  // only in this state
};

class Api {
 public:
  virtual ~Api() = default;

  // The newest state, not what an informer has heard of yet.
  virtual Result<ObjectRef> get(const Resource& resource, std::string_view name_space, std::string_view name) = 0;
  virtual Result<std::vector<ObjectRef>> list(const Resource& resource, std::string_view name_space, std::string_view label_selector = {},
                                              std::string_view field_selector = {}) = 0;
  // Trees need no apiVersion and kind; they are read before the call returns. `name_space` is "" for what has none.
  virtual Result<ObjectRef> create(const Resource& resource, std::string_view name_space, Value object, const Options& options = {}) = 0;
  // metadata says which object; its resourceVersion, where it is set, which state of it.
  virtual Result<ObjectRef> update(const Resource& resource, Value object, const Options& options = {}) = 0;
  virtual Result<ObjectRef> patch(const Resource& resource, std::string_view name_space, std::string_view name, PatchType type, Value patch,
                                  const Options& options = {}) = 0;
  virtual Result<void> remove(const Resource& resource, std::string_view name_space, std::string_view name,
                              const DeleteOptions& options = {}) = 0;
  // What takes a request object and is no write of the resource itself: "pods/binding", "pods/eviction", "serviceaccounts/token", reviews (no
  // name). The answer is a tree in `arena`.
  virtual Result<Value> post(const Resource& resource, std::string_view name_space, std::string_view name, std::string_view subresource,
                             Value request, Arena& arena) = 0;

  // Everything that is served now, custom resources too, each in its stored version: for who must look at all there is.
  virtual Result<std::vector<const Resource*>> resources() = 0;

  Result<ObjectRef> update_status(const Resource& resource, Value object) { return update(resource, object, {.subresource = "status"}); }
};

// Reads, changes and writes again until no other writer came between. `change` gives false where nothing is to be written; the tree is of the
// newest state. Returns the object as it then is.
Result<ObjectRef> update_latest(Api& api, const Resource& resource, std::string_view name_space, std::string_view name, const Options& options,
                                const std::function<Result<bool>(const Object& current, Value tree)>& change);

}  // namespace sampan::client
