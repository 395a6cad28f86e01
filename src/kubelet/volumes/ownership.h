// fsGroup: a volume's files belong to a group that all containers of the pod are in.
#pragma once
#include <cstdint>
#include <string>

#include "kubelet/failure.h"

namespace sampan::kubelet {

enum class Access : bool { ReadWrite, ReadOnly };

// Everything in the folder, and itself last: so a folder that has the group is one that was done.
Result<void> give_to_group(const std::string& folder, int64_t group, Access access);
// Whether the folder itself shows that this was done before: what fsGroupChangePolicy OnRootMismatch asks.
bool belongs_to_group(const std::string& folder, int64_t group, Access access);

}  // namespace sampan::kubelet
