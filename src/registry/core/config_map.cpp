// ConfigMap: text and bytes by name.
#include "registry/at.h"
#include "registry/columns.h"
#include "registry/core/secret_data.h"

namespace sampan::registry {

namespace core {

size_t validate_data_keys(const At& data) {
  size_t bytes = 0;
  for (uint32_t i = 0; i < data.size(); i++) {
    At entry = data.map_value(i);
    Complaints complaints;
    check_config_map_key(data.key(i), complaints);
    report(data.errors(), entry.path(), data.key(i), complaints);
    bytes += entry.text().size();
  }
  return bytes;
}

void require_unchanged_if_immutable(const Object& object, const Object& old, FieldErrors& errors,
                                    std::initializer_list<std::string_view> fields) {
  if (!old["immutable"].present() || !old["immutable"].as_bool()) return;
  constexpr std::string_view kDetail = "field is immutable when `immutable` is set";
  if (!object["immutable"].present() || !object["immutable"].as_bool()) errors.forbidden(Path("immutable"), kDetail);
  for (auto field : fields)
    if (!object[field].equals(old[field])) errors.forbidden(Path(field), kDetail);
}

}  // namespace core

namespace core_config_map {

void validate(const Object& object, FieldErrors& errors) {
  Path root;
  At data(object["data"], root.child("data"), errors), binary(object["binaryData"], root.child("binaryData"), errors);
  size_t bytes = core::validate_data_keys(data) + core::validate_data_keys(binary);
  for (uint32_t i = 0; i < data.size(); i++)
    if (binary.value()[data.key(i)].present()) errors.invalid(data.path().key(data.key(i)), data.key(i), "duplicate of key present in binaryData");
  if (bytes > core::kSecretBytesMax) errors.too_long(Path(""), core::kSecretBytesMax);
}

void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  core::require_unchanged_if_immutable(object, old, errors, {"data", "binaryData"});
  validate(object, errors);
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"Data", "string", "",
     "Data contains the configuration data. Each key must consist of alphanumeric characters, '-', '_' or '.'. Values with non-UTF-8 byte "
     "sequences must use the BinaryData field. The keys stored in Data must not overlap with the keys in the BinaryData field, this is "
     "enforced during validation process."},
    kAgeColumn,
};

void row(const Object& object, Row& row) {
  name_cell(object, row);
  row.number(object["data"].size() + object["binaryData"].size());
  age_cell(object, row);
}

}  // namespace core_config_map

extern const Rules kConfigMapRules{
    .group = "",
    .kind = "ConfigMap",
    .validate = core_config_map::validate,
    .validate_update = core_config_map::validate_update,
    .update_checks_whole = true,
    .columns = core_config_map::kColumns,
    .row = core_config_map::row,
    .has_generation = false,
};

}  // namespace sampan::registry
