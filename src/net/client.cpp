#include "net/client.h"

#include "base/environment.h"
#include "base/text.h"
#include "net/address.h"
#include "net/answer_reader.h"
#include "net/client_tls.h"
#include "net/message.h"

namespace sampan::net {

namespace {

constexpr size_t kJoinBytes = 16 * 1024;  // a body up to this leaves together with its head

std::string pool_key(const Endpoint& endpoint) {
  return concat(endpoint.tls ? 's' : 'p', '|', endpoint.unix_socket, '|', endpoint.host, '|', endpoint.port, '|', endpoint.server_name);
}

// Kept-alive connections that nobody uses now, the last used first.
class Pool {
 public:
  explicit Pool(const ClientOptions& options)
      : per_endpoint_max_(options.idle_per_endpoint_max), all_max_(options.idle_max), timeout_us_(options.idle_timeout_s * 1'000'000LL) {}

  std::unique_ptr<SocketStream> take(const std::string& key) {
    while (true) {
      std::unique_ptr<SocketStream> stream;
      std::vector<Idle> old;  // closed outside the lock
      {
        std::lock_guard lock(mutex_);
        drop_old(old);
        auto found = std::find_if(idle_.rbegin(), idle_.rend(), [&](auto& idle) { return idle.key == key; });
        if (found == idle_.rend()) return nullptr;
        stream = std::move(found->stream);
        idle_.erase(std::next(found).base());
      }
      if (stream->is_idle()) return stream;
    }
  }

  void give_back(std::string key, std::unique_ptr<SocketStream> stream) {
    std::vector<Idle> old;
    std::lock_guard lock(mutex_);
    drop_old(old);
    size_t same = std::count_if(idle_.begin(), idle_.end(), [&](auto& idle) { return idle.key == key; });
    if (closed_ || same >= per_endpoint_max_ || all_max_ == 0) return;
    if (idle_.size() >= all_max_) {
      old.push_back(std::move(idle_.front()));
      idle_.erase(idle_.begin());
    }
    idle_.push_back({std::move(key), std::move(stream), real_clock().monotonic_us()});
  }

  void close_idle() {
    std::vector<Idle> old;
    std::lock_guard lock(mutex_);
    old.swap(idle_);
  }
  // The client is gone: answers that are still being read give nothing back.
  void close() {
    close_idle();
    std::lock_guard lock(mutex_);
    closed_ = true;
  }

 private:
  struct Idle {
    std::string key;
    std::unique_ptr<SocketStream> stream;
    int64_t since_us;
  };
  void drop_old(std::vector<Idle>& out) {
    auto limit = real_clock().monotonic_us() - timeout_us_;
    auto young = std::find_if(idle_.begin(), idle_.end(), [&](auto& idle) { return idle.since_us > limit; });
    std::move(idle_.begin(), young, std::back_inserter(out));
    idle_.erase(idle_.begin(), young);
  }

  const size_t per_endpoint_max_, all_max_;
  const int64_t timeout_us_;
  std::mutex mutex_;  // guards the rest
  std::vector<Idle> idle_;  // oldest first
  bool closed_ = false;
};

// One request on its connection, until the answer is read.
class Call final : public AnswerStream {
 public:
  Call(std::shared_ptr<Pool> pool, std::string key, std::unique_ptr<SocketStream> stream, const ClientRequest& request, AnswerReader::Wish wish)
      : pool_(std::move(pool)),
        key_(std::move(key)),
        cancellation_(request.cancellation),
        keep_alive_(request.keep_alive),
        stream_(std::move(stream)),
        reader_(*stream_, wish) {
    if (cancellation_) cancellation_->attach(stream_.get());
  }
  ~Call() override {
    if (cancellation_) cancellation_->attach(nullptr);
    if (keep_alive_ && stream_ && reader_.reusable()) pool_->give_back(std::move(key_), std::move(stream_));
  }

  const Answer& head() const override { return reader_.answer(); }
  Result<bool> read_some(std::string& out, int64_t deadline_us) override { return reader_.read_body(out, deadline_us); }
  void cancel() override { stream_->cancel(); }

  // Sends the request and reads the answer's head.
  Result<void> run(std::string_view head, std::string_view body, int64_t deadline_us) {
    auto sent = write(head, body, deadline_us);
    // A server may refuse a request before it has all of it, and close: its answer is what counts.
    if (!sent && (sent.error().is(Reason::Timeout) || !reader_.read_head(deadline_us))) return sent;
    return sent ? reader_.read_head(deadline_us) : Result<void>();
  }
  bool heard_anything() const { return reader_.heard_anything(); }
  AnswerReader& reader() { return reader_; }
  std::unique_ptr<SocketStream> take_stream() {
    if (cancellation_) cancellation_->attach(nullptr);
    return std::move(stream_);
  }

 private:
  Result<void> write(std::string_view head, std::string_view body, int64_t deadline_us) {
    if (body.size() <= kJoinBytes) return stream_->write(concat(head, body), deadline_us);
    TRY(stream_->write(head, deadline_us));
    return stream_->write(body, deadline_us);
  }

  const std::shared_ptr<Pool> pool_;
  std::string key_;
  const std::shared_ptr<Cancellation> cancellation_;
  const bool keep_alive_;
  std::unique_ptr<SocketStream> stream_;
  mutable AnswerReader reader_;
};

bool is_visible(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > 0x20 && c != 0x7f; });
}

Result<std::string> write_head(const ClientRequest& request, const ClientOptions& options, bool upgrade) {
  auto& host = request.host;
  if (!is_visible(request.method) || !is_visible(request.target) || (!host.empty() && !is_visible(host)))
    return fail(bad_request("net/http: invalid request line"));
  std::string head;
  append(head, request.method, ' ', request.target, " HTTP/1.1\r\nHost: ", host.empty() ? authority_of(request.endpoint) : host, "\r\n");
  bool has_agent = false;
  for (auto& [name, value] : request.headers) {
    has_agent |= name == "user-agent";
    if (name == "host" || (is_framing_field(name) && !(upgrade && name == "upgrade") && name != "date")) continue;
    if (name.find_first_of(std::string_view(" \t\r\n:\0", 6)) != std::string::npos) return fail(bad_request(concat("net/http: invalid header field name ", quoted(name))));
    append(head, canonical_name(name), ": ", safe_value(value), "\r\n");
  }
  if (!has_agent && !options.user_agent.empty()) append(head, "User-Agent: ", safe_value(options.user_agent), "\r\n");
  bool wants_length = request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  if (!request.body.empty() || wants_length) append(head, "Content-Length: ", request.body.size(), "\r\n");
  if (upgrade)
    head += "Connection: Upgrade\r\n";
  else if (!request.keep_alive)
    head += "Connection: close\r\n";
  head += "\r\n";
  return head;
}

// 'Get "https://host/path": ' before what went wrong, and a missed deadline said as Go says it.
Error explain(Error error, const ClientRequest& request, bool in_body) {
  auto method = to_lower(request.method);
  if (!method.empty() && method[0] >= 'a' && method[0] <= 'z') method[0] -= 'a' - 'A';
  if (error.is(Reason::Timeout) && error.message() == "i/o timeout")
    error.edit().message = in_body ? "context deadline exceeded (Client.Timeout or context cancellation while reading body)"
                                   : "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
  if (in_body) return error;
  auto url = concat(request.endpoint.tls ? "https://" : "http://", authority_of(request.endpoint), request.target);
  return std::move(error).context(concat(method, " ", quoted(url)));
}

class PoolingClient final : public Client {
 public:
  PoolingClient(ClientOptions options, std::unique_ptr<ClientTlsContexts> contexts)
      : options_(std::move(options)), contexts_(std::move(contexts)), pool_(std::make_shared<Pool>(options_)) {}
  ~PoolingClient() override { pool_->close(); }

  Result<Answer> send(const ClientRequest& request) override {
    auto deadline_us = deadline_of(request);
    auto call = TRY(start(request, false, deadline_us));
    return read_whole(*call, request, deadline_us);
  }

  Result<std::unique_ptr<AnswerStream>> open(const ClientRequest& request) override {
    return std::unique_ptr<AnswerStream>(TRY(start(request, false, deadline_of(request))));
  }

  Result<Upgraded> upgrade(const ClientRequest& request) override {
    auto deadline_us = deadline_of(request);
    auto call = TRY(start(request, true, deadline_us));
    Upgraded upgraded;
    if (call->head().status != 101) {
      upgraded.answer = TRY(read_whole(*call, request, deadline_us));
      return upgraded;
    }
    upgraded.answer = std::move(call->reader().answer());
    upgraded.stream = call->take_stream();
    return upgraded;
  }

  void close_idle() override { pool_->close_idle(); }

 private:
  static int64_t deadline_of(const ClientRequest& request) {
    return request.timeout_ms > 0 ? deadline_in_ms(request.timeout_ms) : kNoDeadline;
  }

  Result<std::unique_ptr<Call>> start(const ClientRequest& request, bool upgrade, int64_t deadline_us) {
    auto call = try_start(request, upgrade, deadline_us);
    if (!call) return fail(explain(std::move(call).error(), request, false));
    return call;
  }

  Result<std::unique_ptr<Call>> try_start(const ClientRequest& request, bool upgrade, int64_t deadline_us) {
    auto head = TRY(write_head(request, options_, upgrade));
    AnswerReader::Wish wish{.is_head = request.method == "HEAD", .upgrade = upgrade, .header_bytes_max = options_.header_bytes_max};
    auto key = pool_key(request.endpoint);
    bool idempotent = request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS";
    if (auto kept = upgrade || !request.keep_alive ? nullptr : pool_->take(key)) {
      auto call = std::make_unique<Call>(pool_, key, std::move(kept), request, wish);
      auto done = call->run(head, request.body, deadline_us);
      if (done) return call;
      bool cancelled = request.cancellation && request.cancellation->cancelled();
      // The server may have closed the connection while the request was on its way: then a new one is tried, once.
      if (!idempotent || call->heard_anything() || cancelled || done.error().is(Reason::Timeout)) return fail(std::move(done).error());
    }
    if (request.cancellation && request.cancellation->cancelled()) return fail(Error(Reason::ServiceUnavailable, "context canceled"));
    auto call = std::make_unique<Call>(pool_, key, TRY(dial(request, deadline_us)), request, wish);
    TRY(call->run(head, request.body, deadline_us));
    return call;
  }

  Result<std::unique_ptr<SocketStream>> dial(const ClientRequest& request, int64_t deadline_us) {
    auto& endpoint = request.endpoint;
    auto cancellation = request.cancellation.get();
    auto limit = [&] { return std::min(deadline_us, deadline_in_ms(options_.dial_timeout_ms)); };
    if (!endpoint.unix_socket.empty() && !endpoint.tls) return dial_unix(endpoint.unix_socket, limit());
    auto plain = TRY(endpoint.unix_socket.empty() ? dial_tcp(endpoint.host, endpoint.port, limit(), cancellation)
                                                  : dial_unix(endpoint.unix_socket, limit()));
    if (!endpoint.tls) {
      if (cancellation) cancellation->attach(nullptr);
      return plain;
    }
    auto ssl = contexts_->make(endpoint.server_name.empty() ? endpoint.host : endpoint.server_name);
    if (cancellation) cancellation->attach(nullptr);
    auto secured = std::make_unique<SocketStream>(plain->release(), TRY(std::move(ssl)));
    if (cancellation) cancellation->attach(secured.get());
    auto shaken = secured->shake_hands(limit());
    if (cancellation) cancellation->attach(nullptr);
    if (shaken) return secured;
    bool late = shaken.error().is(Reason::Timeout) && real_clock().monotonic_us() < deadline_us;
    return fail(late ? Error(Reason::Timeout, "net/http: TLS handshake timeout") : std::move(shaken).error());
  }

  Result<Answer> read_whole(Call& call, const ClientRequest& request, int64_t deadline_us) {
    std::string body;
    while (true) {
      auto more = call.read_some(body, deadline_us);
      if (!more) return fail(explain(std::move(more).error(), request, true));
      if (body.size() > request.body_bytes_max)
        return fail(Error(Reason::RequestEntityTooLarge, concat("the answer is larger than ", request.body_bytes_max, " bytes")));
      if (!*more) break;
    }
    Answer answer = std::move(call.reader().answer());
    answer.body = std::move(body);
    return answer;
  }

  const ClientOptions options_;
  const std::unique_ptr<ClientTlsContexts> contexts_;
  const std::shared_ptr<Pool> pool_;
};

}  // namespace

std::string_view Answer::header(std::string_view lower_case_name) const {
  for (auto& [name, value] : headers)
    if (name == lower_case_name) return value;
  return {};
}

std::string authority_of(const Endpoint& endpoint) {
  if (endpoint.host.empty()) return "localhost";
  bool implied = endpoint.port == (endpoint.tls ? 443 : 80);
  if (!implied) return join_host_port(endpoint.host, endpoint.port);
  return endpoint.host.find(':') == std::string::npos ? endpoint.host : concat('[', endpoint.host, ']');
}

Result<Url> parse_url(std::string_view text) {
  auto bad = [&](std::string_view why) { return fail(bad_request(concat("parse ", quoted(text), ": ", why))); };
  Url url;
  auto mark = text.find("://");
  auto scheme = to_lower(text.substr(0, mark == std::string_view::npos ? 0 : mark));
  if (scheme != "https" && scheme != "http") return bad("unsupported protocol scheme");
  url.endpoint.tls = scheme == "https";
  url.endpoint.port = url.endpoint.tls ? 443 : 80;
  auto rest = text.substr(mark + 3);
  auto authority = rest.substr(0, rest.find_first_of("/?#"));
  auto target = rest.substr(authority.size());
  url.target = target.substr(0, target.find('#'));
  if (!url.target.starts_with('/')) url.target.insert(0, 1, '/');
  if (authority.find('@') != std::string_view::npos) return bad("user information is not supported");
  size_t host_end = authority.starts_with('[') ? authority.find(']') : authority.find(':');
  if (authority.starts_with('[')) {
    if (host_end == std::string_view::npos) return bad("missing ']' in host");
    url.endpoint.host = authority.substr(1, host_end - 1);
    host_end++;
  } else {
    url.endpoint.host = authority.substr(0, host_end);
  }
  if (url.endpoint.host.empty() || !is_visible(url.endpoint.host)) return bad("no host in request URL");
  if (host_end >= authority.size()) return url;
  if (authority[host_end] != ':') return bad("invalid port after host");
  auto port = authority.substr(host_end + 1);
  if (!port.empty() && !parse_int(port, url.endpoint.port)) return bad(concat("invalid port ", quoted(authority.substr(host_end)), " after host"));
  return url;
}

Result<std::unique_ptr<Client>> Client::create(ClientOptions options) {
  auto contexts = TRY(ClientTlsContexts::create(options.tls));
  return std::make_unique<PoolingClient>(std::move(options), std::move(contexts));
}

}  // namespace sampan::net
