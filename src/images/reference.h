// Names of images, as people write them: "busybox", "localhost:5000/team/app:v1", "app@sha256:...".
#pragma once
#include <string>
#include <string_view>

#include "base/status.h"

namespace sampan::images {

struct Reference {
  std::string_view registry, path, tag, digest;  // "" where it is not said
};

// The error says why: "invalid reference format".
Result<Reference> parse_reference(std::string_view name);
// The part of a name that is a registry, "" if it has none.
std::string_view registry_of(std::string_view name);
// With nothing left to guess, as containerd's CRI keeps images: "docker.io/library/busybox:latest".
Result<std::string> canonical_name(std::string_view name);

}  // namespace sampan::images
