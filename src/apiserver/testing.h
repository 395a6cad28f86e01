// A whole API server over a memory store, asked without a network; for the tests of this module.
#pragma once
#include <condition_variable>

#include "apiserver/pages.h"
#include "apiserver/server.h"
#include "base/check.h"
#include "store/memory.h"

namespace sampan::apiserver {

inline std::string header(const net::Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return {};
}

// The whole body, of an answer that is made while it is sent, too (but not of a watch).
inline std::string body_of(net::Response response) {
  if (!response.source) return std::move(response.body);
  std::string body;
  while (response.source->pull(body, 4096) == net::BodySource::Pull::More) {
  }
  return body;
}

class TestServer {
 public:
  // Whoever asks may do anything.
  explicit TestServer(ServerConfig config = {}) : store_(store::make_memory_store(real_clock())) {
    config.access.authorizers.push_back(always_allow_authorizer());
    config.workers = 1;
    auto server = ApiServer::create(*store_, real_clock(), secure_random(), std::move(config));
    check(server.has_value());
    server_ = std::move(*server);
    server_->add_page(version_page());
    server_->add_page(health_pages({{.name = "ping", .run = []() -> Result<void> { return {}; }}}));
    server_->add_page(discovery_pages(server_->catalog(), "127.0.0.1:6443"));
    server_->add_page(openapi_pages(server_->catalog()));
    server_->add_page(metrics_page(*server_));
    server_->add_page(root_page(*server_));
  }

  ApiServer& server() { return *server_; }
  Catalog& catalog() { return server_->catalog(); }

  net::Response ask(std::string_view method, std::string_view path, net::Headers headers, std::string body = {}) {
    auto exchange = std::make_shared<Call>();
    exchange->asked.method = method;
    auto question = path.find('?');
    exchange->asked.path = path.substr(0, question);
    if (question != std::string_view::npos) exchange->asked.query = path.substr(question + 1);
    exchange->asked.headers = std::move(headers);
    exchange->asked.body = std::move(body);
    server_->handler()(exchange);
    exchange->wait();
    return std::move(exchange->answer);
  }

 private:
  struct Call : net::Exchange {
    net::Request asked;
    net::Response answer;
    std::mutex mutex;
    std::condition_variable answered;
    bool done = false;
    net::Request& request() override { return asked; }
    void respond(net::Response response) override {
      std::lock_guard lock(mutex);
      answer = std::move(response);
      done = true;
      answered.notify_all();
    }
    bool gone() const override { return false; }
    void wait() {
      std::unique_lock lock(mutex);
      answered.wait(lock, [&] { return done; });
    }
  };

  std::unique_ptr<store::Store> store_;
  std::unique_ptr<ApiServer> server_;
};

}  // namespace sampan::apiserver
