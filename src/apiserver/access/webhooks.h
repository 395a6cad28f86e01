// Others who know tokens and rights: asked over HTTPS with a TokenReview or a SubjectAccessReview. Answers are kept for a while.
#pragma once
#include "apiserver/access/metrics.h"
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
  int64_t allowed_ttl_us = 0, denied_ttl_us = 0;  // 0: not kept
  int64_t timeout_ms = 30'000;
  int64_t retry_pause_ms = 500;  // before who is busy is asked again; the next one is half as long again
  std::vector<std::string> match_conditions;  // rights: in CEL, of requests that it is asked about
  bool denies_on_failure = false;  // rights: without an answer nobody may do anything; else others decide
};

// `audiences`: the API server's own.
Result<std::unique_ptr<TokenAuthenticator>> webhook_token_authenticator(WebhookConfig config, std::vector<std::string> audiences, Clock& clock);
// `name` is what metrics call it.
Result<std::unique_ptr<Authorizer>> webhook_authorizer(WebhookConfig config, std::string name, Clock& clock, AccessMetrics& metrics);

}  // namespace sampan::apiserver
