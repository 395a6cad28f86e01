// The plug-in for pods that claim devices; see dynamic_resources.cpp. What is decided is written in dynamic_resources_bind.cpp.
#pragma once
#include <mutex>

#include "devices/allocator.h"
#include "scheduler/node_match.h"
#include "scheduler/plugins/extended_resources.h"

namespace sampan::scheduler {

class DynamicResources final : public Plugin {
 public:
  DynamicResources(Environment& environment, int64_t filter_seconds, int64_t binding_seconds)
      : Plugin(environment), filter_us_(filter_seconds * kSecond), binding_us_(binding_seconds * kSecond) {}
  std::string_view name() const override { return "DynamicResources"; }
  uint32_t points() const override { return kPreEnqueue | kPreFilter | kFilter | kPostFilter | kPreScore | kScore | kReserve | kPreBind; }
  std::vector<Interest> interests() const override;
  bool may_help(const PodInfo& pod, const ClusterEvent& event) const override;

  Status pre_enqueue(const PodInfo& pod) override;
  Status pre_filter(Cycle& cycle, std::optional<std::set<std::string>>&) override;
  Verdict filter(Cycle& cycle, const NodeInfo& node) override;
  PostFilterResult post_filter(Cycle& cycle, Diagnosis&) override;
  Status pre_score(Cycle&, NodeList) override { return claims_.empty() ? Status::skip() : Status::success(); }
  void score(Cycle& cycle, NodeList nodes, std::span<int64_t> scores) override;
  Status reserve(Cycle& cycle, Placement& placement) override;
  void unreserve(Placement& placement) override;
  Status pre_bind(Placement& placement) override;

 private:
  using Kind = Lister::Kind;
  static constexpr int64_t kSecond = 1'000'000;

  // What a claim of the pod is like at the beginning of the cycle.
  struct Known {
    ObjectRef claim;  // null: the one for extended resources, which each node makes for itself
    std::optional<NodeSelector> nodes;  // where its devices can be used, if they are allocated; none: everywhere
    bool extended = false;
    bool allocated = false;
  };
  // What it would come to on a node.
  struct Plan {
    std::vector<devices::Allocation> allocations;  // of those that have none, in their order
    std::vector<ObjectRef> claims;                 // whose allocations borrow of these
    std::vector<RequestMapping> mappings;
  };
  // What is to be written of a claim before the pod can be bound.
  struct Write {
    std::string uid, name_space, name;  // the name is "" until the claim is made
    ObjectRef claim;                    // with its allocation, if that is to be written; null if it has one
    bool extended = false;
    bool may_be_reserved = false;       // the pod may stand in its status
    int64_t written = 0;                // its revision then
  };
  struct Work {
    std::vector<Write> writes;
    std::vector<RequestMapping> mappings;
    bool told = false;
    int64_t deadline_us = 0;
  };

  void forget();
  Status look_at(const PodInfo& pod);
  Status find_claims(const PodInfo& pod);
  Status prepare(Known& known);
  Status check_classes(const Object& claim) const;
  void open_market();
  std::vector<std::string> resources_of_devices(const PodInfo& pod, const NodeInfo& node, std::string& missing) const;
  Verdict find_devices(Cycle& cycle, const NodeInfo& node, Plan& plan);
  bool is_lost(const Object& claim) const;
  int64_t score_of(const Plan& plan) const;
  void deallocate(const ObjectRef& claim);
  void delete_claim(std::string_view name_space, std::string_view name);
  void take_back(const Write& write, std::string_view pod_uid);

  // dynamic_resources_bind.cpp
  Result<void> write(const Placement& placement, const Work& work, Write& write);
  Result<void> create(Write& write);
  Result<void> protect(const Write& write);
  Result<void> tell_pod(const Placement& placement, const Work& work, const Write& write);
  Result<bool> is_ready(const Work& work);
  bool is_pending(std::string_view uid);
  void end_pending(std::string_view uid);

  const int64_t filter_us_, binding_us_;
  devices::Selectors selectors_;
  std::unique_ptr<devices::Inventory> inventory_;  // kept while no slice changes
  // Of this cycle:
  std::string uid_;  // whose
  std::vector<Known> claims_;
  size_t missing_ = 0;  // claims that have no devices yet
  devices::Allocated allocated_;
  std::unique_ptr<devices::Allocator> allocator_;
  std::set<size_t> unavailable_;    // claims whose devices some node cannot use
  std::map<uint32_t, Plan> plans_;  // by slot
  std::map<std::vector<std::string>, ExtendedClaim> extended_;  // by the resources that a node leaves to devices
  std::string extended_uid_;

  std::mutex pending_mutex_;
  std::map<std::string, ObjectRef, std::less<>> pending_;  // by uid: claims whose devices are decided on but not seen to be written
};

}  // namespace sampan::scheduler
