// Health checks and metrics over plain HTTP: short answers to GET, one a connection, for load balancers, probes and scrapers. One thread serves all
// its ports and sleeps while nobody asks.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/status.h"
#include "network/address.h"

namespace sampan::network {

struct Page {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};
};
Page no_such_page();

class StatusServer {
 public:
  // Given the path, without the query. Runs on the server's thread.
  using Handler = std::function<Page(std::string_view path)>;
  using Port = uint64_t;

  StatusServer();
  ~StatusServer();
  StatusServer(const StatusServer&) = delete;
  StatusServer& operator=(const StatusServer&) = delete;

  // port 0: any free one; bound_port() says which.
  Result<Port> listen(const Address& address, uint16_t port, Handler handler);
  uint16_t bound_port(Port port) const;
  void close(Port port);  // the handler does not run once this has returned

 private:
  struct Connection;
  void serve();
  void accept_from(int listener, Port port);
  bool advance(Connection& connection);  // false: it is done
  void answer(Connection& connection);
  void wake();

  struct Listener {
    int fd;
    std::shared_ptr<Handler> handler;
  };
  mutable std::mutex mutex_;
  std::mutex running_;  // held while a handler runs
  std::map<Port, Listener> listeners_;
  Port last_ = 0;
  bool stopping_ = false;
  std::vector<std::unique_ptr<Connection>> connections_;  // of the thread
  const int wake_;
  std::thread thread_;
};

}  // namespace sampan::network
