// Whether the node takes a pod that was given to it: what the scheduler has looked at as well, but not everything comes through a scheduler, and
// the node may have changed.
#pragma once
#include "kubelet/parts.h"

namespace sampan::kubelet {

struct AdmissionInput {
  core_v1::Pod pod;
  core_v1::Node node;                      // absent: not known yet
  const Quantities& allocatable;
  const std::vector<schema::ObjectRef>& others;  // that have not ended
  bool supplemental_groups_policy = false;  // the runtime can
};
std::optional<Parts::Refusal> admit(const AdmissionInput& input);

bool selector_matches(const core_v1::NodeSelectorTerm& term, const core_v1::Node& node);

}  // namespace sampan::kubelet
