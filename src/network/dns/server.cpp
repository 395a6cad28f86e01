// Putting the DNS server together: what it follows, where it listens, what it says of itself.
#include "network/dns/server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "api/core_v1.h"
#include "api/discovery_v1.h"
#include "base/log.h"
#include "base/text.h"
#include "network/dns/worker.h"
#include "network/netlink/netlink.h"

namespace sampan::network::dns {
namespace {

using api::core_v1::Service;
using api::discovery_v1::EndpointSlice;

constexpr int kReceiveBufferBytes = 1 << 20;
constexpr std::string_view kServiceName = "kubernetes.io/service-name";

std::string read_file(const std::string& path) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  std::string text;
  char buffer[4096];
  ssize_t got;
  while (fd >= 0 && (got = read(fd, buffer, sizeof buffer)) > 0) text.append(buffer, got);
  if (fd >= 0) close(fd);
  return text;
}

constexpr std::string_view kRequestLabels[] = {"server", "zone", "view", "proto", "family", "type"};
constexpr std::string_view kResponseLabels[] = {"server", "zone", "view", "rcode", "plugin"};
constexpr std::string_view kDurationLabels[] = {"server", "zone", "view"}, kHitLabels[] = {"server", "type", "zones", "view"},
                           kMissLabels[] = {"server", "zones", "view"}, kProtocol[] = {"proto"}, kCode[] = {"rcode"};
constexpr double kBuckets[] = {0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192};

}  // namespace

Metrics::Metrics()
    : requests({.name = "coredns_dns_requests_total", .help = "Counter of DNS requests made per zone, protocol and family.", .labels = kRequestLabels}),
      responses({.name = "coredns_dns_responses_total", .help = "Counter of response status codes.", .labels = kResponseLabels}),
      durations({.name = "coredns_dns_request_duration_seconds",
                 .help = "Histogram of the time (in seconds) each request took per zone.",
                 .kind = MetricKind::Histogram,
                 .labels = kDurationLabels,
                 .buckets = kBuckets}),
      cache_hits({.name = "coredns_cache_hits_total", .help = "The count of cache hits.", .labels = kHitLabels}),
      cache_misses({.name = "coredns_cache_misses_total", .help = "The count of cache misses. Deprecated, derive misses from cache hits/requests counters.", .labels = kMissLabels}),
      forward_requests({.name = "coredns_forward_requests_total", .help = "Counter of requests made per upstream.", .labels = kProtocol}),
      forward_responses({.name = "coredns_forward_responses_total", .help = "Counter of responses received per upstream.", .labels = kCode}) {}

Metrics::Line Metrics::line(bool tcp, bool v6, uint16_t type, bool own_zone) {
  std::string_view name = "other";
  switch (type) {
    case A: name = "A"; break;
    case AAAA: name = "AAAA"; break;
    case SRV: name = "SRV"; break;
    case PTR: name = "PTR"; break;
    case TXT: name = "TXT"; break;
    case CNAME: name = "CNAME"; break;
    case SOA: name = "SOA"; break;
    case NS: name = "NS"; break;
    case MX: name = "MX"; break;
  }
  std::string_view zone = own_zone ? "cluster" : ".";
  return {&requests.with({"dns://:53", zone, "", tcp ? "tcp" : "udp", v6 ? "2" : "1", name}), &durations.with({"dns://:53", zone, ""})};
}

std::string Metrics::text(const AnswerCache& cache) const {
  std::string out;
  for (const MetricFamily* family : {&requests, &responses, &durations, &cache_hits, &cache_misses, &forward_requests, &forward_responses}) family->write(out);
  write_metric_head(out, "coredns_cache_entries", "The number of elements in the cache.", MetricKind::Gauge);
  write_metric(out, "coredns_cache_entries", {{"server", "dns://:53"}, {"type", "success"}, {"zones", "."}, {"view", ""}}, static_cast<double>(cache.entries()));
  write_process_metrics(out);
  return out;
}

DnsServer::DnsServer(ServerOptions options) : options_(std::move(options)), resolver_(index_, options_.zone) {
  if (options_.upstreams.empty()) options_.upstreams = read_resolv_conf(read_file(options_.resolv_conf));
  // Asking oneself would go round until all sockets are used up.
  std::erase_if(options_.upstreams, [&](const Server& server) {
    return server.port == options_.port && std::find(options_.addresses.begin(), options_.addresses.end(), server.address) != options_.addresses.end();
  });
}

DnsServer::~DnsServer() {
  subscriptions_.clear();
  workers_.clear();
}

bool DnsServer::admits(const Address& client) const {
  if (options_.clients.empty() || client.is_loopback()) return true;
  if (std::any_of(options_.clients.begin(), options_.clients.end(), [&](const Network& network) { return network.contains(client); })) return true;
  auto admitted = admitted_.get();
  return std::find(admitted->begin(), admitted->end(), client) != admitted->end();
}

void DnsServer::admit(const std::string& name, std::vector<Address> addresses) {
  std::lock_guard lock(admitted_mutex_);
  admitted_by_name_[name] = std::move(addresses);
  auto all = std::make_shared<std::vector<Address>>();
  for (const auto& [who, theirs] : admitted_by_name_) all->insert(all->end(), theirs.begin(), theirs.end());
  admitted_.replace(std::move(all));
}

Result<void> DnsServer::follow(client::Informers& informers) {
  client::Informer* services = TRY(informers.of(client::builtin("", "services")));
  client::Informer* slices = TRY(informers.of(client::builtin("discovery.k8s.io", "endpointslices")));
  client::Informer* namespaces = TRY(informers.of(client::builtin("", "namespaces")));
  if (!services || !slices || !namespaces) return fail(internal_error("the server has no services, endpoint slices or namespaces"));
  subscriptions_.push_back(services->on_change([this](const client::Change& change) {
    auto metadata = change.any().as<Service>().metadata();
    index_.set_service(metadata.namespace_(), metadata.name(), change.object);
  }));
  subscriptions_.push_back(slices->on_change([this](const client::Change& change) {
    auto metadata = change.any().as<EndpointSlice>().metadata();
    std::string_view service = metadata.labels().get(kServiceName).value_or("");
    if (change.object && change.previous) {  // its label may have changed
      std::string_view before = change.previous->as<EndpointSlice>().metadata().labels().get(kServiceName).value_or("");
      if (before != service) index_.set_slice(metadata.namespace_(), metadata.name(), before, nullptr);
    }
    index_.set_slice(metadata.namespace_(), metadata.name(), service, change.object);
  }));
  subscriptions_.push_back(namespaces->on_change([this](const client::Change& change) {
    index_.set_namespace(change.any().as<api::core_v1::Namespace>().metadata().name(), bool(change.object));
  }));
  followed_ = {services, slices, namespaces};
  return {};
}

Result<int> DnsServer::open_socket(const Address& address, int type) {
  int fd = socket(address.v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  uint16_t port = port_ ? port_ : options_.port;
  std::string where = concat("DNS: cannot listen on ", address.text(), " port ", port, type == SOCK_STREAM ? " (TCP)" : " (UDP)");
  if (fd < 0) return fail(system_error(where, errno));
  int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // Each thread has its own sockets, among which the kernel spreads the clients.
  if (options_.threads > 1) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (address.v6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (type == SOCK_DGRAM) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kReceiveBufferBytes, sizeof kReceiveBufferBytes);
    if (address.is_unspecified()) setsockopt(fd, address.v6 ? IPPROTO_IPV6 : IPPROTO_IP, address.v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &on, sizeof on);
  }
  sockaddr_in6 six{.sin6_family = AF_INET6, .sin6_port = htons(port)};
  sockaddr_in four{.sin_family = AF_INET, .sin_port = htons(port)};
  std::memcpy(address.v6 ? static_cast<void*>(&six.sin6_addr) : &four.sin_addr, address.bytes.data(), address.size());
  sockaddr* at = address.v6 ? reinterpret_cast<sockaddr*>(&six) : reinterpret_cast<sockaddr*>(&four);
  socklen_t size = address.v6 ? sizeof six : sizeof four;
  if (bind(fd, at, size) != 0 || (type == SOCK_STREAM && listen(fd, 256) != 0)) {
    int error = errno;
    close(fd);
    return fail(system_error(where, error));
  }
  getsockname(fd, at, &size);
  port_ = ntohs(address.v6 ? six.sin6_port : four.sin_port);
  return fd;
}

Result<void> DnsServer::start() {
  for (const auto& [address, port] : options_.health)
    TRY(pages_.listen(address, port, [](std::string_view path) { return path == "/health" ? Page{.body = "OK"} : no_such_page(); }));
  for (const auto& [address, port] : options_.ready)
    TRY(pages_.listen(address, port, [this](std::string_view path) {
      if (path != "/ready") return no_such_page();
      return ready_ ? Page{.body = "OK"} : Page{.status = 503, .body = "kubernetes"};
    }));
  for (const auto& [address, port] : options_.metrics)
    TRY(pages_.listen(address, port, [this](std::string_view path) {
      return path == "/metrics" ? Page{.type = "text/plain; version=0.0.4; charset=utf-8", .body = metrics_.text(cache_)} : no_such_page();
    }));
  for (client::Informer* informer : followed_) {
    informer->start();
    informer->catch_up();
  }
  ready_ = true;
  for (unsigned i = 0; i < std::max(options_.threads, 1u); ++i) {
    workers_.push_back(std::make_unique<Worker>(*this));
    for (const Address& address : options_.addresses) TRY(workers_.back()->listen(address));
  }
  for (const auto& worker : workers_) worker->start();
  return {};
}

}  // namespace sampan::network::dns
