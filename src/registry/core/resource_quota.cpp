// ResourceQuota: how much of everything a namespace may have.
#include "base/text.h"
#include "registry/columns.h"
#include "registry/core/pod_rules.h"
#include "registry/core/resource_names.h"

namespace sampan::registry {

namespace core_resource_quota {

void defaults(Value object, std::string_view) {
  for (Value list : {object["spec"]["hard"], object["status"]["hard"], object["status"]["used"]})
    if (list.is_object()) core::round_resources(list);
}

void validate_list(const At& list) {
  for (uint32_t i = 0; i < list.size(); i++) {
    core::require_quota_resource_name(list.map_value(i), list.key(i));
    validate_resource_quantity(list.key(i), list.map_value(i));
  }
}

bool is_scope(std::string_view scope) {
  static constexpr std::string_view kScopes[] = {"Terminating",   "NotTerminating",            "BestEffort",           "NotBestEffort",
                                                 "PriorityClass", "CrossNamespacePodAffinity", "VolumeAttributesClass"};
  return std::find(std::begin(kScopes), std::end(kScopes), scope) != std::end(kScopes);
}

bool fits(std::string_view scope, std::string_view resource) {
  static constexpr std::string_view kCompute[] = {"cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"};
  bool counts_pods = resource == "pods";
  if (scope == "BestEffort") return counts_pods;
  if (scope == "VolumeAttributesClass") return resource == "persistentvolumeclaims" || resource == "requests.storage";
  if (!is_scope(scope)) return true;
  return counts_pods || std::find(std::begin(kCompute), std::end(kCompute), resource) != std::end(kCompute);
}

// How many of the limited resources the scope cannot be applied to.
int misfits(const At& spec, std::string_view scope) {
  auto hard = spec["hard"].value();
  int count = 0;
  for (uint32_t i = 0; i < hard.size(); i++) count += core::is_quota_resource(hard.key(i)) && !fits(scope, hard.key(i));
  return count;
}

void forbid_conflicts(const At& spec, const Path& path, const std::set<std::string_view>& scopes) {
  for (auto [a, b] : {std::pair("BestEffort", "NotBestEffort"), std::pair("Terminating", "NotTerminating")})
    if (scopes.contains(a) && scopes.contains(b)) spec.errors().invalid(path, Shown(spec["scopes"].value()), "conflicting scopes");
}

void validate_scopes(const At& spec) {
  At scopes = spec["scopes"];
  std::set<std::string_view> all;
  for (uint32_t i = 0; i < scopes.size(); i++) {
    auto scope = scopes.value().item(i).as_string();
    if (!is_scope(scope)) scopes.invalid("unsupported scope");
    for (int n = misfits(spec, scope); n > 0; n--) scopes.invalid("unsupported scope applied to resource");
    all.insert(scope);
  }
  forbid_conflicts(spec, scopes.path(), all);
}

void validate_requirement(const At& spec, const At& list, const schema::AnyView& requirement) {
  FieldErrors& errors = spec.errors();
  auto scope = requirement["scopeName"].as_string(), op = requirement["operator"].as_string();
  auto values = requirement["values"];
  if (!is_scope(scope)) errors.invalid(list.path().child("scopeName"), Shown::named(scope), "unsupported scope");
  for (int n = misfits(spec, scope); n > 0; n--)
    errors.invalid(list.path(), Shown::internal(spec["scopeSelector"].value()), "unsupported scope applied to resource");
  if (is_scope(scope) && scope != "PriorityClass" && scope != "VolumeAttributesClass" && op != "Exists")
    errors.invalid(list.path().child("operator"), Shown::named(op),
                   "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
                   "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity");
  if (op == "In" || op == "NotIn") {
    if (values.size() == 0)
      errors.required(list.path().child("values"), "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector");
  } else if (op == "Exists" || op == "DoesNotExist") {
    if (values.size() > 0)
      errors.invalid(list.path().child("values"), values, "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector");
  } else {
    errors.invalid(list.path().child("operator"), Shown::named(op), "not a valid selector operator");
  }
}

void validate_scope_selector(const At& spec) {
  At selector = spec["scopeSelector"];
  if (!selector.present()) return;
  At list = selector["matchExpressions"];
  std::set<std::string_view> all;
  for (uint32_t i = 0; i < list.size(); i++) {
    auto requirement = list.value().item(i);
    validate_requirement(spec, list, requirement);
    all.insert(requirement["scopeName"].as_string());
  }
  forbid_conflicts(spec, list.path(), all);
}

void validate_spec(const Object& object, FieldErrors& errors) {
  Path path("spec");
  At spec(object["spec"], path, errors);
  validate_list(spec["hard"]);
  validate_scopes(spec);
  validate_scope_selector(spec);
}

void validate_status(std::string_view, const Object& object, const Object&, FieldErrors& errors) {
  Path path("status");
  At status(object["status"], path, errors);
  validate_list(status["hard"]);
  validate_list(status["used"]);
}

void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  validate_spec(object, errors);
  std::set<std::string_view> now, before;
  auto scopes = object["spec"]["scopes"], old_scopes = old["spec"]["scopes"];
  for (uint32_t i = 0; i < scopes.size(); i++) now.insert(scopes.item(i).as_string());
  for (uint32_t i = 0; i < old_scopes.size(); i++) before.insert(old_scopes.item(i).as_string());
  if (now != before) errors.invalid(Path("spec").child("scopes"), scopes, "field is immutable");
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"Request", "string", "",
     "Request represents a minimum amount of cpu/memory that a container may consume."},
    {"Limit", "string", "",
     "Limits control the maximum amount of cpu/memory that a container may use independent of contention on the node."},
    kAgeColumn,
};

void row(const Object& object, Row& row) {
  auto hard = object["status"]["hard"], used = object["status"]["used"];
  std::string requests, limits;
  for (uint32_t i = 0; i < hard.size(); i++) {
    auto name = hard.key(i);
    auto& cell = name.starts_with("limits.") ? limits : requests;
    auto now = used[name].as_string();
    append(cell, cell.empty() ? "" : ", ", name, ": ", now.empty() ? "0" : now, "/", hard.value(i).as_string());
  }
  name_cell(object, row);
  row.text(requests);
  row.text(limits);
  age_cell(object, row);
}

}  // namespace core_resource_quota

extern const Rules kResourceQuotaRules{
    .group = "",
    .kind = "ResourceQuota",
    .defaults = core_resource_quota::defaults,
    .validate = core_resource_quota::validate_spec,
    .validate_update = core_resource_quota::validate_update,
    .validate_subresource = core_resource_quota::validate_status,
    .columns = core_resource_quota::kColumns,
    .row = core_resource_quota::row,
    .has_generation = false,
    .returns_deleted_object = true,
};

}  // namespace sampan::registry
