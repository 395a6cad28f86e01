// DeviceClass: a sort of device.
#include "registry/columns.h"
#include "registry/core/pod_rules.h"
#include "registry/resource/devices.h"

namespace sampan::registry {

namespace device_class {

void validate(const Object& object, FieldErrors& errors) {
  constexpr uint32_t kConfigurationsMax = 32;
  Path path("spec");
  At spec(object["spec"], path, errors);
  resource::validate_selectors(spec["selectors"]);
  resource::validate_list(spec["config"], kConfigurationsMax, resource::validate_configuration);
  if (At name = spec["extendedResourceName"]; name.present() && !is_extended_resource(name.text()))
    name.invalid(Shown(name.text()), "must be a valid extended resource name");
}

void validate_update(const Object& object, const Object&, FieldErrors& errors) { validate(object, errors); }

constexpr Column kColumns[] = {kNameColumn, kAgeColumn};

void row(const Object& object, Row& row) {
  name_cell(object, row);
  age_cell(object, row);
}

}  // namespace device_class

extern const Rules kDeviceClassRules{
    .group = "resource.k8s.io",
    .kind = "DeviceClass",
    .validate = device_class::validate,
    .validate_update = device_class::validate_update,
    .update_checks_whole = true,
    .columns = device_class::kColumns,
    .row = device_class::row,
    .returns_deleted_object = true,
};

}  // namespace sampan::registry
