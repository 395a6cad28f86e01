// What a node does as node objects change: the CNI configuration once it has addresses to give, routes to the other nodes' pods, volumes' folders that
// are to go, and that its own object says where it answers DNS.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "client/api.h"
#include "client/informer.h"
#include "kubelet/paths.h"
#include "network/cni/install.h"

namespace sampan::cmd {

struct NodeNetworkOptions {
  std::string node_name;
  network::cni::Installation installation;
  std::vector<std::string> cluster_cidrs;
  client::Api& api;      // with the node's identity
  kubelet::Paths paths;  // of the agent: where volumes that were made on demand and are gone are taken away
  uint16_t dns_port = 0;  // where the cluster's DNS is answered already; 0: nowhere
};

class NodeNetwork {
 public:
  static Result<std::unique_ptr<NodeNetwork>> start(NodeNetworkOptions options, client::Informers& informers, Executor& executor);
  ~NodeNetwork();

 private:
  NodeNetwork(NodeNetworkOptions options, client::Informer& nodes, Executor& executor)
      : options_(std::move(options)), nodes_(nodes), executor_(executor) {}
  void look();  // brings the machine to what the nodes say
  Result<void> announce_dns(const schema::Object& node);

  struct Alive {
    std::mutex mutex;
    NodeNetwork* network = nullptr;
    bool posted = false;
  };
  void wake();
  static void look_if_alive(Alive& alive);

  NodeNetworkOptions options_;
  client::Informer& nodes_;
  Executor& executor_;
  std::shared_ptr<Alive> alive_ = std::make_shared<Alive>();
  client::Subscription subscription_;
};

}  // namespace sampan::cmd
