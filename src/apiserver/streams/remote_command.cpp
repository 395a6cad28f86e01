#include "apiserver/streams/remote_command.h"

#include <condition_variable>

#include "apiserver/streams/backends.h"
#include "base/text.h"
#include "net/spdy.h"
#include "net/websocket.h"
#include "schema/json.h"

namespace sampan::apiserver {

namespace {

using net::SpdyFrame;
using net::WebSocket;
using schema::Value;

// Channels of v5.channel.k8s.io; the first three are the descriptors of the process.
enum ChannelNumber : uint8_t { In = 0, Out = 1, Err = 2, StatusChannel = 3, Resize = 4, CloseSignal = 255 };
constexpr size_t kStatusBytesMax = 1024 * 1024;
constexpr std::string_view kProtocol = "v4.channel.k8s.io";
constexpr int64_t kPingEvery_us = 30'000'000;
constexpr int kLinger_ms = 2000;

std::string channel_prefix(uint8_t channel) { return std::string(1, static_cast<char>(channel)); }

// metav1.Status as JSON.
std::string status_json(const Error& error) {
  const auto& data = error.data();
  Arena arena;
  Value status = Value::object(arena);
  status.set("metadata", Value::object(arena));
  status.set("status", "Failure");
  status.set("message", std::string_view(data.message));
  if (auto reason = name_of(data.reason); !reason.empty()) status.set("reason", reason);
  status.set("code", int64_t{data.code});
  std::string text;
  schema::write_json(text, status);
  return text;
}

constexpr std::string_view kSuccess = R"({"metadata":{},"status":"Success"})";

// What the runtime said at the end, as the client is told. An exit code is passed on; anything else becomes an internal error,
// whose words upstream puts before those that are there already.
std::string client_status(const std::string& said) {
  Arena arena;
  auto parsed = schema::parse_json(said, arena);
  if (!parsed) return status_json(internal_error(concat("error stream protocol error: ", parsed.error().message())));
  const Value& status = *parsed;
  auto word = status["status"].as_string();
  if (word == "Success") return std::string(kSuccess);
  if (word != "Failure") return status_json(internal_error("error stream protocol error: unknown error"));
  if (status["reason"].as_string() != "NonZeroExitCode") return status_json(internal_error(std::string(status["message"].as_string())));
  std::string_view code;
  for (const Value& cause : status["details"]["causes"].items())
    if (cause["reason"].as_string() == "ExitCode") code = cause["message"].as_string();
  int number = 0;
  if (!parse_int(code, number) || number < 0) return status_json(internal_error("error stream protocol error: no ExitCode cause given"));
  return concat(R"({"metadata":{},"status":"Failure","message":"command terminated with non-zero exit code: command terminated with exit code )", number,
                R"(","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":")", number, R"("}]}})");
}

// One session, on two threads: `upward` reads the client, `downward` reads the kubelet.
class Session {
 public:
  Session(RemoteCommand command, net::Client& kubelets, std::shared_ptr<net::Cancellation> cancellation)
      : command_(std::move(command)), kubelets_(kubelets), cancellation_(std::move(cancellation)) {}

  void begin(std::unique_ptr<net::ByteStream> client) { socket_ = std::make_unique<WebSocket>(std::move(client), WebSocket::Role::Server); }

  void downward() {
    auto status = run();
    if (!status.empty()) (void)socket_->write(channel_prefix(StatusChannel), status, false, net::deadline_in_ms(10'000));
    socket_->close(1000, "");
    std::unique_lock lock(mutex_);
    over_ = true;
    changed_.notify_all();
    changed_.wait_for(lock, std::chrono::milliseconds(kLinger_ms), [this] { return client_left_; });
    socket_->cancel();
  }

  void upward() {
    WebSocket::Message message;
    while (true) {
      auto read = socket_->read(message);
      if (!read || !*read) break;
      if (!message.data.empty() && !take(message.data)) break;
    }
    std::lock_guard lock(mutex_);
    client_left_ = true;
    changed_.notify_all();
    cancellation_->cancel();  // a kubelet that is being dialled
    if (kubelet_) kubelet_->cancel();
  }

 private:
  // The status to tell the client; "" if it has left.
  std::string run() {
    // A message without content says that the connection stands.
    uint8_t first = command_.stdout_ ? Out : command_.stderr_ ? Err : StatusChannel;
    if (!socket_->write(channel_prefix(first), {}, false)) return {};
    if (auto opened = open(); !opened) return status_json(opened.error());
    auto said = listen();
    if (!said) return status_json(internal_error(concat("error reading from error stream: ", said.error().message())));
    return said->empty() ? std::string(kSuccess) : client_status(*said);
  }

  Result<void> open() {
    net::ClientRequest request;
    request.method = "POST";
    request.endpoint = command_.kubelet;
    request.target = command_.target;
    request.headers = {{"upgrade", "SPDY/3.1"}, {"x-stream-protocol-version", std::string(kProtocol)}};
    request.cancellation = cancellation_;
    auto upgraded = kubelets_.upgrade(request);
    if (!upgraded) return fail(internal_error(concat("error sending request: ", upgraded.error().message())));
    if (!upgraded->stream) return fail(refused(upgraded->answer));
    if (upgraded->answer.header("x-stream-protocol-version") != kProtocol)
      return fail(internal_error(concat("unable to upgrade: the kubelet does not speak ", kProtocol)));
    auto session = std::make_unique<net::SpdySession>(std::move(upgraded->stream), net::SpdySession::Role::Client);
    auto add = [&](std::string_view type, bool wanted, uint32_t& stream) -> Result<void> {
      if (wanted) stream = TRY(session->open({{"streamtype", std::string(type)}}));
      return {};
    };
    TRY(add("error", true, error_stream_));
    TRY(add("stdin", command_.stdin_, in_stream_));
    TRY(add("stdout", command_.stdout_, out_stream_));
    TRY(add("stderr", command_.stderr_ && !command_.tty, err_stream_));
    TRY(add("resize", command_.tty, resize_stream_));
    std::lock_guard lock(mutex_);
    if (client_left_) return fail(internal_error("the client has left"));
    kubelet_ = std::move(session);
    changed_.notify_all();
    return {};
  }

  static Error refused(const net::Answer& answer) {
    if (answer.status < 400) return internal_error(concat("unable to upgrade connection: invalid upgrade response: status code ", answer.status));
    Arena arena;
    auto parsed = schema::parse_json(answer.body, arena);
    if (parsed && parsed->is_object() && (*parsed)["kind"].as_string() == "Status") {
      return Error(answer.status, reason_named((*parsed)["reason"].as_string()), std::string((*parsed)["message"].as_string()));
    }
    return internal_error(concat("unable to upgrade connection: ", answer.body));
  }

  // Passes output on until the command has ended; gives what the error stream said.
  Result<std::string> listen() {
    std::string said;
    bool error_open = true, out_open = out_stream_ != 0, err_open = err_stream_ != 0;
    SpdyFrame frame;
    while (error_open || out_open || err_open) {
      auto read = kubelet_->read(frame, net::deadline_in_ms(kPingEvery_us / 1000));
      if (!read && read.error().is(Reason::Timeout)) {
        TRY(kubelet_->ping());  // a kubelet that has vanished shows by this
        continue;
      }
      if (!TRY(std::move(read)) || frame.kind == SpdyFrame::Kind::GoAway) return fail(Error(Reason::ServiceUnavailable, "unexpected EOF"));
      bool ended = frame.fin || frame.kind == SpdyFrame::Kind::Reset;
      if (frame.stream == error_stream_) {
        if (said.size() + frame.data.size() <= kStatusBytesMax) said += frame.data;
        error_open &= !ended;
      } else if (frame.stream == out_stream_ || frame.stream == err_stream_) {
        bool is_out = frame.stream == out_stream_;
        if (!frame.data.empty()) TRY(socket_->write(channel_prefix(is_out ? Out : Err), frame.data, false));
        (is_out ? out_open : err_open) &= !ended;
      }
    }
    return said;
  }

  // False: the session is broken. Input waits until the kubelet is there.
  bool take(std::string_view message) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return kubelet_ || over_; });
      if (over_) return true;  // only the goodbye is still waited for
    }
    auto channel = static_cast<uint8_t>(message[0]);
    auto data = message.substr(1);
    if (channel == CloseSignal) {
      if (data.size() != 1) return false;
      bool ends_input = data[0] == In && in_stream_ != 0 && !std::exchange(in_ended_, true);
      return !ends_input || kubelet_->send(in_stream_, {}, true);
    }
    if (channel == In && in_stream_ != 0 && !in_ended_) (void)kubelet_->send(in_stream_, data);  // it may have ended already
    if (channel == Resize && resize_stream_ != 0) (void)kubelet_->send(resize_stream_, data);
    return true;
  }

  const RemoteCommand command_;
  net::Client& kubelets_;
  const std::shared_ptr<net::Cancellation> cancellation_;
  std::unique_ptr<WebSocket> socket_;
  uint32_t error_stream_ = 0, in_stream_ = 0, out_stream_ = 0, err_stream_ = 0, resize_stream_ = 0;  // set before kubelet_ is
  bool in_ended_ = false;  // upward's
  std::mutex mutex_;       // guards the rest
  std::condition_variable changed_;
  std::unique_ptr<net::SpdySession> kubelet_;
  bool over_ = false, client_left_ = false;
};

}  // namespace

HandlerResult translate_command(Context& context, RemoteCommand command) {
  auto& backends = *context.services.backends;
  auto seats = backends.threads().take(2);
  if (!seats) return fail(too_many_streams());
  auto response = TRY(net::websocket_response(context.http, "v5.channel.k8s.io"));
  auto session = std::make_shared<Session>(std::move(command), backends.kubelets(), backends.cancellation());
  response.upgraded = [seats, session](std::unique_ptr<net::ByteStream> client) {
    session->begin(std::move(client));
    seats->run([session] { session->upward(); });
    seats->run([session] { session->downward(); });
  };
  return response;
}

}  // namespace sampan::apiserver
