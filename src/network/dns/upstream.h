// Asking other servers, on a loop's thread: each question has a socket (and so a port) and an id of its own, which an outsider would have to guess.
#pragma once
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/environment.h"
#include "net/loop.h"
#include "network/address.h"

namespace sampan::network::dns {

struct Server {
  Address address;
  uint16_t port = 53;
};
// The nameservers of a resolv.conf.
std::vector<Server> read_resolv_conf(std::string_view text);

class Upstream {
 public:
  using Done = std::function<void(std::string_view answer)>;  // empty: nobody has answered
  static constexpr size_t kQuestionsMax = 1000;               // at once; more are refused

  Upstream(net::Loop& loop, std::vector<Server> servers);
  ~Upstream();
  // False: too many wait, or there is nobody to ask. `done` is called on the loop's thread, perhaps before this returns.
  bool ask(std::string_view query, bool over_tcp, Done done);
  bool can_ask() const { return !servers_.empty(); }

 private:
  class Question;
  void finish(Question* question, std::string_view answer);
  net::Loop& loop_;
  const std::vector<Server> servers_;
  size_t turn_ = 0;
  std::list<std::unique_ptr<Question>> questions_;
};

}  // namespace sampan::network::dns
