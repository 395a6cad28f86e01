// RoleBinding and ClusterRoleBinding: who may do what a role says.
#include "base/text.h"
#include "registry/at.h"
#include "registry/columns.h"

namespace sampan::registry {

namespace role_binding {

constexpr const char* kGroup = "rbac.authorization.k8s.io";

void defaults(Value object, std::string_view) {
  Value role = object.ensure_object("roleRef");
  if (role["apiGroup"].as_string().empty()) role.set("apiGroup", kGroup);
  for (Value subject : object["subjects"].items()) {
    auto kind = subject["kind"].as_string();
    if ((kind == "User" || kind == "Group") && subject["apiGroup"].as_string().empty()) subject.set("apiGroup", kGroup);
  }
}

void validate_subject(const At& subject, bool namespaced) {
  At name = subject["name"], group = subject["apiGroup"], kind = subject["kind"];
  if (name.empty()) name.required();
  if (kind.text() == "ServiceAccount") {
    if (!name.empty()) name.must_be(check_dns1123_subdomain);
    if (!group.empty()) group.not_supported({""});
    if (!namespaced && subject["namespace"].empty()) subject["namespace"].required();
  } else if (kind.text() == "User" || kind.text() == "Group") {
    group.one_of({kGroup});
  } else {
    kind.not_supported({"ServiceAccount", "User", "Group"});
  }
}

void validate_any(const Object& object, bool namespaced, FieldErrors& errors) {
  Path role_path("roleRef"), subjects_path("subjects");
  At role(object["roleRef"], role_path, errors), subjects(object["subjects"], subjects_path, errors);
  role["apiGroup"].one_of({kGroup});
  namespaced ? role["kind"].one_of({"Role", "ClusterRole"}) : role["kind"].one_of({"ClusterRole"});
  if (role["name"].empty())
    role["name"].required();
  else
    role["name"].must_be(check_path_segment);
  for (uint32_t i = 0; i < subjects.size(); i++) validate_subject(subjects.item(i), namespaced);
}

void validate_role_kept(const Object& object, const Object& old, FieldErrors& errors) {
  if (!object["roleRef"].equals(old["roleRef"]))
    errors.invalid(Path("roleRef"), Shown::internal(object["roleRef"]), "cannot change roleRef");
}

void validate(const Object& object, FieldErrors& errors) { validate_any(object, true, errors); }
void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  validate(object, errors);
  validate_role_kept(object, old, errors);
}
void validate_cluster(const Object& object, FieldErrors& errors) { validate_any(object, false, errors); }
void validate_cluster_update(const Object& object, const Object& old, FieldErrors& errors) {
  validate_cluster(object, errors);
  validate_role_kept(object, old, errors);
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"Role", "string", "",
     "RoleRef can reference a Role in the current namespace or a ClusterRole in the global namespace. If the RoleRef cannot be resolved, the "
     "Authorizer must return an error."},
    kAgeColumn,
    {"Users", "string", "", "Users in the roleBinding", 1},
    {"Groups", "string", "", "Groups in the roleBinding", 1},
    {"ServiceAccounts", "string", "", "ServiceAccounts in the roleBinding", 1},
};

constexpr Column kClusterColumns[] = {
    kNameColumn,
    {"Role", "string", "",
     "RoleRef can only reference a ClusterRole in the global namespace. If the RoleRef cannot be resolved, the Authorizer must return an error."},
    kAgeColumn,
    {"Users", "string", "", "Users in the clusterRoleBinding", 1},
    {"Groups", "string", "", "Groups in the clusterRoleBinding", 1},
    {"ServiceAccounts", "string", "", "ServiceAccounts in the clusterRoleBinding", 1},
};

void row(const Object& object, Row& row) {
  auto role = object["roleRef"], subjects = object["subjects"];
  name_cell(object, row);
  row.text(concat(role["kind"].as_string(), "/", role["name"].as_string()));
  age_cell(object, row);
  std::vector<std::string> users, groups, accounts;
  for (uint32_t i = 0; i < subjects.size(); i++) {
    auto subject = subjects.item(i);
    auto kind = subject["kind"].as_string(), name = subject["name"].as_string();
    if (kind == "User") users.emplace_back(name);
    if (kind == "Group") groups.emplace_back(name);
    if (kind == "ServiceAccount") accounts.push_back(concat(subject["namespace"].as_string(), "/", name));
  }
  for (const auto* names : {&users, &groups, &accounts}) row.text(join(*names, ", "));
}

}  // namespace role_binding

extern const Rules kRoleBindingRules{
    .group = "rbac.authorization.k8s.io",
    .kind = "RoleBinding",
    .defaults = role_binding::defaults,
    .validate = role_binding::validate,
    .validate_update = role_binding::validate_update,
    .validate_name = name_is_path_segment,
    .update_checks_whole = true,
    .columns = role_binding::kColumns,
    .row = role_binding::row,
    .has_generation = false,
    .create_on_update = true,
};

extern const Rules kClusterRoleBindingRules{
    .group = "rbac.authorization.k8s.io",
    .kind = "ClusterRoleBinding",
    .defaults = role_binding::defaults,
    .validate = role_binding::validate_cluster,
    .validate_update = role_binding::validate_cluster_update,
    .validate_name = name_is_path_segment,
    .update_checks_whole = true,
    .columns = role_binding::kClusterColumns,
    .row = role_binding::row,
    .has_generation = false,
    .create_on_update = true,
};

}  // namespace sampan::registry
