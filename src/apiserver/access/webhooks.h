// Others who know tokens and rights: asked over HTTPS with a TokenReview or a SubjectAccessReview. Answers are kept for a while.
#pragma once
#include "apiserver/identity.h"
#include "base/environment.h"
#include "net/client.h"

namespace sampan::apiserver {

struct WebhookConfig {
  std::string url;
  std::string server_name;  // of the certificate; "" = the url's host
  net::ClientTls tls;
  std::string token;        // to show; "" = none
  std::string version;      // of the review: "v1" or "v1beta1"
  int64_t allowed_ttl_us = 0, denied_ttl_us = 0;
};

// `audiences`: the API server's own.
Result<std::unique_ptr<TokenAuthenticator>> webhook_token_authenticator(WebhookConfig config, std::vector<std::string> audiences, Clock& clock);
Result<std::unique_ptr<Authorizer>> webhook_authorizer(WebhookConfig config, Clock& clock);

}  // namespace sampan::apiserver
