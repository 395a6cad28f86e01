// A rule of a role: what it allows, and whether some rules contain others.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/request_info.h"
#include "schema/object.h"

namespace sampan::apiserver {

struct PolicyRule {
  std::vector<std::string> verbs, groups, resources, names, urls;
  bool operator==(const PolicyRule&) const = default;
  bool allows(const RequestInfo& request) const;
};
using PolicyRules = std::vector<PolicyRule>;

PolicyRules policy_rules(const schema::AnyView& rules);  // of a role's `rules`

// The atoms of `wanted` (one verb on one resource) that no rule of `held` contains.
PolicyRules not_covered(const PolicyRules& held, const PolicyRules& wanted);

// For people: atoms that differ in their verbs alone put together, each once, sorted.
std::vector<std::string> descriptions(const PolicyRules& atoms);

// Go's %q of a list: ["a" "b"].
std::string quoted_list(const std::vector<std::string>& texts);

}  // namespace sampan::apiserver
