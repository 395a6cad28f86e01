// Namespace: it is deleted in two steps; the finalizer "kubernetes" in its spec holds it until all it contained is gone.
#include "base/text.h"
#include "registry/at.h"
#include "registry/columns.h"
#include "registry/metadata.h"

namespace sampan::registry {

namespace core_namespace {

constexpr std::string_view kNameLabel = "kubernetes.io/metadata.name";

void label_with_name(Value object) {
  Value metadata = object.ensure_object("metadata");
  auto name = metadata["name"].as_string();
  if (!name.empty()) metadata.ensure_object("labels").set(kNameLabel, name);
}

void defaults(Value object, std::string_view) {
  label_with_name(object);
  Value status = object.ensure_object("status");
  if (status["phase"].as_string().empty()) status.set("phase", "Active");
}

void prepare_create(Value object, const CreateContext&) {
  Value status = Value::object(object.arena());
  status.set("phase", "Active");
  object.set("status", status);
  Value finalizers = object.ensure_object("spec").ensure_list("finalizers");
  bool has = false;
  for (Value finalizer : finalizers.items()) has |= finalizer.as_string() == "kubernetes";
  if (!has) finalizers.push("kubernetes");
  label_with_name(object);
}

void prepare_update(Value object, const Object& old, std::string_view subresource) {
  label_with_name(object);
  if (subresource == "finalize") {
    if (auto status = old["status"]; status.present()) object.set("status", schema::thaw(status, object.arena()));
    return;
  }
  if (!subresource.empty()) return;
  // Only the finalize subresource may take finalizers away.
  Value spec = object.ensure_object("spec");
  if (auto finalizers = old["spec"]["finalizers"]; finalizers.present())
    spec.set("finalizers", schema::thaw(finalizers, object.arena()));
  else
    spec.remove("finalizers");
}

void validate_finalizer(FieldErrors& errors, const Path& path, std::string_view finalizer) {
  require_qualified_name(errors, path, finalizer);
  require_known_finalizer(errors, path, finalizer);
}

void validate(const Object& object, FieldErrors& errors) {
  auto finalizers = object["spec"]["finalizers"];
  Path spec("spec");
  for (uint32_t i = 0; i < finalizers.size(); i++) validate_finalizer(errors, spec.child("finalizers"), finalizers.item(i).as_string());
}

void validate_update(const Object& object, const Object&, FieldErrors& errors) { validate(object, errors); }

void validate_subresource(std::string_view subresource, const Object& object, const Object&, FieldErrors& errors) {
  if (subresource == "finalize") {
    Path spec("spec");
    At finalizers(object["spec"]["finalizers"], spec.child("finalizers"), errors);
    for (uint32_t i = 0; i < finalizers.size(); i++)
      validate_finalizer(errors, finalizers.item(i).path(), finalizers.item(i).text());
    return;
  }
  auto phase = object["status"]["phase"].as_string();
  bool deleting = is_being_deleted(object);
  if (deleting ? phase == "Terminating" : phase == "Active") return;
  errors.invalid(Path("status").child("Phase"), Shown::named(phase),
                 deleting ? "may only be 'Terminating' if `deletionTimestamp` is not empty"
                          : "may only be 'Active' if `deletionTimestamp` is empty");
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"Status", "string", "", "The status of the namespace"},
    kAgeColumn,
};

void row(const Object& object, Row& row) {
  name_cell(object, row);
  row.text(object["status"]["phase"].as_string());
  age_cell(object, row);
}

// The first DELETE only marks it; the controller of namespaces empties it and takes the finalizer away.
void begin_delete(Value object) { object.ensure_object("status").set("phase", "Terminating"); }
bool deletable(const Object& object) { return object["spec"]["finalizers"].size() == 0; }

constexpr FieldLabel kFieldLabels[] = {
    {"status.phase", [](const Object& object) { return std::string(object["status"]["phase"].as_string()); }},
};

}  // namespace core_namespace

extern const Rules kNamespaceRules{
    .group = "",
    .kind = "Namespace",
    .defaults = core_namespace::defaults,
    .prepare_create = core_namespace::prepare_create,
    .prepare_update = core_namespace::prepare_update,
    .validate = core_namespace::validate,
    .validate_update = core_namespace::validate_update,
    .validate_subresource = core_namespace::validate_subresource,
    .validate_name = name_is_dns_label,
    .update_checks_whole = true,
    .columns = core_namespace::kColumns,
    .row = core_namespace::row,
    .field_labels = core_namespace::kFieldLabels,
    .has_generation = false,
    .begin_delete = core_namespace::begin_delete,
    .deletable = core_namespace::deletable,
    .returns_deleted_object = true,
};

}  // namespace sampan::registry
