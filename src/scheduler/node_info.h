// A node and what is on it.
#pragma once
#include <string>
#include <vector>

#include "scheduler/pod_info.h"

namespace sampan::scheduler {

struct NodeInfo {
  uint32_t slot = 0;
  std::string name;
  schema::ObjectRef object;  // null: pods name it, but it is not (or no more) there
  core_v1::Node node;
  bool unschedulable = false;
  Amounts allocatable, requested;
  int64_t nonzero_milli_cpu = 0, nonzero_memory = 0;
  std::vector<PodRef> pods;
  std::vector<HostPort> ports;
  std::string zone;         // region and zone: the order in which nodes are tried goes round these
  uint64_t arrival = 0;     // and in a zone by their arrival there

  void set(schema::ObjectRef object);
  void add(const PodRef& pod);
  void remove(const PodInfo& pod);
};

}  // namespace sampan::scheduler
