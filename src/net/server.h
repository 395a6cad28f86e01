// The HTTPS server: HTTP/1.1 and HTTP/2 (ALPN) over TLS, event-driven on a few I/O threads.
#pragma once
#include <chrono>

#include "base/status.h"
#include "net/http.h"

namespace sampan::net {

struct ServerLimits {
  size_t body_bytes_max = 3 * 1024 * 1024;    // larger: `too_large` is answered, the body is not kept
  size_t header_bytes_max = 1024 * 1024;      // all header fields of a request together (431 beyond)
  unsigned streams_per_connection_max = 250;  // HTTP/2 concurrent streams, as upstream
  unsigned resets_per_minute_max = 1000;      // HTTP/2 streams a client may open and reset before it is cut off
  int header_timeout_s = 32;                  // to send a request's headers
  int idle_timeout_s = 180;                   // without any request
  int write_stall_timeout_s = 60;             // without taking a byte that we have for it
  unsigned connections_max = 16000;
};

// A certificate for clients that ask for one of these names (SNI).
struct NamedCertificate {
  std::string certificate_file, key_file;
  std::vector<std::string> names;  // "a.example" or "*.example", in lower case; empty = those that are in the certificate
};

struct TlsOptions {
  std::string certificate_file, key_file;  // PEM; read again when they change on disk
  std::vector<NamedCertificate> named_certificates;  // the first that names what a client asks for is his
  std::string client_ca_file;              // "" = do not ask for client certificates; asked for but never required
  std::string proxy_ca_file;               // of front proxies; "" = there are none
  std::string minimum_version = "VersionTLS12";  // or VersionTLS13
  std::vector<std::string> cipher_suites;        // IANA names; empty = Go's defaults
  std::vector<std::string> groups;               // for the key exchange, by OpenSSL's names; empty = its defaults
  bool http2 = true;
};

struct ServerOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 0;  // 0: any free one
  TlsOptions tls;
  ServerLimits limits;
  bool shares_port = false;  // others may listen there too (SO_REUSEPORT)
  unsigned io_threads = 2;
  // The whole answer to a body over the limit (its text is the API's business).
  std::function<Response(const Request&)> too_large;
};

class Server {
 public:
  virtual ~Server() = default;  // as stop(0)
  virtual uint16_t port() const = 0;
  // Stops accepting, tells clients to go (GOAWAY, Connection: close), lets running requests finish for up to `grace`, then closes.
  virtual void stop(std::chrono::milliseconds grace) = 0;
  struct Counts {
    uint64_t connections_open, connections_total, requests_total, bytes_sent;
  };
  virtual Counts counts() const = 0;
};

Result<std::unique_ptr<Server>> listen(ServerOptions options, Handler handler);

}  // namespace sampan::net
