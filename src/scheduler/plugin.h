// What a plug-in is. A profile (profile.h) asks its plug-ins at the extension points of upstream's framework; a plug-in says at which it has something to
// say and overrides just these.
//
// One cycle is decided at a time, so a plug-in keeps what it works out for the pod (pre_filter, pre_score) in members until the next. Only pre_bind,
// bind and post_bind run beside the deciding, on other threads: they know the Placement alone.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/environment.h"
#include "client/api.h"
#include "scheduler/cluster_event.h"
#include "scheduler/state.h"
#include "scheduler/verdict.h"

namespace sampan::scheduler {

using schema::Object;
using schema::ObjectRef;

inline constexpr int64_t kScoreMax = 100;

// What plug-ins look up beyond pods and nodes.
class Lister {
 public:
  virtual ~Lister() = default;
  enum class Kind : uint8_t {
    Pod, PersistentVolume, PersistentVolumeClaim, StorageClass, CsiNode, CsiDriver, CsiStorageCapacity, VolumeAttachment,
    Service, ReplicationController, ReplicaSet, StatefulSet, DisruptionBudget,
    ResourceClaim, ResourceSlice, DeviceClass,
  };
  static constexpr size_t kKinds = 16;
  virtual ObjectRef find(Kind kind, std::string_view name_space, std::string_view name) const = 0;
  // Those of one namespace, or all ("").
  virtual void each(Kind kind, std::string_view name_space, const std::function<void(const ObjectRef&)>& visit) const = 0;
};

// What a plug-in may have done in the cluster.
class Effects {
 public:
  virtual ~Effects() = default;
  // Evicts the victims, one write after the other beside the deciding.
  virtual void preempt(const PodRef& preemptor, const std::vector<PodRef>& victims, std::string_view node) = 0;
  virtual bool is_preempting(std::string_view uid) const = 0;  // not all victims have been told yet
  // A write beside the deciding; those of one key one after the other, in order.
  virtual void later(std::string_view key, std::function<void()> write) = 0;
  virtual void tell(const PodInfo& pod, std::string_view reason, std::string_view action, std::string note) = 0;  // an event of it, type Normal
};

struct Cycle;

// The filters of the profile, for a plug-in that tries out what would be if.
class Filters {
 public:
  virtual ~Filters() = default;
  // While pods are placed or taken away to try: what depends on pods is worked out anew.
  virtual Verdict filter_anew(Cycle& cycle, NodeInfo& node) = 0;
};

struct Environment {
  State& state;
  const Lister& lister;
  Effects& effects;
  client::Api& api;
  Clock& clock;
  Random& random;
  std::string profile = {};     // schedulerName
  Filters* filters = nullptr;   // set by the profile
};

// The pod that is being decided on.
struct Cycle {
  State& state;
  PodRef ref;
  const PodInfo& pod;
};

// A decision that is being carried out.
struct Placement {
  PodRef pod;
  std::string node;
  std::map<const void*, std::shared_ptr<void>> data;  // what a plug-in's reserve() left for its pre_bind()
  int64_t started_us = 0, bind_since_us = 0;
  unsigned attempts = 0;
};

// Why no node will do.
struct Diagnosis {
  size_t all_nodes = 0;
  std::vector<std::pair<uint32_t, Verdict>> failed;  // by slot
  Code others = Code::UnschedulableAndUnresolvable;  // of the nodes that have no verdict
  std::string others_reason;
  std::string pre_filter_message, post_filter_message;
  std::set<std::string_view> plugins;  // that refused it
  // "0/5 nodes are available: 3 Insufficient cpu, 2 node(s) were unschedulable. preemption: ..."
  std::string message(const Reasons& reasons) const;
};

struct PostFilterResult {
  Status status;
  std::optional<std::string> nominate;  // "" takes a nomination back
};

enum Point : uint32_t {
  kQueueSort = 1, kPreEnqueue = 2, kPreFilter = 4, kFilter = 8, kPostFilter = 16, kPreScore = 32, kScore = 64, kReserve = 128, kPermit = 256,
  kPreBind = 512, kBind = 1024, kPostBind = 2048,
};
using NodeList = std::span<NodeInfo* const>;

class Plugin {
 public:
  explicit Plugin(Environment& environment) : environment_(environment) {}
  virtual ~Plugin() = default;
  virtual std::string_view name() const = 0;
  virtual uint32_t points() const = 0;

  // After this plug-in refused a pod: what may change its mind, and whether this event does for this pod.
  virtual std::vector<Interest> interests() const { return {}; }
  virtual bool may_help(const PodInfo& pod, const ClusterEvent& event) const {
    (void)pod, (void)event;
    return true;
  }
  // Does what pre_filter() works out depend on which pods are placed where? It is worked out anew when some are added or taken away to try.
  virtual bool depends_on_pods() const { return false; }

  // Queue sort: is `a`, waiting since then, to be decided on before `b`?
  virtual bool less(const PodInfo& a, int64_t a_since, const PodInfo& b, int64_t b_since) const {
    (void)a, (void)b;
    return a_since < b_since;
  }
  virtual Status pre_enqueue(const PodInfo&) { return Status::success(); }
  // May name the only nodes that come into question.
  virtual Status pre_filter(Cycle&, std::optional<std::set<std::string>>& only) {
    (void)only;
    return Status::success();
  }
  virtual Verdict filter(Cycle&, const NodeInfo&) { return {}; }
  virtual PostFilterResult post_filter(Cycle&, Diagnosis&) { return {}; }
  virtual Status pre_score(Cycle&, NodeList) { return Status::success(); }
  // All scores at once, from 0 to kScoreMax.
  virtual void score(Cycle&, NodeList, std::span<int64_t>) {}
  virtual Status reserve(Cycle&, Placement&) { return Status::success(); }
  virtual void unreserve(Placement&) {}
  virtual Status permit(Placement&) { return Status::success(); }
  // Success, an error, or Wait: asked again when one of interests() happens, or after its time.
  virtual Status pre_bind(Placement&) { return Status::success(); }
  virtual Status bind(Placement&) { return Status::skip(); }  // skip: the next one is to bind
  virtual void post_bind(Placement&) {}

 protected:
  Verdict refuse(std::string_view reason, Code code = Code::UnschedulableAndUnresolvable) {
    return {code, 0, environment_.state.reasons.of(reason)};
  }
  Environment& environment_;
};

// Score helpers.
void normalize(std::span<int64_t> scores, bool reverse);  // the largest becomes kScoreMax (or, in reverse, 0)

}  // namespace sampan::scheduler
