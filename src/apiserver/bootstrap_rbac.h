// The roles and bindings of every cluster.
#pragma once
#include <string_view>

namespace sampan::apiserver {

// One a line; see bootstrap_rbac.cpp.
std::string_view rbac_policy();

}  // namespace sampan::apiserver
