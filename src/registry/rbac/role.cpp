// Role and ClusterRole: what may be done.
#include "registry/at.h"
#include "registry/rules.h"

namespace sampan::registry {

namespace role {

using schema::AnyView;

enum class Scope { Namespace, Cluster };

void validate_rule(const At& rule, Scope scope) {
  At urls = rule["nonResourceURLs"], groups = rule["apiGroups"], resources = rule["resources"];
  if (rule["verbs"].empty()) rule["verbs"].required("verbs must contain at least one value");
  if (!urls.empty()) {
    if (scope == Scope::Namespace) urls.invalid("namespaced rules cannot apply to non-resource URLs");
    if (!groups.empty() || !resources.empty() || !rule["resourceNames"].empty())
      urls.invalid("rules cannot apply to both regular resources and non-resource URLs");
    return;
  }
  if (groups.empty()) groups.required("resource rules must supply at least one api group");
  if (resources.empty()) resources.required("resource rules must supply at least one resource");
}

void validate_rules(const Object& object, Scope scope, FieldErrors& errors) {
  Path path("rules");
  At rules(object["rules"], path, errors);
  for (uint32_t i = 0; i < rules.size(); i++) validate_rule(rules.item(i), scope);
}

void validate_aggregation(const Object& object, SelectorOptions options, FieldErrors& errors) {
  Path path("aggregationRule");
  At aggregation(object["aggregationRule"], path, errors);
  if (!aggregation.present()) return;
  At selectors = aggregation["clusterRoleSelectors"];
  if (selectors.empty()) selectors.required("at least one clusterRoleSelector required if aggregationRule is non-nil");
  for (uint32_t i = 0; i < selectors.size(); i++) {
    At selector = selectors.item(i);
    validate_label_selector(errors, selector.path(), selector.value(), options);
    // Whatever is tolerated above still makes no selector.
    FieldErrors strict;
    validate_label_selector(strict, selector.path(), selector.value());
    if (!strict.empty()) selector.invalid(Shown::null(), "invalid label selector.");
  }
}

void validate(const Object& object, FieldErrors& errors) { validate_rules(object, Scope::Namespace, errors); }
void validate_update(const Object& object, const Object&, FieldErrors& errors) { validate(object, errors); }

void validate_cluster(const Object& object, FieldErrors& errors) {
  validate_rules(object, Scope::Cluster, errors);
  validate_aggregation(object, {}, errors);
}

void validate_cluster_update(const Object& object, const Object& old, FieldErrors& errors) {
  FieldErrors before;
  validate_aggregation(old, {}, before);
  validate_rules(object, Scope::Cluster, errors);
  validate_aggregation(object, {.allow_invalid_values = !before.empty()}, errors);
}

}  // namespace role

extern const Rules kRoleRules{
    .group = "rbac.authorization.k8s.io",
    .kind = "Role",
    .validate = role::validate,
    .validate_update = role::validate_update,
    .validate_name = name_is_path_segment,
    .update_checks_whole = true,
    .has_generation = false,
    .create_on_update = true,
};

extern const Rules kClusterRoleRules{
    .group = "rbac.authorization.k8s.io",
    .kind = "ClusterRole",
    .validate = role::validate_cluster,
    .validate_update = role::validate_cluster_update,
    .validate_name = name_is_path_segment,
    .update_checks_whole = true,
    .has_generation = false,
    .create_on_update = true,
};

}  // namespace sampan::registry
