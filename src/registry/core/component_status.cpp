// ComponentStatus: whether the parts of the control plane are well. It is not stored.
#include "registry/columns.h"

namespace sampan::registry {

namespace core_component_status {

constexpr Column kColumns[] = {
    kNameColumn,
    {"Status", "string", "", "Status of the component conditions"},
    {"Message", "string", "", "Message of the component conditions"},
    {"Error", "string", "", "Error of the component conditions"},
};

void row(const Object& object, Row& row) {
  std::string_view status = "Unknown", message, error;
  auto conditions = object["conditions"];
  for (uint32_t i = 0; i < conditions.size(); i++) {
    auto condition = conditions.item(i);
    if (condition["type"].as_string() != "Healthy") continue;
    status = condition["status"].as_string() == "True" ? "Healthy" : "Unhealthy";
    message = condition["message"].as_string();
    error = condition["error"].as_string();
    break;
  }
  name_cell(object, row);
  row.text(status);
  row.text(message);
  row.text(error);
}

}  // namespace core_component_status

extern const Rules kComponentStatusRules{
    .group = "",
    .kind = "ComponentStatus",
    .deprecation = "v1 ComponentStatus is deprecated in v1.19+",
    .columns = core_component_status::kColumns,
    .row = core_component_status::row,
    .has_generation = false,
};

}  // namespace sampan::registry
