// WebSocket (RFC 6455): the handshake, and messages over a stream that was upgraded.
#pragma once
#include "net/http.h"
#include "net/stream.h"

namespace sampan::net {

bool asks_for_upgrade(const Request& request);   // a Connection field with the token "upgrade", whatever the protocol
bool asks_for_websocket(const Request& request);
std::vector<std::string> websocket_protocols(const Request& request);  // that the client offers, best first

// The 101 to such a request, without its `upgraded`; protocol "" = none was chosen. An error says what is wrong with the request.
Result<Response> websocket_response(const Request& request, std::string_view protocol);
std::string websocket_accept(std::string_view key);

// One thread reads; any thread writes.
class WebSocket {
 public:
  enum class Role : uint8_t { Server, Client };
  struct Message {
    bool text = false;
    std::string data;
  };
  static constexpr size_t kMessageBytesMax = 16 * 1024 * 1024;
  WebSocket(std::unique_ptr<ByteStream> stream, Role role, size_t message_bytes_max = kMessageBytesMax)
      : stream_(std::move(stream)), role_(role), message_bytes_max_(message_bytes_max) {}

  // The next whole message; false once the other side has closed. Pings are answered on the way.
  Result<bool> read(Message& message, int64_t deadline_us = kNoDeadline);
  // One message: the parts, one after another.
  Result<void> write(std::string_view first, std::string_view rest, bool text, int64_t deadline_us = kNoDeadline);
  void close(uint16_t code, std::string_view reason);  // says goodbye, once
  void cancel() { stream_->cancel(); }
  // Reads what still comes until the other side has closed too, but not for long: closing at once would reset the connection and
  // might take our last words away from it.
  void linger();

 private:
  struct Frame;
  Result<bool> fill(size_t size, int64_t deadline_us);
  Result<bool> read_frame(Frame& frame, size_t size_max, int64_t deadline_us);
  Result<bool> take_control(const Frame& frame);
  std::unexpected<Error> violation(uint16_t code, std::string_view why);
  Result<void> write_frame(uint8_t opcode, std::string_view first, std::string_view rest, int64_t deadline_us);

  const std::unique_ptr<ByteStream> stream_;
  const Role role_;
  const size_t message_bytes_max_;
  std::string input_;  // the reader's
  size_t input_at_ = 0;
  std::mutex write_mutex_;  // guards the rest
  bool close_sent_ = false;
};

// A stream of bytes in binary messages: what tunnels use.
class WebSocketStream final : public ByteStream {
 public:
  explicit WebSocketStream(std::unique_ptr<WebSocket> socket) : socket_(std::move(socket)) {}
  ~WebSocketStream() override;
  Result<size_t> read_some(char* out, size_t size, int64_t deadline_us = kNoDeadline) override;
  Result<void> write(std::string_view bytes, int64_t deadline_us = kNoDeadline) override;
  void end_writes() override { socket_->close(1000, ""); }
  void cancel() override { socket_->cancel(); }

 private:
  const std::unique_ptr<WebSocket> socket_;
  WebSocket::Message message_;
  size_t taken_ = 0;
};

}  // namespace sampan::net
