// StorageClass and VolumeAttributesClass: kinds of storage that claims can ask for.
#include "base/text.h"
#include "registry/columns.h"
#include "registry/core/node_labels.h"
#include "registry/storage/parameters.h"

namespace sampan::registry {

namespace storage {

void validate_driver_name(const At& name) {
  if (name.empty()) return name.required();
  require_qualified_name(name.errors(), name.path(), to_lower(name.text()));
}

void validate_parameters(const At& parameters, bool may_be_empty) {
  constexpr uint32_t kCountMax = 512;
  constexpr size_t kBytesMax = 256 * 1024;
  if (parameters.size() > kCountMax) return parameters.too_long(kCountMax);
  size_t bytes = 0;
  for (uint32_t i = 0; i < parameters.size(); i++) {
    if (parameters.key(i).empty()) parameters.invalid(Shown(""), "field can not be empty.");
    bytes += parameters.key(i).size() + parameters.value().value(i).as_string().size();
  }
  if (bytes > kBytesMax) parameters.too_long(kBytesMax);
  if (!may_be_empty && parameters.size() == 0) parameters.required("must contain at least one key/value pair");
}

void require_csi_driver_name(const At& name) {
  constexpr int kBytesMax = 63;
  if (name.empty()) return name.required();
  if (name.text().size() > kBytesMax) name.too_long(kBytesMax);
  Complaints complaints;
  check_dns1123_subdomain(to_lower(name.text()), complaints);
  report(name.errors(), name.path(), name.text(), complaints);
}

}  // namespace storage

namespace storage_class {

using schema::AnyView;

void defaults(Value object, std::string_view) {
  if (object["reclaimPolicy"].is_missing()) object.set("reclaimPolicy", "Delete");
  if (object["volumeBindingMode"].is_missing()) object.set("volumeBindingMode", "Immediate");
}

// The same keys with the same values, in any order.
bool same_term(const AnyView& a, const AnyView& b) {
  auto sets = [](const AnyView& term) {
    std::map<std::string_view, std::vector<std::string_view>> out;
    auto expressions = term["matchLabelExpressions"];
    for (uint32_t i = 0; i < expressions.size(); i++) {
      auto& values = out[expressions.item(i)["key"].as_string()];
      values.clear();
      for (uint32_t j = 0; j < expressions.item(i)["values"].size(); j++) values.push_back(expressions.item(i)["values"].item(j).as_string());
      std::sort(values.begin(), values.end());
      values.erase(std::unique(values.begin(), values.end()), values.end());
    }
    return out;
  };
  return sets(a) == sets(b);
}

void validate_topologies(const At& terms) {
  for (uint32_t i = 0; i < terms.size(); i++) {
    At term = terms.item(i);
    At expressions = term["matchLabelExpressions"];
    for (uint32_t j = 0; j < expressions.size(); j++) {
      At expression = expressions.item(j);
      At values = expression["values"], key = expression["key"];
      if (values.size() == 0) values.required();
      for (uint32_t k = 0; k < values.size(); k++)
        for (uint32_t l = 0; l < k; l++)
          if (values.value().item(l).as_string() == values.value().item(k).as_string()) {
            values.item(k).duplicate();
            break;
          }
      key.must_be(check_qualified_name);
      for (uint32_t k = 0; k < j; k++)
        if (expressions.value().item(k)["key"].as_string() == key.text()) {
          key.duplicate();
          break;
        }
    }
    // Upstream compares with as many empty terms as there are terms, too: an empty one is always a duplicate.
    if (expressions.size() == 0)
      for (uint32_t j = 0; j < terms.size(); j++) terms.errors().duplicate(expressions.path(), "");
    for (uint32_t j = 0; j < i; j++)
      if (same_term(terms.value().item(j), term.value())) terms.errors().duplicate(expressions.path(), "");
  }
}

void validate(const Object& object, FieldErrors& errors) {
  Path root;
  At all(object.view(), root, errors);
  storage::validate_driver_name(all["provisioner"]);
  storage::validate_parameters(all["parameters"], true);
  if (At policy = all["reclaimPolicy"]; !policy.empty()) policy.one_of({"Delete", "Retain"});
  if (At mode = all["volumeBindingMode"]; !mode.present())
    mode.required();
  else
    mode.one_of({"Immediate", "WaitForFirstConsumer"});
  validate_topologies(all["allowedTopologies"]);
}

void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  validate(object, errors);
  for (auto field : {"parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"})
    require_field_unchanged(errors, Path(), object.view(), old.view(), field);
}

void warnings(const Object& object, const Object*, Warnings& out) {
  Path root("allowedTopologies");
  auto terms = object["allowedTopologies"];
  for (uint32_t i = 0; i < terms.size(); i++) {
    auto expressions = terms.item(i)["matchLabelExpressions"];
    for (uint32_t j = 0; j < expressions.size(); j++)
      if (auto message = deprecated_node_label(expressions.item(j)["key"].as_string()); !message.empty())
        out.push_back(concat(root.index(i).child("matchLabelExpressions").index(j).child("key").text(), ": ", message));
  }
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"Provisioner", "string", "", "provisioner indicates the type of the provisioner."},
    {"ReclaimPolicy", "string", "",
     "reclaimPolicy controls the reclaimPolicy for dynamically provisioned PersistentVolumes of this storage class. Defaults to Delete."},
    {"VolumeBindingMode", "string", "",
     "volumeBindingMode indicates how PersistentVolumeClaims should be provisioned and bound.  When unset, VolumeBindingImmediate is "
     "used. This field is only honored by servers that enable the VolumeScheduling feature."},
    {"AllowVolumeExpansion", "string", "",
     "allowVolumeExpansion shows whether the storage class allow volume expand."},
    kAgeColumn,
};

void row(const Object& object, Row& row) {
  std::string name(name_of(object));
  bool is_default = annotation_of(object, "storageclass.kubernetes.io/is-default-class") == "true" ||
                    annotation_of(object, "storageclass.beta.kubernetes.io/is-default-class") == "true";
  if (is_default) name += " (default)";
  auto or_else = [&](std::string_view field, std::string_view text) { return object[field].present() ? object[field].as_string() : text; };
  row.text(name);
  row.text(object["provisioner"].as_string());
  row.text(or_else("reclaimPolicy", "Delete"));
  row.text(or_else("volumeBindingMode", "Immediate"));
  auto expansion = object["allowVolumeExpansion"];
  row.boolean(expansion.present() && expansion.as_bool());
  age_cell(object, row);
}

}  // namespace storage_class

extern const Rules kStorageClassRules{
    .group = "storage.k8s.io",
    .kind = "StorageClass",
    .defaults = storage_class::defaults,
    .validate = storage_class::validate,
    .validate_update = storage_class::validate_update,
    .warnings = storage_class::warnings,
    .update_checks_whole = true,
    .columns = storage_class::kColumns,
    .row = storage_class::row,
    .has_generation = false,
    .returns_deleted_object = true,
};

namespace volume_attributes_class {

void validate(const Object& object, FieldErrors& errors) {
  Path root;
  At all(object.view(), root, errors);
  storage::validate_driver_name(all["driverName"]);
  storage::validate_parameters(all["parameters"], false);
}

void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  for (auto field : {"driverName", "parameters"})
    if (!object[field].equals(old[field])) errors.forbidden(Path(field), concat("updates to ", field, " are forbidden."));
  validate(object, errors);
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"DriverName", "string", "", "Name of the CSI driver This field is immutable."},
    kAgeColumn,
};

void row(const Object& object, Row& row) {
  name_cell(object, row);
  row.text(object["driverName"].as_string());
  age_cell(object, row);
}

}  // namespace volume_attributes_class

extern const Rules kVolumeAttributesClassRules{
    .group = "storage.k8s.io",
    .kind = "VolumeAttributesClass",
    .validate = volume_attributes_class::validate,
    .validate_update = volume_attributes_class::validate_update,
    .update_checks_whole = true,
    .columns = volume_attributes_class::kColumns,
    .row = volume_attributes_class::row,
    .has_generation = false,
    .returns_deleted_object = true,
};

}  // namespace sampan::registry
