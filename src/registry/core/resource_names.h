// The names of resources that quotas and limits may be set on, and lists of quantities by name.
#pragma once
#include "registry/at.h"
#include "registry/rules.h"

namespace sampan::registry::core {

void require_resource_name(const At& at, std::string_view name);            // standard, or with a domain
void require_container_resource_name(const At& at, std::string_view name);  // of what containers ask for
void require_quota_resource_name(const At& at, std::string_view name);
bool is_quota_resource(std::string_view name);
// Quantities are kept in thousandths at the finest: defaulting rounds them up.
void round_resources(Value list);

}  // namespace sampan::registry::core
