#include "cmd/node_process.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "api/core_v1.h"
#include "base/log.h"
#include "base/text.h"
#include "cmd/delegated_access.h"
#include "cmd/node_network.h"
#include "images/own_images.h"
#include "kubelet/agent.h"
#include "kubelet/server/server.h"
#include "network/dns/server.h"
#include "network/proxy/proxy.h"

namespace sampan::cmd {

namespace {

constexpr std::string_view kUsualDataDir = "/var/lib/sampan";
constexpr uint16_t kProxyHealthPort = 10256, kProxyMetricsPort = 10249;

// Tells clusters on one machine apart, in names that the kernel keeps short.
std::string mark_of(const std::string& data_dir) {
  if (data_dir == kUsualDataDir) return {};
  return concat("-", images::sha256_hex(data_dir).substr(0, 6));
}

std::string machine_name() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return to_lower(name);
}

class Process final : public NodeProcess {
 public:
  Process(NodeOptions options, client::Api& api, client::Informers& informers, Executor& executor)
      : options_(std::move(options)), api_(api), informers_(informers), executor_(executor) {}

  Result<void> start() {
    // First, so that what the node says of itself holds.
    if (!options_.dns_ip.empty()) TRY(start_dns());
    network_ = TRY(NodeNetwork::start({.node_name = node_name(),
                                       .installation = cni_installation(options_.data_dir, options_.run_dir),
                                       .cluster_cidrs = options_.cluster_cidrs,
                                       .api = api_,
                                       .paths = agent_paths(),
                                       .dns_port = dns_ ? dns_->port() : uint16_t{0}},
                                      informers_, executor_));
    TRY(start_agent());
    TRY(start_server());
    if (options_.proxy) TRY(start_proxy());
    return {};
  }

  const std::string& node_name() override { return options_.node_name; }
  std::string resource_metrics() override { return agent_->pods().resource_metrics(); }

 private:
  kubelet::Paths agent_paths() const {
    kubelet::Paths paths;
    paths.root = options_.data_dir + "/kubelet";
    if (options_.data_dir == kUsualDataDir) return paths;
    paths.pod_logs = options_.data_dir + "/log/pods";
    paths.container_logs = "";
    return paths;
  }

  Result<void> start_agent() {
    kubelet::AgentOptions agent;
    agent.node_name = node_name();
    if (!options_.node_ip.empty()) agent.node_ips = {options_.node_ip};
    agent.cri.endpoint = options_.runtime_endpoint;
    agent.paths = agent_paths();
    agent.static_pods = options_.data_dir + "/manifests";
    agent.cluster_domain = options_.cluster_domain;
    if (!options_.dns_ip.empty()) agent.cluster_dns = {options_.dns_ip};
    agent.cgroup_root = pod_cgroup_root(options_.data_dir);
    agent.port = options_.port;
    for (const auto& image : images::own_images()) agent.keep_images.insert(agent.keep_images.end(), image.names.begin(), image.names.end());
    agent.all_objects = options_.all_objects;
    agent.make_volumes = kubelet::make_volumes;
    agent_ = TRY(kubelet::Agent::start(std::move(agent), api_, informers_, executor_, real_clock()));
    return {};
  }

  Result<void> start_server() {
    kubelet::NodeServerOptions server;
    server.port = options_.port;
    server.tls.client_ca_file = options_.client_ca_file;
    server.tls.certificate_file = options_.data_dir + "/kubelet.crt";
    server.tls.key_file = options_.data_dir + "/kubelet.key";
    TRY(cluster::write_file(server.tls.key_file, options_.serving.key_pem, 0600));
    TRY(cluster::write_file(server.tls.certificate_file, options_.serving.certificate_pem, 0644));
    access_ = delegated_access(api_, real_clock(), {.node_name = node_name()});
    kubelet::NodeServerParts parts{.pods = agent_->pods(),
                                   .runtime = agent_->runtime(),
                                   .access = *access_,
                                   .metrics = [this] { return agent_->metrics(); },
                                   .cadvisor_metrics = nullptr,
                                   .health = [this] { return agent_->health(); }};
    server_ = TRY(kubelet::NodeServer::start(std::move(server), std::move(parts)));
    return {};
  }

  Result<void> start_proxy() {
    namespace proxy = network::proxy;
    proxy::ProxyOptions wish;
    wish.node_name = node_name();
    wish.rules.table = proxy_table(options_.data_dir);
    wish.rules.local.mode = proxy::LocalTraffic::Mode::Cidr;
    for (const auto& cidr : options_.cluster_cidrs)
      if (auto parsed = network::parse_network(cidr)) wish.rules.local.networks.push_back(*parsed);
    for (const auto& cidr : options_.service_cidrs)
      if (auto parsed = network::parse_network(cidr)) wish.rules.service_networks.push_back(*parsed);
    if (options_.data_dir == kUsualDataDir) {
      wish.health_addresses = {{*network::parse_address("0.0.0.0"), kProxyHealthPort}};
      wish.metrics_addresses = {{*network::parse_address("127.0.0.1"), kProxyMetricsPort}};
    }
    proxy_ = std::make_unique<proxy::Proxy>(std::move(wish), real_clock());
    TRY(proxy_->follow(informers_));
    return proxy_->start();
  }

  Result<void> start_dns() {
    network::dns::ServerOptions wish;
    auto address = network::parse_address(options_.node_ip);
    if (!address) return fail(bad_request(concat(sampan::quoted(options_.node_ip), " is no IP address")));
    wish.addresses = {*address};
    wish.port = options_.dns_port;
    wish.zone.domain = options_.cluster_domain;
    // Nobody else but nodes: it asks other servers on behalf of whoever it answers.
    wish.clients = {network::network_of(*address, address->v6 ? 128 : 32), *network::parse_network("127.0.0.0/8")};
    for (const auto& cidr : options_.cluster_cidrs)
      if (auto parsed = network::parse_network(cidr)) wish.clients.push_back(*parsed);
    dns_ = std::make_unique<network::dns::DnsServer>(std::move(wish));
    TRY(dns_->follow(informers_));
    // Programs on other nodes, and their pods where the packets leave with the node's address.
    auto* nodes = TRY(informers_.of(client::builtin("", "nodes")));
    dns_nodes_ = nodes->on_change([this](const client::Change& change) {
      auto node = change.any().as<api::core_v1::Node>();
      std::vector<network::Address> addresses;
      if (change.object)
        for (auto one : node.status().addresses())
          if (auto parsed = network::parse_address(one.address())) addresses.push_back(*parsed);
      dns_->admit(std::string(node.metadata().name()), std::move(addresses));
    });
    return dns_->start();
  }

  const NodeOptions options_;
  client::Api& api_;
  client::Informers& informers_;
  Executor& executor_;
  std::unique_ptr<NodeNetwork> network_;
  std::unique_ptr<kubelet::Agent> agent_;
  std::unique_ptr<kubelet::NodeAccess> access_;
  std::unique_ptr<kubelet::NodeServer> server_;
  std::unique_ptr<network::proxy::Proxy> proxy_;
  std::unique_ptr<network::dns::DnsServer> dns_;
  client::Subscription dns_nodes_;
};

}  // namespace

Result<std::unique_ptr<NodeProcess>> NodeProcess::start(NodeOptions options, client::Api& api, client::Informers& informers, Executor& executor) {
  if (options.node_name.empty()) options.node_name = machine_name();
  auto process = std::make_unique<Process>(std::move(options), api, informers, executor);
  TRY(process->start());
  return process;
}

network::cni::Installation cni_installation(const std::string& data_dir, const std::string& run_dir) {
  network::cni::Installation installation;
  auto mark = mark_of(data_dir);
  installation.state_directory = run_dir + "/cni";
  if (mark.empty()) return installation;
  installation.network += mark;
  installation.bridge = concat("sampan", mark);
  installation.table += mark;
  installation.binary_directory = data_dir + "/cni/bin";
  installation.configuration_directory = data_dir + "/cni/net.d";
  return installation;
}

std::string proxy_table(const std::string& data_dir) { return concat("kube-proxy", mark_of(data_dir)); }

std::string pod_cgroup_root(const std::string& data_dir) {
  auto mark = mark_of(data_dir);
  return mark.empty() ? std::string() : concat("/sampan", mark);
}

void remove_pod_cgroups(const std::string& data_dir) {
  namespace fs = std::filesystem;
  auto below = pod_cgroup_root(data_dir) + "/kubepods";
  std::vector<std::string> roots = {concat("/sys/fs/cgroup", below)};
  std::error_code ignored;
  for (const auto& hierarchy : fs::directory_iterator("/sys/fs/cgroup", ignored))
    if (hierarchy.is_directory(ignored)) roots.push_back(hierarchy.path().string() + below);
  for (const auto& root : roots) {
    std::vector<std::string> folders;
    for (auto it = fs::recursive_directory_iterator(root, ignored); it != fs::recursive_directory_iterator(); it.increment(ignored))
      if (it->is_directory(ignored)) folders.push_back(it->path());
    for (auto it = folders.rbegin(); it != folders.rend(); ++it) ::rmdir(it->c_str());
    ::rmdir(root.c_str());
    if (auto own = pod_cgroup_root(data_dir); !own.empty()) ::rmdir(root.substr(0, root.size() - std::string_view("/kubepods").size()).c_str());
  }
}

}  // namespace sampan::cmd
