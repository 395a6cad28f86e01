#include "net/answer_reader.h"

#include "base/text.h"
#include "net/message_callbacks.h"

namespace sampan::net {

namespace {
constexpr size_t kReadBytes = 16 * 1024;
constexpr size_t kFieldOverhead = 32;  // what a field costs beyond its bytes
}  // namespace

struct AnswerReader::Callbacks {
  static AnswerReader& of(llhttp_t* parser) { return *static_cast<AnswerReader*>(parser->data); }

  static int count(AnswerReader& self, size_t size) {
    self.head_bytes_ += size;
    self.too_large_ = self.head_bytes_ > self.wish_.header_bytes_max;
    return self.too_large_ ? HPE_USER : 0;
  }
  static int field(llhttp_t* parser, const char* at, size_t size) {
    auto& self = of(parser);
    if (!self.head_done_) self.field_.append(at, size);
    return count(self, size);
  }
  static int value(llhttp_t* parser, const char* at, size_t size) {
    auto& self = of(parser);
    if (!self.head_done_) self.value_.append(at, size);
    return count(self, size);
  }
  static int extension(llhttp_t* parser, const char*, size_t size) { return count(of(parser), size + 1); }
  static int value_complete(llhttp_t* parser) {
    auto& self = of(parser);
    if (self.head_done_) return 0;  // trailers, which nobody reads
    self.answer_.headers.emplace_back(to_lower(self.field_), trim(self.value_));
    self.field_.clear();
    self.value_.clear();
    return count(self, kFieldOverhead);
  }
  static int headers_complete(llhttp_t* parser) { return of(parser).head_complete(); }
  static int body(llhttp_t* parser, const char* at, size_t size) {
    auto& self = of(parser);
    if (!self.out_) return HPE_USER;
    self.out_->append(at, size);
    return 0;
  }
  static int message_complete(llhttp_t* parser) {
    auto& self = of(parser);
    if (!self.head_done_) return 0;  // an interim answer
    self.done_ = true;
    self.keep_alive_ = llhttp_should_keep_alive(parser);
    return HPE_PAUSED;
  }
};

AnswerReader::AnswerReader(SocketStream& stream, Wish wish) : stream_(stream), wish_(wish) {
  llhttp_init(&parser_, HTTP_RESPONSE, message_callbacks<Callbacks>());
  parser_.data = this;
}

int AnswerReader::head_complete() {
  int status = parser_.status_code;
  bool interim = status < 200 && status != 101;
  if (interim) {
    answer_.headers.clear();
    return 0;
  }
  parser_.upgrade = 0;  // whether it is one is judged here
  head_done_ = true;
  answer_.status = status;
  // A message without a body ends by itself; before a body the parser stops, for the head is what was asked for.
  return wish_.is_head ? 1 : HPE_PAUSED;
}

// Reads once and parses what came.
Result<void> AnswerReader::step(int64_t deadline_us) {
  char buffer[kReadBytes];
  size_t size = TRY(stream_.read_some(buffer, sizeof buffer, deadline_us));
  if (size == 0) return end_of_stream();
  heard_ = true;
  constexpr size_t kLineShown = 64;
  if (!head_done_ && line_.size() < kLineShown) line_.append(buffer, std::min(size, kLineShown - line_.size()));
  auto error = llhttp_execute(&parser_, buffer, size);
  if (error == HPE_OK) return {};
  if (error == HPE_PAUSED) {
    auto at = llhttp_get_error_pos(&parser_);
    std::string_view rest(at, buffer + size - at);
    stream_.put_back(rest);
    llhttp_resume(&parser_);
    // Paused behind the head: an answer without a body ends here, and the parser says so when it is run on.
    if (!done_ && answer_.status != 101 && llhttp_execute(&parser_, "", 0) == HPE_PAUSED) llhttp_resume(&parser_);
    if (done_ && !rest.empty()) keep_alive_ = false;  // nobody asked for what follows
    return {};
  }
  if (too_large_)
    return fail(Error(Reason::RequestEntityTooLarge, concat("net/http: server response headers exceeded ", wish_.header_bytes_max, " bytes; aborted")));
  if (head_done_) return fail(Error(Reason::ServiceUnavailable, "malformed chunked encoding"));
  return fail(Error(Reason::ServiceUnavailable,
                    concat("net/http: HTTP/1.x transport connection broken: malformed HTTP response ", quoted(line_.substr(0, line_.find_first_of("\r\n"))))));
}

Result<void> AnswerReader::end_of_stream() {
  if (head_done_) llhttp_finish(&parser_);  // which completes the message, where this is its end
  if (done_) return {};
  return fail(Error(Reason::ServiceUnavailable, heard_ ? "unexpected EOF" : "EOF"));
}

Result<void> AnswerReader::read_head(int64_t deadline_us) {
  while (!head_done_) TRY(step(deadline_us));
  if (answer_.status == 101 && !wish_.upgrade)
    return fail(Error(Reason::ServiceUnavailable, "net/http: unexpected 101 Switching Protocols response"));
  return {};
}

Result<bool> AnswerReader::read_body(std::string& out, int64_t deadline_us) {
  out_ = &out;
  size_t before = out.size();
  Result<void> stepped;
  while (stepped && !done_ && out.size() == before) stepped = step(deadline_us);
  out_ = nullptr;
  if (!stepped) return fail(std::move(stepped).error());
  return !done_ || out.size() > before;
}

}  // namespace sampan::net
