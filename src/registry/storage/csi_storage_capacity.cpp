// CSIStorageCapacity: how much a class of storage has left in a part of the cluster.
#include "base/text.h"
#include "registry/at.h"
#include "registry/columns.h"
#include "registry/core/node_labels.h"
#include "registry/core/resource_names.h"
#include "schema/quantity.h"

namespace sampan::registry {

namespace csi_storage_capacity {

void validate_with(const Object& object, SelectorOptions options, FieldErrors& errors) {
  validate_label_selector(errors, Path("nodeTopology"), object["nodeTopology"], options);
  require_dns1123_subdomain(errors, Path("storageClassName"), object["storageClassName"].as_string());
  if (auto capacity = object["capacity"].as_string(); schema::Quantity::stored(capacity).sign() < 0)
    errors.invalid(Path("capacity"), capacity, "must be greater than or equal to 0");
}

void validate(const Object& object, FieldErrors& errors) { validate_with(object, {}, errors); }

void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  FieldErrors before;
  validate_label_selector(before, Path(), old["nodeTopology"]);
  validate_with(object, {.allow_invalid_values = !before.empty()}, errors);
  for (auto field : {"nodeTopology", "storageClassName"}) require_field_unchanged(errors, Path(), object.view(), old.view(), field);
}

void warnings(const Object& object, const Object*, Warnings& out) {
  Path root("nodeTopology");
  auto expressions = object["nodeTopology"]["matchExpressions"], labels = object["nodeTopology"]["matchLabels"];
  for (uint32_t i = 0; i < expressions.size(); i++)
    if (auto message = deprecated_node_label(expressions.item(i)["key"].as_string()); !message.empty())
      out.push_back(concat(root.child("matchExpressions").index(i).child("key").text(), ": ", expressions.item(i)["key"].as_string(), " is ", message));
  for (uint32_t i = 0; i < labels.size(); i++)
    if (auto message = deprecated_node_label(labels.key(i)); !message.empty())
      out.push_back(concat(root.child("matchLabels").child(labels.key(i)).text(), ": ", message));
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"StorageClassName", "string", "",
     "storageClassName represents the name of the StorageClass that the reported capacity applies to. It must meet the same requirements "
     "as the name of a StorageClass object (non-empty, DNS subdomain). If that object no longer exists, the CSIStorageCapacity object is "
     "obsolete and should be removed by its creator. This field is immutable."},
    {"Capacity", "string", "",
     "capacity is the value reported by the CSI driver in its GetCapacityResponse for a GetCapacityRequest with topology and parameters "
     "that match the previous fields.\n\nThe semantic is currently (CSI spec 1.2) defined as: The available capacity, in bytes, of the "
     "storage that can be used to provision volumes. If not set, that information is currently unavailable."},
};

void row(const Object& object, Row& row) {
  name_cell(object, row);
  row.text(object["storageClassName"].as_string());
  row.text(object["capacity"].present() ? object["capacity"].as_string() : "<unset>");
}

}  // namespace csi_storage_capacity

extern const Rules kCSIStorageCapacityRules{
    .group = "storage.k8s.io",
    .kind = "CSIStorageCapacity",
    .validate = csi_storage_capacity::validate,
    .validate_update = csi_storage_capacity::validate_update,
    .warnings = csi_storage_capacity::warnings,
    .update_checks_whole = true,
    .columns = csi_storage_capacity::kColumns,
    .row = csi_storage_capacity::row,
    .has_generation = false,
    .unconditional_update = false,
};

}  // namespace sampan::registry
