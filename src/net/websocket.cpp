#include "net/websocket.h"

#include <openssl/evp.h>

#include "base/check.h"
#include "base/encoding.h"
#include "base/environment.h"
#include "base/text.h"

namespace sampan::net {

namespace {

enum Opcode : uint8_t { Continuation = 0, Text = 1, Binary = 2, Close = 8, Ping = 9, Pong = 10 };
constexpr size_t kControlBytesMax = 125;
constexpr uint16_t kProtocolError = 1002, kTooLarge = 1009;
constexpr int64_t kLinger_ms = 2000, kGoodbye_ms = 2000;

bool has_token(std::string_view list, std::string_view token) {
  for (auto part : split(list, ','))
    if (iequals(trim(part), token)) return true;
  return false;
}

void apply_mask(std::string& bytes, size_t from, const char* mask) {
  for (size_t i = from; i < bytes.size(); i++) bytes[i] ^= mask[(i - from) % 4];
}

}  // namespace

bool asks_for_upgrade(const Request& request) {
  if (request.http2) return false;
  for (auto& [name, value] : request.headers)
    if (name == "connection" && has_token(value, "upgrade")) return true;
  return false;
}

bool asks_for_websocket(const Request& request) { return asks_for_upgrade(request) && iequals(request.header("upgrade"), "websocket"); }

std::vector<std::string> websocket_protocols(const Request& request) {
  std::vector<std::string> protocols;
  for (auto& [name, value] : request.headers) {
    if (name != "sec-websocket-protocol") continue;
    for (auto part : split(value, ','))
      if (auto protocol = trim(part); !protocol.empty()) protocols.emplace_back(protocol);
  }
  return protocols;
}

std::string websocket_accept(std::string_view key) {
  auto text = concat(key, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  check(EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha1(), nullptr) == 1);
  std::string accept;
  append_base64(accept, {reinterpret_cast<char*>(digest), size});
  return accept;
}

Result<Response> websocket_response(const Request& request, std::string_view protocol) {
  std::string nonce;
  auto key = request.header("sec-websocket-key");
  if (request.method != "GET") return fail(Error(Reason::MethodNotAllowed, "websocket: request method is not GET"));
  if (request.header("sec-websocket-version") != "13") return fail(bad_request("websocket: unsupported version: 13 not found in 'Sec-Websocket-Version' header"));
  if (!decode_base64(key, nonce) || nonce.size() != 16) return fail(bad_request("websocket: not a websocket handshake: 'Sec-WebSocket-Key' header must be Base64 encoded value of 16-byte in length"));
  Response response{.status = 101, .headers = {{"upgrade", "websocket"}, {"sec-websocket-accept", websocket_accept(key)}}};
  if (!protocol.empty()) response.headers.emplace_back("sec-websocket-protocol", protocol);
  return response;
}

struct WebSocket::Frame {
  bool final = false;
  uint8_t opcode = 0;
  std::string payload;
};

// At least `size` bytes of input; false at the end of the stream.
Result<bool> WebSocket::fill(size_t size, int64_t deadline_us) {
  if (input_at_ > 0 && input_at_ == input_.size()) input_.clear(), input_at_ = 0;
  while (input_.size() - input_at_ < size) {
    if (input_at_ > 0) input_.erase(0, std::exchange(input_at_, 0));
    char buffer[16 * 1024];
    size_t taken = TRY(stream_->read_some(buffer, sizeof buffer, deadline_us));
    if (taken == 0) return false;
    input_.append(buffer, taken);
  }
  return true;
}

std::unexpected<Error> WebSocket::violation(uint16_t code, std::string_view why) {
  close(code, why);
  return fail(bad_request(concat("websocket: ", why)));
}

Result<bool> WebSocket::read_frame(Frame& frame, size_t size_max, int64_t deadline_us) {
  if (!TRY(fill(2, deadline_us))) return false;
  auto byte = [&](size_t i) { return static_cast<uint8_t>(input_[input_at_ + i]); };
  uint8_t first = byte(0), second = byte(1);
  frame.final = first & 0x80;
  frame.opcode = first & 0x0f;
  bool masked = second & 0x80;
  uint64_t size = second & 0x7f;
  size_t length_bytes = size == 126 ? 2 : size == 127 ? 8 : 0, head = 2 + length_bytes + (masked ? 4 : 0);
  if (first & 0x70) return violation(kProtocolError, "reserved bits are set");
  if (masked != (role_ == Role::Server)) return violation(kProtocolError, masked ? "a server's frame is masked" : "a client's frame is not masked");
  bool control = frame.opcode >= Close;
  if (frame.opcode > Pong || (frame.opcode > Binary && frame.opcode < Close)) return violation(kProtocolError, "unknown opcode");
  if (control && (!frame.final || size > kControlBytesMax)) return violation(kProtocolError, "control frame is fragmented or too long");
  if (!TRY(fill(head, deadline_us))) return false;
  if (length_bytes > 0) {
    size = 0;
    for (size_t i = 0; i < length_bytes; i++) size = size << 8 | byte(2 + i);
  }
  if (!control && size > size_max) return violation(kTooLarge, "message too big");
  char mask[4] = {};
  if (masked) memcpy(mask, &input_[input_at_ + head - 4], 4);
  // A frame's head is taken only together with its payload, so that a missed deadline leaves everything in its place.
  if (!TRY(fill(head + size, deadline_us))) return false;
  size_t before = frame.payload.size();
  frame.payload.append(input_, input_at_ + head, size);
  if (masked) apply_mask(frame.payload, before, mask);
  input_at_ += head + size;
  return true;
}

// False: the other side has closed.
Result<bool> WebSocket::take_control(const Frame& frame) {
  if (frame.opcode == Ping) TRY(write_frame(Pong, frame.payload, {}, kNoDeadline));
  if (frame.opcode != Close) return true;
  if (frame.payload.size() == 1) return violation(kProtocolError, "bad close frame");
  uint16_t code = 1000;
  if (frame.payload.size() >= 2) code = static_cast<uint8_t>(frame.payload[0]) << 8 | static_cast<uint8_t>(frame.payload[1]);
  close(code, "");
  return false;
}

Result<bool> WebSocket::read(Message& message, int64_t deadline_us) {
  message.data.clear();
  for (bool begun = false;;) {
    Frame frame;
    if (!TRY(read_frame(frame, message_bytes_max_ - message.data.size(), deadline_us))) {
      if (!begun && input_at_ == input_.size()) return false;
      return fail(Error(Reason::ServiceUnavailable, "unexpected EOF"));
    }
    if (frame.opcode >= Close) {
      if (!TRY(take_control(frame))) return false;
      continue;
    }
    if ((frame.opcode == Continuation) != begun) return violation(kProtocolError, begun ? "message inside a message" : "continuation of nothing");
    if (!begun) message.text = frame.opcode == Text;
    begun = true;
    // A missed deadline between two fragments would lose the first: the rest of the message is waited for.
    deadline_us = kNoDeadline;
    if (message.data.empty())
      message.data = std::move(frame.payload);
    else
      message.data += frame.payload;
    if (frame.final) return true;
  }
}

Result<void> WebSocket::write_frame(uint8_t opcode, std::string_view first, std::string_view rest, int64_t deadline_us) {
  std::lock_guard lock(write_mutex_);
  if (close_sent_) return fail(Error(Reason::ServiceUnavailable, "websocket: close sent"));
  if (opcode == Close) close_sent_ = true;
  size_t size = first.size() + rest.size();
  std::string frame;
  frame.reserve(size + 14);
  frame += static_cast<char>(0x80 | opcode);
  char mask_bit = role_ == Role::Client ? '\x80' : 0;
  if (size <= kControlBytesMax) {
    frame += static_cast<char>(mask_bit | size);
  } else {
    bool wide = size > 0xffff;
    frame += static_cast<char>(mask_bit | (wide ? 127 : 126));
    for (int shift = wide ? 56 : 8; shift >= 0; shift -= 8) frame += static_cast<char>(static_cast<uint64_t>(size) >> shift);
  }
  char mask[4];
  if (role_ == Role::Client) {
    auto random = static_cast<uint32_t>(secure_random().next());
    memcpy(mask, &random, 4);
    frame.append(mask, 4);
  }
  size_t head = frame.size();
  frame.append(first).append(rest);
  if (role_ == Role::Client) apply_mask(frame, head, mask);
  return stream_->write(frame, deadline_us);
}

Result<void> WebSocket::write(std::string_view first, std::string_view rest, bool text, int64_t deadline_us) {
  return write_frame(text ? Text : Binary, first, rest, deadline_us);
}

void WebSocket::close(uint16_t code, std::string_view reason) {
  char bytes[2] = {static_cast<char>(code >> 8), static_cast<char>(code)};
  // Nobody waits for the outcome: whoever cannot be told learns it from the connection's end.
  (void)write_frame(Close, {bytes, 2}, reason.substr(0, kControlBytesMax - 2), deadline_in_ms(kGoodbye_ms));
}

void WebSocket::linger() {
  stream_->end_writes();
  char buffer[4096];
  auto deadline_us = deadline_in_ms(kLinger_ms);
  while (true) {
    auto taken = stream_->read_some(buffer, sizeof buffer, deadline_us);
    if (!taken || *taken == 0) return;
  }
}

WebSocketStream::~WebSocketStream() { socket_->close(1000, ""); }

Result<size_t> WebSocketStream::read_some(char* out, size_t size, int64_t deadline_us) {
  while (taken_ == message_.data.size()) {
    taken_ = 0;
    message_.data.clear();
    if (!TRY(socket_->read(message_, deadline_us))) return 0;
    if (message_.text) return fail(bad_request("websocket: a text message in a binary stream"));
  }
  size = std::min(size, message_.data.size() - taken_);
  memcpy(out, message_.data.data() + taken_, size);
  taken_ += size;
  return size;
}

Result<void> WebSocketStream::write(std::string_view bytes, int64_t deadline_us) {
  return bytes.empty() ? Result<void>() : socket_->write(bytes, {}, false, deadline_us);
}

}  // namespace sampan::net
