// The file of --authentication-config: issuers of tokens, and who may come without credentials and where.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/access/oidc.h"
#include "base/status.h"

namespace sampan::cmd {

struct AuthenticationConfig {
  bool says_anonymous = false;  // the file has the field
  bool anonymous = false;
  std::vector<std::string> anonymous_paths;  // only these; empty: any
  std::vector<apiserver::OidcConfig> issuers;  // `jwt`
};

Result<AuthenticationConfig> parse_authentication_config(std::string_view yaml);

}  // namespace sampan::cmd
