// Reads one HTTP/1.1 answer from a stream.
#pragma once
#include <llhttp.h>

#include "net/client.h"

namespace sampan::net {

class AnswerReader {
 public:
  struct Wish {
    bool is_head = false;   // of the request: an answer without a body
    bool upgrade = false;   // a 101 is welcome
    size_t header_bytes_max = 1024 * 1024;
  };
  AnswerReader(SocketStream& stream, Wish wish);
  AnswerReader(const AnswerReader&) = delete;
  AnswerReader& operator=(const AnswerReader&) = delete;

  Result<void> read_head(int64_t deadline_us);
  // Appends more of the body; false at its end.
  Result<bool> read_body(std::string& out, int64_t deadline_us);

  Answer& answer() { return answer_; }
  bool heard_anything() const { return heard_; }
  // The body is read to its end, and the connection can carry another request.
  bool reusable() const { return done_ && keep_alive_; }

 private:
  struct Callbacks;
  int head_complete();
  Result<void> step(int64_t deadline_us);
  Result<void> end_of_stream();

  SocketStream& stream_;
  const Wish wish_;
  llhttp_t parser_;
  Answer answer_;
  std::string field_, value_, line_;  // line_: what came first, for a complaint about it
  size_t head_bytes_ = 0;
  bool heard_ = false, head_done_ = false, done_ = false, keep_alive_ = false, too_large_ = false;
  std::string* out_ = nullptr;  // where the body goes, during read_body
};

}  // namespace sampan::net
