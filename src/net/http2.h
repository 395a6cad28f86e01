// HTTP/2 on one connection, over nghttp2. What a client can make us hold or do is bounded: streams, header and body bytes,
// resets, control frames, and exchanges whose streams it has already left.
#pragma once
#include <nghttp2/nghttp2.h>

#include <map>

#include "net/exchange.h"
#include "net/protocol.h"

namespace sampan::net {

class Http2Connection final : public Protocol, public Responder {
 public:
  explicit Http2Connection(ProtocolContext context);
  ~Http2Connection() override;

  void receive(std::string_view bytes) override;
  void receive_end() override;
  bool wants_input() const override { return true; }
  void produce(std::string& out, size_t want) override;
  bool finished() const override;
  void shut_down() override;
  int64_t check_timeouts() override;

 private:
  struct Callbacks;
  struct Stream;

  void answer(int32_t id, Response response) override;
  void wake(int32_t id) override;

  Stream* find(int32_t id);
  Stream& open_stream(int32_t id);
  void close_stream(int32_t id, uint32_t error);
  void take_header(Stream& stream, std::string_view name, std::string_view value);
  void head_complete(Stream& stream, bool ended);
  void take_body(Stream& stream, std::string_view bytes);
  void request_complete(Stream& stream);
  void refuse_large(Stream& stream);
  void submit_answer(Stream& stream);
  ssize_t choose_data(Stream& stream, size_t length, uint32_t* flags);
  ssize_t frame_from_source(Stream& stream, size_t length, uint32_t* flags);
  int pull(Stream& stream, size_t end);
  void write_data(Stream& stream, const uint8_t* frame_head, size_t length);
  void stop_upload(Stream& stream);
  void grant_windows();
  bool count_control_frame();
  bool spend_reset();
  void cut_off(uint32_t error);
  void cut_stalled_streams(int64_t now_us);

  const ProtocolContext context_;
  nghttp2_session* session_ = nullptr;
  std::map<int32_t, std::unique_ptr<Stream>> streams_;  // oldest first
  std::shared_ptr<std::atomic<unsigned>> live_;
  std::string* out_ = nullptr;  // during produce()
  size_t out_want_ = 0;
  static constexpr size_t kNoFrame = ~size_t{0};
  size_t frame_at_ = kNoFrame;  // in *out_: a frame whose content is written and whose head is not
  bool dead_ = false;           // the bytes make no sense any more
  bool shutting_down_ = false;
  bool greeted_ = false;        // the client's SETTINGS have come
  size_t body_bytes_held_ = 0;  // of requests that are not complete
  unsigned control_frames_ = 0; // since something useful happened
  double resets_left_;
  int64_t resets_refilled_at_us_;
  int64_t active_at_us_;        // a stream was opened or closed
};

}  // namespace sampan::net
