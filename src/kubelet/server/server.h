// The node's HTTPS server: what the API server asks of an agent (logs, exec, attach, port forwarding), and what those ask who
// watch over nodes (pods, statistics, metrics). It answers from Pods and passes streams on to the container runtime.
#pragma once
#include "kubelet/pods.h"
#include "net/relay.h"
#include "net/server.h"

namespace sampan::kubelet {

struct NodeUser {
  std::string name;
  std::vector<std::string> groups;
};

// Who may ask what. The agent asks the API server (token and access reviews), or in one process its parts.
class NodeAccess {
 public:
  virtual ~NodeAccess() = default;
  // Nobody: no credentials that are known. An error: they could not be looked at.
  virtual Result<std::optional<NodeUser>> authenticate(const net::Request& request) = 0;
  // "nodes/SUBRESOURCE" of this node; verb as the API has it ("get", "create").
  virtual Result<bool> authorize(const NodeUser& user, std::string_view verb, std::string_view subresource, std::string_view path) = 0;
};
// By client certificates alone: members of system:masters and the users named here may do anything, nobody else a thing.
std::unique_ptr<NodeAccess> certificate_access(std::vector<std::string> users);

struct NodeServerOptions {
  std::string address = "0.0.0.0";
  uint16_t port = 10250;
  net::TlsOptions tls;      // with the CA of clients
  std::string configz;      // JSON of a KubeletConfiguration
  bool debugging = true;    // exec and the like; otherwise refused
  unsigned threads_max = 512;
};

// What the server answers from. All outlive it.
struct NodeServerParts {
  Pods& pods;
  Runtime& runtime;
  NodeAccess& access;
  std::function<std::string()> metrics;           // Prometheus' text form, of the agent itself
  std::function<std::string()> cadvisor_metrics;  // of containers; may be empty
  std::function<Result<void>()> health;           // may be empty
};

class NodeServer {
 public:
  static Result<std::unique_ptr<NodeServer>> start(NodeServerOptions options, NodeServerParts parts);
  virtual ~NodeServer() = default;  // ends all streams
  virtual uint16_t port() const = 0;
};

}  // namespace sampan::kubelet
