// DefaultStorageClass: a claim without a class gets the default one. PersistentVolumeClaimResize: only bound claims of a class that allows it grow.
#include "apiserver/admission/plugin.h"
#include "schema/quantity.h"

namespace sampan::apiserver {

using schema::AnyView;
using schema::Object;
using schema::Quantity;
using schema::Value;

namespace {

constexpr std::string_view kBetaClass = "volume.beta.kubernetes.io/storage-class";

bool is_default_class(const Object& storage_class) {
  AnyView annotations = storage_class["metadata"]["annotations"];
  for (std::string_view key : {"storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"})
    if (annotations[key].as_string() == "true") return true;
  return false;
}

class DefaultStorageClass final : public AdmissionPlugin {
 public:
  explicit DefaultStorageClass(Catalog& catalog) : classes_(*catalog.store_of("storage.k8s.io", "storageclasses")) {}
  std::string_view name() const override { return "DefaultStorageClass"; }

  Result<void> mutate(const Attributes& attributes, Value claim, const Object*) override {
    if (attributes.operation != Operation::Create || !is_about(attributes, "", "persistentvolumeclaims")) return {};
    // An empty name is a choice, too: no class.
    if (claim["metadata"]["annotations"].has(kBetaClass) || !claim["spec"]["storageClassName"].is_missing()) return {};
    auto found = newest_default(classes_, is_default_class);
    if (!found) return {};
    auto name = (*found)["metadata"]["name"].as_string();
    claim.ensure_object("spec").set("storageClassName", claim.arena().copy(name));
    return {};
  }

 private:
  registry::ObjectStore& classes_;
};

class PersistentVolumeClaimResize final : public AdmissionPlugin {
 public:
  explicit PersistentVolumeClaimResize(Catalog& catalog) : classes_(*catalog.store_of("storage.k8s.io", "storageclasses")) {}
  std::string_view name() const override { return "PersistentVolumeClaimResize"; }

  Result<void> validate(const Attributes& attributes, const Object* claim, const Object* old) override {
    if (attributes.operation != Operation::Update || !is_about(attributes, "", "persistentvolumeclaims")) return {};
    if (size_of(*claim) <= size_of(*old)) return {};
    if ((*old)["status"]["phase"].as_string() != "Bound")
      return fail(refusal(attributes, *claim, "Only bound persistent volume claims can be expanded"));
    if (!may_grow(class_of(*claim), class_of(*old)))
      return fail(refusal(attributes, *claim,
                          "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize"));
    return {};
  }

 private:
  static Quantity size_of(const Object& claim) {
    return Quantity::stored(claim["spec"]["resources"]["requests"]["storage"].as_string());
  }

  static std::string_view class_of(const Object& claim) {
    AnyView annotated = claim["metadata"]["annotations"][kBetaClass];
    return annotated.present() ? annotated.as_string() : claim["spec"]["storageClassName"].as_string();
  }

  bool may_grow(std::string_view now, std::string_view before) {
    if (now.empty() || now != before) return false;
    auto found = classes_.get("", now);
    if (!found) return false;
    AnyView allowed = (**found)["allowVolumeExpansion"];
    return allowed.present() && allowed.as_bool();
  }

  registry::ObjectStore& classes_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> default_storage_class(Catalog& catalog) { return std::make_unique<DefaultStorageClass>(catalog); }
std::unique_ptr<AdmissionPlugin> persistent_volume_claim_resize(Catalog& catalog) {
  return std::make_unique<PersistentVolumeClaimResize>(catalog);
}

}  // namespace sampan::apiserver
