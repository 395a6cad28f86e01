// Which machines an image is for.
#pragma once
#include <string>
#include <string_view>

namespace sampan::images {

inline constexpr std::string_view kArchitecture =
#if defined(__aarch64__)
    "arm64";
#else
    "amd64";
#endif

struct Platform {
  std::string os, architecture, variant;
  bool is_said() const { return !os.empty() || !architecture.empty(); }
};

// How well it runs on a machine of this architecture, 0 best; -1 if it does not. As containerd chooses: a 64-bit machine runs its 32-bit images too.
int rank_of(const Platform& platform, std::string_view machine = kArchitecture);
std::string text_of(const Platform& platform);  // "linux/arm/v7"

}  // namespace sampan::images
