// TLS as a client: whom to trust and who we are, made from text or from files that may change.
#pragma once
#include "net/client.h"
#include "net/tls.h"

namespace sampan::net {

class ClientTlsContexts {
 public:
  static Result<std::unique_ptr<ClientTlsContexts>> create(ClientTls tls);
  // For one connection; `name` is what the certificate must be for.
  Result<SSL*> make(const std::string& name);

 private:
  explicit ClientTlsContexts(ClientTls tls) : tls_(std::move(tls)) {}
  std::string stamp() const;  // changes when a file does
  std::shared_ptr<SSL_CTX> current();

  const ClientTls tls_;
  std::mutex mutex_;  // guards the rest
  std::shared_ptr<SSL_CTX> current_;
  std::string stamp_;
  int64_t looked_at_us_ = 0;
};

// Why the certificate that this thread's handshake just refused is for somebody else, in Go's words.
std::string name_mismatch(SSL* ssl);

}  // namespace sampan::net
