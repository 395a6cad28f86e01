// One accepted connection: socket and TLS below, a protocol layer above. I/O thread only.
#pragma once
#include "net/protocol.h"
#include "net/tls.h"

namespace sampan::net {

class Connection;

// The I/O thread that a connection lives on.
class ConnectionOwner {
 public:
  virtual ~ConnectionOwner() = default;
  virtual void closed(Connection* connection) = 0;  // gives it up; it is destroyed at the end of the turn
  virtual std::shared_ptr<const TlsGeneration> tls() = 0;
};

class Connection final : public LoopClient, private Carrier {
 public:
  Connection(int fd, std::string remote_address, std::shared_ptr<ServerShared> shared, std::shared_ptr<Loop> loop, ConnectionOwner& owner);
  ~Connection() override;

  void shut_down();    // gracefully
  void close_now();

  void on_ready(uint32_t events) override;
  void on_turn_end() override;
  void on_timer() override;

 private:
  enum class State : uint8_t { Handshake, Open, Lingering, Closed };
  static BIO_METHOD* bio_method();
  static int bio_read(BIO* bio, char* out, int size);
  static int bio_write(BIO* bio, const char* bytes, int size);

  void output_ready() override { ask_for_turn_end(); }
  void ask_for_turn_end() { has_much_ ? loop_->later(this) : loop_->at_turn_end(this); }
  int64_t now_us() const override { return loop_->now_us(); }

  void put_on_wire(std::string_view bytes);
  bool wants_input() const;
  bool read_socket();
  void take(std::string_view bytes);
  void shake_hands();
  bool looks_like_http(std::string_view bytes) const;
  void read_tls();
  bool encrypt_output();
  size_t send_bytes(std::string_view bytes);
  bool send_wire();
  bool send_burst();
  void watch_for();
  bool hand_over();
  void begin_linger();
  void say_goodbye();
  int64_t linger_us() const;
  void schedule(int64_t due_us);

  const std::shared_ptr<ServerShared> shared_;
  const std::shared_ptr<Loop> loop_;
  ConnectionOwner& owner_;
  int fd_;
  State state_ = State::Handshake;
  bool read_ended_ = false;
  bool shutting_down_ = false;
  bool goodbye_said_ = false;
  uint32_t watched_;
  size_t burst_bytes_;
  std::string remote_address_;
  std::shared_ptr<const TlsGeneration> tls_;  // after the handshake only where the client's certificate was verified with it
  SslPtr<SSL> ssl_;
  std::unique_ptr<Protocol> protocol_;
  std::string_view incoming_;  // ciphertext that TLS has not read yet; only during take()
  std::string* burst_ = nullptr;  // where ciphertext goes; only during send_burst()
  size_t turn_bytes_ = 0;         // made in this turn
  bool has_much_ = false;         // to send, as of the last turn: others go first
  std::string wire_;              // ciphertext that the socket has not taken yet
  size_t wire_sent_ = 0;
  int64_t phase_at_us_;        // the state began
  int64_t wire_moved_at_us_ = 0;
};

}  // namespace sampan::net
