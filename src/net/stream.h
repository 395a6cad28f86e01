// A blocking stream of bytes: a socket, plain or under TLS, or what is laid over one (a WebSocket's messages, a channel of SPDY).
#pragma once
#include <openssl/ssl.h>

#include <atomic>
#include <memory>
#include <mutex>

#include "base/status.h"

namespace sampan::net {

// Deadlines are times of the monotonic clock.
constexpr int64_t kNoDeadline = INT64_MAX;
int64_t deadline_in_ms(int64_t milliseconds);  // from now

// One thread may read while another writes. Errors have the reason Timeout where the deadline was missed (a read can be tried
// again, a write cannot: part of it may have gone), ServiceUnavailable where the other side or the network is at fault.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  // Waits for at least one byte; 0 is the end of the stream.
  virtual Result<size_t> read_some(char* out, size_t size, int64_t deadline_us = kNoDeadline) = 0;
  virtual Result<void> write(std::string_view bytes, int64_t deadline_us = kNoDeadline) = 0;  // all of it
  virtual void end_writes() = 0;  // the other side sees the end; reading goes on
  virtual void cancel() = 0;      // from any thread: what waits and what comes later fails
};

// Lets other threads stop a request or a stream before, while and after it is dialled. Shared by both sides.
class Cancellation {
 public:
  void cancel();
  bool cancelled() const { return cancelled_.load(std::memory_order_acquire); }
  // The stream to cancel: one at a time; null detaches it. A stream that is attached too late is cancelled at once.
  void attach(ByteStream* stream);

 private:
  std::atomic<bool> cancelled_ = false;
  std::mutex mutex_;
  ByteStream* stream_ = nullptr;
};

// A connected socket, which it owns. With `ssl` its bytes go through TLS; the handshake is done by shake_hands(), or was.
class SocketStream final : public ByteStream {
 public:
  // `ahead`: bytes of the stream that were already read from it.
  explicit SocketStream(int fd, SSL* ssl = nullptr, std::string ahead = {});
  ~SocketStream() override;
  SocketStream(const SocketStream&) = delete;
  SocketStream& operator=(const SocketStream&) = delete;

  Result<void> shake_hands(int64_t deadline_us);
  Result<size_t> read_some(char* out, size_t size, int64_t deadline_us = kNoDeadline) override;
  Result<void> write(std::string_view bytes, int64_t deadline_us = kNoDeadline) override;
  void end_writes() override;
  void cancel() override;

  void put_back(std::string_view bytes);  // to be read before anything else; by the reading thread
  bool is_idle();                         // open, and nothing has come
  SSL* ssl() const { return ssl_; }
  int fd() const { return fd_; }
  int release();  // gives up the socket; only without TLS

 private:
  static BIO_METHOD* bio_method();
  static int bio_read(BIO* bio, char* out, int size);
  static int bio_write(BIO* bio, const char* bytes, int size);
  Result<void> wait(short events, int64_t deadline_us);
  Result<short> judge(int tls_result, const char* what);  // the events to wait for, 0 at the end
  Result<size_t> read_tls(char* out, size_t size, int64_t deadline_us);
  Error broken(const char* what, int number) const;
  Error tls_error(const char* what) const;
  Error verification_error() const;

  int fd_;
  SSL* const ssl_;
  std::mutex ssl_mutex_;  // guards ssl_ between one reader and one writer: OpenSSL lets only one thread in at a time
  std::string ahead_;
  size_t ahead_at_ = 0;
  std::atomic<bool> cancelled_ = false;
  char heard_[5];  // the first bytes under TLS: a server without TLS gives itself away
  size_t heard_size_ = 0;
  int io_error_ = 0;  // of the last call into the socket under TLS; guarded by ssl_mutex_
  bool tls_broken_ = false, tls_ended_ = false;  // guarded by ssl_mutex_
};

// Copies from one to the other until either ends; then ends the other's writes. False: it broke instead of ending.
bool pump(ByteStream& from, ByteStream& to);

}  // namespace sampan::net
