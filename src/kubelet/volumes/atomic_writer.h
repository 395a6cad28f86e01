// Files that change all at once. What containers see are links through one link, ..data, to a folder that is never changed:
//
//   VOLUME/key        -> ..data/key
//   VOLUME/..data     -> ..2026_01_31_12_00_00.4711
//   VOLUME/..2026_01_31_12_00_00.4711/key
#pragma once
#include <sys/types.h>

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "kubelet/failure.h"

namespace sampan::kubelet {

struct ProjectedFile {
  std::string content;
  mode_t mode = 0644;
  std::optional<int64_t> user;  // whom it belongs to, if not to root
};
using Payload = std::map<std::string, ProjectedFile>;  // by path in the volume

// Writes nothing if all of it is there already. `give` is called with everything written but not yet visible, to set owners.
Result<void> write_atomically(const std::string& folder, const Payload& payload, const std::function<Result<void>()>& give);
// Whether a whole payload was written once.
bool is_written(const std::string& folder);

}  // namespace sampan::kubelet
