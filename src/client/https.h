// The API over the network: the same calls and the same caches as in the server's process, spoken in protobuf.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "base/environment.h"
#include "client/api.h"
#include "client/informer.h"
#include "client/kubeconfig.h"

namespace sampan::client {

// Every request that is under way has a connection of its own; so many are kept for the next ones. Who asks more at a time pays with handshakes.
inline constexpr unsigned kConnectionsKept = 64;

// One server, for any number of Apis and caches. Thread-safe.
class Remote {
 public:
  static Result<std::shared_ptr<Remote>> connect(const Kubeconfig& config, std::string user_agent);
  virtual ~Remote() = default;

  // The parts of a request that differ. A status of 400 or more is an Error: the server's own Status, where it sent one.
  struct Call {
    std::string_view method = "GET";  // or "WATCH"
    std::string path;   // with its query
    std::string_view media;  // of the body
    std::string body;
    int64_t timeout_ms = 60'000;
  };
  virtual Result<net::Answer> send(Call call) = 0;
  virtual Result<std::unique_ptr<net::AnswerStream>> open(Call call) = 0;

  // The same server asked by somebody else: with the token that `source` gives for each request, and without our own certificate. Connections are shared by
  // all who are made of one Remote.
  using TokenSource = std::function<Result<std::string>()>;
  virtual Result<std::shared_ptr<Remote>> with_token(TokenSource source) = 0;
};

// Tokens of a service account, made when there is none; they live for an hour and are renewed in time. `api` may make them and outlives the source.
Remote::TokenSource account_tokens(Api& api, Clock& clock, std::string name_space, std::string account);

// `timeout_ms` is that of each call.
std::unique_ptr<Api> https_api(std::shared_ptr<Remote> remote, std::string manager, int64_t timeout_ms = 60'000);
// Caches that follow the server, opened as they are asked for. They end with what is returned.
class RemoteCaches {
 public:
  RemoteCaches(std::shared_ptr<Remote> remote, Clock& clock);
  ~RemoteCaches();
  Informers::Open open();
  // As open(), of those objects alone that a field selector names ("spec.nodeName=n1"): what an agent needs of the pods.
  void narrow(const Resource& resource, std::string field_selector);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace sampan::client
