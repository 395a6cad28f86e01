// What is told of the node: its object is made, its status kept up to date without words about nothing, its lease renewed.
#pragma once
#include "base/environment.h"
#include "client/api.h"
#include "kubelet/machine.h"
#include "kubelet/node_facts.h"
#include "kubelet/recorder.h"
#include "schema/value.h"

namespace sampan::kubelet {

// What pressure the node is under; set by who watches over its resources.
struct Pressure {
  bool memory = false, disk = false, processes = false;
  bool operator==(const Pressure&) const = default;
};

struct NodeInput {
  std::string name, host_name;
  std::vector<std::string> ips;
  TextMap labels;
  std::vector<std::pair<std::string, std::string>> taints;  // "key=value", effect: of a node that is made
  std::string provider_id;
  Machine machine;
  Quantities capacity, allocatable;
  std::string version;         // of the agent: "v1.36.3"
  RuntimeVersion runtime;
  std::vector<RuntimeHandler> handlers;
  bool supplemental_groups_policy = false;
  std::vector<Image> images;
  uint16_t port = 10250;
  Pressure pressure;
  std::string not_ready;  // why; "" if it is
  bool unschedulable = false;
};

Quantities capacity_of(const Machine& machine, const Space& root, int64_t pods_max);
// Less what is kept for the system, and for the agent to act before the kernel does.
Quantities allocatable_of(const Quantities& capacity, const Quantities& reserved, int64_t memory_threshold);

// Puts all that the agent is to tell into a core/v1 Node. `beat`: the times of the heartbeat are set anew.
void write_node(const NodeInput& input, schema::Value node, int64_t now, bool beat);

class NodeWriter {
 public:
  NodeWriter(client::Api& api, Recorder& recorder, Clock& clock) : api_(api), recorder_(recorder), clock_(clock) {}

  bool is_there(const std::string& name);  // the node, on the server
  // Makes the node, or takes over the one there is.
  Result<schema::ObjectRef> enroll(const NodeInput& input);
  // Writes the status if it has changed, or five minutes after it was last written. Tells of changes of conditions by events.
  Result<void> tell(const NodeInput& input);
  // Every ten seconds.
  Result<void> renew_lease(const std::string& node);

 private:
  void tell_changes(const schema::Object& before, const schema::Object& after, const std::string& name);

  client::Api& api_;
  Recorder& recorder_;
  Clock& clock_;
  int64_t written_at_ = 0;
  std::string node_uid_;
  schema::ObjectRef lease_;
};

}  // namespace sampan::kubelet
