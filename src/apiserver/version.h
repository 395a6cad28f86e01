// Which Kubernetes this is, and which Sampan.
#pragma once
#include <string_view>

namespace sampan::apiserver {

inline constexpr std::string_view kGitVersion = "v1.36.3+sampan0.1.0";
inline constexpr std::string_view kMajor = "1", kMinor = "36";

}  // namespace sampan::apiserver
