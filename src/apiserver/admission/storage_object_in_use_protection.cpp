// StorageObjectInUseProtection: claims, volumes and attributes classes get a finalizer that a controller takes away once nothing uses them.
#include "apiserver/admission/plugin.h"

namespace sampan::apiserver {

using schema::Object;
using schema::Value;

namespace {

class StorageObjectInUseProtection final : public AdmissionPlugin {
 public:
  std::string_view name() const override { return "StorageObjectInUseProtection"; }

  Result<void> mutate(const Attributes& attributes, Value object, const Object*) override {
    if (attributes.operation != Operation::Create) return {};
    std::string_view finalizer;
    if (is_about(attributes, "", "persistentvolumes")) finalizer = "kubernetes.io/pv-protection";
    if (is_about(attributes, "", "persistentvolumeclaims")) finalizer = "kubernetes.io/pvc-protection";
    if (is_about(attributes, "storage.k8s.io", "volumeattributesclasses")) finalizer = "kubernetes.io/vac-protection";
    if (finalizer.empty()) return {};
    Value finalizers = object.ensure_object("metadata").ensure_list("finalizers");
    for (Value present : finalizers.items())
      if (present.as_string() == finalizer) return {};
    finalizers.push(finalizer);
    return {};
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> storage_object_in_use_protection() { return std::make_unique<StorageObjectInUseProtection>(); }

}  // namespace sampan::apiserver
