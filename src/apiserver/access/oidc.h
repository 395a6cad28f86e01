// ID tokens of an OpenID provider: verified with the provider's published keys; its claims tell name, groups and uid.
#pragma once
#include "apiserver/identity.h"
#include "base/environment.h"
#include "net/client.h"

namespace sampan::apiserver {

struct OidcConfig {
  std::string issuer;         // https://...
  std::string discovery_url;  // "" = below the issuer
  net::ClientTls tls;
  std::vector<std::string> audiences;  // one of them must be the token's
  std::vector<std::string> algorithms = {"RS256"};
  struct Mapped {
    std::string claim, prefix;
  };
  Mapped username{"sub", ""}, groups;
  std::string uid_claim;
  std::vector<std::pair<std::string, std::string>> required;  // claims with their values
};

Result<std::unique_ptr<TokenAuthenticator>> oidc_authenticator(OidcConfig config, Clock& clock);

}  // namespace sampan::apiserver
