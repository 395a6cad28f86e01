// RuntimeClass: a way to run containers that a node's runtime knows by its handler.
#include "base/text.h"
#include "registry/columns.h"
#include "registry/core/node_labels.h"
#include "registry/core/pod_rules.h"
#include "registry/rules.h"

namespace sampan::registry {

namespace {

void validate_unique(const At& tolerations) {
  for (uint32_t i = 0; i < tolerations.size(); i++)
    for (uint32_t j = 0; j < i; j++) {
      At one = tolerations.item(i), other = tolerations.item(j);
      bool same = true;
      for (auto field : {"key", "operator", "value", "effect"}) same &= one[field].text() == other[field].text();
      if (!same) continue;
      one.errors().duplicate(one.path(), Shown::internal(one.value()));
      break;
    }
}

void validate(const Object& object, FieldErrors& errors) {
  At handler(object["handler"], Path("handler"), errors);
  if (handler.empty())
    handler.required();
  else
    handler.must_be(check_dns1123_label);
  Path overhead("overhead"), scheduling_path("scheduling");
  validate_overhead(At(object["overhead"]["podFixed"], overhead, errors), {});
  At scheduling(object["scheduling"], scheduling_path, errors);
  At selector = scheduling["nodeSelector"], tolerations = scheduling["tolerations"];
  validate_labels(errors, selector.path(), selector.value());
  validate_tolerations(tolerations, {});
  validate_unique(tolerations);
}

void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  validate(object, errors);
  At handler(object["handler"], Path("handler"), errors);
  if (handler.text() != old["handler"].as_string()) handler.invalid(Shown(handler.text()), "field is immutable");
}

void warn(const Object& object, const Object*, Warnings& out) {
  AnyView selector = object["scheduling"]["nodeSelector"];
  for (uint32_t i = 0; i < selector.size(); i++)
    if (auto message = deprecated_node_label(selector.key(i)); !message.empty())
      out.push_back(concat("scheduling.nodeSelector: ", message));
}

constexpr Column kColumns[] = {kNameColumn, {"Handler", "string", "", ""}, kAgeColumn};

void row(const Object& object, Row& row) {
  name_cell(object, row);
  row.text(object["handler"].as_string());
  age_cell(object, row);
}

}  // namespace

extern const Rules kRuntimeClassRules{
    .group = "node.k8s.io",
    .kind = "RuntimeClass",
    .validate = validate,
    .validate_update = validate_update,
    .warnings = warn,
    .update_checks_whole = true,
    .qualified_finalizers = false,
    .columns = kColumns,
    .row = row,
    .has_generation = false,
    .create_on_update = true,
    .unconditional_update = false,
};

}  // namespace sampan::registry
