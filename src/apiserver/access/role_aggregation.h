// Aggregated cluster roles: their rules are those of the roles that their selectors find.
#pragma once
#include <memory>
#include <optional>

#include "apiserver/catalog.h"
#include "base/environment.h"

namespace sampan::apiserver {

// The rules that an aggregated role must have now, as a list in `arena`; nothing if it is no such role or has them.
std::optional<schema::Value> aggregated_rules(const schema::Object& role, const store::Snapshot& cluster_roles, Arena& arena);

// Keeps the rules of all aggregated roles, from its making until its end. For servers that no controller manager works with; with one
// both come to the same.
class RoleAggregation {
 public:
  virtual ~RoleAggregation() = default;
  static std::unique_ptr<RoleAggregation> start(Catalog& catalog, Clock& clock);
};

// Once, for all roles, until nothing changes. Gives false where a write was lost to another's.
Result<void> aggregate_roles(Catalog& catalog, Clock& clock);

}  // namespace sampan::apiserver
