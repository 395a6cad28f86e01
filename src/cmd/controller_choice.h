// Which controllers run, as --controllers says it.
#pragma once
#include <string>
#include <vector>

#include "controllers/controllers.h"

namespace sampan::cmd {

// "*" = all that are on by default, "name" on, "-name" off; a later word does not overrule an earlier one. Unknown names are an error.
Result<std::vector<const controllers::Entry*>> choose_controllers(const std::vector<std::string>& words);

}  // namespace sampan::cmd
