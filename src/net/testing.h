// What the tests and fuzzers of this module share: a protocol layer without a socket, certificates, and a blocking TLS client.
#pragma once
#include <openssl/ssl.h>

#include <functional>
#include <mutex>

#include "net/protocol.h"
#include "net/tls.h"

namespace sampan::net {

class FakeMailbox : public Mailbox {
 public:
  bool own_thread = true;
  bool on_own_thread() const override { return own_thread; }
  void post(std::function<void()> task) override { tasks.push_back(std::move(task)); }
  void wake(std::shared_ptr<Wakeable> wakeable) override {
    post([wakeable = std::move(wakeable)] { wakeable->on_wake(); });
  }
  void run() {
    auto now = std::move(tasks);
    tasks.clear();
    for (auto& task : now) task();
  }
  std::vector<std::function<void()>> tasks;
};

class FakeCarrier : public Carrier {
 public:
  void output_ready() override { ready = true; }
  int64_t now_us() const override { return now; }
  bool ready = false;
  int64_t now = 1'000'000'000;
};

// Holds what a protocol layer needs, and pumps its bytes.
struct ProtocolRig {
  ProtocolRig() {
    shared->too_large = [](const Request&) { return Response{.status = 413, .headers = {{"x-limit", "yes"}}, .body = "large"}; };
  }
  ProtocolContext context() { return {.shared = shared, .mailbox = mailbox, .carrier = &carrier, .remote_address = "192.0.2.1:7", .peer = peer}; }
  std::string drain(Protocol& protocol, size_t want = 64 * 1024) {
    std::string all, out;
    do {
      mailbox->run();
      out.clear();
      protocol.produce(out, want);
      all += out;
    } while (!out.empty() || !mailbox->tasks.empty());
    return all;
  }
  std::shared_ptr<ServerShared> shared = std::make_shared<ServerShared>();
  std::shared_ptr<FakeMailbox> mailbox = std::make_shared<FakeMailbox>();
  FakeCarrier carrier;
  VerifiedPeer peer;
};

// A source that gives what it is told to, and tells when it dies.
struct Script {
  std::mutex mutex;
  std::string ready;          // taken by the next pull
  BodySource::Pull then = BodySource::Pull::Wait;
  std::function<void()> waker;
  std::atomic<size_t> pulled = 0;
  std::atomic<bool> destroyed = false;
  std::atomic<bool> endless = false;
};
class ScriptSource : public BodySource {
 public:
  explicit ScriptSource(std::shared_ptr<Script> script) : script_(std::move(script)) {}
  ~ScriptSource() override { script_->destroyed = true; }
  void start(std::function<void()> waker) override {
    std::lock_guard lock(script_->mutex);
    script_->waker = std::move(waker);
  }
  Pull pull(std::string& out, size_t want) override {
    std::lock_guard lock(script_->mutex);
    script_->pulled += script_->endless ? want : script_->ready.size();
    if (script_->endless) {
      out.append(want, 'e');
      return Pull::More;
    }
    out += std::exchange(script_->ready, {});
    return script_->then;
  }

 private:
  std::shared_ptr<Script> script_;
};

// Gives a text in pieces that fit no frame.
class PiecesSource : public BodySource {
 public:
  explicit PiecesSource(std::string text) : text_(std::move(text)) {}
  Pull pull(std::string& out, size_t) override {
    constexpr size_t kPieces[] = {1, 16'375, 16'384, 3, 100'000, 0, 16'383, 40, 70'000};
    size_t size = std::min(kPieces[pulls_++ % std::size(kPieces)], text_.size() - at_);
    out.append(text_, at_, size);
    at_ += size;
    return at_ == text_.size() ? Pull::End : Pull::More;
  }
  // The numbers in order, so that what is lost, doubled or misplaced shows.
  static std::string numbers(size_t count) {
    std::string text;
    for (size_t i = 0; i < count; i++) text += std::to_string(i) + '\n';
    return text;
  }

 private:
  const std::string text_;
  size_t at_ = 0, pulls_ = 0;
};

// A certificate and key in PEM; signed by `issuer`, or by itself.
struct TestCertificate {
  std::string certificate, key;
};
struct CertificateWish {
  std::string common_name;
  std::vector<std::string> organizations;
  bool authority = false;
  const char* key_usage = "clientAuth";  // extended; nullptr for none
  int64_t valid_from_s = -3600, valid_to_s = 3600;  // from now
  const char* alternative_names = nullptr;  // "DNS:localhost,IP:127.0.0.1"
};
TestCertificate make_certificate(const CertificateWish& wish, const TestCertificate* issuer);

class TestFolder {
 public:
  TestFolder();
  ~TestFolder();
  std::string write(std::string_view name, std::string_view text) const;  // its path

 private:
  std::string path_;
};

// One blocking TLS connection.
class TlsClient {
 public:
  // alpn: "h2" or "http/1.1"; certificate may be null.
  TlsClient(uint16_t port, std::string_view alpn, const TestCertificate* certificate = nullptr, int receive_buffer = 0, const char* host = "");
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;
  bool connected() const { return connected_; }
  bool write(std::string_view bytes);
  std::string read_some();                        // "" at the end, or after two seconds of silence
  std::string read_until(std::string_view mark);  // or the end
  std::string read_all();
  std::string server_name();                      // the common name of its certificate
  void drop();                                    // closes without a word
  int fd() const { return fd_; }

 private:
  int fd_ = -1;
  bool connected_ = false;
  SslPtr<SSL_CTX> context_;
  SslPtr<SSL> ssl_;
};

int connect_to(uint16_t port, int receive_buffer = 0);
bool eventually(const std::function<bool()>& condition);  // within two seconds

}  // namespace sampan::net
