// A blocking HTTP/1.1 client over TLS, TCP or a unix socket, with a pool of kept-alive connections. Redirects are never
// followed: they are answers like any other. Errors are worded as Go's net/http words them, for they end in events and
// conditions that users know.
#pragma once
#include "net/http.h"
#include "net/stream.h"

namespace sampan::net {

// Whom to talk to. A name is resolved once for a connection, and what was found is dialled.
struct Endpoint {
  std::string host;         // a name, or an IP address without brackets
  uint16_t port = 443;
  bool tls = true;
  std::string server_name;  // that the certificate must bear; "" = host
  std::string unix_socket;  // a path, instead of host and port
};

struct Url {
  Endpoint endpoint;
  std::string target;  // path and query, as written; at least "/"
};
Result<Url> parse_url(std::string_view text);  // http or https
std::string authority_of(const Endpoint& endpoint);  // host:port, without a port that the scheme implies

// Who we are and whom we trust. Each thing as PEM text or as a file, which is read again when it changes.
struct ClientTls {
  std::string ca_pem, ca_file;  // neither: the system's
  std::string certificate_pem, certificate_file;
  std::string key_pem, key_file;
  bool skip_verify = false;
};

struct ClientOptions {
  ClientTls tls;
  unsigned idle_per_endpoint_max = 8;
  unsigned idle_max = 100;
  int idle_timeout_s = 60;
  int dial_timeout_ms = 30'000;         // for connecting and for TLS, each
  size_t header_bytes_max = 1024 * 1024;
  std::string user_agent;               // where the request has none; "" = none
};

struct ClientRequest {
  std::string method = "GET";
  Endpoint endpoint;
  std::string target = "/";   // path and query, encoded
  std::string host;           // the Host field; "" = the endpoint's
  Headers headers;            // names in lower case; content-length is ours
  std::string body;
  int64_t timeout_ms = 30'000;  // send: for all of it; open and upgrade: until the answer's head is here. 0 = none
  size_t body_bytes_max = 16 * 1024 * 1024;  // of an answer that is read whole
  bool keep_alive = true;     // false: a connection of its own, closed afterwards
  std::shared_ptr<Cancellation> cancellation;  // may be null
};

struct Answer {
  int status = 0;
  Headers headers;  // names in lower case
  std::string body;
  std::string_view header(std::string_view lower_case_name) const;  // first value, "" if absent
};

// An answer whose body is read as it comes. Destroying it before the end closes the connection.
class AnswerStream {
 public:
  virtual ~AnswerStream() = default;
  virtual const Answer& head() const = 0;  // its body is empty
  // Waits for more of the body and appends it; false at the body's end. After an error of the reason Timeout it can be called again.
  virtual Result<bool> read_some(std::string& out, int64_t deadline_us = kNoDeadline) = 0;
  virtual void cancel() = 0;  // from any thread
};

struct Upgraded {
  Answer answer;                       // whole, unless it is a 101
  std::unique_ptr<ByteStream> stream;  // null unless the answer is a 101
};

// For any number of threads.
class Client {
 public:
  static Result<std::unique_ptr<Client>> create(ClientOptions options);
  virtual ~Client() = default;
  virtual Result<Answer> send(const ClientRequest& request) = 0;
  virtual Result<std::unique_ptr<AnswerStream>> open(const ClientRequest& request) = 0;
  // Asks for another protocol: adds "Connection: Upgrade"; the caller names the protocol in the field "upgrade". Bytes flow only
  // behind a 101.
  virtual Result<Upgraded> upgrade(const ClientRequest& request) = 0;
  virtual void close_idle() = 0;
};

}  // namespace sampan::net
