// Who asks, and whether they may. Each is an interface with a list of implementations behind it: the next authenticator or authoriser is one more
// element, not one more if.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/access/policy_rules.h"
#include "apiserver/request_info.h"
#include "base/status.h"
#include "net/http.h"

namespace sampan::apiserver {

using Extra = std::vector<std::pair<std::string, std::vector<std::string>>>;  // sorted by key

struct User {
  std::string name, uid;
  std::vector<std::string> groups;
  Extra extra = {};
  bool in(std::string_view group) const;
  void add_extra(std::string_view key, std::string_view value);
};

// A user as a credential tells him, with what is to be said to who shows it.
struct Identity {
  User user;
  std::vector<std::string> audiences;  // of those that were wanted, whom the credential is for; empty: it says nothing of audiences
  std::vector<std::string> warnings;
  std::vector<std::pair<std::string, std::string>> annotations;  // for the audit
};
using IdentityResult = Result<std::unique_ptr<Identity>>;

class Authenticator {
 public:
  virtual ~Authenticator() = default;
  // No value: this kind of credential is not there. An error: it is there and bad. Either way the next one looks.
  virtual IdentityResult authenticate(net::Request& request) = 0;
};

// What knows a kind of bearer token. Besides requests, TokenReviews ask it.
class TokenAuthenticator {
 public:
  virtual ~TokenAuthenticator() = default;
  // `wanted`: audiences of which the token must name one; null: the API server's own.
  virtual IdentityResult authenticate_token(std::string_view token, const std::vector<std::string>* wanted) = 0;
};

std::unique_ptr<Authenticator> certificate_authenticator();
// kube-apiserver's --token-auth-file: token,user,uid,"group1,group2".
Result<std::unique_ptr<TokenAuthenticator>> token_file_authenticator(const std::string& path);

enum class Decision : uint8_t { Allow, Deny, NoOpinion };

// What a user may do, as far as it can be listed.
struct SubjectRules {
  PolicyRules rules;
  std::vector<std::string> problems;
  bool incomplete = false;
};

class Authorizer {
 public:
  virtual ~Authorizer() = default;
  // Who allows says why in `reason`; so may who does not.
  virtual Decision authorize(const User& user, const RequestInfo& request, std::string& reason) = 0;
  // Of those who may not be able to tell: `error` says why.
  virtual Decision try_authorize(const User& user, const RequestInfo& request, std::string& reason, std::string& error) {
    (void)error;
    return authorize(user, request, reason);
  }
  virtual void rules_for(const User& user, std::string_view name_space, SubjectRules& out) {
    (void)user, (void)name_space, (void)out;
  }
};

std::unique_ptr<Authorizer> masters_authorizer();  // system:masters may do anything
std::unique_ptr<Authorizer> always_allow_authorizer();
std::unique_ptr<Authorizer> always_deny_authorizer();

// "pods is forbidden: User "x" cannot list resource "pods" in API group "" at the cluster scope"
Error forbidden(const User& user, const RequestInfo& request, std::string_view reason);

}  // namespace sampan::apiserver
