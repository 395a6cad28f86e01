#include "images/platform.h"

#include "base/text.h"

namespace sampan::images {

namespace {

// The many names of the same thing. Variants that say nothing more than the architecture does are left out.
Platform normalised(const Platform& platform) {
  Platform out{to_lower(platform.os), to_lower(platform.architecture), to_lower(platform.variant)};
  auto& arch = out.architecture;
  auto& variant = out.variant;
  if (arch == "x86_64" || arch == "x86-64") arch = "amd64";
  if (arch == "i386") arch = "386";
  if (arch == "aarch64") arch = "arm64";
  if (arch == "armhf") arch = "arm", variant = "v7";
  if (arch == "armel") arch = "arm", variant = "v6";
  if (!variant.empty() && variant[0] >= '0' && variant[0] <= '9') variant.insert(0, "v");
  if (arch == "amd64" && variant == "v1") variant.clear();
  if (arch == "386") variant.clear();
  if (arch == "arm64" && (variant == "v8" || variant == "v8.0")) variant.clear();
  if (arch == "arm" && variant.empty()) variant = "v7";
  return out;
}

}  // namespace

int rank_of(const Platform& platform, std::string_view machine) {
  static constexpr std::string_view amd64[] = {"linux/amd64", "linux/386"};
  static constexpr std::string_view arm64[] = {"linux/arm64", "linux/arm/v8", "linux/arm/v7", "linux/arm/v6", "linux/arm/v5"};
  auto text = text_of(normalised(platform));
  int rank = 0;
  auto order = machine == "arm64" ? std::span<const std::string_view>(arm64) : std::span<const std::string_view>(amd64);
  for (auto one : order) {
    if (text == one) return rank;
    rank++;
  }
  return -1;
}

std::string text_of(const Platform& platform) {
  return concat(platform.os, "/", platform.architecture, platform.variant.empty() ? "" : "/", platform.variant);
}

}  // namespace sampan::images
