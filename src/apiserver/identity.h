// Who asks, and whether they may. Each is an interface with a list of implementations behind it: the next authenticator or authoriser is one more
// element, not one more if.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/request_info.h"
#include "base/status.h"
#include "net/http.h"

namespace sampan::apiserver {

struct User {
  std::string name, uid;
  std::vector<std::string> groups;
  bool in(std::string_view group) const;
};

class Authenticator {
 public:
  virtual ~Authenticator() = default;
  // No value: this kind of credential is not there, let the next one look. An error: it is there and bad.
  virtual Result<std::unique_ptr<User>> authenticate(const net::Request& request) = 0;
};

std::unique_ptr<Authenticator> certificate_authenticator();
// kube-apiserver's --token-auth-file: token,user,uid,"group1,group2".
Result<std::unique_ptr<Authenticator>> token_file_authenticator(const std::string& path);

enum class Decision : uint8_t { Allow, Deny, NoOpinion };

class Authorizer {
 public:
  virtual ~Authorizer() = default;
  virtual Decision authorize(const User& user, const RequestInfo& request, std::string& reason) = 0;
};

std::unique_ptr<Authorizer> masters_authorizer();  // system:masters may do anything
std::unique_ptr<Authorizer> always_allow_authorizer();

// "pods is forbidden: User "x" cannot list resource "pods" in API group "" at the cluster scope"
Error forbidden(const User& user, const RequestInfo& request, std::string_view reason);

}  // namespace sampan::apiserver
