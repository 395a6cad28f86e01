// A whole control plane in this process: API server, controllers and scheduler on one copy of every object.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "client/informer.h"
#include "cmd/api_process.h"
#include "cmd/join_info.h"
#include "cmd/node_process.h"
#include "controllers/node_health.h"

namespace sampan::cmd {

struct ServerOptions {
  ApiserverOptions api;
  ClusterSettings settings;                // without networks for pods nodes get no addresses from us
  int64_t node_grace_us = controllers::NodePatience().grace_us;
  std::string local_path;                  // where volumes that are made on demand live on a node
  std::string kubeconfig;                  // where the administrator's credential is also written; "": only in the data directory
  bool controllers = true, scheduler = true;
  std::optional<NodeOptions> node;         // a node in the same process
  std::vector<std::string> controller_names = {"*"};  // "*" = all that are on by default, "name" on, "-name" off
};

class ServerProcess {
 public:
  static Result<std::unique_ptr<ServerProcess>> start(const ServerOptions& options);
  virtual ~ServerProcess() = default;
  virtual ApiProcess& api() = 0;
  virtual client::Informers& informers() = 0;
  virtual Executor& executor() = 0;
  virtual void stop() = 0;
};

}  // namespace sampan::cmd
