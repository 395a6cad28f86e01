// What a request and an answer are, whichever protocol carries them. Handlers see only this header.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sampan::net {

class ByteStream;

using Headers = std::vector<std::pair<std::string, std::string>>;  // names in lower case

// The client's certificate. One that neither the client CAs nor those of front proxies vouch for, now, is neither's and names nobody.
struct PeerCertificate {
  std::string common_name;
  std::vector<std::string> organizations;
  std::string fingerprint;  // SHA-256 of the DER, in hex
  bool is_client = true;    // signed by one of the client CAs
  bool is_proxy = false;    // signed by one of the CAs of front proxies, which say who others are
};

struct Request {
  std::string method;
  std::string path;   // as sent: not decoded, without the query
  std::string query;  // as sent, without '?'
  std::string host;   // Host or :authority
  Headers headers;
  std::string body;
  std::string remote_address;
  bool http2 = false;
  std::shared_ptr<const PeerCertificate> peer;  // null without a certificate

  std::string_view header(std::string_view lower_case_name) const;  // first value, "" if absent
};

// A body that is made while it is sent: a watch, a long list. It is pulled only when the client can take more, so a slow
// client costs no memory.
class BodySource {
 public:
  enum class Pull {
    More,  // there may be more at once
    Wait,  // nothing now; the waker will be called when there is
    End,   // the body is complete
    Abort, // break the answer off: reset the stream or close the connection
  };
  virtual ~BodySource() = default;
  // Appends about `want` bytes to `out`. Runs on an I/O thread and must not block.
  virtual Pull pull(std::string& out, size_t want) = 0;
  // Called once before the first pull. `waker` may be called from any thread, any number of times, until the source is destroyed
  // (a late call is harmless).
  virtual void start(std::function<void()> waker) { (void)waker; }
};

struct Response {
  int status = 200;
  Headers headers;  // content-length and transfer-encoding are the server's; date too
  std::string body;
  std::unique_ptr<BodySource> source;  // instead of body
  bool closes = false;  // the client is told to use another connection from now on; what runs on this one goes on
  // With status 101, over HTTP/1.1 only: the connection stops being HTTP once the head is sent (it names the protocol in the field
  // "upgrade"), and this takes it over. Called on an I/O thread: it must not block, so it hands the stream to a thread.
  std::function<void(std::unique_ptr<ByteStream>)> upgraded;
};

// One request and its answer. The handler keeps the pointer until it has answered; an exchange that is dropped unanswered
// answers 500. All methods may be called from any thread.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual Request& request() = 0;
  virtual void respond(Response response) = 0;  // once
  virtual bool gone() const = 0;                // the client has left; nobody reads the answer
};

// Called on an I/O thread with a complete request (its body read whole). It must not block: work that can is posted to a pool.
using Handler = std::function<void(std::shared_ptr<Exchange>)>;

}  // namespace sampan::net
