// What the status of both kinds of flow control has.
#pragma once
#include "registry/at.h"

namespace sampan::registry::flowcontrol {

inline void validate_status(const Object& object, FieldErrors& errors) {
  Path path("status");
  At conditions(object["status"]["conditions"], path.child("conditions"), errors);
  for (uint32_t i = 0; i < conditions.size(); i++) {
    At condition = conditions.item(i);
    At type = condition["type"];
    for (uint32_t j = 0; j < i; j++)
      if (conditions.value().item(j)["type"].as_string() == type.text()) {
        type.duplicate();
        break;
      }
    if (type.empty()) type.required();
  }
}

inline constexpr std::string_view kStatusReset[] = {"metadata", "spec"};

}  // namespace sampan::registry::flowcontrol
