// Where objects are kept: upstream's key layout under /registry, with its irregular prefixes, so that a real kube-apiserver finds them.
#pragma once
#include <string>
#include <string_view>

#include "base/status.h"
#include "schema/schema.h"

namespace sampan::registry {

std::string storage_prefix(std::string_view group, std::string_view resource);  // "/registry/services/specs/"

// "default/web" or "node-1". Namespace and name come from the client: anything that could leave its place is refused.
Result<std::string> object_key(const schema::Resource& resource, std::string_view name_space, std::string_view name);

}  // namespace sampan::registry
