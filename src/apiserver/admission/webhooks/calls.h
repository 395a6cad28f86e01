// How webhooks are reached: over HTTPS, at a URL or through a service of this cluster.
#pragma once
#include <expected>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "apiserver/catalog.h"
#include "net/client.h"

namespace sampan::apiserver {

struct WebhookAddress {
  std::string url;  // "" = a service
  std::string service, name_space, path;
  uint16_t port = 443;
  std::string ca_pem;  // "" = whom the system trusts
};
WebhookAddress webhook_address(const schema::AnyView& client_config);

class WebhookCalls {
 public:
  explicit WebhookCalls(Catalog& catalog) : catalog_(catalog) {}

  struct Missed {
    std::string why;  // as upstream words it behind "failed to call webhook: "
    int code;         // the webhook's, if it answered with a refusal
  };
  // The answer's text. INT64_MAX: it may take any time.
  std::expected<std::string, Missed> post(const WebhookAddress& address, std::string body, int64_t timeout_us);

 private:
  Result<std::shared_ptr<net::Client>> client_for(const std::string& ca_pem);
  Result<net::Endpoint> endpoint_of(const WebhookAddress& address);

  Catalog& catalog_;
  std::mutex mutex_;  // guards the next
  std::map<std::string, std::shared_ptr<net::Client>> clients_;  // by whom they trust
};

}  // namespace sampan::apiserver
