// The service proxy: follows services, endpoint slices and the node, and keeps the kernel's rules as they want it. One thread, which sleeps while
// nothing changes; changes that come while it works are taken together by the next turn.
#pragma once
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "base/environment.h"
#include "client/informer.h"
#include "network/proxy/health.h"
#include "network/proxy/metrics.h"
#include "network/proxy/plan.h"
#include "network/proxy/rules.h"
#include "network/proxy/ruleset.h"
#include "network/status_server.h"

namespace sampan::network::proxy {

struct ProxyOptions {
  std::string node_name;
  RulesOptions rules;
  // Addresses that node ports are open on: of the node (its own, "primary"), or all local ones in these networks.
  bool node_ports_on_primary = true;
  std::vector<Network> node_port_networks;
  bool detect_by_node_cidr = false;         // pods are what the node's own pod CIDRs hold
  int64_t sync_period_us = 30'000'000;      // how often the table is looked after though nothing has changed
  int64_t sync_period_min_us = 0;           // between two changes of the table
  std::vector<std::pair<Address, uint16_t>> health_addresses;   // :10256
  std::vector<std::pair<Address, uint16_t>> metrics_addresses;  // :10249
  bool v4 = true, v6 = true;
};

class Proxy {
 public:
  Proxy(ProxyOptions options, Clock& clock);
  ~Proxy();  // the rules stay: connections go on without us

  // Before start(): what it follows. The informers outlive it.
  Result<void> follow(client::Informers& informers);
  // By hand, as follow() does: null removes.
  void set_service(std::string_view name_space, std::string_view name, schema::ObjectRef service);
  void set_slice(std::string_view name_space, std::string_view name, std::string_view service, schema::ObjectRef slice);
  void set_node(schema::ObjectRef node);

  // Opens the ports and, once all that was there has been told, writes the rules.
  Result<void> start();
  // Waits until all changes so far are in the kernel, or the time is over.
  bool wait_idle(int64_t timeout_us);

 private:
  struct Entry {
    schema::ObjectRef service;
    std::map<std::string, schema::ObjectRef, std::less<>> slices;
  };
  struct FamilyState {
    explicit FamilyState(bool v6) : rules(v6) {}
    Ruleset rules;
    bool whole = true;               // the table has to be written anew
    std::vector<uint32_t> removed;   // chains that nothing leads to since the turn before
    std::map<std::string, std::pair<int, int>> no_local;  // services with policy Local (internal, external) and nothing here
  };
  struct UdpPort;

  void touch(std::string key);  // under mutex_
  void run();
  bool turn(const std::vector<std::pair<std::string, Entry>>& work, bool look_after);
  void plan_entry(const std::string& key, const Entry& entry);
  bool sync(FamilyState& family, bool look_after);
  void forget_udp_flows();
  void take_node(const schema::ObjectRef& node);
  void update_node_port_addresses();
  void count_no_local(const std::string& key, bool v6, const ServicePlan& plan);
  Page metrics_page(std::string_view path) const;

  ProxyOptions options_;
  Clock& clock_;
  Metrics metrics_;
  Health health_;
  StatusServer pages_;
  ServiceHealth service_health_;

  std::mutex mutex_;
  std::condition_variable changed_, idle_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::set<std::string> dirty_;
  schema::ObjectRef node_;
  bool node_changed_ = false, ready_ = false, stopping_ = false, working_ = false;
  std::vector<client::Informer*> followed_;
  std::vector<client::Subscription> subscriptions_;

  // Of the thread.
  std::vector<std::unique_ptr<FamilyState>> families_;
  NodeView view_;
  std::vector<UdpPort> udp_ports_;  // of services that have changed
  std::unique_ptr<NetlinkSocket> netfilter_;
  std::thread thread_;
};

}  // namespace sampan::network::proxy
