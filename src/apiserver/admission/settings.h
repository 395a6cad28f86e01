// The settings of admission plug-ins, as the file of --admission-control-config-file gives them.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "schema/value.h"

namespace sampan::apiserver {

// The tree of a plug-in's settings, which must be of this kind (in any version of the group).
Result<schema::Value> read_settings(std::string_view yaml, std::string_view plugin, std::string_view group, std::string_view kind, Arena& arena);
std::vector<std::string> texts_of(schema::Value list);

}  // namespace sampan::apiserver
