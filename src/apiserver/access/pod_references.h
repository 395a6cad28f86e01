// The objects of its namespace that a pod refers to.
#pragma once
#include <functional>
#include <string_view>

#include "schema/object.h"

namespace sampan::apiserver {

enum class Referred : uint8_t { ServiceAccount, Secret, ConfigMap, Claim, ResourceClaim };

// Each reference, perhaps more than once, until `visit` gives false. Gives whether one did.
bool any_reference(const schema::Object& pod, const std::function<bool(Referred kind, std::string_view name)>& matches);

// Secrets that a volume's node needs, with their namespaces.
bool any_volume_secret(const schema::Object& volume, const std::function<bool(std::string_view name_space, std::string_view name)>& matches);

}  // namespace sampan::apiserver
