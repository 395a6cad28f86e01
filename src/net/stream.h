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

// One thread may read while another writes. Errors have the reason Timeout where the deadline was missed (the stream stays
// usable if nothing of a write has gone out), ServiceUnavailable where the other side or the network is at fault.
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

 private:
  enum class Step { Done, Again, End, Failed };
  Result<void> wait(short events, int64_t deadline_us, const char* what);
  Step tls_step(int result, short& events, std::string& problem);
  Result<size_t> read_plain(char* out, size_t size, int64_t deadline_us);
  Result<size_t> read_tls(char* out, size_t size, int64_t deadline_us);
  Error broken(const char* what, int number) const;

  const int fd_;
  SSL* const ssl_;
  std::mutex ssl_mutex_;  // guards every use of ssl_: OpenSSL lets only one thread in at a time
  std::string ahead_;
  size_t ahead_at_ = 0;
  std::atomic<bool> cancelled_ = false;
  bool writes_ended_ = false;  // guarded by ssl_mutex_
};

// Copies from one to the other until either ends; then ends the other's writes. False: it broke instead of ending.
bool pump(ByteStream& from, ByteStream& to);

}  // namespace sampan::net
