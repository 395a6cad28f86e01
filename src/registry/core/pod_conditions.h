// Conditions in the status of a pod that the API server itself sets.
#pragma once
#include <string_view>

#include "schema/value.h"

namespace sampan::registry {

// Makes the condition True. It keeps the time of its last transition if it was so before.
void set_pod_condition(schema::Value status, std::string_view type, std::string_view reason, std::string_view message, int64_t now_seconds);

}  // namespace sampan::registry
