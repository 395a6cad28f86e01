// Who decides what users may do: --authorization-config's file, or what --authorization-mode and its companions come to.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/access/access.h"
#include "base/status.h"

namespace sampan::cmd {

// An authoriser as it is configured; a webhook's kubeconfig is read when the chain is made.
struct AuthorizerOptions {
  std::string type, name;
  // Of the type Webhook.
  std::string kubeconfig, version;
  std::vector<std::string> match_conditions;
  int64_t allowed_ttl_us = 0, denied_ttl_us = 0;  // 0: answers are not kept
  int64_t timeout_ms = 30'000;
  bool denies_on_failure = false;
};
using AuthorizersOptions = std::vector<AuthorizerOptions>;

inline constexpr std::string_view kAuthorizerTypes[] = {"ABAC", "AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook"};

// Upstream's complaints about the file's content.
Result<AuthorizersOptions> parse_authorization_config(std::string_view yaml);

Result<std::vector<apiserver::AuthorizerConfig>> authorizer_chain(const AuthorizersOptions& options);

// Reads the file again now and then, and has `access` follow it; a file that is bad changes nothing. For as long as it lives.
class AuthorizationReload {
 public:
  virtual ~AuthorizationReload() = default;
};
// `text` is the file's as the server began with it.
std::unique_ptr<AuthorizationReload> reload_authorization_config(std::string path, std::string text, apiserver::Access& access,
                                                                 int64_t pause_us = 5'000'000);

}  // namespace sampan::cmd
