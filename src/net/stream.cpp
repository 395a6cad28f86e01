#include "net/stream.h"

#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/environment.h"
#include "base/text.h"
#include "net/address.h"
#include "net/client_tls.h"

namespace sampan::net {

namespace {

Error cancelled_error() { return Error(Reason::ServiceUnavailable, "context canceled"); }

}  // namespace

int64_t deadline_in_ms(int64_t milliseconds) { return real_clock().monotonic_us() + milliseconds * 1000; }

void Cancellation::cancel() {
  std::lock_guard lock(mutex_);
  cancelled_.store(true, std::memory_order_release);
  if (stream_) stream_->cancel();
}

void Cancellation::attach(ByteStream* stream) {
  std::lock_guard lock(mutex_);
  stream_ = stream;
  if (stream_ && cancelled()) stream_->cancel();
}

SocketStream::SocketStream(int fd, SSL* ssl, std::string ahead) : fd_(fd), ssl_(ssl), ahead_(std::move(ahead)) {
  if (!ssl_) return;
  auto bio = BIO_new(bio_method());
  check(bio);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_mode(ssl_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
}

SocketStream::~SocketStream() {
  if (ssl_) {
    end_writes();
    SSL_free(ssl_);
  }
  if (fd_ >= 0) close(fd_);
}

int SocketStream::release() {
  check(!ssl_ && ahead_.empty());
  return std::exchange(fd_, -1);
}

// A BIO of our own: the library's would raise SIGPIPE, and would need the descriptor to be non-blocking.
BIO_METHOD* SocketStream::bio_method() {
  static BIO_METHOD* const method = [] {
    auto made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
    check(made);
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_ctrl(made, [](BIO*, int command, long, void*) -> long { return command == BIO_CTRL_FLUSH; });
    return made;
  }();
  return method;
}

int SocketStream::bio_read(BIO* bio, char* out, int size) {
  auto self = static_cast<SocketStream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  auto taken = recv(self->fd_, out, size, MSG_DONTWAIT);
  self->io_error_ = taken < 0 ? errno : 0;
  if (taken < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  for (ssize_t i = 0; i < taken && self->heard_size_ < sizeof self->heard_; i++) self->heard_[self->heard_size_++] = out[i];
  return static_cast<int>(taken);
}

int SocketStream::bio_write(BIO* bio, const char* bytes, int size) {
  auto self = static_cast<SocketStream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  auto sent = send(self->fd_, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  self->io_error_ = sent < 0 ? errno : 0;
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

Result<void> SocketStream::wait(short events, int64_t deadline_us) {
  pollfd waiting{.fd = fd_, .events = events, .revents = 0};
  while (!cancelled_.load(std::memory_order_acquire)) {
    int64_t left_ms = -1;
    if (deadline_us != kNoDeadline) {
      left_ms = (deadline_us - real_clock().monotonic_us() + 999) / 1000;
      if (left_ms <= 0) return fail(Error(Reason::Timeout, "i/o timeout"));
    }
    int ready = poll(&waiting, 1, static_cast<int>(std::min<int64_t>(left_ms, INT32_MAX)));
    if (ready > 0 && !cancelled_.load(std::memory_order_acquire)) return {};
    check(ready >= 0 || errno == EINTR);
  }
  return fail(cancelled_error());
}

// In Go's words: "read tcp 10.0.0.1:42->10.0.0.2:80: read: connection reset by peer".
Error SocketStream::broken(const char* what, int number) const {
  if (cancelled_.load(std::memory_order_acquire)) return cancelled_error();
  return Error(Reason::ServiceUnavailable, concat(what, " ", describe_socket(fd_), ": ", what, ": ", error_words(number)));
}

Error SocketStream::verification_error() const {
  constexpr std::string_view kStart = "tls: failed to verify certificate: x509: ";
  auto code = SSL_get_verify_result(ssl_);
  std::string why;
  switch (code) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: why = name_mismatch(ssl_); break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID: why = "certificate has expired or is not yet valid"; break;
    case X509_V_ERR_INVALID_PURPOSE: why = "certificate specifies an incompatible key usage"; break;
    default: why = "certificate signed by unknown authority"; break;
  }
  return Error(Reason::InternalError, concat(kStart, why));
}

Error SocketStream::tls_error(const char* what) const {
  if (cancelled_.load(std::memory_order_acquire)) return cancelled_error();
  auto code = ERR_peek_error();
  if (io_error_ != 0 && code == 0) return broken(what, io_error_);
  if (SSL_get_verify_mode(ssl_) != SSL_VERIFY_NONE && SSL_get_verify_result(ssl_) != X509_V_OK) {
    ERR_clear_error();
    return verification_error();
  }
  int reason = ERR_GET_REASON(code);
  ERR_clear_error();
  if (code == 0 || reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)
    return Error(Reason::ServiceUnavailable, SSL_is_init_finished(ssl_) ? "unexpected EOF" : "EOF");
  if (reason == SSL_R_WRONG_VERSION_NUMBER && std::string_view(heard_, heard_size_) == "HTTP/")
    return Error(Reason::InternalError, "http: server gave HTTP response to HTTPS client");
  if (reason == SSL_R_WRONG_VERSION_NUMBER) return Error(Reason::InternalError, "tls: first record does not look like a TLS handshake");
  if (reason > SSL_AD_REASON_OFFSET)
    return Error(Reason::InternalError, concat("remote error: tls: ", SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET)));
  const char* words = ERR_reason_error_string(code);
  return Error(Reason::InternalError, concat("tls: ", words ? words : "protocol error"));
}

// Under ssl_mutex_.
Result<short> SocketStream::judge(int tls_result, const char* what) {
  switch (SSL_get_error(ssl_, tls_result)) {
    case SSL_ERROR_WANT_READ: return POLLIN;
    case SSL_ERROR_WANT_WRITE: return POLLOUT;
    case SSL_ERROR_ZERO_RETURN: return 0;
    default: tls_broken_ = true; return fail(tls_error(what));
  }
}

Result<void> SocketStream::shake_hands(int64_t deadline_us) {
  while (true) {
    short events = 0;
    {
      std::lock_guard lock(ssl_mutex_);
      ERR_clear_error();
      int result = SSL_do_handshake(ssl_);
      if (result == 1) return {};
      events = TRY(judge(result, "read"));
    }
    if (events == 0) return fail(Error(Reason::ServiceUnavailable, "EOF"));
    TRY(wait(events, deadline_us));
  }
}

Result<size_t> SocketStream::read_tls(char* out, size_t size, int64_t deadline_us) {
  while (true) {
    short events = 0;
    {
      std::lock_guard lock(ssl_mutex_);
      ERR_clear_error();
      size_t taken = 0;
      int result = SSL_read_ex(ssl_, out, size, &taken);
      if (result == 1) return taken;
      events = TRY(judge(result, "read"));
    }
    if (events == 0) return 0;
    TRY(wait(events, deadline_us));
  }
}

Result<size_t> SocketStream::read_some(char* out, size_t size, int64_t deadline_us) {
  if (ahead_at_ < ahead_.size()) {
    size = std::min(size, ahead_.size() - ahead_at_);
    memcpy(out, ahead_.data() + ahead_at_, size);
    ahead_at_ += size;
    if (ahead_at_ == ahead_.size()) std::string().swap(ahead_), ahead_at_ = 0;
    return size;
  }
  if (ssl_) return read_tls(out, size, deadline_us);
  while (true) {
    auto taken = recv(fd_, out, size, MSG_DONTWAIT);
    if (cancelled_.load(std::memory_order_acquire)) return fail(cancelled_error());
    if (taken >= 0) return taken;
    if (errno == EAGAIN)
      TRY(wait(POLLIN, deadline_us));
    else if (errno != EINTR)
      return fail(broken("read", errno));
  }
}

Result<void> SocketStream::write(std::string_view bytes, int64_t deadline_us) {
  while (!bytes.empty()) {
    if (cancelled_.load(std::memory_order_acquire)) return fail(cancelled_error());
    if (!ssl_) {
      auto sent = send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent >= 0)
        bytes.remove_prefix(sent);
      else if (errno == EAGAIN)
        TRY(wait(POLLOUT, deadline_us));
      else if (errno != EINTR)
        return fail(broken("write", errno));
      continue;
    }
    short events = 0;
    {
      std::lock_guard lock(ssl_mutex_);
      ERR_clear_error();
      size_t sent = 0;
      int result = SSL_write_ex(ssl_, bytes.data(), bytes.size(), &sent);
      if (result == 1) {
        bytes.remove_prefix(sent);
        continue;
      }
      events = TRY(judge(result, "write"));
    }
    if (events == 0) return fail(broken("write", EPIPE));
    TRY(wait(events, deadline_us));
  }
  return {};
}

void SocketStream::end_writes() {
  if (!ssl_) {
    shutdown(fd_, SHUT_WR);
    return;
  }
  std::lock_guard lock(ssl_mutex_);
  if (tls_broken_ || std::exchange(tls_ended_, true) || !SSL_is_init_finished(ssl_)) return;
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

void SocketStream::cancel() {
  cancelled_.store(true, std::memory_order_release);
  shutdown(fd_, SHUT_RDWR);
}

void SocketStream::put_back(std::string_view bytes) {
  ahead_.replace(0, ahead_at_, bytes);
  ahead_at_ = 0;
}

bool SocketStream::is_idle() {
  if (cancelled_.load(std::memory_order_acquire) || ahead_at_ < ahead_.size()) return false;
  char byte;
  if (!ssl_) return recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
  // Under TLS there may be something that is no data, a session ticket for one.
  std::lock_guard lock(ssl_mutex_);
  ERR_clear_error();
  int result = SSL_peek(ssl_, &byte, 1);
  bool idle = result <= 0 && SSL_get_error(ssl_, result) == SSL_ERROR_WANT_READ;
  ERR_clear_error();
  return idle;
}

bool pump(ByteStream& from, ByteStream& to) {
  constexpr size_t kPumpBytes = 32 * 1024;
  auto buffer = std::make_unique_for_overwrite<char[]>(kPumpBytes);
  while (true) {
    auto taken = from.read_some(buffer.get(), kPumpBytes);
    if (!taken) return false;
    if (*taken == 0) break;
    if (!to.write({buffer.get(), *taken})) return false;
  }
  to.end_writes();
  return true;
}

}  // namespace sampan::net
