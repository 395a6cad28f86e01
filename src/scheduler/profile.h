// A scheduling profile: which plug-ins decide for the pods of one schedulerName, in which order and with which weights; and the running of them.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "scheduler/config.h"
#include "scheduler/plugin.h"

namespace sampan::scheduler {

class Profile final : public Filters {
 public:
  // An error names what in the configuration cannot be.
  static Result<std::unique_ptr<Profile>> create(const ProfileConfig& config, Environment environment);

  const std::string& name() const { return environment_.profile; }
  Environment& environment() { return environment_; }
  const std::vector<std::unique_ptr<Plugin>>& plugins() const { return plugins_; }
  int percentage_of_nodes_to_score() const { return percentage_; }  // -1: as the whole scheduler
  bool has_filters() const { return !at(kFilter).empty(); }
  bool has_scores() const { return !scores_.empty(); }

  bool less(const PodInfo& a, int64_t a_since, const PodInfo& b, int64_t b_since) const;  // queue sort
  Status pre_enqueue(const PodInfo& pod) const;
  // For plug-ins with an interest in the event among those that refused the pod.
  bool may_help(const PodInfo& pod, const std::set<std::string_view>& refused_by, const ClusterEvent& event) const;
  bool is_interested(const ClusterEvent& event) const;

  // Prepares the plug-ins for the pod; those that have nothing to do are left out of the cycle from here on.
  Status pre_filter(Cycle& cycle, std::optional<std::set<std::string>>& only, std::set<std::string_view>& named_by);
  // With the pods that are nominated to the node and go first, and without them.
  Verdict filter(Cycle& cycle, NodeInfo& node);
  Verdict filter_anew(Cycle& cycle, NodeInfo& node) override;
  PostFilterResult post_filter(Cycle& cycle, Diagnosis& diagnosis);
  Status score(Cycle& cycle, NodeList nodes, std::vector<int64_t>& totals);
  Status reserve(Cycle& cycle, Placement& placement);
  void unreserve(Placement& placement);
  Status permit(Placement& placement);
  Status pre_bind(Placement& placement);
  Status bind(Placement& placement);
  void post_bind(Placement& placement);

 private:
  explicit Profile(Environment environment) : environment_(std::move(environment)) { environment_.filters = this; }
  Result<void> choose(const ProfileConfig& config);
  const std::vector<Plugin*>& at(Point point) const;
  Verdict run_filters(Cycle& cycle, const NodeInfo& node);
  void choose_filters();
  void refresh(Cycle& cycle);
  uint8_t number_of(const Plugin* plugin) const;

  Environment environment_;
  std::vector<std::unique_ptr<Plugin>> plugins_;
  std::vector<std::vector<Interest>> interests_;  // by plug-in
  std::vector<Plugin*> by_point_[12];
  std::vector<std::pair<Plugin*, int64_t>> scores_;
  // Of this cycle:
  std::set<const Plugin*> skipped_;
  std::vector<std::pair<Plugin*, uint8_t>> active_filters_;
  int percentage_ = -1;
};

}  // namespace sampan::scheduler
