// Who asks and what he may do: all authenticators and authorisers of a server, put together. Callable without a request, for who works in this process.
#pragma once
#include <atomic>

#include "apiserver/access/rbac.h"
#include "apiserver/access/service_account_tokens.h"
#include "apiserver/identity.h"
#include "base/environment.h"

namespace sampan::apiserver {

struct AccessConfig {
  // Asked in this order: of requests, then of bearer tokens.
  std::vector<std::unique_ptr<Authenticator>> authenticators;
  std::vector<std::unique_ptr<TokenAuthenticator>> tokens;
  std::optional<ServiceAccountConfig> service_accounts;  // after `tokens`
  bool bootstrap_tokens = false;                         // after those
  std::vector<std::unique_ptr<TokenAuthenticator>> remote_tokens;  // the last: they may ask others, which takes time
  std::vector<std::string> audiences;                    // of the API server
  bool anonymous = true;                                 // an identity for requests without credentials; the authorisers decide what it may do
  std::vector<std::string> anonymous_paths;              // only for these; empty: for all
  // Asked in this order, those here before those that the modes name ("Node", "RBAC", "AlwaysAllow", "AlwaysDeny").
  std::vector<std::unique_ptr<Authorizer>> authorizers;
  std::vector<std::string> modes;
  std::unique_ptr<Authorizer> webhook;  // in the place of the mode "Webhook"; may ask others
};

class Access {
 public:
  static Result<std::unique_ptr<Access>> create(AccessConfig config, Catalog& catalog, Clock& clock, Random& random, Executor& executor);

  // Takes the credentials out of the request, so that nobody passes them on.
  Result<Identity> authenticate(net::Request& request, std::string_view path);
  // Null: no authenticator knows it. `wanted` null: the API server's audiences.
  IdentityResult authenticate_token(std::string_view token, const std::vector<std::string>* wanted);

  Decision authorize(const User& user, const RequestInfo& request, std::string& reason);
  bool allows(const User& user, const RequestInfo& request);
  SubjectRules rules_for(const User& user, std::string_view name_space);
  Rbac& rbac() { return *rbac_; }  // also where it does not decide: what may be granted is decided by it

  // May a question take as long as another machine takes to answer?
  bool asks_others() const { return asks_others_; }

  ServiceAccountTokens* service_accounts() { return service_accounts_; }
  const std::vector<std::string>& audiences() const { return config_.audiences; }

 private:
  explicit Access(AccessConfig config) : config_(std::move(config)) {}
  bool anonymous_may_come(std::string_view path) const;

  AccessConfig config_;
  bool asks_others_ = false;
  std::unique_ptr<Rbac> rbac_;
  std::vector<Authorizer*> authorizers_;  // in their order
  ServiceAccountTokens* service_accounts_ = nullptr;  // among the tokens
};

}  // namespace sampan::apiserver
