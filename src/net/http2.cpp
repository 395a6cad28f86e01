#include "net/http2.h"

#include "base/check.h"
#include "base/text.h"
#include "net/http2_memory.h"
#include "net/message.h"

namespace sampan::net {

namespace {

constexpr int32_t kStreamWindowBytes = 256 * 1024;            // what a stream may send unasked
constexpr int32_t kConnectionWindowBytes = 4 * 1024 * 1024;
constexpr size_t kBodyBytesHeldMax = 16 * 1024 * 1024;        // beyond, only the oldest upload is let grow
constexpr size_t kDroppedBytesMax = 1024 * 1024;              // of a body that was refused
constexpr size_t kContinuationsMax = 64;                      // x 16 KB: the header limit, and no flood of empty ones
constexpr unsigned kControlFramesMax = 10'000;
constexpr unsigned kLiveExchangesPerStream = 2;
constexpr size_t kFrameHeadBytes = 9;

int64_t seconds(int count) { return count * 1'000'000LL; }

}  // namespace

struct Http2Connection::Stream {
  explicit Stream(int32_t stream_id) : id(stream_id) {}
  const int32_t id;
  bool head_request = false;
  bool expects_continue = false;
  bool bad_target = false;
  bool receiving = true;         // the request is not complete
  bool refused = false;          // what else it sends is dropped
  bool answered = false;
  bool answer_sent = false;
  bool waits = false;            // the source has nothing now
  bool source_empty = false;     // the source said so with its last bytes, and has not woken us since
  bool source_ended = false;
  size_t head_bytes = 0;
  size_t unacknowledged = 0;     // body bytes that its window was not given back for
  size_t dropped = 0;            // body bytes that came after a refusal
  size_t body_size = 0;          // as announced, 0 if not
  int64_t progress_at_us = 0;    // bytes came or left
  Request request;
  std::shared_ptr<StreamLink> link;
  Response response;
  std::string buffer;            // what the source gave beyond a frame
  size_t sent = 0;               // of response.body or of buffer
};

// nghttp2's view of a connection.
struct Http2Connection::Callbacks {
  static Http2Connection& of(void* user) { return *static_cast<Http2Connection*>(user); }

  static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    auto& self = of(user);
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    if (self.live_->load() > self.context_.shared->limits.streams_per_connection_max * kLiveExchangesPerStream)
      self.cut_off(NGHTTP2_ENHANCE_YOUR_CALM);
    self.open_stream(frame->hd.stream_id);
    return 0;
  }
  static int header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size, const uint8_t* value,
                    size_t value_size, uint8_t, void* user) {
    auto& self = of(user);
    auto stream = self.find(frame->hd.stream_id);
    if (!stream || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;  // nobody reads trailers
    self.take_header(*stream, {reinterpret_cast<const char*>(name), name_size}, {reinterpret_cast<const char*>(value), value_size});
    return 0;
  }
  static int begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* user) {
    bool useful = head->type == NGHTTP2_HEADERS || (head->type == NGHTTP2_DATA && head->length > 0);
    return useful || of(user).count_control_frame() ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
  }
  static int frame_received(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    auto& self = of(user);
    if (frame->hd.type == NGHTTP2_SETTINGS) self.greeted_ = true;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    auto stream = self.find(frame->hd.stream_id);
    if (!stream) return 0;
    bool ended = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
      self.head_complete(*stream, ended);
    else if (ended)
      self.request_complete(*stream);
    return 0;
  }
  static int data(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* bytes, size_t size, void* user) {
    auto& self = of(user);
    nghttp2_session_consume_connection(session, size);  // streams hold clients back, the connection does not
    if (auto stream = self.find(id)) self.take_body(*stream, {reinterpret_cast<const char*>(bytes), size});
    return 0;
  }
  static int stream_closed(nghttp2_session*, int32_t id, uint32_t error, void* user) {
    of(user).close_stream(id, error);
    return 0;
  }
  static int frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    auto& self = of(user);
    bool last = (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
    if (!last) return 0;
    if (auto stream = self.find(frame->hd.stream_id)) {
      stream->answer_sent = true;
      self.stop_upload(*stream);
    }
    return 0;
  }
  // The data source is the stream: nghttp2 forgets it when it tells that the stream is closed, and we forget the stream then.
  static ssize_t read_data(nghttp2_session*, int32_t, uint8_t*, size_t length, uint32_t* flags, nghttp2_data_source* source, void* user) {
    return of(user).choose_data(*static_cast<Stream*>(source->ptr), length, flags);
  }
  static int send_data(nghttp2_session*, nghttp2_frame*, const uint8_t* frame_head, size_t length, nghttp2_data_source* source, void* user) {
    of(user).write_data(*static_cast<Stream*>(source->ptr), frame_head, length);
    return 0;
  }

  static nghttp2_session_callbacks* table() {
    static nghttp2_session_callbacks* const callbacks = [] {
      nghttp2_session_callbacks* c = nullptr;
      check(nghttp2_session_callbacks_new(&c) == 0);
      nghttp2_session_callbacks_set_on_begin_headers_callback(c, begin_headers);
      nghttp2_session_callbacks_set_on_header_callback(c, header);
      nghttp2_session_callbacks_set_on_begin_frame_callback(c, begin_frame);
      nghttp2_session_callbacks_set_on_frame_recv_callback(c, frame_received);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, data);
      nghttp2_session_callbacks_set_on_stream_close_callback(c, stream_closed);
      nghttp2_session_callbacks_set_on_frame_send_callback(c, frame_sent);
      nghttp2_session_callbacks_set_send_data_callback(c, send_data);
      return c;
    }();
    return callbacks;
  }
  static nghttp2_option* options() {
    static nghttp2_option* const options = [] {
      nghttp2_option* o = nullptr;
      check(nghttp2_option_new(&o) == 0);
      nghttp2_option_set_no_auto_window_update(o, 1);
      nghttp2_option_set_no_closed_streams(o, 1);
      nghttp2_option_set_max_outbound_ack(o, 100);
      nghttp2_option_set_max_continuations(o, kContinuationsMax);
      nghttp2_option_set_stream_reset_rate_limit(o, 1u << 30, 1u << 30);  // ours counts, and says why it closes
      return o;
    }();
    return options;
  }
};

Http2Connection::Http2Connection(ProtocolContext context)
    : context_(std::move(context)), live_(std::make_shared<std::atomic<unsigned>>(0)) {
  auto& limits = context_.shared->limits;
  resets_left_ = limits.resets_per_minute_max;
  active_at_us_ = resets_refilled_at_us_ = context_.carrier->now_us();
  check(nghttp2_session_server_new3(&session_, Callbacks::table(), this, Callbacks::options(), sparse_memory()) == 0);
  nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streams_per_connection_max},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindowBytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(std::min<size_t>(limits.header_bytes_max, INT32_MAX))},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  };
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kConnectionWindowBytes);
  context_.carrier->output_ready();
}

Http2Connection::~Http2Connection() {
  for (auto& [id, stream] : streams_)
    if (stream->link) stream->link->detach();
  nghttp2_session_del(session_);
}

std::unique_ptr<Protocol> make_http2(ProtocolContext context) { return std::make_unique<Http2Connection>(std::move(context)); }

void Http2Connection::receive(std::string_view bytes) {
  if (dead_) return;
  auto taken = nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  if (taken < 0) dead_ = true;
  context_.carrier->output_ready();
}

void Http2Connection::receive_end() {
  dead_ = true;
  for (auto& [id, stream] : streams_)
    if (stream->link) stream->link->set_gone();
  context_.carrier->output_ready();
}

Http2Connection::Stream* Http2Connection::find(int32_t id) {
  auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

Http2Connection::Stream& Http2Connection::open_stream(int32_t id) {
  auto& stream = streams_[id];
  stream = std::make_unique<Stream>(id);
  active_at_us_ = stream->progress_at_us = context_.carrier->now_us();
  stream->request.http2 = true;
  // All streams in turn: by default nghttp2 ends one before it begins the next, and a watch never ends.
  nghttp2_extpri in_turn{.urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY, .inc = 1};
  nghttp2_session_change_extpri_stream_priority(session_, id, &in_turn, 1);
  return *stream;
}

void Http2Connection::close_stream(int32_t id, uint32_t error) {
  auto node = streams_.extract(id);
  if (node.empty()) return;
  auto& stream = *node.mapped();
  active_at_us_ = context_.carrier->now_us();
  body_bytes_held_ -= stream.request.body.size();
  if (stream.link) stream.link->detach();
  // A stream that ended in error counts whoever reset it: a client can also make us do it.
  if (error != NGHTTP2_NO_ERROR && !spend_reset()) cut_off(NGHTTP2_ENHANCE_YOUR_CALM);
  grant_windows();
}

void Http2Connection::take_header(Stream& stream, std::string_view name, std::string_view value) {
  stream.head_bytes += name.size() + value.size() + 32;  // RFC 9113, 6.5.2
  if (stream.head_bytes > context_.shared->limits.header_bytes_max) return;
  auto& request = stream.request;
  if (name == ":method") {
    request.method = value;
  } else if (name == ":path") {
    stream.bad_target = !split_target(value, request);
  } else if (name == ":authority" || (name == "host" && request.host.empty())) {
    request.host = value;
  } else if (name == "cookie") {
    // Split for compression; one field for handlers (RFC 9113, 8.2.3).
    auto cookie = std::find_if(request.headers.begin(), request.headers.end(), [](auto& field) { return field.first == "cookie"; });
    if (cookie == request.headers.end())
      request.headers.emplace_back(name, value);
    else
      append(cookie->second, "; ", value);
  } else if (!name.starts_with(':') && name != "host") {
    if (name == "expect" && iequals(value, "100-continue")) stream.expects_continue = true;
    if (name == "content-length") parse_int(value, stream.body_size);  // nghttp2 has checked it
    request.headers.emplace_back(name, value);
  }
}

void Http2Connection::head_complete(Stream& stream, bool ended) {
  control_frames_ = 0;
  auto& limits = context_.shared->limits;
  stream.head_request = stream.request.method == "HEAD";
  stream.request.remote_address = context_.remote_address;
  stream.request.peer = context_.peer.now();
  if (ended) stream.receiving = false;
  if (stream.head_bytes > limits.header_bytes_max) {
    stream.refused = true;
    stream.response = Response{.status = 431};
    return submit_answer(stream);
  }
  if (stream.bad_target || stream.request.method == "CONNECT") {
    stream.refused = true;
    stream.response = Response{.status = stream.bad_target ? 400 : 405};
    return submit_answer(stream);
  }
  if (stream.body_size > limits.body_bytes_max) return refuse_large(stream);
  if (ended) return request_complete(stream);
  if (stream.expects_continue) {
    nghttp2_nv status{(uint8_t*)":status", (uint8_t*)"100", 7, 3, NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
    nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream.id, nullptr, &status, 1, nullptr);
  }
}

void Http2Connection::take_body(Stream& stream, std::string_view bytes) {
  stream.progress_at_us = context_.carrier->now_us();
  control_frames_ = 0;
  if (stream.refused) {
    stream.dropped += bytes.size();
    if (stream.dropped <= kDroppedBytesMax) nghttp2_session_consume_stream(session_, stream.id, bytes.size());
    return stop_upload(stream);
  }
  auto& body = stream.request.body;
  if (body.size() + bytes.size() > context_.shared->limits.body_bytes_max) return refuse_large(stream);
  body.append(bytes);
  body_bytes_held_ += bytes.size();
  stream.unacknowledged += bytes.size();
  if (stream.unacknowledged >= kStreamWindowBytes / 2) grant_windows();
}

// The answer did not wait for the whole request. Many clients stop by themselves once they have read it, and some lose it
// when the stream is reset at once; only those that go on are told to stop (RFC 9113, 8.1).
void Http2Connection::stop_upload(Stream& stream) {
  if (stream.receiving && stream.answer_sent && stream.dropped > kDroppedBytesMax)
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id, NGHTTP2_NO_ERROR);
}

// Gives uploads their windows back, the oldest always: so each ends in its turn, and together they stay bounded.
void Http2Connection::grant_windows() {
  bool oldest = true;
  for (auto& [id, stream] : streams_) {
    if (!stream->receiving || stream->refused) continue;
    if (stream->unacknowledged >= kStreamWindowBytes / 2 && (oldest || body_bytes_held_ < kBodyBytesHeldMax)) {
      nghttp2_session_consume_stream(session_, id, stream->unacknowledged);
      stream->unacknowledged = 0;
    }
    oldest = false;
  }
}

void Http2Connection::request_complete(Stream& stream) {
  stream.receiving = false;
  if (stream.refused) return;
  body_bytes_held_ -= stream.request.body.size();
  grant_windows();
  stream.link = std::make_shared<StreamLink>(context_.mailbox, this, stream.id);
  context_.shared->requests_total.fetch_add(1, std::memory_order_relaxed);
  auto exchange = make_exchange(std::move(stream.request), stream.link, live_);
  stream.request = Request();
  context_.shared->handler(std::move(exchange));
}

void Http2Connection::refuse_large(Stream& stream) {
  stream.refused = true;
  body_bytes_held_ -= stream.request.body.size();
  std::string().swap(stream.request.body);
  auto& make = context_.shared->too_large;
  stream.response = make ? make(stream.request) : Response{.status = 413};
  submit_answer(stream);
}

void Http2Connection::answer(int32_t id, Response response) {
  auto stream = find(id);
  if (!stream || stream->answered) return;
  if (response.status == 101) response = Response{.status = 500};  // HTTP/2 has no such upgrades: a handler's mistake
  stream->response = std::move(response);
  submit_answer(*stream);
  context_.carrier->output_ready();
}

void Http2Connection::submit_answer(Stream& stream) {
  stream.answered = true;
  stream.progress_at_us = context_.carrier->now_us();
  auto& response = stream.response;
  char status[8], length[24];
  auto status_end = std::to_chars(status, status + sizeof status, response.status).ptr;
  auto length_end = std::to_chars(length, length + sizeof length, response.body.size()).ptr;

  thread_local std::vector<nghttp2_nv> fields;
  fields.clear();
  auto add = [](std::string_view name, std::string_view value) {
    // What never comes again must not push the rest out of the table of fields.
    uint8_t flags = name == "audit-id" ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE;
    fields.push_back({(uint8_t*)name.data(), (uint8_t*)value.data(), name.size(), value.size(), flags});
  };
  add(":status", {status, static_cast<size_t>(status_end - status)});
  for (auto& [name, value] : response.headers) {
    if (is_framing_field(name)) continue;
    value = safe_value(std::move(value));
    add(name, value);
  }
  add("date", http_date());
  bool has_content = has_body(response.status);
  if (has_content && !response.source) add("content-length", {length, static_cast<size_t>(length_end - length)});

  bool sends = has_content && !stream.head_request && (response.source || !response.body.empty());
  nghttp2_data_provider provider{.source = {.ptr = &stream}, .read_callback = Callbacks::read_data};
  if (sends && response.source) response.source->start([link = stream.link] { link->wake(); });
  if (!sends) response.source = nullptr;
  if (nghttp2_submit_response(session_, stream.id, fields.data(), fields.size(), sends ? &provider : nullptr) != 0)
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id, NGHTTP2_INTERNAL_ERROR);
  Headers().swap(response.headers);  // a watch lives long
  if (response.closes) shut_down();
}

void Http2Connection::wake(int32_t id) {
  auto stream = find(id);
  if (!stream) return;
  stream->source_empty = false;
  if (!stream->waits) return;
  stream->waits = false;
  stream->progress_at_us = context_.carrier->now_us();
  nghttp2_session_resume_data(session_, id);
  context_.carrier->output_ready();
}

ssize_t Http2Connection::choose_data(Stream& stream, size_t length, uint32_t* flags) {
  if (out_->size() >= out_want_) return NGHTTP2_ERR_PAUSE;  // asked again in the next produce()
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  bool streams = stream.response.source != nullptr;
  auto& bytes = streams ? stream.buffer : stream.response.body;
  size_t left = bytes.size() - stream.sent;
  if (streams && left < length) return frame_from_source(stream, length, flags);
  if (left <= length && (!streams || stream.source_ended)) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(std::min(length, left));
}

// The source writes straight into the output, behind the room for the frame's head: what is listed or watched is not copied here. nghttp2
// calls write_data() next, with nothing between.
ssize_t Http2Connection::frame_from_source(Stream& stream, size_t length, uint32_t* flags) {
  auto& out = *out_;
  const size_t head = out.size(), from = head + kFrameHeadBytes;
  out.append(kFrameHeadBytes, '\0');
  out.append(stream.buffer, stream.sent);
  stream.buffer.clear();
  stream.sent = 0;
  if (auto error = pull(stream, from + length); error != 0) {
    out.resize(head);
    return error;
  }
  if (out.size() == from && !stream.source_ended) {
    out.resize(head);
    std::string().swap(stream.buffer);  // one that waits needs none
    stream.waits = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  size_t size = std::min(length, out.size() - from);
  stream.buffer.assign(out, from + size);
  out.resize(from + size);
  if (stream.source_ended && stream.buffer.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
  frame_at_ = head;
  return static_cast<ssize_t>(size);
}

// Lets the source append to the output, up to about `end`.
int Http2Connection::pull(Stream& stream, size_t end) {
  // One pull an event is enough: what said Wait with its last bytes is not asked again before it wakes us.
  for (int empty_pulls = 0; out_->size() < end && !stream.source_ended && !stream.source_empty;) {
    size_t before = out_->size();
    auto pull = stream.response.source->pull(*out_, end - before);
    if (pull == BodySource::Pull::Abort) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // RST_STREAM(INTERNAL_ERROR)
    stream.source_ended = pull == BodySource::Pull::End;
    stream.source_empty = pull == BodySource::Pull::Wait;
    // A source that says More without giving anything must not hold the thread.
    if (pull == BodySource::Pull::More && out_->size() == before && ++empty_pulls == 16) {
      stream.link->wake();
      break;
    }
  }
  return 0;
}

void Http2Connection::write_data(Stream& stream, const uint8_t* frame_head, size_t length) {
  if (frame_at_ != kNoFrame) {  // its content is there
    check(frame_at_ + kFrameHeadBytes + length == out_->size());
    memcpy(out_->data() + std::exchange(frame_at_, kNoFrame), frame_head, kFrameHeadBytes);
  } else {
    auto& bytes = stream.response.source ? stream.buffer : stream.response.body;
    check(stream.sent + length <= bytes.size());
    out_->append(reinterpret_cast<const char*>(frame_head), kFrameHeadBytes);
    out_->append(bytes, stream.sent, length);
    stream.sent += length;
  }
  stream.progress_at_us = context_.carrier->now_us();
  control_frames_ = 0;
}

void Http2Connection::produce(std::string& out, size_t want) {
  if (dead_) return;
  out_ = &out;
  out_want_ = want;
  while (out.size() < want) {
    const uint8_t* bytes = nullptr;
    auto size = nghttp2_session_mem_send(session_, &bytes);
    if (size < 0) dead_ = true;
    if (size <= 0) break;
    out.append(reinterpret_cast<const char*>(bytes), size);
  }
  out_ = nullptr;
}

bool Http2Connection::finished() const {
  if (dead_) return true;
  if (shutting_down_ && streams_.empty() && !nghttp2_session_want_write(session_)) return true;
  return !nghttp2_session_want_read(session_) && !nghttp2_session_want_write(session_);
}

void Http2Connection::shut_down() {
  if (shutting_down_) return;
  shutting_down_ = true;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR, nullptr, 0);
  context_.carrier->output_ready();
}

// False: the client only keeps us busy.
bool Http2Connection::count_control_frame() {
  if (++control_frames_ <= kControlFramesMax) return true;
  cut_off(NGHTTP2_ENHANCE_YOUR_CALM);
  return control_frames_ <= 2 * kControlFramesMax;  // and is not even listening
}

bool Http2Connection::spend_reset() {
  auto limit = context_.shared->limits.resets_per_minute_max;
  auto now = context_.carrier->now_us();
  resets_left_ = std::min<double>(limit, resets_left_ + (now - resets_refilled_at_us_) * (limit / 60e6));
  resets_refilled_at_us_ = now;
  if (resets_left_ < 1) return false;
  resets_left_ -= 1;
  return true;
}

void Http2Connection::cut_off(uint32_t error) {
  nghttp2_session_terminate_session(session_, error);  // GOAWAY, then neither reads nor writes
  context_.carrier->output_ready();
}

void Http2Connection::cut_stalled_streams(int64_t now_us) {
  auto& limits = context_.shared->limits;
  for (auto& [id, stream] : streams_) {
    auto stalled_us = now_us - stream->progress_at_us;
    bool stalled = stream->receiving && !stream->answered ? stalled_us >= seconds(limits.header_timeout_s)
                   : stream->answered && !stream->waits   ? stalled_us >= seconds(limits.write_stall_timeout_s)
                                                          : false;
    if (stalled) nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
  }
  context_.carrier->output_ready();
}

int64_t Http2Connection::check_timeouts() {
  auto& limits = context_.shared->limits;
  auto now = context_.carrier->now_us();
  if (!streams_.empty()) {
    cut_stalled_streams(now);
    return now + seconds(std::min(limits.header_timeout_s, limits.write_stall_timeout_s)) / 2;
  }
  auto due = active_at_us_ + seconds(greeted_ ? limits.idle_timeout_s : limits.header_timeout_s);
  if (now >= due) cut_off(NGHTTP2_NO_ERROR);
  return std::max(due, now + seconds(1));
}

}  // namespace sampan::net
