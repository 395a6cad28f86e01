// The flags that say who may come in and what he may do.
#pragma once
#include <string>
#include <vector>

#include "apiserver/access/access.h"
#include "apiserver/access/oidc.h"
#include "apiserver/access/request_headers.h"
#include "cmd/authentication_config.h"
#include "cmd/authorization_config.h"
#include "cmd/flags.h"

namespace sampan::cmd {

struct AccessOptions {
  AuthorizersOptions authorizers;
  std::string authorization_config_file, authorization_config;  // where they are from, and what it said; "": flags
  std::string policy_file;                                      // of ABAC
  std::string token_file;
  bool anonymous = true;
  std::vector<std::string> anonymous_paths;  // only there; empty: anywhere
  std::vector<std::string> account_issuers, account_key_files, api_audiences;
  std::string account_signing_key_file;  // "" = ours, made on first start
  std::string jwks_uri;                  // "" = ours
  int64_t account_token_seconds_max = 0;
  bool bootstrap_tokens = false;
  std::vector<apiserver::OidcConfig> issuers;
  struct Webhook {
    std::string kubeconfig, version;  // the former "": there is none
    int64_t ttl_us = 0;
  };
  Webhook token_webhook;
  std::string proxy_ca_file;  // of front proxies; "": there are none
  apiserver::RequestHeaderConfig request_headers;
  bool extend_account_tokens = true, lookup_accounts = true;
};

Result<AccessOptions> access_options(const FlagSet& flags);

// Reads the files. `directory` keeps what is made on first start; `host` is what others know this server by, with its port.
Result<apiserver::AccessConfig> access_config(const AccessOptions& options, const std::string& directory, std::string_view host);

}  // namespace sampan::cmd
