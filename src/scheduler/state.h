// What the scheduler knows of the cluster: nodes, what is on them, what is about to be on them. Each change is worked in where it happens; nothing is
// built anew for a cycle.
//
// Pods can be placed and taken away for the sake of a question ("would it fit without this one?") as cheaply as for real, so preemption and nominated
// pods need no copies: see Hypothesis.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "scheduler/columns.h"
#include "scheduler/node_info.h"
#include "scheduler/pod_info.h"
#include "scheduler/verdict.h"

namespace sampan::scheduler {

class State {
 public:
  // ---- what happens ----
  void set_node(schema::ObjectRef node);
  void remove_node(std::string_view name);
  void set_namespace(std::string_view name, schema::ObjectRef object);  // null: it is gone
  // A pod with spec.nodeName, new or changed. True if it was there already (not only assumed).
  bool set_pod(schema::ObjectRef pod);
  void remove_pod(std::string_view uid);

  // ---- pods that are being bound ----
  void assume(const PodRef& pod, NodeInfo& node);
  bool is_assumed(std::string_view uid) const;
  bool is_placed(std::string_view uid) const { return placed_.contains(std::string(uid)); }
  // Takes an assumed pod away again. False if it is not assumed (any more).
  bool forget(std::string_view uid);

  // ---- pods that have been promised a node ----
  void nominate(const PodRef& pod, std::string_view node);
  void withdraw(std::string_view uid);
  std::string_view nominated_node(std::string_view uid) const;
  const std::vector<PodRef>* nominated(std::string_view node) const;  // null if none
  bool any_nominated() const { return !nominated_.empty(); }

  // ---- to look at ----
  PodRef make_pod(schema::ObjectRef pod);
  NodeInfo* find_node(std::string_view name);               // null if it is not there
  const std::vector<NodeInfo*>& nodes();                    // those that are there, round the zones
  uint32_t slots() const { return static_cast<uint32_t>(slots_.size()); }
  NodeInfo* at(uint32_t slot) { return slots_[slot].get(); }  // null where no node has the slot
  schema::Labels namespace_labels(std::string_view name) const;
  int claim_users(std::string_view claim) const;            // placed pods that use the claim
  struct Image {
    std::vector<std::pair<uint32_t, int64_t>> nodes;  // slot, bytes
  };
  const Image* image(std::string_view name) const;
  const PodRef* placed_pod(std::string_view uid) const;
  size_t pods() const { return placed_.size(); }
  size_t assumed() const { return assumed_; }

  // ---- columns, made where they are not there yet ----
  std::shared_ptr<const NodeColumn> column(const std::string& key, const std::function<std::function<int32_t(const core_v1::Node&)>()>& make);
  std::shared_ptr<Topology> topology(std::string_view key);
  std::shared_ptr<const PodSet> pod_set(std::vector<MatcherRef> matchers, bool skip_terminating);
  MatcherRef matcher(PodMatcher matcher);  // with its key, shared
  // Groups that have a pod and mean this one.
  template <class Visit>
  void groups_that_mean(const PodInfo& pod, Visit&& visit) {
    auto labels = namespace_labels(pod.name_space);
    group_index_.candidates(pod.name_space, pod.labels, [&](TermGroup& group) {
      if (group.total > 0 && group.matcher->matches(pod.name_space, labels, pod.labels)) visit(group);
    });
  }
  void sweep();  // between cycles: columns that nobody wants any more go when they have become many

  Reasons reasons;

 private:
  friend class Hypothesis;
  struct Placed {
    PodRef pod;
    NodeInfo* node = nullptr;
    bool assumed = false;
  };
  NodeInfo& ensure_node(std::string_view name);
  void drop_node_if_empty(NodeInfo& node);
  void columns_changed(NodeInfo& node);
  void change_images(const NodeInfo& node, bool there);
  void put(const PodRef& pod, NodeInfo& node, bool there);  // adds to or takes from all that counts
  void count(const PodInfo& pod, uint32_t slot, int sign);
  void read_terms(PodInfo& pod);
  bool read_term(const core_v1::PodAffinityTerm& term, int32_t weight, PodInfo& pod, std::vector<AffinityTerm>& into, TermGroup::Kind kind);
  std::shared_ptr<TermGroup> group(TermGroup::Kind kind, const AffinityTerm& term);
  bool in_set(const PodSet& set, const PodInfo& pod) const;
  void recount_namespace_selectors();
  size_t shared_things() const;

  std::vector<std::unique_ptr<NodeInfo>> slots_;
  std::vector<uint32_t> free_slots_;
  std::unordered_map<std::string_view, NodeInfo*> nodes_by_name_;  // keys in the NodeInfo
  std::vector<NodeInfo*> order_;
  bool order_is_stale_ = false;
  uint64_t arrivals_ = 0;

  std::unordered_map<std::string, Placed> placed_;  // by uid
  size_t assumed_ = 0;
  std::map<std::string, std::vector<PodRef>, std::less<>> nominated_;
  std::unordered_map<std::string, std::string> nominated_node_;  // by uid
  std::map<std::string, schema::ObjectRef, std::less<>> namespaces_;
  std::map<std::string, int, std::less<>> claim_users_;
  std::unordered_map<std::string, Image> images_;

  std::unordered_map<std::string, std::shared_ptr<NodeColumn>> columns_;
  std::unordered_map<std::string, std::shared_ptr<Topology>> topologies_;
  std::unordered_map<std::string, std::shared_ptr<PodSet>> pod_sets_;
  std::unordered_map<std::string, std::shared_ptr<TermGroup>> groups_;
  std::unordered_map<std::string, std::weak_ptr<const PodMatcher>> matchers_;
  MatcherIndex<PodSet> pod_set_index_;
  MatcherIndex<TermGroup> group_index_;
  size_t swept_to_ = 64;
};

// Pods placed or taken away for as long as this lives.
class Hypothesis {
 public:
  explicit Hypothesis(State& state) : state_(state) {}
  ~Hypothesis();
  Hypothesis(const Hypothesis&) = delete;
  void add(const PodRef& pod, NodeInfo& node) { step(pod, node, true); }
  void remove(const PodRef& pod, NodeInfo& node) { step(pod, node, false); }

 private:
  void step(const PodRef& pod, NodeInfo& node, bool there);
  struct Step {
    PodRef pod;
    NodeInfo* node;
    bool there;
  };
  State& state_;
  std::vector<Step> steps_;
};

}  // namespace sampan::scheduler
