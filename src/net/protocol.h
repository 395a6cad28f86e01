// The seam between bytes and requests. A protocol layer is driven by bytes in and asked for bytes out; it knows no socket, no
// TLS and no clock of its own, so tests and fuzzers drive it directly.
#pragma once
#include <atomic>

#include "net/http.h"
#include "net/loop.h"
#include "net/server.h"
#include "net/stream_registry.h"

namespace sampan::net {

// What all connections of a server share.
struct ServerShared {
  ServerLimits limits;
  Handler handler;
  std::function<Response(const Request&)> too_large;
  std::shared_ptr<StreamRegistry> streams = std::make_shared<StreamRegistry>();  // upgraded connections
  std::atomic<uint64_t> connections_open = 0, connections_total = 0, requests_total = 0, bytes_sent = 0;
};

// A connection can outlive its client's certificate: each request is asked anew.
struct VerifiedPeer {
  std::shared_ptr<const PeerCertificate> certificate;  // null without one
  int64_t expires_at_s = 0;                            // the earliest of the chain, since 1970
  std::shared_ptr<const PeerCertificate> now() const;
};

// What carries a protocol layer. I/O thread only.
class Carrier {
 public:
  virtual ~Carrier() = default;
  virtual void output_ready() = 0;  // produce() has something to give; it is called later, never from inside
  virtual int64_t now_us() const = 0;
};

struct ProtocolContext {
  std::shared_ptr<ServerShared> shared;
  std::shared_ptr<Mailbox> mailbox;
  Carrier* carrier;  // outlives the protocol layer
  std::string remote_address;
  VerifiedPeer peer;
};

class Protocol {
 public:
  virtual ~Protocol() = default;
  virtual void receive(std::string_view bytes) = 0;
  virtual void receive_end() = 0;  // the client sends no more
  virtual bool wants_input() const = 0;
  // Appends to `out` until it holds about `want` bytes; less means that there is no more for now.
  virtual void produce(std::string& out, size_t want) = 0;
  virtual bool finished() const = 0;  // close once the output is out
  virtual void shut_down() = 0;       // finish what runs, take nothing new
  // Once the 101 is out: who takes the connection over, and what was read ahead of it. Empty otherwise.
  using Takeover = std::function<void(std::unique_ptr<ByteStream>)>;
  virtual Takeover take_over(std::string& ahead) { return (void)ahead, nullptr; }
  // Cuts what has overstayed. Returns when to ask again, at the latest.
  virtual int64_t check_timeouts() = 0;
};

std::unique_ptr<Protocol> make_http1(ProtocolContext context);
std::unique_ptr<Protocol> make_http2(ProtocolContext context);

}  // namespace sampan::net
