// The files of volumes that show objects of the API: config maps, secrets, the downward API, and projections of them and of tokens.
#pragma once
#include "kubelet/containers.h"
#include "kubelet/resources.h"
#include "kubelet/volumes/atomic_writer.h"
#include "kubelet/volumes/tokens.h"
#include "kubelet/volumes/volumes.h"

namespace sampan::kubelet {

struct Collected {
  Payload files;
  std::optional<int64_t> next;  // when to look again of itself (microseconds): a token must be renewed
};

bool is_projection(const core_v1::Volume& volume);  // whether collect() knows it

// `pod` outlives it. The error is what upstream says after "MountVolume.SetUp failed for volume ...".
class Collector {
 public:
  Collector(Cluster& cluster, Tokens& tokens, const core_v1::Pod& pod, const Quantities& allocatable);
  Result<Collected> collect(const core_v1::Volume& volume);

 private:
  using Items = schema::ListView<core_v1::KeyToPath>;
  Result<void> config_map(std::string_view name, const Items& items, bool optional, mode_t mode, Payload& out);
  Result<void> secret(std::string_view name, const Items& items, bool optional, mode_t mode, Payload& out);
  Result<void> downward(const schema::ListView<core_v1::DownwardAPIVolumeFile>& items, mode_t mode, Payload& out);
  Result<void> token(const core_v1::ServiceAccountTokenProjection& source, mode_t mode, Collected& out);
  Result<void> source(const core_v1::VolumeProjection& source, mode_t mode, Collected& out);

  Cluster& cluster_;
  Tokens& tokens_;
  const core_v1::Pod& pod_;
  const Quantities& allocatable_;
};

// The user that all containers run as, if there is just one.
std::optional<int64_t> common_user(const core_v1::Pod& pod);

}  // namespace sampan::kubelet
