// A pod as the scheduler sees it: its object and what follows from it, worked out once.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "scheduler/amounts.h"
#include "scheduler/columns.h"
#include "schema/object.h"

namespace sampan::scheduler {

struct HostPort {
  std::string ip;  // "0.0.0.0" for all
  std::string protocol;
  int32_t port;
  bool conflicts(const HostPort& other) const {
    return port == other.port && protocol == other.protocol && (ip == other.ip || ip == kAll || other.ip == kAll);
  }
  static constexpr std::string_view kAll = "0.0.0.0";
};

struct AffinityTerm {
  MatcherRef matcher;
  std::shared_ptr<Topology> topology;
  int32_t weight = 0;  // of preferred ones
};

struct PodInfo {
  schema::ObjectRef object;
  core_v1::Pod pod;
  std::string_view name, name_space, uid;  // of the object
  std::string key;                         // "namespace/name"
  schema::Labels labels;
  int32_t priority = 0;
  bool terminating = false;
  PodAmounts amounts;
  std::vector<HostPort> ports;
  std::vector<std::string> claims;  // "namespace/name" of the persistent volume claims it uses

  std::vector<AffinityTerm> required_affinity, required_anti_affinity, preferred_affinity, preferred_anti_affinity;
  std::string broken_affinity;  // why the terms cannot be understood; validation should have refused them
  std::vector<std::shared_ptr<TermGroup>> groups;  // the same terms, as what counts them where the pod is placed

  // Columns that this pod's scheduling made or used stay while pods like it are about.
  mutable std::vector<std::shared_ptr<const void>> kept;
  void keep(std::shared_ptr<const void> thing) const {
    for (auto& one : kept)
      if (one == thing) return;
    kept.push_back(std::move(thing));
  }
};
using PodRef = std::shared_ptr<const PodInfo>;

std::vector<HostPort> host_ports(const core_v1::Pod& pod);
// The claim that a volume of the pod uses, "" if it uses none. An ephemeral volume's claim is named after pod and volume.
std::string claim_name(const core_v1::Pod& pod, const core_v1::Volume& volume);
bool is_finished(const core_v1::Pod& pod);  // Succeeded or Failed: needs no room any more
int64_t start_time(const core_v1::Pod& pod, int64_t now_seconds);
// Which of two pods on a node is to be spared before the other.
bool more_important(const PodInfo& a, const PodInfo& b, int64_t now_seconds);

}  // namespace sampan::scheduler
