// What the agent asks of the API server on behalf of pods: the objects their containers and volumes are made of.
#pragma once
#include <functional>

#include "schema/object.h"

namespace sampan::kubelet {

struct ServiceAccountToken {
  std::string token;
  int64_t expires_at = 0;  // seconds since 1970
};

struct TokenRequest {
  std::string namespace_, service_account;
  std::string audience;  // "" for the API server's own
  int64_t expiration_seconds = 3600;
  std::string pod_name, pod_uid;  // what the token is bound to
};

class Cluster {
 public:
  virtual ~Cluster() = default;
  // `group_version` as in apiVersion ("v1", "storage.k8s.io/v1"), `resource` the plural ("configmaps"); namespace "" for cluster-wide ones.
  // Reads may be a little old, never older than what the pod itself was read from. NotFound in upstream's words: configmaps "x" not found.
  virtual Result<schema::ObjectRef> get(std::string_view group_version, std::string_view resource, std::string_view namespace_,
                                        std::string_view name) = 0;
  virtual Result<ServiceAccountToken> service_account_token(const TokenRequest& request) = 0;
  // Called with (resource, namespace, name) whenever a config map or a secret that was asked for with get() may have changed. One listener.
  virtual void on_change(std::function<void(std::string_view resource, std::string_view namespace_, std::string_view name)> changed) = 0;
};

}  // namespace sampan::kubelet
