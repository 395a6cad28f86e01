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

class TestCall : public net::Exchange {
 public:
  net::Request asked;
  net::Response answer;
  net::Request& request() override { return asked; }
  void respond(net::Response response) override {
    std::lock_guard lock(mutex_);
    answer = std::move(response);
    done_ = true;
    answered_.notify_all();
  }
  bool gone() const override { return false; }
  void wait() {
    std::unique_lock lock(mutex_);
    answered_.wait(lock, [&] { return done_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable answered_;
  bool done_ = false;
};

inline net::Response testing_ask(ApiServer& server, std::string_view method, std::string_view path, net::Headers headers, std::string body = {}) {
  auto call = std::make_shared<TestCall>();
  call->asked.method = method;
  auto question = path.find('?');
  call->asked.path = path.substr(0, question);
  if (question != std::string_view::npos) call->asked.query = path.substr(question + 1);
  call->asked.headers = std::move(headers);
  call->asked.body = std::move(body);
  server.handler()(call);
  call->wait();
  return std::move(call->answer);
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
  store::Store& store() { return *store_; }

  net::Response ask(std::string_view method, std::string_view path, net::Headers headers, std::string body = {}) {
    return testing_ask(*server_, method, path, std::move(headers), std::move(body));
  }

 private:
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<ApiServer> server_;
};

}  // namespace sampan::apiserver
