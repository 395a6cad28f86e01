// The volumes of pods: made, kept up to date and taken away again. What is on the disk and in the mount table is the only state, so
// that an agent that was restarted goes on where the last one stopped.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/core_v1.h"
#include "kubelet/cluster.h"
#include "kubelet/paths.h"

namespace sampan::kubelet {

struct MountedVolume {
  std::string host_path;  // a folder, or the file, socket or device that a hostPath names
  bool read_only = false;  // whatever a mount of it says
  bool se_linux_relabel = false;
  std::string block_device;  // a claim with volumeMode Block: the device; host_path is empty then
  std::string image;         // an image volume: the runtime mounts it
};

// Why a volume is not there. `reason` and `message` are what the event says; the agent sends it, and tries again with a back-off.
struct VolumeError {
  std::string volume;                    // spec.volumes[].name
  std::string_view reason = "FailedMount";  // or "FailedMapVolume", "FailedAttachVolume": always a literal
  std::string message;                   // MountVolume.SetUp failed for volume "x" : configmap "y" not found
};

struct MountOutcome {
  std::map<std::string, MountedVolume> volumes;  // by spec.volumes[].name
  std::vector<VolumeError> errors;               // empty: the pod may start
};

// Every call blocks and is made for one pod at a time, for different pods at once.
class Volumes {
 public:
  virtual ~Volumes() = default;

  // Makes all volumes of the pod that are not there yet. Tries once, waits for nothing; safe to repeat.
  virtual MountOutcome mount(const api::core_v1::Pod& pod) = 0;
  // Brings the contents of config maps, secrets, projections, tokens and the downward API up to date. Called when something that the pod
  // uses has changed, and when the time that the last call gave is over; gives the time (microseconds, wall clock) of the next need, such as a
  // token that must be renewed; none: never of itself.
  virtual std::optional<int64_t> refresh(const api::core_v1::Pod& pod) = 0;
  // After its last container is gone: unmounts and removes everything below pods/UID/volumes (and volume-subpaths). An error says what is
  // still in use; the agent tries again.
  virtual Result<void> unmount(std::string_view uid) = 0;
  // Takes away what pods that are no longer known have left behind. `known` holds the uids of all pods, sorted.
  virtual void clean_up(const std::vector<std::string>& known) = 0;

  // Bytes and inodes of a volume, for /stats/summary. None where nobody counts (hostPath) or it is not there.
  struct Usage {
    uint64_t used_bytes = 0, capacity_bytes = 0, available_bytes = 0;
    uint64_t inodes = 0, inodes_free = 0, inodes_used = 0;
    std::string claim_namespace, claim_name;  // of a claim's volume
  };
  virtual std::optional<Usage> usage(const api::core_v1::Pod& pod, std::string_view volume) = 0;
};

struct VolumesOptions {
  Paths paths;
  std::string node_name;
  // For downwardAPI resourceFieldRef without a limit: what the node can give, as quantities.
  std::function<std::pair<std::string, std::string>()> allocatable;  // cpu, memory
};

// `cluster` and `options` outlive it.
std::unique_ptr<Volumes> make_volumes(Cluster& cluster, const VolumesOptions& options);

}  // namespace sampan::kubelet
