#include "scheduler/plugins.h"

#include "scheduler/plugins/makers.h"

namespace sampan::scheduler {

std::span<const PluginEntry> all_plugins() {
  static constexpr PluginEntry kPlugins[] = {
      {"SchedulingGates", 0, make_scheduling_gates},
      {"PrioritySort", 0, make_priority_sort},
      {"NodeUnschedulable", 0, make_node_unschedulable},
      {"NodeName", 0, make_node_name},
      {"TaintToleration", 3, make_taint_toleration},
      {"NodeAffinity", 2, make_node_affinity},
      {"NodePorts", 0, make_node_ports},
      {"NodeResourcesFit", 1, make_node_resources_fit},
      {"VolumeRestrictions", 0, make_volume_restrictions},
      {"NodeVolumeLimits", 0, make_node_volume_limits},
      {"VolumeBinding", 0, make_volume_binding},
      {"VolumeZone", 0, make_volume_zone},
      {"PodTopologySpread", 2, make_pod_topology_spread},
      {"InterPodAffinity", 2, make_inter_pod_affinity},
      {"DynamicResources", 2, make_dynamic_resources},
      {"DefaultPreemption", 0, make_default_preemption},
      {"NodeResourcesBalancedAllocation", 1, make_node_resources_balanced_allocation},
      {"ImageLocality", 1, make_image_locality},
      {"DefaultBinder", 0, make_default_binder},
  };
  return kPlugins;
}

const PluginEntry* find_plugin(std::string_view name) {
  for (auto& entry : all_plugins())
    if (entry.name == name) return &entry;
  return nullptr;
}

}  // namespace sampan::scheduler
