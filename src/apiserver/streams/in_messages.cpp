#include "apiserver/streams/in_messages.h"

#include <condition_variable>

#include "apiserver/respond.h"
#include "apiserver/streams/backends.h"
#include "base/encoding.h"
#include "base/text.h"
#include "net/websocket.h"

namespace sampan::apiserver {

namespace {

constexpr size_t kPieceBytes = 16 * 1024;
constexpr size_t kEventBytesMax = 64 * 1024 * 1024;  // one that has not ended by then is broken
constexpr int kLinger_ms = 2000;
constexpr std::string_view kBytes = "binary.k8s.io", kBase64 = "base64.binary.k8s.io";

// Two threads: `tell` writes what the source has, `hear` waits for the client to leave.
class Session {
 public:
  Session(net::Response answer, Pieces pieces, bool base64) : source_(std::move(answer.source)), rest_(std::move(answer.body)), pieces_(pieces), base64_(base64) {}

  void begin(std::unique_ptr<net::ByteStream> client) { socket_ = std::make_unique<net::WebSocket>(std::move(client), net::WebSocket::Role::Server); }

  void tell() {
    if (pieces_ != Pieces::AsTheyCome || socket_->write({}, {}, base64_)) run();
    socket_->close(1000, "");
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, std::chrono::milliseconds(kLinger_ms), [this] { return left_; });
    }
    socket_->cancel();
    source_.reset();
  }

  void hear() {
    net::WebSocket::Message message;
    while (true) {
      auto read = socket_->read(message);
      if (!read || !*read) break;  // what a client says means nothing here
    }
    std::lock_guard lock(mutex_);
    left_ = true;
    changed_.notify_all();
  }

 private:
  void run() {
    if (source_) source_->start([this] { wake(); });
    while (true) {
      auto pull = source_ ? source_->pull(rest_, kPieceBytes) : net::BodySource::Pull::End;
      if (!write_pieces(pull != net::BodySource::Pull::More && pull != net::BodySource::Pull::Wait)) return;
      if (pull == net::BodySource::Pull::End || pull == net::BodySource::Pull::Abort || rest_.size() > kEventBytesMax) return;
      std::unique_lock lock(mutex_);
      if (pull == net::BodySource::Pull::Wait) changed_.wait(lock, [this] { return woken_ || left_; });
      woken_ = false;
      if (left_) return;
    }
  }

  void wake() {
    std::lock_guard lock(mutex_);
    woken_ = true;
    changed_.notify_all();
  }

  // What is whole of what is there.
  bool write_pieces(bool is_last) {
    std::string_view text = rest_;
    bool alive = true;
    while (alive && !text.empty()) {
      auto piece = next_piece(text, is_last);
      if (!piece) break;
      std::string encoded;
      if (base64_) append_base64(encoded, *piece);
      alive = socket_->write(base64_ ? encoded : *piece, {}, pieces_ == Pieces::Lines || base64_).has_value();
    }
    rest_.erase(0, rest_.size() - text.size());
    return alive;
  }

  std::optional<std::string_view> next_piece(std::string_view& text, bool is_last) const {
    auto take = [&](size_t size) {
      auto piece = text.substr(0, size);
      text.remove_prefix(size);
      return piece;
    };
    if (pieces_ == Pieces::AsTheyCome) return take(std::min(text.size(), kPieceBytes));
    if (pieces_ == Pieces::Lines) {
      auto end = text.find('\n');
      if (end == std::string_view::npos && !is_last) return {};
      return take(end == std::string_view::npos ? text.size() : end + 1);
    }
    if (text.size() < 4) return {};
    size_t size = 0;
    for (int i = 0; i < 4; i++) size = size << 8 | static_cast<uint8_t>(text[i]);
    if (text.size() - 4 < size) return {};
    text.remove_prefix(4);
    return take(size);
  }

  std::unique_ptr<net::BodySource> source_;
  std::string rest_;  // what is not written yet
  const Pieces pieces_;
  const bool base64_;
  std::unique_ptr<net::WebSocket> socket_;
  std::mutex mutex_;  // guards the rest
  std::condition_variable changed_;
  bool woken_ = false, left_ = false;
};

// The first of those that the client offers which we speak. Watches have no protocols; what a client names is as good as any.
Result<std::string> protocol_for(const net::Request& request, Pieces pieces) {
  auto offered = net::websocket_protocols(request);
  if (offered.empty()) return std::string();
  for (std::string_view protocol : offered)
    if (pieces != Pieces::AsTheyCome || protocol == kBytes || protocol == kBase64) return std::string(protocol);
  return fail(Error(403, Reason::Forbidden, concat("requested protocol(s) are not supported: [", join(offered, " "), "]; supports [ ", kBytes, " ", kBase64, "]")));
}

}  // namespace

HandlerResult in_messages(Context& context, net::Response answer, Pieces pieces) {
  auto seats = context.services.backends->threads().take(2);
  if (!seats) return fail(too_many_streams());
  auto protocol = TRY(protocol_for(context.http, pieces));
  auto response = TRY(net::websocket_response(context.http, protocol));
  auto session = std::make_shared<Session>(std::move(answer), pieces, pieces == Pieces::AsTheyCome && protocol == kBase64);
  response.upgraded = [seats, session](std::unique_ptr<net::ByteStream> client) {
    session->begin(std::move(client));
    seats->run([session] { session->hear(); });
    seats->run([session] { session->tell(); });
  };
  return response;
}

}  // namespace sampan::apiserver
