// The endpoints of the node's server, a function each.
#pragma once
#include "kubelet/server/server.h"

namespace sampan::kubelet {

// The query of a request, decoded.
class NodeQuery {
 public:
  explicit NodeQuery(std::string_view raw);
  std::optional<std::string> get(std::string_view name) const;
  std::vector<std::string> all(std::string_view name) const;
  bool is_one(std::string_view name) const { return get(name) == "1"; }
  bool is_true(std::string_view name) const;  // "true" and its kin

 private:
  std::vector<std::pair<std::string, std::string>> entries_;
};
std::string decode_path(std::string_view text);

struct NodeCall {
  net::Request& request;
  const NodeServerParts& parts;
  const NodeServerOptions& options;
  net::ThreadSet& threads;
  net::Client& client;              // to the runtime's streaming server
  std::vector<std::string> segments;  // of the path, decoded: "exec", NAMESPACE, POD, CONTAINER
  NodeQuery query;
};

net::Response text_answer(int status, std::string text);
net::Response json_answer(std::string text);

net::Response answer_logs(NodeCall& call);          // /containerLogs/NAMESPACE/POD/CONTAINER
net::Response answer_exec(NodeCall& call);          // /exec and /attach: NAMESPACE/POD[/UID]/CONTAINER
net::Response answer_port_forward(NodeCall& call);  // /portForward/NAMESPACE/POD[/UID]
net::Response answer_run(NodeCall& call);           // /run/NAMESPACE/POD[/UID]/CONTAINER
net::Response answer_pods(NodeCall& call, bool only_running);

}  // namespace sampan::kubelet
