#include "net/h2_client.h"

#include "base/check.h"
#include "base/text.h"

namespace sampan::net {

struct H2Client::Callbacks {
  static H2Client& of(void* user) { return *static_cast<H2Client*>(user); }
  static int header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size, const uint8_t* value,
                    size_t value_size, uint8_t, void* user) {
    auto& answer = of(user).answers_[frame->hd.stream_id];
    std::string n(reinterpret_cast<const char*>(name), name_size), v(reinterpret_cast<const char*>(value), value_size);
    if (n == ":status" && v.starts_with("1"))
      answer.interim.push_back(atoi(v.c_str()));
    else if (n == ":status")
      answer.status = atoi(v.c_str());
    else
      answer.headers.emplace_back(n, v);
    return 0;
  }
  static int frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    auto& self = of(user);
    if (frame->hd.type == NGHTTP2_GOAWAY) self.goaway = true, self.goaway_error = frame->goaway.error_code;
    if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK)) self.pings++;
    if (frame->hd.type == NGHTTP2_SETTINGS)
      for (size_t i = 0; i < frame->settings.niv; i++) self.settings[frame->settings.iv[i].settings_id] = frame->settings.iv[i].value;
    bool data = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (data && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) self.answers_[frame->hd.stream_id].ended = true;
    if (frame->hd.type == NGHTTP2_RST_STREAM) self.answers_[frame->hd.stream_id].error = frame->rst_stream.error_code;
    return 0;
  }
  static int data(nghttp2_session*, uint8_t, int32_t id, const uint8_t* bytes, size_t size, void* user) {
    of(user).answers_[id].body.append(reinterpret_cast<const char*>(bytes), size);
    return 0;
  }
  static int closed(nghttp2_session*, int32_t id, uint32_t, void* user) {
    of(user).answers_[id].closed = true;
    return 0;
  }
  static ssize_t read(nghttp2_session*, int32_t id, uint8_t* out, size_t length, uint32_t* flags, nghttp2_data_source*, void* user) {
    auto& [body, sent] = of(user).bodies_[id];
    size_t size = std::min(length, body.size() - sent);
    memcpy(out, body.data() + sent, size);
    sent += size;
    if (sent == body.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return size;
  }
};

std::string H2Client::Answer::header(std::string_view name) const {
  for (auto& [n, v] : headers)
    if (n == name) return v;
  return {};
}

H2Client::H2Client(uint32_t window, bool give_back_windows) {
  nghttp2_session_callbacks* callbacks;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::closed);
  nghttp2_option* option;
  nghttp2_option_new(&option);
  nghttp2_option_set_no_auto_window_update(option, !give_back_windows);
  nghttp2_option_set_max_send_header_block_length(option, 4 << 20);
  nghttp2_session_client_new2(&session_, callbacks, this, option);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_settings_entry entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &entry, 1);
}

H2Client::~H2Client() { nghttp2_session_del(session_); }

int32_t H2Client::request(std::string method, std::string path, std::string body, Headers more, int64_t announced) {
  Headers all = {{":method", method}, {":scheme", "https"}, {":path", path}, {":authority", "host:1"}};
  all.insert(all.end(), more.begin(), more.end());
  if (announced >= 0) all.emplace_back("content-length", concat(announced));
  std::vector<nghttp2_nv> fields;
  for (auto& [n, v] : all) fields.push_back({(uint8_t*)n.data(), (uint8_t*)v.data(), n.size(), v.size(), NGHTTP2_NV_FLAG_NONE});
  nghttp2_data_provider provider{.source = {.ptr = nullptr}, .read_callback = Callbacks::read};
  bool sends = !body.empty() || announced > 0;
  auto id = nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(), sends ? &provider : nullptr, nullptr);
  check(id > 0);
  bodies_[id] = {std::move(body), 0};
  return id;
}

void H2Client::reset(int32_t stream, uint32_t error) { nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, error); }
void H2Client::ping() { nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr); }

std::string H2Client::output() {
  std::string out;
  const uint8_t* bytes;
  for (ssize_t size; (size = nghttp2_session_mem_send(session_, &bytes)) > 0;) out.append(reinterpret_cast<const char*>(bytes), size);
  return out;
}

bool H2Client::input(std::string_view bytes) {
  return nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()) >= 0;
}

}  // namespace sampan::net
