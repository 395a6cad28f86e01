// A tiny HTTP/2 client over nghttp2 for tests: bytes in, bytes out.
#pragma once
#include <nghttp2/nghttp2.h>

#include <map>
#include <string>
#include <vector>

#include "net/http.h"

namespace sampan::net {

class H2Client {
 public:
  struct Answer {
    int status = 0;
    Headers headers;
    std::string body;
    bool ended = false;               // END_STREAM came
    bool closed = false;
    uint32_t error = 0;               // of RST_STREAM
    std::vector<int> interim;         // 100s
    std::string header(std::string_view name) const;
  };
  explicit H2Client(uint32_t window = 1 << 20, bool give_back_windows = true);
  ~H2Client();
  H2Client(const H2Client&) = delete;
  H2Client& operator=(const H2Client&) = delete;

  // `announced`: content-length, when it is not the body's; the body is not sent beyond what the server lets through.
  int32_t request(std::string method, std::string path, std::string body = "", Headers more = {}, int64_t announced = -1);
  void reset(int32_t stream, uint32_t error = NGHTTP2_CANCEL);
  void ping();
  std::string output();           // what is to be sent
  bool input(std::string_view bytes);
  Answer& answer(int32_t stream) { return answers_[stream]; }

  bool goaway = false;
  uint32_t goaway_error = 0;
  int pings = 0;
  std::map<int32_t, uint32_t> settings;
  nghttp2_session* session() { return session_; }

 private:
  struct Callbacks;
  nghttp2_session* session_ = nullptr;
  std::map<int32_t, Answer> answers_;
  std::map<int32_t, std::pair<std::string, size_t>> bodies_;  // and how much of it was sent
};

}  // namespace sampan::net
