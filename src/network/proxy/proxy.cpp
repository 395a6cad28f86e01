// Following the API and working the changes off.
#include "network/proxy/proxy.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "network/netlink/conntrack.h"
#include "network/netlink/links.h"

namespace sampan::network::proxy {

using api::core_v1::Node;
using api::core_v1::Service;
using api::discovery_v1::EndpointSlice;

namespace {

constexpr int64_t kRetryUs = 1'000'000;          // after a failed write, and before chains are removed
constexpr size_t kChangesMax = 20'000;           // of one transaction; more are as quick as a new table
constexpr std::string_view kServiceName = "kubernetes.io/service-name";
constexpr std::string_view kToBeDeleted = "ToBeDeletedByClusterAutoscaler";
const char* const kFamilyNames[] = {"IPv4", "IPv6"};

std::string key_of(std::string_view name_space, std::string_view name) { return concat(name_space, "/", name); }

// Another proxy's, or for DNS alone.
template <class Metadata>
bool is_ours(const Metadata& metadata) {
  auto labels = metadata.labels();
  return !labels.has("service.kubernetes.io/service-proxy-name") && !labels.has("service.kubernetes.io/headless");
}

}  // namespace

struct Proxy::UdpPort {
  bool v6;
  std::vector<std::pair<Address, uint16_t>> frontends;
  uint16_t node_port;
  std::vector<Target> serving;
};

Proxy::Proxy(ProxyOptions options, Clock& clock)
    : options_(std::move(options)), clock_(clock), health_(clock, metrics_, 2 * options_.sync_period_us), service_health_(pages_, health_) {
  if (options_.v4) families_.push_back(std::make_unique<FamilyState>(false));
  if (options_.v6 && access("/proc/net/if_inet6", F_OK) == 0) families_.push_back(std::make_unique<FamilyState>(true));
  view_.name = options_.node_name;
  options_.rules.node_ports_everywhere =
      !options_.node_ports_on_primary &&
      std::any_of(options_.node_port_networks.begin(), options_.node_port_networks.end(), [](const Network& network) { return network.prefix == 0; });
}

Proxy::~Proxy() {
  subscriptions_.clear();
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Proxy::touch(std::string key) {
  if (dirty_.empty() && ready_)
    for (const auto& family : families_) {
      health_.queued(family->rules.v6());
      metrics_.last_queued.with({kFamilyNames[family->rules.v6()]}).set(clock_.now_us() / 1'000'000);
    }
  dirty_.insert(std::move(key));
  changed_.notify_one();
}

void Proxy::set_service(std::string_view name_space, std::string_view name, schema::ObjectRef service) {
  std::lock_guard lock(mutex_);
  metrics_.service_changes.with({}).add();
  std::string key = key_of(name_space, name);
  Entry& entry = entries_[key];
  if (service && !is_ours(service->as<Service>().metadata())) service = nullptr;
  entry.service = std::move(service);
  if (!entry.service && entry.slices.empty()) entries_.erase(key);
  touch(std::move(key));
}

void Proxy::set_slice(std::string_view name_space, std::string_view name, std::string_view service, schema::ObjectRef slice) {
  if (service.empty()) return;
  std::lock_guard lock(mutex_);
  metrics_.endpoint_changes.with({}).add();
  std::string key = key_of(name_space, service);
  Entry& entry = entries_[key];
  if (slice && !is_ours(slice->as<EndpointSlice>().metadata())) slice = nullptr;
  if (slice) entry.slices.insert_or_assign(std::string(name), std::move(slice));
  else if (auto found = entry.slices.find(name); found != entry.slices.end()) entry.slices.erase(found);
  bool wanted = bool(entry.service);
  if (!wanted && entry.slices.empty()) entries_.erase(key);
  if (wanted) touch(std::move(key));  // without its service a slice means nothing yet
}

void Proxy::set_node(schema::ObjectRef node) {
  std::lock_guard lock(mutex_);
  node_ = std::move(node);
  node_changed_ = true;
  changed_.notify_one();
}

Result<void> Proxy::follow(client::Informers& informers) {
  client::Informer* services = TRY(informers.of(client::builtin("", "services")));
  client::Informer* slices = TRY(informers.of(client::builtin("discovery.k8s.io", "endpointslices")));
  client::Informer* nodes = TRY(informers.of(client::builtin("", "nodes")));
  if (!services || !slices || !nodes) return fail(internal_error("the server has no services, endpoint slices or nodes"));
  subscriptions_.push_back(services->on_change([this](const client::Change& change) {
    auto metadata = change.any().as<Service>().metadata();
    set_service(metadata.namespace_(), metadata.name(), change.object);
  }));
  subscriptions_.push_back(slices->on_change([this](const client::Change& change) {
    auto metadata = change.any().as<EndpointSlice>().metadata();
    std::string_view service = metadata.labels().get(kServiceName).value_or("");
    if (change.object && change.previous) {  // its label may have changed
      std::string_view before = change.previous->as<EndpointSlice>().metadata().labels().get(kServiceName).value_or("");
      if (before != service) set_slice(metadata.namespace_(), metadata.name(), before, nullptr);
    }
    set_slice(metadata.namespace_(), metadata.name(), service, change.object);
  }));
  subscriptions_.push_back(nodes->on_change([this](const client::Change& change) {
    if (change.any().as<Node>().metadata().name() == options_.node_name) set_node(change.object);
  }));
  followed_ = {services, slices, nodes};
  return {};
}

Page Proxy::metrics_page(std::string_view path) const {
  if (path == "/metrics") return {.type = "text/plain; version=0.0.4; charset=utf-8", .body = metrics_.text()};
  if (path == "/healthz") return {.body = "ok", .headers = {{"X-Content-Type-Options", "nosniff"}}};
  if (path == "/proxyMode") return {.body = "nftables", .headers = {{"X-Content-Type-Options", "nosniff"}}};
  return no_such_page();
}

Result<void> Proxy::start() {
  netfilter_ = std::make_unique<NetlinkSocket>(TRY(NetlinkSocket::open(NETLINK_NETFILTER)));
  for (const auto& [address, port] : options_.health_addresses)
    TRY(pages_.listen(address, port, [this](std::string_view path) { return health_.page(path); }));
  for (const auto& [address, port] : options_.metrics_addresses)
    TRY(pages_.listen(address, port, [this](std::string_view path) { return metrics_page(path); }));
  for (const auto& family : families_) TRY(set_sysctl(family->rules.v6() ? "ipv6/conf/all/forwarding" : "ipv4/ip_forward", "1"));
  for (client::Informer* informer : followed_) {
    informer->start();
    informer->catch_up();  // no rules before all is known: half a list would cut off the other half
  }
  std::lock_guard lock(mutex_);
  ready_ = true;
  for (const auto& [key, entry] : entries_) dirty_.insert(key);
  thread_ = std::thread([this] { run(); });
  return {};
}

bool Proxy::wait_idle(int64_t timeout_us) {
  std::unique_lock lock(mutex_);
  auto idle = [this] { return dirty_.empty() && !node_changed_ && !working_ && std::all_of(families_.begin(), families_.end(), [](const auto& one) { return !one->whole; }); };
  return idle_.wait_for(lock, std::chrono::microseconds(timeout_us), idle);
}

void Proxy::run() {
  bool failed = false, clean_up = false;
  int64_t last_us = 0;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    auto has_work = [this] { return stopping_ || !dirty_.empty() || node_changed_; };
    bool first = std::any_of(families_.begin(), families_.end(), [](const auto& one) { return one->whole; }) && !failed;
    int64_t sleep_us = failed || clean_up ? kRetryUs : options_.sync_period_us;
    bool look_after = false;
    if (!first) {
      if (failed) changed_.wait_for(lock, std::chrono::microseconds(sleep_us), [this] { return stopping_; });
      else look_after = !changed_.wait_for(lock, std::chrono::microseconds(sleep_us), has_work);
    }
    int64_t wait_us = last_us ? last_us + options_.sync_period_min_us - clock_.monotonic_us() : 0;
    if (wait_us > 0 && !stopping_) changed_.wait_for(lock, std::chrono::microseconds(wait_us), [this] { return stopping_; });
    if (stopping_) return;
    std::vector<std::pair<std::string, Entry>> work;
    if (std::exchange(node_changed_, false)) {
      NodeView before = view_;
      take_node(node_);
      if (before.zone != view_.zone || before.addresses != view_.addresses)
        for (const auto& [key, entry] : entries_) dirty_.insert(key);
    }
    for (const std::string& key : dirty_) {
      auto found = entries_.find(key);
      work.emplace_back(key, found == entries_.end() ? Entry{} : found->second);
    }
    dirty_.clear();
    working_ = true;
    lock.unlock();
    failed = !turn(work, look_after);
    clean_up = std::any_of(families_.begin(), families_.end(), [](const auto& one) { return !one->removed.empty(); });
    last_us = clock_.monotonic_us();
    lock.lock();
    working_ = false;
    idle_.notify_all();
  }
}

// What the node says of itself. On the thread, under mutex_.
void Proxy::take_node(const schema::ObjectRef& node) {
  view_.addresses.clear();
  view_.zone.clear();
  if (!node) return health_.set_node_eligible(false);
  Node view = node->as<Node>();
  view_.zone = view.metadata().labels().get("topology.kubernetes.io/zone").value_or("");
  for (auto address : view.status().addresses())
    if (address.type() == "InternalIP")
      if (std::optional<Address> parsed = parse_address(address.address())) view_.addresses.push_back(*parsed);
  bool eligible = !view.metadata().deletion_timestamp();
  for (auto taint : view.spec().taints()) eligible &= taint.key() != kToBeDeleted;
  health_.set_node_eligible(eligible);
  if (!options_.detect_by_node_cidr) return;
  LocalTraffic local{.mode = LocalTraffic::Mode::Cidr};
  for (std::string_view cidr : view.spec().pod_cidrs())
    if (std::optional<Network> network = parse_network(cidr)) local.networks.push_back(*network);
  if (local.networks == options_.rules.local.networks) return;
  options_.rules.local = std::move(local);
  for (const auto& family : families_) family->whole = true;
}

void Proxy::update_node_port_addresses() {
  std::vector<Address> addresses = view_.addresses;
  if (!options_.node_ports_on_primary) {
    addresses.clear();
    auto route = NetlinkSocket::open(NETLINK_ROUTE);
    auto present = route ? list_addresses(*route) : Result<std::vector<InterfaceAddress>>(std::vector<InterfaceAddress>());
    if (!present) return LOG_ERROR("node port addresses: ", present.error().message());
    for (const InterfaceAddress& one : *present)
      for (const Network& network : options_.node_port_networks)
        if (network.contains(one.address) && std::find(addresses.begin(), addresses.end(), one.address) == addresses.end()) addresses.push_back(one.address);
  } else {
    // The first of each family is the primary one.
    auto is_second = [&](const Address& one) {
      return &one != &*std::find_if(addresses.begin(), addresses.end(), [&](const Address& other) { return other.v6 == one.v6; });
    };
    std::vector<Address> primary;
    for (const Address& one : addresses)
      if (!is_second(one)) primary.push_back(one);
    addresses = std::move(primary);
  }
  for (const auto& family : families_) family->rules.set_node_port_addresses(addresses);
  service_health_.set_addresses(addresses);
}

void Proxy::count_no_local(const std::string& key, bool v6, const ServicePlan& plan) {
  std::pair<int, int> count;
  for (const PortPlan& port : plan.ports) {
    if (!port.has_endpoints || !port.local.empty()) continue;
    count.first += port.internal_local;
    count.second += port.external_local;
  }
  for (const auto& family : families_) {
    if (family->rules.v6() != v6) continue;
    auto& counts = family->no_local;
    std::pair<int, int> before = counts.contains(key) ? counts[key] : std::pair(0, 0);
    if (count == before) return;
    metrics_.no_local_endpoints.with({"internal", kFamilyNames[v6]}).add(count.first - before.first);
    metrics_.no_local_endpoints.with({"external", kFamilyNames[v6]}).add(count.second - before.second);
    if (count == std::pair(0, 0)) counts.erase(key);
    else counts[key] = count;
  }
}

void Proxy::plan_entry(const std::string& key, const Entry& entry) {
  std::vector<EndpointSlice> slices;
  for (const auto& [name, slice] : entry.slices) slices.push_back(slice->as<EndpointSlice>());
  int health_port = 0, local_ready = 0;
  for (const auto& family : families_) {
    bool v6 = family->rules.v6();
    ServicePlan plan;
    if (entry.service) plan = plan_service(entry.service->as<Service>(), slices, view_, v6);
    family->rules.set_service(key, plan.ports);
    count_no_local(key, v6, plan);
    if (plan.health_check_port) health_port = plan.health_check_port, local_ready = std::max(local_ready, plan.local_ready);
    for (const PortPlan& port : plan.ports) {
      if (port.protocol != 17 || port.serving.empty()) continue;
      UdpPort udp{.v6 = v6, .node_port = port.node_port, .serving = port.serving};
      udp.frontends.emplace_back(port.cluster_ip, port.port);
      for (const Address& address : port.external_ips) udp.frontends.emplace_back(address, port.port);
      for (const Address& address : port.balancer_ips) udp.frontends.emplace_back(address, port.port);
      udp_ports_.push_back(std::move(udp));
    }
  }
  service_health_.set(key, static_cast<uint16_t>(health_port), local_ready);
}

// False: something could not be written, and should be tried again.
bool Proxy::turn(const std::vector<std::pair<std::string, Entry>>& work, bool look_after) {
  update_node_port_addresses();
  for (const auto& [key, entry] : work) plan_entry(key, entry);
  bool good = true;
  for (const auto& family : families_) good &= sync(*family, look_after);
  if (good) forget_udp_flows();
  return good;
}

bool Proxy::sync(FamilyState& family, bool look_after) {
  bool v6 = family.rules.v6();
  const char* name = kFamilyNames[v6];
  int64_t start = clock_.monotonic_us();
  Changes changes = family.rules.take_changes();
  // Somebody may have taken the table away ("flush ruleset").
  if (look_after && !table_exists(*netfilter_, v6 ? Family::Ip6 : Family::Ip, options_.rules.table)) family.whole = true;
  if (changes.operations.size() > kChangesMax) family.whole = true;
  bool whole = family.whole;
  if (!whole && changes.empty() && changes.removed.empty() && family.removed.empty()) {
    health_.updated(v6);
    return true;
  }
  std::vector<uint32_t> removed = std::exchange(family.removed, std::move(changes.removed));
  auto done = whole ? write_table(*netfilter_, options_.rules, v6, family.rules.everything()) : write_changes(*netfilter_, options_.rules, v6, changes);
  double seconds = seconds_since(clock_, start);
  metrics_.sync_seconds.with({name}).observe(seconds);
  (whole ? metrics_.sync_full_seconds : metrics_.sync_partial_seconds).with({name}).observe(seconds);
  if (!done) {
    LOG_ERROR("nftables (", name, "): ", done.error().message(), "; the table will be written anew");
    metrics_.sync_failures.with({name}).add();
    family.whole = true;
    return false;
  }
  family.whole = false;
  if (whole) {
    family.removed.clear();  // the new table never had them
  } else if (!removed.empty()) {
    auto gone = remove_chains(*netfilter_, options_.rules, v6, removed);
    if (!gone) {
      metrics_.cleanup_failures.with({name}).add();
      family.whole = gone.error().code() != EBUSY;
      family.removed.insert(family.removed.end(), removed.begin(), removed.end());
    }
  }
  health_.updated(v6);
  metrics_.last_sync.with({name}).set(clock_.now_us() / 1'000'000);
  return true;
}

// Flows to a changed UDP service that lead to what is no endpoint (any more) are forgotten; the next packet finds a new way. TCP ends by itself.
void Proxy::forget_udp_flows() {
  if (udp_ports_.empty()) return;
  for (const auto& family : families_) {
    bool v6 = family->rules.v6();
    std::map<std::pair<Address, uint16_t>, const UdpPort*> by_frontend;
    std::map<uint16_t, const UdpPort*> by_node_port;
    for (const UdpPort& port : udp_ports_) {
      if (port.v6 != v6) continue;
      for (const auto& frontend : port.frontends) by_frontend[frontend] = &port;
      if (port.node_port) by_node_port[port.node_port] = &port;
    }
    if (by_frontend.empty()) continue;
    int64_t start = clock_.monotonic_us();
    auto unwanted = [&](const Flow& flow) {
      const UdpPort* port = nullptr;
      if (auto found = by_frontend.find({flow.destination, flow.destination_port}); found != by_frontend.end()) port = found->second;
      else if (auto node = by_node_port.find(flow.destination_port); node != by_node_port.end()) port = node->second;
      return port && std::find(port->serving.begin(), port->serving.end(), Target{flow.answered_by, flow.answering_port}) == port->serving.end();
    };
    auto count = forget_flows(*netfilter_, v6, 17, unwanted);
    metrics_.conntrack_seconds.with({kFamilyNames[v6]}).observe(seconds_since(clock_, start));
    if (count) metrics_.conntrack_deleted.with({kFamilyNames[v6]}).add(*count);
    else LOG_ERROR("conntrack (", kFamilyNames[v6], "): ", count.error().message());
  }
  udp_ports_.clear();
}

}  // namespace sampan::network::proxy
