#include "net/connection.h"

#include <openssl/err.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "net/stream_registry.h"

namespace sampan::net {

namespace {

constexpr size_t kProduceBytes = 64 * 1024;         // what is made at a time; the processor's cache holds it until it is encrypted
constexpr size_t kBurstBytesMin = 64 * 1024;        // what is sent at a time
constexpr size_t kBurstBytesMax = 256 * 1024;       // ... to a client that keeps up
constexpr size_t kWireBytesMax = 2 * kBurstBytesMax; // ciphertext held for a client that does not take it
constexpr size_t kScratchBytesKept = 1024 * 1024;    // a source may give more than it was asked for
constexpr size_t kTurnBytesMax = 1024 * 1024;       // then the other connections of the loop have their turn
constexpr int kReadsPerTurn = 4;
constexpr int64_t kLinger_us = 2'000'000;
constexpr int64_t kLingerAtStop_us = 200'000;

int64_t seconds(int count) { return count * 1'000'000LL; }

}  // namespace

Connection::Connection(int fd, std::string remote_address, std::shared_ptr<ServerShared> shared, std::shared_ptr<Loop> loop,
                       ConnectionOwner& owner)
    : shared_(std::move(shared)),
      loop_(std::move(loop)),
      owner_(owner),
      fd_(fd),
      watched_(EPOLLIN | EPOLLRDHUP),
      burst_bytes_(kBurstBytesMin),
      remote_address_(std::move(remote_address)),
      tls_(owner_.tls()),
      ssl_(SSL_new(tls_->context.get())),
      phase_at_us_(loop_->now_us()) {
  check(ssl_);
  auto bio = BIO_new(bio_method());
  check(bio);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_accept_state(ssl_.get());
  loop_->watch(fd_, watched_, this);
  on_timer();
}

Connection::~Connection() {
  if (fd_ >= 0) close(fd_);
}

// The BIO hands TLS what was read in one go, and gathers what it writes, so that a turn costs one system call each way.
BIO_METHOD* Connection::bio_method() {
  static BIO_METHOD* const method = [] {
    auto made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "connection");
    check(made);
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_ctrl(made, [](BIO*, int command, long, void*) -> long { return command == BIO_CTRL_FLUSH; });
    return made;
  }();
  return method;
}

int Connection::bio_read(BIO* bio, char* out, int size) {
  auto& incoming = static_cast<Connection*>(BIO_get_data(bio))->incoming_;
  BIO_clear_retry_flags(bio);
  if (incoming.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  auto taken = std::min<size_t>(size, incoming.size());
  memcpy(out, incoming.data(), taken);
  incoming.remove_prefix(taken);
  return static_cast<int>(taken);
}

int Connection::bio_write(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  static_cast<Connection*>(BIO_get_data(bio))->put_on_wire({bytes, static_cast<size_t>(size)});
  return size;
}

void Connection::put_on_wire(std::string_view bytes) {
  if (burst_) {
    burst_->append(bytes);
    return;
  }
  if (wire_.empty()) wire_moved_at_us_ = loop_->now_us();
  wire_.append(bytes);
}

// A client that asks and does not read the answers is not read either.
bool Connection::wants_input() const {
  return !read_ended_ && wire_.size() - wire_sent_ < kWireBytesMax && (!protocol_ || protocol_->wants_input());
}

void Connection::on_ready(uint32_t events) {
  if (state_ == State::Closed) return;
  if (events & (EPOLLERR | EPOLLHUP)) return close_now();
  if (events & (EPOLLIN | EPOLLRDHUP)) {
    for (int i = 0; i < kReadsPerTurn && state_ != State::Closed && wants_input(); i++)
      if (!read_socket()) break;
  }
  if (state_ != State::Closed) ask_for_turn_end();
}

// False: nothing more for now.
bool Connection::read_socket() {
  auto size = recv(fd_, loop_->read_buffer(), Loop::kReadBytes, 0);
  if (size < 0) {
    if (errno != EAGAIN && errno != EINTR) close_now();
    return false;
  }
  if (size > 0) {
    if (state_ != State::Lingering) take({loop_->read_buffer(), static_cast<size_t>(size)});
    return static_cast<size_t>(size) == Loop::kReadBytes;
  }
  read_ended_ = true;
  if (state_ == State::Open)
    protocol_->receive_end();
  else if (state_ == State::Handshake || wire_.empty())
    close_now();
  return false;
}

void Connection::take(std::string_view bytes) {
  incoming_ = bytes;
  if (state_ == State::Handshake) shake_hands();
  if (state_ == State::Open) read_tls();
  incoming_ = {};
}

// As Go decides it: by the five bytes of what should be a TLS record's head.
bool Connection::looks_like_http(std::string_view bytes) const {
  if (SSL_get_state(ssl_.get()) != TLS_ST_BEFORE) return false;
  for (std::string_view start : {"GET /", "HEAD ", "POST ", "PUT /", "OPTIO"})
    if (bytes.starts_with(start)) return true;
  return false;
}

void Connection::shake_hands() {
  if (looks_like_http(incoming_)) {
    put_on_wire("HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n");
    ssl_ = nullptr;
    return begin_linger();
  }
  ERR_clear_error();
  int done = SSL_do_handshake(ssl_.get());
  if (done != 1) {
    if (SSL_get_error(ssl_.get(), done) == SSL_ERROR_WANT_READ) return;
    LOG_V(2, "TLS handshake error from ", remote_address_, ": ", last_ssl_error());
    ssl_ = nullptr;  // its alert is in wire_
    return begin_linger();
  }
  const unsigned char* alpn = nullptr;
  unsigned alpn_size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &alpn, &alpn_size);
  bool http2 = std::string_view(reinterpret_cast<const char*>(alpn), alpn_size) == "h2";
  ProtocolContext context{
      .shared = shared_,
      .mailbox = loop_,
      .carrier = this,
      .remote_address = remote_address_,
      .peer = tls_->verify_peer(ssl_.get()),
  };
  if (!context.peer.certificate) tls_ = nullptr;
  state_ = State::Open;
  phase_at_us_ = loop_->now_us();
  protocol_ = http2 ? make_http2(std::move(context)) : make_http1(std::move(context));
  if (shutting_down_) protocol_->shut_down();
}

void Connection::read_tls() {
  auto& plain = loop_->scratch();
  plain.resize_and_overwrite(Loop::kReadBytes, [](char*, size_t size) { return size; });
  size_t held = 0;
  while (true) {
    size_t size = 0;
    ERR_clear_error();
    int read = SSL_read_ex(ssl_.get(), plain.data() + held, plain.size() - held, &size);
    held += size;
    if (read == 1 && plain.size() - held >= SSL3_RT_MAX_PLAIN_LENGTH) continue;
    if (held > 0) protocol_->receive({plain.data(), held});
    held = 0;
    if (read == 1) continue;
    int error = SSL_get_error(ssl_.get(), read);
    if (error == SSL_ERROR_WANT_READ) return;
    if (error == SSL_ERROR_ZERO_RETURN) {
      if (!read_ended_) protocol_->receive_end();
      read_ended_ = true;
      return;
    }
    return close_now();
  }
}

// Asks the protocol for more and encrypts it. False: that was all it has now.
bool Connection::encrypt_output() {
  auto& plain = loop_->scratch();
  plain.clear();
  protocol_->produce(plain, kProduceBytes);
  bool more = plain.size() >= kProduceBytes;
  for (std::string_view left = plain; !left.empty();) {
    size_t size = 0;
    ERR_clear_error();
    if (SSL_write_ex(ssl_.get(), left.data(), left.size(), &size) != 1) {
      close_now();
      return false;
    }
    left.remove_prefix(size);
  }
  if (plain.capacity() > kScratchBytesKept) std::string().swap(plain);
  return more;
}

// What the socket takes of it now. The connection may be gone afterwards.
size_t Connection::send_bytes(std::string_view bytes) {
  size_t sent = 0;
  while (sent < bytes.size()) {
    auto size = send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (size < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) close_now();
      break;
    }
    sent += size;
    wire_moved_at_us_ = loop_->now_us();
  }
  shared_->bytes_sent.fetch_add(sent, std::memory_order_relaxed);
  return sent;
}

// False: the socket takes no more now, or the connection is gone.
bool Connection::send_wire() {
  if (wire_.empty()) return true;
  wire_sent_ += send_bytes(std::string_view(wire_).substr(wire_sent_));
  if (state_ == State::Closed) return false;
  bool all = wire_sent_ == wire_.size();
  if (all)
    std::string().swap(wire_);
  else if (wire_sent_ >= wire_.size() / 2)
    wire_.erase(0, wire_sent_);
  else
    return false;
  wire_sent_ = 0;
  return all;
}

// Makes a burst and sends it; only what the socket does not take stays with the connection. Most of what sending costs is to wake a client that
// has read all there was: one that keeps up gets more at a time. False: no more for now.
bool Connection::send_burst() {
  auto& burst = loop_->burst();
  burst.clear();
  burst_ = &burst;
  bool more = true;
  while (more && burst.size() < burst_bytes_ && (burst.empty() || !loop_->others_wait(this))) more = encrypt_output();
  burst_ = nullptr;
  if (state_ == State::Closed) return false;
  turn_bytes_ += burst.size();
  size_t sent = send_bytes(burst);
  if (state_ == State::Closed) return false;
  if (sent < burst.size()) {
    put_on_wire(std::string_view(burst).substr(sent));
    burst_bytes_ = kBurstBytesMin;
    return false;
  }
  if (more) burst_bytes_ = std::min(2 * burst_bytes_, kBurstBytesMax);
  if (burst.capacity() > kScratchBytesKept) std::string().swap(burst);
  return more;
}

void Connection::on_turn_end() {
  turn_bytes_ = 0;
  bool more = state_ != State::Closed && send_wire() && state_ == State::Open;
  while (more && turn_bytes_ < kTurnBytesMax && (turn_bytes_ == 0 || !loop_->others_wait(this))) more = send_burst();
  has_much_ = turn_bytes_ >= kProduceBytes;
  if (more) ask_for_turn_end();
  if (state_ == State::Open && wire_.empty() && hand_over()) return;
  if (state_ == State::Open && protocol_->finished()) begin_linger();
  if (state_ == State::Lingering) say_goodbye();
  if (state_ != State::Closed) watch_for();
}

void Connection::watch_for() {
  uint32_t wanted = (wants_input() ? EPOLLIN | EPOLLRDHUP : 0u) | (wire_.empty() ? 0u : EPOLLOUT);
  if (wanted == watched_) return;
  watched_ = wanted;
  loop_->rewatch(fd_, watched_, this);
}

// The connection is not ours any more: whoever asked for the upgrade gets the socket, and TLS with what it has read already.
bool Connection::hand_over() {
  std::string ahead;
  auto taker = protocol_->take_over(ahead);
  if (!taker) return false;
  state_ = State::Closed;
  loop_->unwatch(fd_);
  auto stream = shared_->streams->track(std::exchange(fd_, -1), ssl_.release(), std::move(ahead));
  protocol_ = nullptr;
  owner_.closed(this);
  if (stream) taker(std::move(stream));
  return true;
}

void Connection::begin_linger() {
  protocol_ = nullptr;
  state_ = State::Lingering;
  if (ssl_) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ssl_ = nullptr;
  }
  loop_->at_turn_end(this);
}

// Once all is sent, waits a little for the client to close: closing at once, with bytes of it unread, would reset the connection
// and may take our last words away from the client.
void Connection::say_goodbye() {
  if (goodbye_said_ || !wire_.empty()) return;
  if (read_ended_) return close_now();
  goodbye_said_ = true;
  shutdown(fd_, SHUT_WR);
  phase_at_us_ = loop_->now_us();
  schedule(phase_at_us_ + linger_us());
}

int64_t Connection::linger_us() const { return shutting_down_ ? kLingerAtStop_us : kLinger_us; }

void Connection::schedule(int64_t due_us) {
  if (!loop_->armed_before(this, due_us)) loop_->arm(this, due_us);
}

// Looks at the deadlines at least twice in the shortest of them, so that one that comes up meanwhile is never missed.
void Connection::on_timer() {
  if (state_ == State::Closed) return;
  auto now = loop_->now_us();
  auto& limits = shared_->limits;
  auto due = now + seconds(std::min({limits.header_timeout_s, limits.idle_timeout_s, limits.write_stall_timeout_s})) / 2;
  auto expires = [&](int64_t deadline) {
    due = std::min(due, deadline);
    return now >= deadline;
  };
  if (state_ == State::Handshake && expires(phase_at_us_ + seconds(limits.header_timeout_s))) return close_now();
  if (goodbye_said_ && expires(phase_at_us_ + linger_us())) return close_now();
  if (!wire_.empty() && expires(wire_moved_at_us_ + seconds(limits.write_stall_timeout_s))) return close_now();
  if (state_ == State::Open) {
    due = std::min(due, protocol_->check_timeouts());
    // The CAs that vouched for the client are not ours any more: it shall come again and be verified anew.
    if (tls_ && tls_->client_ca_text != owner_.tls()->client_ca_text) protocol_->shut_down();
  }
  schedule(std::max(due, now + 1));
}

void Connection::shut_down() {
  shutting_down_ = true;
  if (state_ == State::Handshake && SSL_get_state(ssl_.get()) == TLS_ST_BEFORE) return close_now();
  if (state_ == State::Open) protocol_->shut_down();
  if (goodbye_said_) schedule(phase_at_us_ + linger_us());
}

void Connection::close_now() {
  if (state_ == State::Closed) return;
  state_ = State::Closed;
  loop_->unwatch(fd_);
  protocol_ = nullptr;
  owner_.closed(this);
}

}  // namespace sampan::net
