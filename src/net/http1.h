// HTTP/1.1 and 1.0 on one connection: one request at a time, pipelined ones wait in the input. Strict where a proxy in front
// could disagree with us about where a request ends.
#pragma once
#include <llhttp.h>

#include <optional>

#include "net/exchange.h"
#include "net/protocol.h"

namespace sampan::net {

class Http1Connection final : public Protocol, public Responder {
 public:
  explicit Http1Connection(ProtocolContext context);
  ~Http1Connection() override;

  void receive(std::string_view bytes) override;
  void receive_end() override;
  bool wants_input() const override;
  void produce(std::string& out, size_t want) override;
  bool finished() const override;
  void shut_down() override;
  Takeover take_over(std::string& ahead) override;
  int64_t check_timeouts() override;

 private:
  enum class Phase : uint8_t {
    Head,    // waiting for a request, or inside its header section
    Body,    // inside its body
    Answer,  // it is with the handler, or the answer is being sent
    Upgraded,  // the 101 is out, or on its way: what comes is not HTTP any more
    Closed,  // nothing more is read
  };
  struct Callbacks;

  void answer(int32_t stream, Response response) override;
  void wake(int32_t stream) override;

  void parse();
  bool parse_head(std::string_view& input);
  void parse_body(std::string_view& input);
  size_t find_head_end(std::string_view input);
  int head_complete();
  std::optional<std::pair<int, std::string_view>> judge_head();
  bool judge_framing_fields(int& hosts, int& encodings);
  void dispatch();
  void refuse(int status, std::string_view why);
  void refuse_large();
  void write_head(std::string& out);
  bool write_body(std::string& out, size_t want);
  bool write_source(std::string& out, size_t want);
  void write_upgrade(std::string& out);
  void finish_answer();
  void forget_request();

  const ProtocolContext context_;
  llhttp_t parser_;
  std::string input_;   // not yet parsed
  size_t scanned_ = 0;  // of input_: lines that were found well-formed
  Phase phase_ = Phase::Head;
  bool end_seen_ = false;        // the client sends no more
  bool shutting_down_ = false;
  bool keep_alive_ = false;      // after this answer
  bool old_version_ = false;     // HTTP/1.0
  bool head_done_ = false;       // header callbacks are of trailers
  bool message_done_ = false;
  bool send_continue_ = false;
  std::string unlisted_method_;  // of this request, if llhttp does not list it
  bool is_head_ = false;         // the method
  bool head_sent_ = false;
  bool source_waits_ = false;
  bool first_request_ = true;
  int64_t since_us_;             // start of this phase, or the last input in it
  size_t head_bytes_ = 0, extra_bytes_ = 0;  // fields; trailers and chunk extensions
  std::string field_name_, field_value_;
  Request request_;

  std::shared_ptr<StreamLink> link_;
  std::shared_ptr<std::atomic<unsigned>> live_;
  std::unique_ptr<Response> response_;
  size_t body_sent_ = 0;
};

}  // namespace sampan::net
