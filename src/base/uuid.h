// Random identifiers.
#pragma once
#include <string>

#include "base/environment.h"

namespace sampan {

std::string new_uuid(Random& random);  // of version 4

}  // namespace sampan
