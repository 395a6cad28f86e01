// A node in this process: the agent, its HTTPS server, the pods' network, the service proxy and the cluster's DNS.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "client/api.h"
#include "client/informer.h"
#include "cluster/certificates.h"
#include "network/cni/install.h"

namespace sampan::cmd {

struct NodeOptions {
  std::string data_dir, run_dir;
  std::string node_name;                // "": the machine's name
  std::string node_ip;                  // what others reach it at
  std::string runtime_endpoint;         // "unix:///..."
  std::string cluster_domain = "cluster.local";
  std::string dns_ip;                   // of the service kube-dns; "": pods use the machine's resolvers
  std::vector<std::string> cluster_cidrs, service_cidrs;
  std::string client_ca_file;           // who may ask the node
  cluster::KeyPair serving;             // of the node's HTTPS server
  uint16_t port = 10250, dns_port = 10053;
  bool all_objects = true;              // the caches hold every object, as in the server's process
  bool proxy = true;
};

class NodeProcess {
 public:
  // `api` has the node's identity. All that is given outlives the node.
  static Result<std::unique_ptr<NodeProcess>> start(NodeOptions options, client::Api& api, client::Informers& informers, Executor& executor);
  virtual ~NodeProcess() = default;  // containers run on, and the rules of the network stay
  virtual const std::string& node_name() = 0;
  virtual std::string resource_metrics() = 0;  // what it and its pods use, as /metrics/resource
};

// The names of what a cluster makes in the kernel and for container runtimes: the usual ones, and others for a second cluster on one machine.
network::cni::Installation cni_installation(const std::string& data_dir, const std::string& run_dir);
std::string proxy_table(const std::string& data_dir);
std::string pod_cgroup_root(const std::string& data_dir);  // "" or "/folder"
void remove_pod_cgroups(const std::string& data_dir);      // once nothing runs in them

}  // namespace sampan::cmd
