// VolumeAttachment: the wish that a volume be attached to a node, and what became of it.
#include "base/text.h"
#include "registry/keep_metadata.h"
#include "registry/columns.h"
#include "registry/core/persistent_volume_spec.h"
#include "registry/storage/parameters.h"

namespace sampan::registry {

namespace volume_attachment {

void defaults(Value object, std::string_view) {
  if (Value spec = object["spec"]["source"]["inlineVolumeSpec"]; spec.is_object()) core::default_persistent_volume_source(spec);
}

void validate_source(const At& source) {
  At inline_spec = source["inlineVolumeSpec"], volume = source["persistentVolumeName"];
  constexpr std::string_view kOne = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
  if (!inline_spec.present() && !volume.present())
    source.required(kOne);
  else if (inline_spec.present() && volume.present())
    source.forbidden(kOne);
  else if (inline_spec.present())
    core::validate_persistent_volume_spec(inline_spec, {}, core::VolumeSpecUse::Inline, {});
  else if (volume.text().empty())
    volume.required("must specify non empty persistentVolumeName");
}

void validate_error(const At& error) {
  constexpr size_t kMessageBytesMax = 1024, kMetadataBytesMax = 256 * 1024;
  // The limit that upstream names is the one of the metadata.
  if (error["message"].text().size() > kMessageBytesMax) error["message"].too_long(kMetadataBytesMax);
  if (At code = error["errorCode"]; code.present() && code.number() < 0) code.invalid("must be between 0 and 2147483647, inclusive");
}

void validate_status(const Object& object, FieldErrors& errors) {
  constexpr size_t kMetadataBytesMax = 256 * 1024;
  Path path("status");
  At status(object["status"], path, errors);
  At metadata = status["attachmentMetadata"];
  size_t bytes = 0;
  for (uint32_t i = 0; i < metadata.size(); i++) bytes += metadata.key(i).size() + metadata.value().value(i).as_string().size();
  if (bytes > kMetadataBytesMax) metadata.too_long(kMetadataBytesMax);
  validate_error(status["attachError"]);
  validate_error(status["detachError"]);
}

void validate(const Object& object, FieldErrors& errors) {
  Path path("spec");
  At spec(object["spec"], path, errors);
  storage::require_csi_driver_name(spec["attacher"]);
  validate_source(spec["source"]);
  spec["nodeName"].must_be(check_dns1123_subdomain);
  validate_status(object, errors);
  if (auto volume = object["spec"]["source"]["persistentVolumeName"]; volume.present())
    require_dns1123_subdomain(errors, Path("spec.source.persistentVolumeName"), volume.as_string());
}

void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  validate(object, errors);
  if (!object["spec"].equals(old["spec"])) errors.invalid(Path("spec"), object["spec"].present() ? Shown::internal(object["spec"], errors.sent_at(Path("spec"))) : Shown::internal_field(object.view(), "spec"), "field is immutable");
}

void validate_subresource(std::string_view, const Object& object, const Object& old, FieldErrors& errors) { validate_update(object, old, errors); }

constexpr Column kColumns[] = {
    kNameColumn,
    {"Attacher", "string", "name",
     "attacher indicates the name of the volume driver that MUST handle this request. This is the name returned by GetPluginName()."},
    {"PV", "string", "",
     "persistentVolumeName represents the name of the persistent volume to attach."},
    {"Node", "string", "", "nodeName represents the node that the volume should be attached to."},
    {"Attached", "boolean", "",
     "attached indicates the volume is successfully attached. This field must only be set by the entity completing the attach operation, "
     "i.e. the external-attacher."},
    kAgeColumn,
};

void row(const Object& object, Row& row) {
  auto spec = object["spec"];
  name_cell(object, row);
  row.text(spec["attacher"].as_string());
  row.text(spec["source"]["persistentVolumeName"].as_string());
  row.text(spec["nodeName"].as_string());
  auto attached = object["status"]["attached"];
  row.boolean(attached.present() && attached.as_bool());
  age_cell(object, row);
}

constexpr std::string_view kStatusReset[] = {"metadata", "spec"};

}  // namespace volume_attachment

extern const Rules kVolumeAttachmentRules{
    .group = "storage.k8s.io",
    .kind = "VolumeAttachment",
    .defaults = volume_attachment::defaults,
    .prepare_update = keep_metadata_in_status,
    .validate = volume_attachment::validate,
    .validate_update = volume_attachment::validate_update,
    .validate_subresource = volume_attachment::validate_subresource,
    .update_checks_metadata = false,
    .update_checks_whole = true,
    .subresource_checks_whole = true,
    .columns = volume_attachment::kColumns,
    .row = volume_attachment::row,
    .has_generation = false,
    .unconditional_update = false,
    .returns_deleted_object = true,
    .status_reset_fields = volume_attachment::kStatusReset,
};

}  // namespace sampan::registry
