// ServiceAccount: an identity for pods.
#include "registry/columns.h"

namespace sampan::registry {

namespace core_service_account {

// Of the references to secrets only the names are kept.
void clean_secrets(Value object) {
  for (Value& secret : object["secrets"].items()) {
    Value clean = Value::object(object.arena());
    if (auto name = secret["name"]; !name.is_missing()) clean.set("name", name);
    secret = clean;
  }
}

void prepare_create(Value object, const CreateContext&) { clean_secrets(object); }
void prepare_update(Value object, const Object&, std::string_view) { clean_secrets(object); }
void validate(const Object&, FieldErrors&) {}

void warnings(const Object& object, const Object* old, Warnings& out) {
  constexpr std::string_view kEnforce = "kubernetes.io/enforce-mountable-secrets";
  if (old && has_annotation(*old, kEnforce)) return;
  if (has_annotation(object, kEnforce))
    out.push_back(
        "metadata.annotations[kubernetes.io/enforce-mountable-secrets]: deprecated in v1.32+; prefer separate namespaces to isolate access to "
        "mounted secrets");
}

constexpr Column kColumns[] = {
    kNameColumn,
    kAgeColumn,
};

void row(const Object& object, Row& row) {
  name_cell(object, row);
  age_cell(object, row);
}

}  // namespace core_service_account

extern const Rules kServiceAccountRules{
    .group = "",
    .kind = "ServiceAccount",
    .prepare_create = core_service_account::prepare_create,
    .prepare_update = core_service_account::prepare_update,
    .validate = core_service_account::validate,
    .warnings = core_service_account::warnings,
    .update_checks_whole = true,
    .columns = core_service_account::kColumns,
    .row = core_service_account::row,
    .has_generation = false,
    .returns_deleted_object = true,
};

}  // namespace sampan::registry
