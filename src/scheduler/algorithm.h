// Which node a pod goes to.
#pragma once
#include "scheduler/profile.h"

namespace sampan::scheduler {

struct Decision {
  NodeInfo* node = nullptr;  // null: none
  Status error;              // where something is broken
  size_t evaluated = 0, feasible = 0;
};

class Algorithm {
 public:
  // 0 percent: by the size of the cluster.
  Algorithm(State& state, Random& random, int percentage) : state_(state), dice_(random.next() | 1), percentage_(percentage) {}
  // Where no node will do and nothing is broken, the diagnosis says why.
  Decision decide(Profile& profile, Cycle& cycle, Diagnosis& diagnosis);
  // How many nodes that would do are enough to choose from.
  static size_t enough_nodes(size_t all, int percentage);

 private:
  Status filter(Profile& profile, Cycle& cycle, NodeList nodes, size_t start, Diagnosis& diagnosis, std::vector<NodeInfo*>& feasible);
  Status find_feasible(Profile& profile, Cycle& cycle, Diagnosis& diagnosis, std::vector<NodeInfo*>& feasible);
  size_t best_of(const std::vector<int64_t>& scores);

  State& state_;
  uint64_t dice_;  // among nodes that are equally good; needs to be quick, not good
  const int percentage_;
  size_t next_start_ = 0;  // where the next search begins, so that all nodes have their turn
};

}  // namespace sampan::scheduler
