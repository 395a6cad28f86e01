// PodTemplate: a template of pods as an object of its own.
#include "registry/columns.h"
#include "registry/core/pod_spec.h"
#include "registry/names.h"
#include "registry/rules.h"

namespace sampan::registry {

namespace {

void default_template(Value object, std::string_view) { default_pod_template(object.ensure_object("template")); }

void prepare_create(Value object, const CreateContext&) { drop_disabled_template_fields(object["template"], {}); }
void prepare_update(Value object, const Object& old, std::string_view) {
  drop_disabled_template_fields(object["template"], old["template"]);
}

void validate(const Object& object, FieldErrors& errors) { validate_pod_template(object["template"], Path("template"), errors, {}); }
void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  validate_pod_template(object["template"], Path("template"), errors, pod_template_options(old["template"]));
}

void warn(const Object& object, const Object* old, Warnings& out) {
  pod_template_warnings(object["template"], Path("template"), old ? (*old)["template"] : AnyView(), out);
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"Containers", "string", "", "Names of each container in the template."},
    {"Images", "string", "", "Images referenced by each container in the template."},
    {"Pod Labels", "string", "", "The labels for the pod template."},
};

void row(const Object& object, Row& row) {
  AnyView pod_template = object["template"];
  name_cell(object, row);
  row.text(container_names(pod_template["spec"]));
  row.text(container_images(pod_template["spec"]));
  row.text(format_labels(pod_template["metadata"]["labels"]));
}

}  // namespace

extern const Rules kPodTemplateRules{
    .group = "",
    .kind = "PodTemplate",
    .defaults = default_template,
    .prepare_create = prepare_create,
    .prepare_update = prepare_update,
    .validate = validate,
    .validate_update = validate_update,
    .warnings = warn,
    .columns = kColumns,
    .row = row,
    .returns_deleted_object = true,
};

}  // namespace sampan::registry
