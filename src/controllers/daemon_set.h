// Decisions of the daemon set controller: which nodes want a pod, and which pods to make and to remove.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/apps_v1.h"
#include "controllers/pods.h"
#include "schema/value.h"

namespace sampan::controllers {

using DaemonSet = api::apps_v1::DaemonSet;

// Whether a node should get a pod of the set, and whether a pod that is there may stay.
struct NodeFit {
  bool should_run = false, may_stay = false;
  static NodeFit of(const schema::Object& set, const schema::Object& node);
};

// Where a pod is or is to go; "" if that is not known.
std::string_view target_node(Pod pod);
// Makes a pod of the template one of this node, that tolerates what daemons do.
void aim_at_node(schema::Value pod, std::string_view node);

struct DaemonView {
  const schema::Object& object;
  const Objects& nodes;
  const std::map<std::string, Objects, std::less<>>& pods;  // by target node, also of nodes that are gone
  std::string_view hash;                                    // of the newest revision
  int64_t now_us = 0;
  // How long a failed pod of the node is still to be left alone; 0: not any more.
  std::function<int64_t(std::string_view node)> failed_wait_us;

  DaemonSet set() const { return object.as<DaemonSet>(); }
  bool is_updated(Pod pod) const;
  bool available(Pod pod) const { return is_available(pod, set().spec().min_ready_seconds(), now_us); }
};

struct DaemonPlan {
  std::vector<std::string> create_on;  // nodes
  Objects remove;
  Objects failed, succeeded;  // of those that are removed
  int64_t look_again_us = -1;
  bool empty() const { return create_on.empty() && remove.empty(); }
};

// One pod on each node that wants one (two while a surge lasts).
DaemonPlan plan_daemon(const DaemonView& view);
// The next step towards the newest revision, once there is nothing else to do.
DaemonPlan plan_daemon_update(const DaemonView& view);

struct DaemonCounts {
  int32_t desired = 0, current = 0, misscheduled = 0, ready = 0, updated = 0, available = 0;
};
DaemonCounts count_daemon(const DaemonView& view);

}  // namespace sampan::controllers
