// ControllerRevision: a state of a workload's template that a controller has kept to go back to.
#include "base/text.h"
#include "registry/at.h"
#include "registry/columns.h"
#include "registry/rules.h"

namespace sampan::registry {

namespace {

using schema::AnyView;

void validate_revision(const Object& object, FieldErrors& errors) {
  require_non_negative(errors, Path("revision"), object["revision"].as_int());
}

void validate(const Object& object, FieldErrors& errors) {
  validate_revision(object, errors);
  Path data("data");
  auto json = object["data"].as_string();
  if (json.empty() || json == "null")
    errors.required(data, "data is mandatory");
  else if (json[0] != '{')
    errors.required(data, "data must be a valid JSON object");
}

void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  validate_revision(object, errors);
  require_unchanged(errors, Path("data"), object["data"], old["data"]);
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"Controller", "string", "", "Controller of the object"},
    {"Revision", "string", "", "Revision indicates the revision of the state represented by Data."},
    kAgeColumn,
};

// "statefulset.apps/web"
std::string controller_name(const Object& object) {
  AnyView owners = object["metadata"]["ownerReferences"];
  for (uint32_t i = 0; i < owners.size(); i++) {
    AnyView owner = owners.item(i);
    if (!owner["controller"].present() || !owner["controller"].as_bool()) continue;
    auto version = owner["apiVersion"].as_string();
    auto slash = version.find('/');
    std::string kind(owner["kind"].as_string());
    if (slash != std::string_view::npos) append(kind, ".", version.substr(0, slash));
    return concat(to_lower(kind), "/", owner["name"].as_string());
  }
  return "<none>";
}

void row(const Object& object, Row& row) {
  name_cell(object, row);
  row.text(controller_name(object));
  row.number(object["revision"].as_int());
  age_cell(object, row);
}

}  // namespace

extern const Rules kControllerRevisionRules{
    .group = "apps",
    .kind = "ControllerRevision",
    .validate = validate,
    .validate_update = validate_update,
    .update_checks_whole = true,
    .columns = kColumns,
    .row = row,
    .has_generation = false,
};

}  // namespace sampan::registry
