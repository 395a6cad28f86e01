// NamespaceLifecycle: nothing is made in a namespace that is not there or is going away, and the system's own namespaces stay.
#include "apiserver/admission.h"
#include "base/text.h"

namespace sampan::apiserver {

namespace {

class NamespaceLifecycle : public AdmissionPlugin {
 public:
  explicit NamespaceLifecycle(Catalog& catalog) : namespaces_(*catalog.store_of("", "namespaces")) {}
  std::string_view name() const override { return "NamespaceLifecycle"; }

  Result<void> mutate(const Attributes& attributes, schema::Value, const schema::Object*) override { return check(attributes); }
  Result<void> validate(const Attributes& attributes, const schema::Object*, const schema::Object*) override { return check(attributes); }

 private:
  Result<void> check(const Attributes& attributes) {
    const RequestInfo& info = attributes.info;
    bool is_namespace = info.group.empty() && info.resource == "namespaces";
    if (attributes.operation == Operation::Delete && is_namespace) {
      for (std::string_view immortal : {"default", "kube-system", "kube-public"})
        if (info.name == immortal) return fail(refuse(attributes, "this namespace may not be deleted"));
      return {};
    }
    if (info.name_space.empty() || is_namespace || attributes.operation == Operation::Delete) return {};
    // Access reviews answer for namespaces that are not there, too.
    if (info.group == "authorization.k8s.io" && info.resource == "localsubjectaccessreviews") return {};
    auto found = namespaces_.get("", info.name_space);
    if (!found) return fail(found.error().clone());
    if (attributes.operation != Operation::Create) return {};
    const schema::Object& space = **found;
    if (space["status"]["phase"].as_string() != "Terminating" && !space["metadata"]["deletionTimestamp"].present()) return {};
    auto why = concat("unable to create new content in namespace ", info.name_space, " because it is being terminated");
    Error error = refuse(attributes, why);
    error.edit().causes.push_back({"NamespaceTerminating", concat("namespace ", info.name_space, " is being terminated"), "metadata.namespace"});
    return fail(std::move(error));
  }

  static Error refuse(const Attributes& attributes, std::string_view why) {
    const RequestInfo& info = attributes.info;
    auto qualified = info.group.empty() ? info.resource : concat(info.resource, ".", info.group);
    return Error(Reason::Forbidden, concat(qualified, " ", quoted(info.name), " is forbidden: ", why)).about(info.group, info.resource, info.name);
  }

  registry::ObjectStore& namespaces_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> namespace_lifecycle(Catalog& catalog) { return std::make_unique<NamespaceLifecycle>(catalog); }

}  // namespace sampan::apiserver
