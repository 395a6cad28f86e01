// NamespaceLifecycle: nothing is made in a namespace that is not there or is going away, and the system's own namespaces stay.
#include "apiserver/admission/plugin.h"
#include "base/text.h"

namespace sampan::apiserver {

using schema::Object;
using schema::Value;

namespace {

class NamespaceLifecycle final : public AdmissionPlugin {
 public:
  explicit NamespaceLifecycle(Catalog& catalog) : namespaces_(*catalog.store_of("", "namespaces")) {}
  std::string_view name() const override { return "NamespaceLifecycle"; }

  Result<void> mutate(const Attributes& attributes, Value object, const Object*) override {
    const RequestInfo& info = attributes.info;
    bool is_namespace = info.group.empty() && info.resource == "namespaces";
    if (attributes.operation == Operation::Delete) {
      bool immortal = info.name == "default" || info.name == "kube-system" || info.name == "kube-public";
      if (is_namespace && immortal) return fail(refusal(attributes, object, "this namespace may not be deleted"));
      return {};
    }
    if (info.name_space.empty() || is_namespace || attributes.operation == Operation::Connect) return {};
    // Access reviews answer for namespaces that are not there, too: whoever asks learns nothing about which there are.
    if (info.group == "authorization.k8s.io" && info.resource == "localsubjectaccessreviews") return {};
    auto found = namespaces_.get("", info.name_space);
    if (!found) return fail(found.error().is(Reason::NotFound) ? found.error().clone() : internal_error(found.error().message()));
    if (attributes.operation != Operation::Create || (**found)["status"]["phase"].as_string() != "Terminating") return {};
    auto why = concat("unable to create new content in namespace ", info.name_space, " because it is being terminated");
    return fail(refusal(attributes, object, why)
                    .cause("NamespaceTerminating", concat("namespace ", info.name_space, " is being terminated"), "metadata.namespace"));
  }

 private:
  registry::ObjectStore& namespaces_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> namespace_lifecycle(Catalog& catalog) { return std::make_unique<NamespaceLifecycle>(catalog); }

}  // namespace sampan::apiserver
