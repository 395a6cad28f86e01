// What the agent makes of the container runtime's word, or of its silence: for the node's condition, and for pods that want to start.
#pragma once
#include "kubelet/runtime.h"

namespace sampan::kubelet {

class RuntimeHealth {
 public:
  void saw(const Result<RuntimeStatus>& status, int64_t now_us);
  // Why the node is not ready, "" if it is. A runtime that is away for a moment, to be exchanged for a newer one, is no reason: containers run on without
  // it, and their services shall not lose them.
  std::string node_problem(int64_t now_us) const;
  // Why no pod can be started now.
  std::string pod_problem() const { return !away_.empty() ? away_ : !runtime_.empty() ? runtime_ : network_; }

 private:
  int64_t good_us_ = 0;  // when it was last all right; 0: never yet
  std::string away_ = "container runtime status check may not have completed yet", runtime_, network_;
};

}  // namespace sampan::kubelet
