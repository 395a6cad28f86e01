// What the proxy says of its health: the pages /healthz and /livez, and for each service that wants it a page on a node port for load balancers.
#pragma once
#include <atomic>
#include <map>
#include <mutex>
#include <string>

#include "base/environment.h"
#include "network/proxy/metrics.h"
#include "network/status_server.h"

namespace sampan::network::proxy {

// Healthy while no change has waited longer than `late_us` for the kernel.
class Health {
 public:
  Health(Clock& clock, Metrics& metrics, int64_t late_us) : clock_(clock), metrics_(metrics), late_us_(late_us) {}
  void queued(bool v6);
  void updated(bool v6);
  void set_node_eligible(bool eligible) { node_eligible_ = eligible; }  // not about to be deleted
  bool healthy() const;
  Page page(std::string_view path);

 private:
  std::string json(bool ok, bool with_eligibility, bool eligible) const;
  struct Family {
    int64_t updated_us = 0, queued_us = 0;  // 0: never; nothing waits
  };
  bool late(const Family& family, int64_t now_us) const { return family.queued_us && now_us - family.queued_us >= late_us_; }
  Clock& clock_;
  Metrics& metrics_;
  const int64_t late_us_;
  mutable std::mutex mutex_;
  Family families_[2];
  std::atomic<bool> node_eligible_ = false;
};

class ServiceHealth {
 public:
  ServiceHealth(StatusServer& server, const Health& health) : server_(server), health_(health) {}
  ~ServiceHealth();
  void set_addresses(std::vector<Address> addresses);
  // port 0: the service has no such page (any more).
  void set(const std::string& service, uint16_t port, int local_endpoints);

 private:
  struct One {
    uint16_t port = 0;
    std::vector<StatusServer::Port> open;
    std::shared_ptr<std::atomic<int>> endpoints = std::make_shared<std::atomic<int>>(0);
  };
  void open(const std::string& service, One& one);
  void close(One& one);
  StatusServer& server_;
  const Health& health_;
  std::vector<Address> addresses_;
  std::map<std::string, One> services_;
};

}  // namespace sampan::network::proxy
