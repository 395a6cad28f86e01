// SPDY/3.1 framing, as far as Kubernetes speaks it: streams with headers and data, replies, resets, pings, goaway.
//
// There is no flow control per stream: the one implementation that all kubelets and runtimes use neither sends window updates nor
// heeds them, so a window would run dry for ever. The socket's own is what slows a sender down.
#pragma once
#include <zlib.h>

#include "net/http.h"
#include "net/stream.h"

namespace sampan::net {

struct SpdyFrame {
  enum class Kind : uint8_t { Open, Reply, Headers, Data, Reset, GoAway };
  Kind kind = Kind::Data;
  uint32_t stream = 0;
  bool fin = false;      // the sender is done with the stream
  uint32_t status = 0;   // of Reset and GoAway
  Headers headers;       // of Open, Reply and Headers; several values of a name are several fields
  std::string data;      // of Data: a large frame comes in pieces
};

// One thread reads; any thread writes.
class SpdySession {
 public:
  enum class Role : uint8_t { Client, Server };
  SpdySession(std::unique_ptr<ByteStream> stream, Role role);
  ~SpdySession();
  SpdySession(const SpdySession&) = delete;
  SpdySession& operator=(const SpdySession&) = delete;

  // False at the end of the connection. Pings are answered on the way.
  Result<bool> read(SpdyFrame& frame, int64_t deadline_us = kNoDeadline);

  Result<uint32_t> open(const Headers& headers, bool fin = false);  // the new stream's number
  Result<void> reply(uint32_t stream, const Headers& headers);
  Result<void> send(uint32_t stream, std::string_view data, bool fin = false);
  Result<void> reset(uint32_t stream, uint32_t status);
  Result<void> ping();
  Result<void> go_away(uint32_t status);
  void cancel() { stream_->cancel(); }
  ByteStream& stream() { return *stream_; }

 private:
  Result<bool> fill(size_t size, int64_t deadline_us);
  Result<bool> read_data(SpdyFrame& frame, int64_t deadline_us);
  Result<bool> take_control(uint16_t type, uint8_t flags, std::string_view body, SpdyFrame& frame);
  Result<Headers> read_headers(std::string_view compressed);
  std::string compress(const Headers& headers);  // under write_mutex_
  Result<void> write_control(uint16_t type, uint8_t flags, std::string_view body);

  const std::unique_ptr<ByteStream> stream_;
  const Role role_;
  std::string input_;  // this and the next five are the reader's
  size_t input_at_ = 0;
  uint32_t data_stream_ = 0, data_left_ = 0;  // of a data frame that is being read
  bool data_fin_ = false;
  z_stream inflate_{};
  std::mutex write_mutex_;  // guards the rest
  z_stream deflate_{};
  uint32_t next_stream_, next_ping_;
};

const std::string& spdy_dictionary();

}  // namespace sampan::net
