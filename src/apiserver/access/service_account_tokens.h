// Tokens of service accounts: issued on request and bound to an account and often to a pod, secret or node, or of the old kind that lives in a
// secret. A token ends with what it is bound to, whatever its expiry says.
#pragma once
#include <mutex>
#include <optional>
#include <unordered_set>

#include "apiserver/access/jwt.h"
#include "apiserver/catalog.h"
#include "apiserver/identity.h"

namespace sampan::apiserver {

struct ServiceAccountConfig {
  std::vector<JwtKey> keys;          // to verify with
  std::optional<JwtKey> signer;      // to sign with; none: tokens are only verified
  std::vector<std::string> issuers;  // the first one signs; all are believed
  std::vector<std::string> audiences;  // of the API server; empty: the issuers
  std::string jwks_uri;              // of the discovery document
  int64_t max_expiration_s = 0;      // 0: no limit
  bool extend_expiration = true;     // a pod's ordinary token lives a year, so that programs that read it once go on
  bool lookup = true;                // of the objects behind old tokens
};

struct BoundObjects {
  schema::ObjectRef account, pod, secret, node;
  std::string node_name;  // of a pod whose node is not there
};

class ServiceAccountTokens final : public TokenAuthenticator {
 public:
  ServiceAccountTokens(ServiceAccountConfig config, Catalog& catalog, Clock& clock, Random& random, Executor& executor);
  IdentityResult authenticate_token(std::string_view token, const std::vector<std::string>* wanted) override;

  const ServiceAccountConfig& config() const { return config_; }
  // `id`: of the token, whose jti it is. `warn_after_s` 0: none. The times count from `now_s`.
  std::string issue(const BoundObjects& bound, std::string_view id, const std::vector<std::string>& audiences, int64_t now_s, int64_t expires_after_s,
                    int64_t warn_after_s);
  std::string discovery_json() const;
  std::string keys_json() const;

 private:
  struct Claims;
  bool verified(std::string_view token, const JwtParts& parts, bool& key_found);
  IdentityResult validate_bound(const Claims& claims);
  IdentityResult validate_legacy(std::string_view token, const Claims& claims);
  Result<schema::ObjectRef> bound_object(std::string_view resource, std::string_view name_space, schema::Value reference);
  void note_use(const schema::ObjectRef& secret);

  const ServiceAccountConfig config_;
  Catalog& catalog_;
  Clock& clock_;
  Random& random_;
  Executor& executor_;
  std::mutex mutex_;
  std::unordered_set<std::string> verified_;  // hashes of tokens whose signatures were found good
};

}  // namespace sampan::apiserver
