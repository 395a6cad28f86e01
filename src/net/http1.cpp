#include "net/http1.h"

#include "base/check.h"
#include "base/text.h"
#include "net/message.h"
#include "net/message_callbacks.h"

namespace sampan::net {

namespace {

constexpr size_t kPipelineBytesMax = 16 * 1024;  // read ahead of the request that is being answered
constexpr size_t kExtraBytesMax = 16 * 1024;     // trailers and chunk extensions of a request, which nobody reads
constexpr size_t kFieldOverhead = 32;            // what a field costs beyond its bytes, as HTTP/2 counts it
constexpr size_t kPullBytes = 64 * 1024;

}  // namespace

// llhttp's view of a connection.
struct Http1Connection::Callbacks {
  static Http1Connection& of(llhttp_t* parser) { return *static_cast<Http1Connection*>(parser->data); }

  static int url(llhttp_t* parser, const char* at, size_t size) {
    of(parser).request_.path.append(at, size);
    return 0;
  }
  static int field(llhttp_t* parser, const char* at, size_t size) {
    auto& self = of(parser);
    if (self.head_done_) return extension(parser, at, size);
    self.field_name_.append(at, size);
    return 0;
  }
  static int value(llhttp_t* parser, const char* at, size_t size) {
    auto& self = of(parser);
    if (self.head_done_) return extension(parser, at, size);
    self.field_value_.append(at, size);
    return 0;
  }
  static int value_complete(llhttp_t* parser) {
    auto& self = of(parser);
    if (self.head_done_) return 0;
    if (self.field_name_.empty()) return HPE_USER;
    self.head_bytes_ += self.field_name_.size() + self.field_value_.size() + kFieldOverhead;
    auto value = trim(self.field_value_);
    self.request_.headers.emplace_back(to_lower(self.field_name_), value);
    self.field_name_.clear();
    self.field_value_.clear();
    return 0;
  }
  static int extension(llhttp_t* parser, const char*, size_t size) {
    auto& self = of(parser);
    self.extra_bytes_ += size + 1;
    return self.extra_bytes_ > kExtraBytesMax ? HPE_USER : 0;
  }
  static int headers_complete(llhttp_t* parser) { return of(parser).head_complete(); }
  static int body(llhttp_t* parser, const char* at, size_t size) {
    auto& self = of(parser);
    if (self.request_.body.size() + size > self.context_.shared->limits.body_bytes_max) {
      self.refuse_large();
      return HPE_USER;
    }
    self.request_.body.append(at, size);
    return 0;
  }
  static int message_complete(llhttp_t* parser) {
    auto& self = of(parser);
    self.message_done_ = true;
    self.keep_alive_ = llhttp_should_keep_alive(parser);
    return HPE_PAUSED;
  }
};

Http1Connection::Http1Connection(ProtocolContext context)
    : context_(std::move(context)), since_us_(context_.carrier->now_us()), live_(std::make_shared<std::atomic<unsigned>>(0)) {
  llhttp_init(&parser_, HTTP_REQUEST, message_callbacks<Callbacks>());
  parser_.data = this;
}

Http1Connection::~Http1Connection() {
  if (link_) link_->detach();
}

std::unique_ptr<Protocol> make_http1(ProtocolContext context) { return std::make_unique<Http1Connection>(std::move(context)); }

void Http1Connection::receive(std::string_view bytes) {
  if (phase_ == Phase::Closed) return;
  if (phase_ == Phase::Upgraded) {
    input_.append(bytes);
    return;
  }
  if (phase_ == Phase::Answer) {
    // A refused request's client may still be sending; it gets the answer, not our attention.
    if (keep_alive_) input_.append(bytes);
    return;
  }
  // A trickle in the header section earns no time: only bytes of a body do.
  if (phase_ == Phase::Body || (input_.empty() && !first_request_)) since_us_ = context_.carrier->now_us();
  input_.append(bytes);
  parse();
  if (input_.empty()) std::string().swap(input_);
}

void Http1Connection::receive_end() {
  end_seen_ = true;
  if (link_) link_->set_gone();
  if (phase_ == Phase::Upgraded) return;  // whoever takes over sees the end
  bool streaming = response_ && response_->source;
  if (phase_ != Phase::Answer || streaming) forget_request(), phase_ = Phase::Closed;
  context_.carrier->output_ready();
}

bool Http1Connection::wants_input() const {
  if (phase_ == Phase::Upgraded) return false;
  return phase_ != Phase::Answer || !keep_alive_ || input_.size() < kPipelineBytesMax;
}

void Http1Connection::parse() {
  std::string_view input = input_;
  while (!input.empty()) {
    if (phase_ == Phase::Head) {
      if (!parse_head(input)) break;
    } else if (phase_ == Phase::Body) {
      parse_body(input);
    } else {
      break;
    }
  }
  if (phase_ == Phase::Closed || (phase_ == Phase::Answer && !keep_alive_)) input = {};
  input_.erase(0, input_.size() - input.size());
}

// The end of the header section in `input`, 0 if it is not all there. Refuses line ends that parsers disagree about.
size_t Http1Connection::find_head_end(std::string_view input) {
  while (true) {
    auto end = input.find('\n', scanned_);
    if (end == std::string_view::npos) return 0;
    auto line = input.substr(scanned_, end + 1 - scanned_);
    bool bare = line.size() < 2 || line.find('\r') != line.size() - 2;
    bool folded = scanned_ > 0 && (line.front() == ' ' || line.front() == '\t');
    if (bare || folded) {
      refuse(400, "");
      return 0;
    }
    scanned_ = end + 1;
    if (line.size() == 2) return scanned_;
  }
}

// Three words with one space between them, as Go reads it; llhttp forgives more.
static bool is_request_line(std::string_view line) {
  auto first = line.find(' '), second = line.find(' ', first + 1);
  return first != std::string_view::npos && second != std::string_view::npos && second != first + 1 &&
         line.find(' ', second + 1) == std::string_view::npos && line.find('\t') == std::string_view::npos;
}

// llhttp refuses methods that it does not list; HTTP lets a server answer 405 to any token. Gives the method if it is such a one.
static std::string unlisted_method(std::string_view head) {
  auto method = head.substr(0, head.find(' '));
  constexpr size_t kMethodBytesMax = 32;
  if (method.empty() || method.size() > kMethodBytesMax || head.size() == method.size()) return {};
  for (int i = 0; i < 46; i++)
    if (method == llhttp_method_name(static_cast<llhttp_method_t>(i))) return {};
  for (unsigned char c : method)
    if (!(c >= 'A' && c <= 'Z') && c != '-' && c != '_') return {};
  return std::string(method);
}

// False: more input is needed, or none is wanted.
bool Http1Connection::parse_head(std::string_view& input) {
  if (scanned_ == 0)
    while (input.starts_with("\r\n")) input.remove_prefix(2);  // RFC 9112 2.2: some clients end a body with one
  size_t limit = context_.shared->limits.header_bytes_max;
  size_t size = find_head_end(input.substr(0, limit));
  if (phase_ != Phase::Head) return false;
  if (size == 0) {
    if (input.size() >= limit) refuse(431, "");
    return false;
  }
  llhttp_reset(&parser_);
  message_done_ = head_done_ = is_head_ = old_version_ = false;
  extra_bytes_ = head_bytes_ = 0;
  scanned_ = 0;
  first_request_ = false;
  std::string_view head = input.substr(0, size);
  if (!is_request_line(head.substr(0, head.find('\r')))) {
    input.remove_prefix(size);
    refuse(400, "");
    return false;
  }
  std::string listed;  // the head with a method in it that llhttp lists
  unlisted_method_ = unlisted_method(head);
  if (!unlisted_method_.empty()) {
    listed.append("REPORT").append(head.substr(unlisted_method_.size()));
    head = listed;
  }
  auto error = llhttp_execute(&parser_, head.data(), head.size());
  input.remove_prefix(size);
  if (phase_ != Phase::Head) return false;  // refused
  if (message_done_)
    dispatch();
  else if (error == HPE_OK && head_done_)
    phase_ = Phase::Body;
  else
    refuse(400, "");
  return phase_ == Phase::Body;
}

void Http1Connection::parse_body(std::string_view& input) {
  auto error = llhttp_execute(&parser_, input.data(), input.size());
  if (phase_ != Phase::Body) {  // refused
    input = {};
    return;
  }
  if (error == HPE_OK) {
    input = {};
    return;
  }
  if (!message_done_) return refuse(400, "");
  input.remove_prefix(llhttp_get_error_pos(&parser_) - input.data());
  dispatch();
}

int Http1Connection::head_complete() {
  head_done_ = true;
  parser_.upgrade = 0;  // an upgrade is the handler's decision; until then it is a request like any other
  is_head_ = parser_.method == HTTP_HEAD;
  old_version_ = parser_.http_minor == 0;
  request_.method = unlisted_method_.empty() ? llhttp_method_name(static_cast<llhttp_method_t>(parser_.method)) : unlisted_method_;
  request_.remote_address = context_.remote_address;
  request_.peer = context_.peer.now();
  if (auto refusal = judge_head()) {
    refuse(refusal->first, refusal->second);
    return HPE_USER;
  }
  bool sized = parser_.flags & F_CONTENT_LENGTH;
  if (sized && parser_.content_length > context_.shared->limits.body_bytes_max) {
    refuse_large();
    return HPE_USER;
  }
  if (send_continue_) context_.carrier->output_ready();
  return 0;
}

// Counts what may be there once at most and lifts Host out. False: an expectation that we cannot meet.
bool Http1Connection::judge_framing_fields(int& hosts, int& encodings) {
  bool fine = true;
  send_continue_ = false;
  bool has_content = (parser_.flags & F_CHUNKED) || parser_.content_length > 0;
  auto& headers = request_.headers;
  for (auto& [name, value] : headers) {
    if (name == "host") {
      hosts++;
      request_.host = value;
    } else if (name == "transfer-encoding") {
      encodings += iequals(value, "chunked") ? 1 : 2;
    } else if (name == "expect") {
      if (iequals(value, "100-continue"))
        send_continue_ = has_content && !old_version_;
      else
        fine = false;
    }
  }
  std::erase_if(headers, [](auto& field) { return field.first == "host"; });
  return fine;
}

// The status and text of the refusal, if the request cannot be taken. The texts are those of Go's net/http.
std::optional<std::pair<int, std::string_view>> Http1Connection::judge_head() {
  using Refusal = std::pair<int, std::string_view>;
  if (parser_.http_major != 1 || parser_.http_minor > 1) return Refusal{505, "unsupported protocol version"};
  if (head_bytes_ > context_.shared->limits.header_bytes_max) return Refusal{431, ""};
  int hosts = 0, encodings = 0;
  if (!judge_framing_fields(hosts, encodings)) return Refusal{417, ""};
  if (encodings > 1) return Refusal{501, "unsupported transfer encoding"};
  if (encodings == 1 && old_version_) return Refusal{400, ""};
  if (hosts > 1) return Refusal{400, ""};
  if (hosts == 0 && !old_version_) return Refusal{400, "missing required Host header"};
  if (request_.host.find_first_of(" \t/\\@?#\"<>") != std::string::npos) return Refusal{400, "malformed Host header"};
  if (parser_.method == HTTP_CONNECT) return Refusal{405, ""};
  std::string target = std::move(request_.path);
  if (auto scheme = target.find("://"); scheme != std::string::npos && target.front() != '/') {
    // The absolute form names the host itself, and its word counts.
    auto path = target.find_first_of("/?", scheme + 3);
    if (path == std::string::npos) path = target.size();
    request_.host = target.substr(scheme + 3, path - scheme - 3);
    target.erase(0, path);
    if (!target.starts_with('/')) target.insert(0, 1, '/');
  }
  if (target.empty() || (target.front() != '/' && target != "*") || !split_target(target, request_)) return Refusal{400, ""};
  return std::nullopt;
}

void Http1Connection::dispatch() {
  phase_ = Phase::Answer;
  send_continue_ = false;
  head_sent_ = false;
  if (shutting_down_) keep_alive_ = false;
  context_.shared->requests_total.fetch_add(1, std::memory_order_relaxed);
  link_ = std::make_shared<StreamLink>(context_.mailbox, this, 0);
  if (end_seen_) link_->set_gone();
  auto exchange = make_exchange(std::move(request_), link_, live_);
  request_ = Request();
  context_.shared->handler(std::move(exchange));
}

void Http1Connection::refuse(int status, std::string_view why) {
  std::string text = concat(status, ' ', reason_phrase(status));
  if (!why.empty()) append(text, ": ", why);
  keep_alive_ = false;
  head_sent_ = false;
  send_continue_ = false;
  phase_ = Phase::Answer;
  response_ = std::make_unique<Response>(
      Response{.status = status, .headers = {{"content-type", "text/plain; charset=utf-8"}}, .body = std::move(text)});
  context_.carrier->output_ready();
}

void Http1Connection::refuse_large() {
  refuse(413, "");
  std::string().swap(request_.body);
  if (context_.shared->too_large) *response_ = context_.shared->too_large(request_);
}

void Http1Connection::answer(int32_t, Response response) {
  if (phase_ != Phase::Answer) return;
  if (end_seen_ && response.source) {  // nobody reads a stream whose client has left
    forget_request();
    phase_ = Phase::Closed;
    context_.carrier->output_ready();
    return;
  }
  response_ = std::make_unique<Response>(std::move(response));
  source_waits_ = false;
  if (response_->status == 101) {
    check(response_->upgraded);
    phase_ = end_seen_ || old_version_ || !keep_alive_ ? Phase::Closed : Phase::Upgraded;
    context_.carrier->output_ready();
    return;
  }
  bool streams = response_->source && !is_head_ && has_body(response_->status);
  if (streams) {
    response_->source->start([link = link_] { link->wake(); });
    if (old_version_) keep_alive_ = false;  // the end of the body is the end of the connection
  }
  context_.carrier->output_ready();
}

void Http1Connection::wake(int32_t) {
  source_waits_ = false;
  context_.carrier->output_ready();
}

void Http1Connection::produce(std::string& out, size_t want) {
  while (out.size() < want && phase_ != Phase::Closed) {
    if (send_continue_) {
      send_continue_ = false;
      out += "HTTP/1.1 100 Continue\r\n\r\n";
    }
    if (!response_) return;
    if (phase_ == Phase::Upgraded) return write_upgrade(out);
    if (!head_sent_) write_head(out);
    if (!write_body(out, want)) return;
    finish_answer();
  }
}

void Http1Connection::write_head(std::string& out) {
  head_sent_ = true;
  body_sent_ = 0;
  auto& response = *response_;
  append(out, old_version_ ? "HTTP/1.0 " : "HTTP/1.1 ", response.status, ' ', reason_phrase(response.status), "\r\n");
  for (auto& [name, value] : response.headers)
    if (!is_framing_field(name)) append(out, canonical_name(name), ": ", safe_value(std::move(value)), "\r\n");
  append(out, "Date: ", http_date(), "\r\n");
  if (has_body(response.status)) {
    if (!response.source)
      append(out, "Content-Length: ", response.body.size(), "\r\n");
    else if (!old_version_)
      out += "Transfer-Encoding: chunked\r\n";
  }
  if (shutting_down_ || response.closes) keep_alive_ = false;
  if (!keep_alive_)
    out += "Connection: close\r\n";
  else if (old_version_)
    out += "Connection: keep-alive\r\n";
  out += "\r\n";
}

void Http1Connection::write_upgrade(std::string& out) {
  if (std::exchange(head_sent_, true)) return;
  append(out, "HTTP/1.1 101 ", reason_phrase(101), "\r\nConnection: Upgrade\r\n");
  for (auto& [name, value] : response_->headers)
    if (!is_framing_field(name) || name == "upgrade") append(out, canonical_name(name), ": ", safe_value(std::move(value)), "\r\n");
  out += "\r\n";
}

Protocol::Takeover Http1Connection::take_over(std::string& ahead) {
  if (phase_ != Phase::Upgraded || !head_sent_) return nullptr;
  auto taker = std::move(response_->upgraded);
  ahead = std::move(input_);
  forget_request();
  phase_ = Phase::Closed;
  return taker;
}

// True once the body is all in `out`.
bool Http1Connection::write_body(std::string& out, size_t want) {
  auto& response = *response_;
  if (is_head_ || !has_body(response.status)) return true;
  if (response.source) return write_source(out, want);
  size_t size = std::min(response.body.size() - body_sent_, want > out.size() ? want - out.size() : 0);
  out.append(response.body, body_sent_, size);
  body_sent_ += size;
  return body_sent_ == response.body.size();
}

bool Http1Connection::write_source(std::string& out, size_t want) {
  thread_local std::string piece;  // between a source and its chunk's frame
  // A source that says More without giving anything must not hold the thread.
  for (int empty_pulls = 0; out.size() < want && !source_waits_;) {
    piece.clear();
    auto pull = response_->source->pull(piece, std::min(kPullBytes, want - out.size()));
    if (pull == BodySource::Pull::Abort) {
      forget_request();
      phase_ = Phase::Closed;
      return false;
    }
    if (!piece.empty()) {
      char digits[16];
      auto end = std::to_chars(digits, digits + sizeof digits, piece.size(), 16).ptr;
      if (old_version_)
        out += piece;
      else
        append(out, std::string_view(digits, end - digits), "\r\n", piece, "\r\n");
    }
    if (pull == BodySource::Pull::End) {
      if (!old_version_) out += "0\r\n\r\n";
      return true;
    }
    if (pull == BodySource::Pull::Wait) source_waits_ = true;
    if (piece.empty() && ++empty_pulls == 16) {
      source_waits_ = true;
      link_->wake();
    }
  }
  if (piece.capacity() > 4 * kPullBytes) std::string().swap(piece);
  return false;
}

void Http1Connection::forget_request() {
  if (link_) link_->detach();
  link_ = nullptr;
  response_ = nullptr;
}

void Http1Connection::finish_answer() {
  forget_request();
  since_us_ = context_.carrier->now_us();
  phase_ = keep_alive_ ? Phase::Head : Phase::Closed;
  if (phase_ != Phase::Head) return;
  if (!input_.empty()) parse();  // the next of the pipeline; it may be answered at once
  bool no_more = end_seen_ || (shutting_down_ && input_.empty());
  if (no_more && phase_ != Phase::Answer) phase_ = Phase::Closed;
}

bool Http1Connection::finished() const { return phase_ == Phase::Closed; }

void Http1Connection::shut_down() {
  shutting_down_ = true;
  if (phase_ == Phase::Head && input_.empty()) phase_ = Phase::Closed;
  context_.carrier->output_ready();
}

int64_t Http1Connection::check_timeouts() {
  auto& limits = context_.shared->limits;
  if (phase_ == Phase::Answer || phase_ == Phase::Upgraded || phase_ == Phase::Closed) return context_.carrier->now_us() + limits.header_timeout_s * 1'000'000LL;
  bool idle = phase_ == Phase::Head && input_.empty() && !first_request_;
  int64_t due = since_us_ + (idle ? limits.idle_timeout_s : limits.header_timeout_s) * 1'000'000LL;
  if (context_.carrier->now_us() >= due) {
    phase_ = Phase::Closed;
    context_.carrier->output_ready();
  }
  return due;
}

}  // namespace sampan::net
