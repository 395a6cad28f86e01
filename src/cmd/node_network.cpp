#include "cmd/node_network.h"

#include "api/core_v1.h"
#include "base/log.h"
#include "base/text.h"
#include "client/node_dns.h"
#include "kubelet/volumes/local_folders.h"
#include "network/cni/routes.h"

namespace sampan::cmd {

using client::Value;

namespace {

constexpr int64_t kTryAgainUs = 30'000'000;

}  // namespace

Result<std::unique_ptr<NodeNetwork>> NodeNetwork::start(NodeNetworkOptions options, client::Informers& informers, Executor& executor) {
  auto* nodes = TRY(informers.of(client::builtin("", "nodes")));
  std::unique_ptr<NodeNetwork> self(new NodeNetwork(std::move(options), *nodes, executor));
  self->alive_->network = self.get();
  nodes->start();
  self->subscription_ = nodes->on_change([raw = self.get()](const client::Change& change) {
    // Heartbeats change nothing here.
    if (change.object && change.previous && (*change.object)["spec"].equals((*change.previous)["spec"]) &&
        (*change.object)["metadata"]["annotations"].equals((*change.previous)["metadata"]["annotations"]) &&
        (*change.object)["status"]["addresses"].equals((*change.previous)["status"]["addresses"]))
      return;
    raw->wake();
  });
  return self;
}

NodeNetwork::~NodeNetwork() {
  subscription_ = {};
  std::lock_guard lock(alive_->mutex);
  alive_->network = nullptr;
}

void NodeNetwork::wake() {
  {
    std::lock_guard lock(alive_->mutex);
    if (std::exchange(alive_->posted, true)) return;
  }
  executor_.post([alive = alive_] { look_if_alive(*alive); });
}

void NodeNetwork::look_if_alive(Alive& alive) {
  std::lock_guard lock(alive.mutex);
  alive.posted = false;
  if (alive.network) alive.network->look();
}

void NodeNetwork::look() {
  std::vector<network::cni::NodeNetworks> all;
  bool again = false;  // what could not be done yet
  bool known = false;  // our networks
  std::vector<network::Network> cluster_networks;
  for (const auto& cidr : options_.cluster_cidrs)
    if (auto parsed = network::parse_network(cidr)) cluster_networks.push_back(*parsed);
  for (const auto& object : nodes_.all()) {
    auto node = object->as<api::core_v1::Node>();
    network::cni::NodeNetworks& networks = all.emplace_back();
    networks.name = node.metadata().name();
    for (auto cidr : node.spec().pod_cidrs())
      if (auto parsed = network::parse_network(cidr)) networks.pod_networks.push_back(*parsed);
    for (auto address : node.status().addresses())
      if (address.type() == "InternalIP")
        if (auto parsed = network::parse_address(address.address())) networks.internal_addresses.push_back(*parsed);
    if (networks.name != options_.node_name) continue;
    if (auto reclaimed = kubelet::reclaim_local_folders(options_.api, *object, options_.paths); !reclaimed) {
      LOG_V(1, "folders of volumes that are gone: ", reclaimed.error().message());
      again = true;
    }
    if (auto announced = announce_dns(*object); !announced) {
      LOG_V(1, "say where DNS is answered: ", announced.error().message());
      again = true;
    }
    known = !networks.pod_networks.empty();
    if (!known) continue;
    auto& installation = options_.installation;
    installation.pod_networks = networks.pod_networks;
    installation.cluster_networks = cluster_networks;
    if (auto installed = network::cni::install(installation); !installed) LOG_ERROR("the pods' network: ", installed.error().message());
  }
  if (!known)
    if (auto suspended = network::cni::suspend(options_.installation); !suspended) LOG_ERROR("the pods' network: ", suspended.error().message());
  auto route = network::NetlinkSocket::open(NETLINK_ROUTE);
  auto kept = route ? network::cni::keep_routes(*route, network::cni::wanted_routes(all, options_.node_name), cluster_networks) : Result<void>(fail(std::move(route).error()));
  if (!kept) LOG_ERROR("routes to other nodes: ", kept.error().message());
  if (again) executor_.after(kTryAgainUs, [alive = alive_] { look_if_alive(*alive); });
}

// What the controller of the cluster's DNS makes endpoints of.
Result<void> NodeNetwork::announce_dns(const schema::Object& node) {
  auto said = node["metadata"]["annotations"][client::kDnsPort];
  auto wanted = options_.dns_port ? concat(options_.dns_port) : std::string();
  if (said.as_string() == wanted) return {};
  Arena arena;
  Value patch = Value::object(arena);
  patch.ensure_object("metadata").ensure_object("annotations").set(client::kDnsPort, wanted.empty() ? Value::null() : Value(std::string_view(wanted)));
  TRY(options_.api.patch(client::builtin("", "nodes"), {}, options_.node_name, client::PatchType::Merge, patch));
  return {};
}

}  // namespace sampan::cmd
