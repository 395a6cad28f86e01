// The names of container images, as far as the API looks into them.
#pragma once
#include <string_view>

namespace sampan::registry {

// "1.27" of "docker.io/nginx:1.27@sha256:..."; "latest" where neither tag nor digest is named; "" with a digest alone, and for what is no
// reference at all (which validation accepts).
std::string_view image_tag(std::string_view image);

}  // namespace sampan::registry
