// Who asks and what he may do: all authenticators and authorisers of a server, put together. Callable without a request, for who works in this process.
#pragma once
#include <atomic>

#include "apiserver/access/rbac.h"
#include "apiserver/access/service_account_tokens.h"
#include "apiserver/access/webhooks.h"
#include "apiserver/identity.h"
#include "base/environment.h"
#include "base/replaced.h"

namespace sampan::apiserver {

// One of the chain of authorisers.
struct AuthorizerConfig {
  std::string type, name;                // "Webhook", "Node", "RBAC", "ABAC", "AlwaysAllow", "AlwaysDeny"
  std::optional<WebhookConfig> webhook;  // of that type
};
// As --authorization-mode names them, with the names that metrics know them by.
std::vector<AuthorizerConfig> authorizer_modes(const std::vector<std::string>& modes);

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
  std::vector<std::unique_ptr<Authorizer>> authorizers;  // asked in this order, and before the chain
  std::vector<AuthorizerConfig> chain;
  std::unique_ptr<Authorizer> abac;  // in the place of the type "ABAC"
  bool chain_may_change = false;     // see Access::use_chain
};

class Access {
 public:
  ~Access();
  static Result<std::unique_ptr<Access>> create(AccessConfig config, Catalog& catalog, Clock& clock, Random& random, Executor& executor);

  // Takes the credentials out of the request, so that nobody passes them on.
  Result<Identity> authenticate(net::Request& request, std::string_view path);
  // Null: no authenticator knows it. `wanted` null: the API server's audiences.
  IdentityResult authenticate_token(std::string_view token, const std::vector<std::string>* wanted);

  // `error`, if not null, tells what could not be found out.
  Decision authorize(const User& user, const RequestInfo& request, std::string& reason, std::string* error = nullptr);
  bool allows(const User& user, const RequestInfo& request);
  SubjectRules rules_for(const User& user, std::string_view name_space);
  Rbac& rbac() { return *rbac_; }  // also where it does not decide: what may be granted is decided by it

  // May a question take as long as another machine takes to answer?
  bool asks_others() const { return asks_others_.load(std::memory_order_relaxed); }

  // Puts others in the chain's place, from any thread; only where it may change. What is no webhook must have been there from the start.
  Result<void> use_chain(const std::vector<AuthorizerConfig>& authorizers);

  AccessMetrics& metrics() { return metrics_; }

  ServiceAccountTokens* service_accounts() { return service_accounts_; }
  const std::vector<std::string>& audiences() const { return config_.audiences; }

 private:
  struct Chain;
  Access(AccessConfig config, Clock& clock);
  bool anonymous_may_come(std::string_view path) const;
  Result<std::shared_ptr<const Chain>> make_chain(const std::vector<AuthorizerConfig>& authorizers);
  const Chain& chain(std::shared_ptr<const Chain>& held) const;  // `held` keeps it, where it may change

  AccessConfig config_;
  Clock& clock_;
  AccessMetrics metrics_;
  bool asks_for_tokens_ = false, rbac_decides_ = false;
  std::atomic<bool> asks_others_ = false;
  std::unique_ptr<Rbac> rbac_;
  std::unique_ptr<Authorizer> node_;    // null where it was not wanted
  std::shared_ptr<const Chain> chain_;  // null where it may change: then it is the next one
  Replaced<Chain> changing_chain_;
  ServiceAccountTokens* service_accounts_ = nullptr;  // among the tokens
};

}  // namespace sampan::apiserver
