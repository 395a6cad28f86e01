// The downward API: what a container may be told about its own pod, as text.
#pragma once
#include "kubelet/resources.h"

namespace sampan::kubelet {

struct PodAddresses {
  std::vector<std::string> pod_ips, host_ips;
};

// Of fieldRef. Whole maps of labels and annotations are what a volume's file shows: k="v" lines.
Result<std::string> field_value(const core_v1::Pod& pod, const core_v1::ObjectFieldSelector& field, const PodAddresses& addresses);
// Of resourceFieldRef, for `container` unless it names another; a limit that is not set is what the node has to give.
Result<std::string> resource_value(const core_v1::Pod& pod, const core_v1::Container& container, const core_v1::ResourceFieldSelector& field,
                                   const Quantities& allocatable);

// $(NAME) with `lookup`; what it does not know stays as it is, $$ is a $.
std::string expand(std::string_view text, const std::function<std::optional<std::string_view>(std::string_view)>& lookup);

}  // namespace sampan::kubelet
