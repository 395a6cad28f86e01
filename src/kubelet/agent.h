// The node agent: everything in this folder put together, for one node and one API.
#pragma once
#include <memory>

#include "client/api.h"
#include "client/informer.h"
#include "kubelet/cri/client.h"
#include "kubelet/paths.h"
#include "kubelet/pods.h"
#include "kubelet/resources.h"
#include "kubelet/volumes/volumes.h"

namespace sampan::kubelet {

struct AgentOptions {
  std::string node_name;               // "" the host's name
  std::vector<std::string> node_ips;   // empty: found
  TextMap node_labels;
  std::vector<std::pair<std::string, std::string>> register_taints;  // "key=value", effect
  std::string provider_id;
  CriOptions cri;
  Paths paths;
  std::string static_pods;             // a folder of manifests; "" none
  std::string cluster_domain = "cluster.local";
  std::vector<std::string> cluster_dns;
  std::string resolv_conf;             // "" is /etc/resolv.conf, or what systemd-resolved hides behind it
  std::string cgroup_mount = "/sys/fs/cgroup", cgroup_root;  // "" or "/folder"
  int64_t pods_max = 110;
  Quantities reserved;                 // of the node's resources, for the system
  std::string version = "v1.36.3";
  uint16_t port = 10250;               // of the node's HTTPS server, as it is told
  bool seccomp_default = false;
  std::vector<std::string> keep_images;  // never removed for want of space: what the cluster brought along
  // The caches hold every object of the cluster, as in the API server's process; over the network they hold this node's pods alone (RemoteCaches::narrow)
  // and config maps and secrets are got one by one.
  bool all_objects = true;
  std::function<std::unique_ptr<Volumes>(Cluster&, const VolumesOptions&)> make_volumes;
};

class Agent {
 public:
  // Connects to nothing yet that would have to be there: a runtime that is away makes the node not ready. Everything given outlives the agent.
  static Result<std::unique_ptr<Agent>> start(AgentOptions options, client::Api& api, client::Informers& caches, Executor& timers, Clock& clock);
  virtual ~Agent() = default;  // containers run on

  virtual Pods& pods() = 0;
  virtual Runtime& runtime() = 0;
  virtual Result<void> health() = 0;       // of /healthz: the loops go on
  virtual std::string metrics() = 0;       // of the agent itself, Prometheus' text form
  virtual const std::string& node_name() const = 0;
};

}  // namespace sampan::kubelet
