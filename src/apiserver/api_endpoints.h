// The endpoints of the `kubernetes` service: where the API servers that are alive can be reached.
#pragma once
#include <memory>
#include <string>

#include "apiserver/catalog.h"
#include "base/environment.h"
#include "store/store.h"

namespace sampan::apiserver {

struct ApiEndpointsOptions {
  std::string address;  // of this server
  uint16_t port = 6443;
  // Whether other servers, upstream's too, work with the same store. Each then keeps a lease there, as upstream's "lease" reconciler does.
  bool shared_store = false;
};

// Keeps them from its making until its end. Of a shared store it takes its own address away at the end; alone it leaves it, for it will be back.
class ApiEndpoints {
 public:
  virtual ~ApiEndpoints() = default;
  static Result<std::unique_ptr<ApiEndpoints>> start(Catalog& catalog, store::Store& store, Clock& clock, ApiEndpointsOptions options);
};

}  // namespace sampan::apiserver
