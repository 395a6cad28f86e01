#include "registry/core/claim_spec.h"

#include "base/text.h"
#include "registry/metadata.h"
#include "schema/quantity.h"

namespace sampan::registry {

namespace {

void validate_data_source(const At& source, const ClaimSpecOptions& options) {
  if (!source.present()) return;
  if (source["name"].text().empty()) source["name"].required();
  if (source["kind"].text().empty()) source["kind"].required();
  At group = source["apiGroup"];
  if (group.text().empty()) {
    if (auto kind = source["kind"].text(); kind != "PersistentVolumeClaim")
      source.invalid(kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup");
  } else if (!options.invalid_api_group_in_data_source) {
    group.must_be(check_dns1123_subdomain);
  }
  if (!source["namespace"].text().empty()) source["namespace"].must_be(check_dns1123_label);
}

void validate_access_modes(const At& modes) {
  if (modes.size() == 0) modes.required("at least 1 access mode is required");
  bool exclusive = false, shared = false;
  for (uint32_t i = 0; i < modes.size(); i++) {
    auto mode = modes.value().item(i).as_string();
    static constexpr std::string_view kModes[] = {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"};
    bool known = std::find(std::begin(kModes), std::end(kModes), mode) != std::end(kModes);
    if (!known) modes.errors().not_supported(modes.path(), Shown(mode), kModes);
    exclusive |= mode == "ReadWriteOncePod";
    shared |= known && mode != "ReadWriteOncePod";
  }
  if (exclusive && shared) modes.forbidden("may not use ReadWriteOncePod with other access modes");
}

void validate_data_sources(const At& spec, const ClaimSpecOptions& options) {
  At source = spec["dataSource"], ref = spec["dataSourceRef"];
  validate_data_source(source, options);
  validate_data_source(ref, options);
  if (!source.present() || !ref.present()) return;
  // Upstream shows the path object itself, which has no content of its own.
  if (!ref["namespace"].text().empty())
    return spec.invalid(Shown::raw("{}"), "may not be specified when dataSourceRef.namespace is specified");
  const schema::AnyView &a = source.value(), &b = ref.value();
  if (!a["apiGroup"].equals(b["apiGroup"]) || a["kind"].as_string() != b["kind"].as_string() ||
      a["name"].as_string() != b["name"].as_string())
    spec.invalid(Shown::raw("{}"), "must match dataSourceRef");
}

}  // namespace

void validate_claim_spec(const At& spec, const ClaimSpecOptions& options) {
  validate_access_modes(spec["accessModes"]);
  if (spec["selector"].present())
    validate_label_selector(spec.errors(), spec.path().child("selector"), spec.value()["selector"],
                            {.allow_invalid_values = options.invalid_label_value_in_selector});

  At resources = spec["resources"];
  At storage(resources.value()["requests"]["storage"], resources.path().key("storage"), spec.errors());
  if (!storage.present())
    storage.required();
  else if (schema::Quantity::stored(storage.text()).sign() <= 0)
    storage.invalid(storage.text(), "must be greater than zero");

  for (auto name : {"storageClassName", "volumeAttributesClassName"})
    if (!spec[name].text().empty()) spec[name].must_be(check_dns1123_subdomain);
  if (spec["volumeMode"].present()) spec["volumeMode"].one_of({"Block", "Filesystem"});
  validate_data_sources(spec, options);
}

void warn_of_claim_spec(const At& spec, std::vector<std::string>& warnings) {
  At resources = spec["resources"];
  for (auto list : {"requests", "limits"}) {
    At amounts = resources[list];
    auto storage = amounts.value()["storage"].as_string();
    if (schema::Quantity::stored(storage).milli_value() % 1000 != 0)
      warnings.push_back(concat(amounts.path().key("storage").text(), ": fractional byte value ", quoted(storage),
                                " is invalid, must be an integer"));
  }
}

void validate_template_metadata(const At& metadata) {
  validate_annotations(metadata.errors(), metadata.path().child("annotations"), metadata.value()["annotations"]);
  validate_labels(metadata.errors(), metadata.path().child("labels"), metadata.value()["labels"]);
  // Upstream's names of the fields, their first letter in lower case.
  static constexpr struct {
    std::string_view field, shown;
  } kForbidden[] = {{"name", "name"},
                    {"generateName", "generateName"},
                    {"namespace", "namespace"},
                    {"selfLink", "selfLink"},
                    {"uid", "uID"},
                    {"resourceVersion", "resourceVersion"},
                    {"generation", "generation"},
                    {"creationTimestamp", "creationTimestamp"},
                    {"deletionTimestamp", "deletionTimestamp"},
                    {"deletionGracePeriodSeconds", "deletionGracePeriodSeconds"},
                    {"ownerReferences", "ownerReferences"},
                    {"finalizers", "finalizers"},
                    {"managedFields", "managedFields"}};
  for (auto& field : kForbidden)
    if (metadata.value()[field.field].present())
      At({}, metadata.path().child(field.shown), metadata.errors()).forbidden("cannot be set");
}

void validate_claim_template(const At& claim) {
  validate_template_metadata(claim["metadata"]);
  validate_claim_spec(claim["spec"], {});
}

}  // namespace sampan::registry
