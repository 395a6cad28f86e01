// CSINode: the storage drivers on a node.
#include "base/text.h"
#include "registry/columns.h"
#include "registry/storage/parameters.h"

namespace sampan::registry {

namespace csi_node {

void validate_driver(const At& driver, const schema::AnyView& drivers, uint32_t index) {
  constexpr size_t kIdBytesMax = 256;
  storage::require_csi_driver_name(driver["name"]);
  At id = driver["nodeID"];
  if (id.empty()) id.required();
  if (id.text().size() > kIdBytesMax) id.invalid(concat("must be ", kIdBytesMax, " characters or less"));
  At allocatable = driver["allocatable"];
  if (At count = allocatable["count"]; count.present()) count.not_negative();
  for (uint32_t i = 0; i < index; i++)
    if (drivers.item(i)["name"].as_string() == driver["name"].text()) {
      driver["name"].duplicate();
      break;
    }
  auto keys = driver["topologyKeys"].value();
  for (uint32_t i = 0; i < keys.size(); i++) {
    auto key = keys.item(i).as_string();
    if (key.empty()) driver.required();
    for (uint32_t j = 0; j < i; j++)
      if (keys.item(j).as_string() == key) {
        driver.errors().duplicate(driver.path(), key);
        break;
      }
    require_qualified_name(driver.errors(), driver.path(), key);
  }
}

void validate(const Object& object, FieldErrors& errors) {
  Path path("spec");
  At drivers(object["spec"]["drivers"], path.child("drivers"), errors);
  for (uint32_t i = 0; i < drivers.size(); i++) validate_driver(drivers.item(i), drivers.value(), i);
}

// A driver may come, go, and change how many volumes it can take.
void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  validate(object, errors);
  auto now = object["spec"]["drivers"], before = old["spec"]["drivers"];
  Path path("spec");
  for (uint32_t i = 0; i < before.size(); i++)
    for (uint32_t j = 0; j < now.size(); j++) {
      auto a = before.item(i), b = now.item(j);
      if (a["name"].as_string() != b["name"].as_string()) continue;
      if (a["nodeID"].equals(b["nodeID"]) && a["topologyKeys"].equals(b["topologyKeys"])) continue;
      auto shown = Shown::internal(b).text();
      if (auto at = shown.rfind(",\"Allocatable\":"); at != std::string::npos) shown = concat(shown.substr(0, at), ",\"Allocatable\":null}");
      errors.invalid(path.child("drivers"), Shown::raw(shown), "field is immutable");
    }
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"Drivers", "integer", "", "Drivers indicates the number of CSI drivers registered on the node"},
    kAgeColumn,
};

void row(const Object& object, Row& row) {
  name_cell(object, row);
  row.number(object["spec"]["drivers"].size());
  age_cell(object, row);
}

}  // namespace csi_node

extern const Rules kCSINodeRules{
    .group = "storage.k8s.io",
    .kind = "CSINode",
    .validate = csi_node::validate,
    .validate_update = csi_node::validate_update,
    .update_checks_metadata = false,
    .update_checks_whole = true,
    .columns = csi_node::kColumns,
    .row = csi_node::row,
    .has_generation = false,
    .unconditional_update = false,
    .returns_deleted_object = true,
};

}  // namespace sampan::registry
