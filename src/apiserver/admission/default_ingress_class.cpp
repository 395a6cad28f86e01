// DefaultIngressClass: an ingress that names no class gets the default one.
#include "apiserver/admission/plugin.h"

namespace sampan::apiserver {

using schema::Object;
using schema::Value;

namespace {

class DefaultIngressClass final : public AdmissionPlugin {
 public:
  explicit DefaultIngressClass(Catalog& catalog) : classes_(*catalog.store_of("networking.k8s.io", "ingressclasses")) {}
  std::string_view name() const override { return "DefaultIngressClass"; }

  Result<void> mutate(const Attributes& attributes, Value ingress, const Object*) override {
    if (attributes.operation != Operation::Create || !is_about(attributes, "networking.k8s.io", "ingresses")) return {};
    if (!ingress["spec"]["ingressClassName"].is_missing()) return {};
    if (ingress["metadata"]["annotations"].has("kubernetes.io/ingress.class")) return {};
    auto found = newest_default(classes_, [](const Object& ingress_class) {
      return ingress_class["metadata"]["annotations"]["ingressclass.kubernetes.io/is-default-class"].as_string() == "true";
    });
    if (!found) return {};
    auto name = (*found)["metadata"]["name"].as_string();
    ingress.ensure_object("spec").set("ingressClassName", ingress.arena().copy(name));
    return {};
  }

 private:
  registry::ObjectStore& classes_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> default_ingress_class(Catalog& catalog) { return std::make_unique<DefaultIngressClass>(catalog); }

}  // namespace sampan::apiserver
