#include "http2_client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace bench {

namespace {

// Wide windows: the generator's own flow control must never hold a server back.
constexpr int stream_window = 1 << 27, connection_window = 1 << 30;
constexpr size_t read_size = 1 << 18;
constexpr size_t out_high_water = 1 << 16;

nghttp2_nv header(std::string_view name, std::string_view value) {
  return {reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())), reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
          NGHTTP2_NV_FLAG_NONE};
}

Connection::Stream* stream_of(void* connection, int id) {
  auto& streams = static_cast<Connection*>(connection)->streams_;
  auto found = streams.find(id);
  return found == streams.end() ? nullptr : found->second.get();
}

int on_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size, const uint8_t* value, size_t, uint8_t, void* user) {
  if (name_size != 7 || std::memcmp(name, ":status", 7) != 0) return 0;
  if (auto* stream = stream_of(user, frame->hd.stream_id)) stream->status = std::atoi(reinterpret_cast<const char*>(value));
  return 0;
}

int on_data_chunk(nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size, void* user) {
  auto* stream = stream_of(user, id);
  if (!stream) return 0;
  std::string_view piece(reinterpret_cast<const char*>(data), size);
  if (stream->request.on_data) stream->request.on_data(piece);
  if (stream->request.keep_body || stream->status >= 300) stream->body += piece;
  return 0;
}

int on_stream_close(nghttp2_session*, int32_t id, uint32_t error, void* user) {
  auto& streams = static_cast<Connection*>(user)->streams_;
  auto found = streams.find(id);
  if (found == streams.end()) return 0;
  auto stream = std::move(found->second);
  streams.erase(found);
  if (stream->request.on_done) stream->request.on_done(error ? 0 : stream->status, stream->body);
  return 0;
}

ssize_t read_body(nghttp2_session*, int32_t, uint8_t* out, size_t size, uint32_t* flags, nghttp2_data_source* source, void*) {
  auto* stream = static_cast<Connection::Stream*>(source->ptr);
  size_t piece = std::min(size, stream->request.body.size() - stream->sent);
  std::memcpy(out, stream->request.body.data() + stream->sent, piece);
  stream->sent += piece;
  if (stream->sent == stream->request.body.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(piece);
}

}  // namespace

double now_seconds() {
  timespec t;
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

void die(const std::string& why) {
  std::fprintf(stderr, "load: %s\n", why.c_str());
  std::exit(1);
}

Engine::Engine(int port, const std::string& certificate, const std::string& key) : port_(port), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  tls_ = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_verify(tls_, SSL_VERIFY_NONE, nullptr);  // a benchmark on one machine
  SSL_CTX_set_alpn_protos(tls_, reinterpret_cast<const uint8_t*>("\2h2"), 3);
  SSL_CTX_set_mode(tls_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(tls_, 1);
  if (SSL_CTX_use_certificate_chain_file(tls_, certificate.c_str()) != 1 || SSL_CTX_use_PrivateKey_file(tls_, key.c_str(), SSL_FILETYPE_PEM) != 1) {
    die("cannot read " + certificate + " and " + key);
  }
}

Engine::~Engine() {
  connections_.clear();
  SSL_CTX_free(tls_);
  ::close(epoll_);
}

Connection& Engine::connect() {
  int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port_));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) die("cannot connect");
  connections_.push_back(std::make_unique<Connection>(*this, descriptor));
  return *connections_.back();
}

bool Engine::run_until(const std::function<bool()>& done, double seconds) {
  double end = now_seconds() + seconds;
  epoll_event events[64];
  while (!done()) {
    if (now_seconds() > end) return false;
    int count = ::epoll_wait(epoll_, events, 64, 100);
    for (int i = 0; i < count; i++) static_cast<Connection*>(events[i].data.ptr)->handle();
  }
  return true;
}

Connection::Connection(Engine& engine, int descriptor) : engine_(engine), descriptor_(descriptor) {
  int on = 1;
  ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  tls_ = SSL_new(engine.tls_);
  SSL_set_fd(tls_, descriptor_);
  if (SSL_connect(tls_) != 1) die("the TLS handshake failed");
  ::fcntl(descriptor_, F_SETFL, O_NONBLOCK);

  nghttp2_session_callbacks* callbacks;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
  nghttp2_session_client_new(&session_, callbacks, this);
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, stream_window}, {NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, 2);
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, connection_window);

  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = this;
  ::epoll_ctl(engine_.epoll_, EPOLL_CTL_ADD, descriptor_, &event);
  flush();
}

Connection::~Connection() {
  nghttp2_session_del(session_);
  SSL_free(tls_);
  ::close(descriptor_);
}

void Connection::submit(Request request) {
  auto stream = std::make_unique<Stream>();
  stream->request = std::move(request);
  const Request& r = stream->request;
  std::vector<nghttp2_nv> headers = {header(":method", r.method), header(":scheme", "https"), header(":authority", "127.0.0.1"), header(":path", r.path),
                                     header("accept", r.accept)};
  if (!r.body.empty()) headers.push_back(header("content-type", r.content_type));
  if (!r.user.empty()) headers.push_back(header("impersonate-user", r.user));
  nghttp2_data_provider body{};
  body.source.ptr = stream.get();
  body.read_callback = read_body;
  int id = nghttp2_submit_request(session_, nullptr, headers.data(), headers.size(), r.body.empty() ? nullptr : &body, nullptr);
  if (id < 0) die(nghttp2_strerror(id));
  streams_.emplace(id, std::move(stream));
  watch_for(true);
}

void Connection::watch_for(bool writing) {
  if (writing == writing_) return;
  writing_ = writing;
  epoll_event event{};
  event.events = EPOLLIN | (writing ? EPOLLOUT : 0u);
  event.data.ptr = this;
  ::epoll_ctl(engine_.epoll_, EPOLL_CTL_MOD, descriptor_, &event);
}

void Connection::handle() {
  receive();
  flush();
}

void Connection::receive() {
  static char buffer[read_size];
  int size;
  while ((size = SSL_read(tls_, buffer, sizeof buffer)) > 0) {
    ssize_t used = nghttp2_session_mem_recv(session_, reinterpret_cast<uint8_t*>(buffer), static_cast<size_t>(size));
    if (used < 0) die(nghttp2_strerror(static_cast<int>(used)));
  }
  if (SSL_get_error(tls_, size) != SSL_ERROR_WANT_READ) die("the server closed a connection");
}

void Connection::flush() {
  while (true) {
    const uint8_t* data;
    ssize_t size = 1;
    while (out_.size() < out_high_water && (size = nghttp2_session_mem_send(session_, &data)) > 0) out_.append(reinterpret_cast<const char*>(data), static_cast<size_t>(size));
    if (size < 0) die(nghttp2_strerror(static_cast<int>(size)));
    if (out_.empty()) return watch_for(false);
    while (out_at_ < out_.size()) {
      int written = SSL_write(tls_, out_.data() + out_at_, static_cast<int>(out_.size() - out_at_));
      if (written <= 0) {
        if (SSL_get_error(tls_, written) != SSL_ERROR_WANT_WRITE) die("writing to the server failed");
        return watch_for(true);
      }
      out_at_ += static_cast<size_t>(written);
    }
    out_.clear();
    out_at_ = 0;
  }
}

}  // namespace bench
