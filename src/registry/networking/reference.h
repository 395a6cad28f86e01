// References to objects of any kind, by group, kind and name.
#pragma once
#include "registry/at.h"

namespace sampan::registry::networking {

void require_path_segment(const At& at);            // must be there, and fit into a path
void validate_typed_reference(const At& reference);  // apiGroup, kind, name

}  // namespace sampan::registry::networking
