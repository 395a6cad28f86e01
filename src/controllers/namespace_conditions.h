// What the status of a namespace that is being deleted says about what is left of it.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "schema/value.h"

namespace sampan::controllers {

struct NamespaceRemains {
  std::map<std::string, size_t> resources;   // "pods." (name "." group): how many
  std::map<std::string, size_t> finalizers;  // how many objects wait for each
  std::vector<std::string> discovery_errors, errors;
};

// Brings the five conditions up to date; true if one changed.
bool set_namespace_conditions(schema::Value status, const NamespaceRemains& remains, int64_t now_seconds);

}  // namespace sampan::controllers
