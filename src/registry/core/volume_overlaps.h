// Files of a volume that stand in each other's way.
#pragma once
#include <string>
#include <vector>

#include "schema/object.h"

namespace sampan::registry {

// A warning for each pair of files in one config map, secret, downward or projected volume of which one would replace or contain the other.
void warn_of_overlapping_paths(const schema::AnyView& volumes, std::vector<std::string>& warnings);

}  // namespace sampan::registry
