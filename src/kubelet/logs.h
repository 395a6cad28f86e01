// Logs of containers are kept from growing without end: rotated at a size, and a few old ones kept, compressed.
#pragma once
#include "kubelet/pod_workers.h"

namespace sampan::kubelet {

struct LogLimits {
  int64_t bytes_max = 10 << 20;
  unsigned files_max = 5;  // of a container, the one being written too
};
// Looks at the logs of all containers that run.
void rotate_logs(Runtime& runtime, const std::vector<KnownPod>& pods, const LogLimits& limits, Clock& clock);
// One log: renamed to NAME.TIMESTAMP, the runtime told to begin anew; the one before it compressed, the oldest removed.
Result<void> rotate_log(Runtime& runtime, const std::string& container_id, const std::string& path, const LogLimits& limits, int64_t now_us);
// Links in the folder of container logs that lead nowhere any more.
void remove_dead_links(const std::string& folder);

}  // namespace sampan::kubelet
