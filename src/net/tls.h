// TLS for the server: contexts made from files that may change, and the check of clients' certificates.
#pragma once
#include <openssl/ssl.h>

#include <memory>
#include <mutex>
#include <string>

#include "base/status.h"
#include "net/http.h"
#include "net/protocol.h"
#include "net/server.h"

namespace sampan::net {

struct SslDeleter {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
  void operator()(X509* certificate) const { X509_free(certificate); }
};
template <class T>
using SslPtr = std::unique_ptr<T, SslDeleter>;

// One reading of the files.
struct TlsGeneration {
  SslPtr<SSL_CTX> context;
  struct Named {
    SslPtr<SSL_CTX> context;
    std::vector<std::string> names;
    bool is_for(const std::string& host) const;
  };
  std::vector<Named> named;  // for clients that ask for another name
  SslPtr<X509_STORE> client_cas;  // null: client certificates are not asked for
  SslPtr<X509_STORE> proxy_cas;   // null: there are no front proxies
  std::string client_ca_text;     // what both were read from

  // The client's certificate if it is signed by one of the CAs, valid now and meant for clients; null otherwise.
  VerifiedPeer verify_peer(SSL* ssl) const;
};

class TlsFiles {
 public:
  static Result<std::unique_ptr<TlsFiles>> open(TlsOptions options);

  // What to use for a new connection. Looks at the files again and again; ones that cannot be used are logged and the last
  // good reading stays.
  std::shared_ptr<const TlsGeneration> current(int64_t now_us);

 private:
  explicit TlsFiles(TlsOptions options) : options_(std::move(options)) {}
  std::string stamp() const;  // changes when a file does

  const TlsOptions options_;
  std::mutex mutex_;  // guards the rest
  std::shared_ptr<const TlsGeneration> current_;
  std::string stamp_;
  int64_t looked_at_us_ = 0;
};

std::string last_ssl_error();  // of this thread, in words; clears the queue

}  // namespace sampan::net
