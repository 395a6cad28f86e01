// IngressClass: which controller serves an Ingress.
#include "base/text.h"
#include "registry/columns.h"
#include "registry/networking/reference.h"

namespace sampan::registry {

namespace networking {

void require_path_segment(const At& at) { at.empty() ? at.required() : at.must_be(check_path_segment); }

void validate_typed_reference(const At& reference) {
  if (At group = reference["apiGroup"]; group.present()) group.must_be(check_dns1123_subdomain);
  require_path_segment(reference["kind"]);
  require_path_segment(reference["name"]);
}

}  // namespace networking

namespace ingress_class {

void defaults(Value object, std::string_view) {
  Value parameters = object["spec"]["parameters"];
  if (parameters.is_object() && parameters["scope"].is_missing()) parameters.set("scope", "Cluster");
}

void validate_parameters(const At& parameters) {
  if (!parameters.present()) return;
  networking::validate_typed_reference(parameters);
  At scope = parameters["scope"], name_space = parameters["namespace"];
  if (!scope.present()) return scope.required();
  if (!scope.one_of({"Cluster", "Namespace"})) return;
  if (scope.text() == "Cluster") {
    if (name_space.present()) name_space.forbidden("`parameters.scope` is set to 'Cluster'");
  } else if (!name_space.present()) {
    name_space.required("`parameters.scope` is set to 'Namespace'");
  } else {
    name_space.must_be(check_dns1123_label);
  }
}

void validate(const Object& object, FieldErrors& errors) {
  constexpr int kControllerBytesMax = 250;
  Path path("spec");
  At spec(object["spec"], path, errors);
  At controller = spec["controller"];
  if (controller.text().size() > kControllerBytesMax) controller.too_long(kControllerBytesMax);
  require_domain_prefixed_path(errors, controller.path(), controller.text());
  validate_parameters(spec["parameters"]);
}

void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  require_field_unchanged(errors, Path("spec"), object["spec"], old["spec"], "controller");
  validate(object, errors);
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"Controller", "string", "", "Controller that is responsible for handling this class"},
    {"Parameters", "string", "", "A reference to a resource with additional parameters"},
    kAgeColumn,
};

void row(const Object& object, Row& row) {
  std::string name(name_of(object));
  if (annotation_of(object, "ingressclass.kubernetes.io/is-default-class") == "true") name += " (default)";
  row.text(name);
  row.text(object["spec"]["controller"].as_string());
  auto parameters = object["spec"]["parameters"];
  std::string text = "<none>";
  if (parameters.present()) {
    text = parameters["kind"].as_string();
    if (auto group = parameters["apiGroup"]; group.present()) append(text, ".", group.as_string());
    append(text, "/", parameters["name"].as_string());
  }
  row.text(text);
  age_cell(object, row);
}

}  // namespace ingress_class

extern const Rules kIngressClassRules{
    .group = "networking.k8s.io",
    .kind = "IngressClass",
    .defaults = ingress_class::defaults,
    .validate = ingress_class::validate,
    .validate_update = ingress_class::validate_update,
    .update_checks_whole = true,
    .columns = ingress_class::kColumns,
    .row = ingress_class::row,
};

}  // namespace sampan::registry
