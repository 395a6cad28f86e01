// One line a controller, in upstream's order of start. Each is a file of its own that defines its factory.
#include "controllers/controllers.h"

namespace sampan::controllers {

// Factories, one a file.
std::unique_ptr<Controller> make_deployment_controller(Environment& environment);
std::unique_ptr<Controller> make_job_controller(Environment& environment);
std::unique_ptr<Controller> make_replica_set_controller(Environment& environment);
std::unique_ptr<Controller> make_replication_controller_controller(Environment& environment);
std::unique_ptr<Controller> make_stateful_set_controller(Environment& environment);

namespace {

const std::vector<Entry>& entries() {
  static const std::vector<Entry> list = {
      // name, service account, workers, factory[, on by default]
      {"replicationcontroller-controller", "replication-controller", 5, make_replication_controller_controller},
      {"job-controller", "job-controller", 5, make_job_controller},
      {"deployment-controller", "deployment-controller", 5, make_deployment_controller},
      {"replicaset-controller", "replicaset-controller", 5, make_replica_set_controller},
      {"statefulset-controller", "statefulset-controller", 5, make_stateful_set_controller},
  };
  return list;
}

}  // namespace

std::span<const Entry> all_controllers() { return entries(); }

}  // namespace sampan::controllers
