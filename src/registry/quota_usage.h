// What objects use of a resource quota: shared by who refuses what is too much and by who counts what is there.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "schema/object.h"
#include "schema/quantity.h"

namespace sampan::registry {

using QuotaUsage = std::map<std::string, schema::Quantity, std::less<>>;

// Those of the names in a quota that objects of this resource can use.
std::vector<std::string> quota_names_of(std::string_view group, std::string_view resource, const std::vector<std::string>& names);
std::vector<std::string> names_in(const schema::AnyView& amounts);  // of spec.hard, status.used ...

// What a quota may be about instead of everything: objects of which something is so.
struct QuotaScope {
  std::string name, verb;  // "PriorityClass"; "In", "NotIn", "Exists", "DoesNotExist"
  std::vector<std::string> values;
};
std::vector<QuotaScope> quota_scopes(const schema::AnyView& quota_spec);  // spec.scopes and spec.scopeSelector
bool is_in_scope(std::string_view group, std::string_view resource, const QuotaScope& scope, const schema::Object& object);

// The object is of all scopes that the quota is about (spec.scopes and spec.scopeSelector).
bool is_in_quota_scope(std::string_view group, std::string_view resource, const schema::AnyView& quota_spec, const schema::Object& object);

QuotaUsage quota_usage_of(std::string_view group, std::string_view resource, const schema::Object& object, int64_t now_seconds);

// Of these names, what the pod's containers must say and do not; upstream's words ("must specify limits.cpu for: web; ..."), or "".
std::string missing_for_quota(const schema::Object& pod, const std::vector<std::string>& names);

}  // namespace sampan::registry
