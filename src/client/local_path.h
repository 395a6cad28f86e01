// The names that the provisioner of local folders and the agents of nodes share.
#pragma once
#include <string_view>

namespace sampan::client {

inline constexpr std::string_view kLocalPathProvisioner = "sampan.io/local-path", kLocalPathFinalizer = "sampan.io/local-path";
// On a node: names of volumes, separated by commas, whose folders the agent is to remove. It takes a name off when that is done.
inline constexpr std::string_view kReclaim = "sampan.io/local-path-reclaim";

}  // namespace sampan::client
