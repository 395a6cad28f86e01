// The images that a cluster brings along, so that its first pod needs no registry.
#pragma once
#include <vector>

#include "images/archive.h"

namespace sampan::images {

inline constexpr std::string_view kPauseImage = "sampan.io/pause:1";

// pause; hello:v1, v2 and v3, web servers on port 3000 that say their version and their host.
std::vector<Image> own_images();
// busybox from the machine it runs on, where that has a static one; else none.
std::vector<Image> shell_images();

}  // namespace sampan::images
