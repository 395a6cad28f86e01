// A load generator's HTTP/2 client: one thread, many connections, many streams on each. It keeps no more of an answer than it is asked to.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

struct nghttp2_session;
struct ssl_st;
struct ssl_ctx_st;

namespace bench {

struct Request {
  std::string method, path, body;
  const char* content_type = "application/json";
  const char* accept = "application/json";
  std::string user;                                // in whose name; "" = the certificate's
  bool keep_body = false;
  std::function<void(std::string_view)> on_data;   // as it comes; for watches
  std::function<void(int status, std::string& body)> on_done;
};

class Connection;

// Owns the connections and waits for them.
class Engine {
 public:
  Engine(int port, const std::string& certificate, const std::string& key);
  ~Engine();
  Engine(const Engine&) = delete;

  Connection& connect();
  // Runs until `done` says so; false if `seconds` pass before.
  bool run_until(const std::function<bool()>& done, double seconds);

 private:
  friend class Connection;
  int port_, epoll_;
  ssl_ctx_st* tls_;
  std::vector<std::unique_ptr<Connection>> connections_;
};

class Connection {
 public:
  Connection(Engine& engine, int descriptor);
  ~Connection();

  void submit(Request request);
  size_t open_streams() const { return streams_.size(); }

  // For Engine and the library's callbacks.
  void handle();
  struct Stream {
    Request request;
    int status = 0;
    size_t sent = 0;
    std::string body;
  };
  std::unordered_map<int, std::unique_ptr<Stream>> streams_;

 private:
  void receive();
  void flush();
  void watch_for(bool writing);

  Engine& engine_;
  int descriptor_;
  bool writing_ = false;
  ssl_st* tls_;
  nghttp2_session* session_;
  std::string out_;
  size_t out_at_ = 0;
};

double now_seconds();
[[noreturn]] void die(const std::string& why);

}  // namespace bench
