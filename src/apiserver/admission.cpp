#include "apiserver/admission.h"

#include "base/text.h"

namespace sampan::apiserver {

namespace {

struct Entry {
  std::string_view name;
  bool on_by_default;
  std::unique_ptr<AdmissionPlugin> (*make)(Catalog&, Clock&, Random&);  // null: known to upstream, not here yet
};

// Upstream's plug-ins in upstream's order.
constexpr Entry kPlugins[] = {
    {"AlwaysAdmit", false, nullptr},
    {"NamespaceAutoProvision", false, [](Catalog& catalog, Clock&, Random&) { return namespace_auto_provision(catalog); }},
    {"NamespaceLifecycle", true, [](Catalog& catalog, Clock&, Random&) { return namespace_lifecycle(catalog); }},
    {"NamespaceExists", false, [](Catalog& catalog, Clock&, Random&) { return namespace_exists(catalog); }},
    {"LimitPodHardAntiAffinityTopology", false, nullptr},
    {"LimitRanger", true, [](Catalog& catalog, Clock&, Random&) { return limit_ranger(catalog); }},
    {"ServiceAccount", true, service_account},
    {"NodeRestriction", false, nullptr},
    {"TaintNodesByCondition", true, [](Catalog&, Clock&, Random&) { return taint_nodes_by_condition(); }},
    {"AlwaysPullImages", false, [](Catalog&, Clock&, Random&) { return always_pull_images(); }},
    {"ImagePolicyWebhook", false, nullptr},
    {"PodSecurity", true, nullptr},
    {"PodNodeSelector", false, nullptr},
    {"Priority", true, [](Catalog& catalog, Clock&, Random&) { return priority(catalog); }},
    {"DefaultTolerationSeconds", true, [](Catalog&, Clock&, Random&) { return default_toleration_seconds(); }},
    {"PodTolerationRestriction", false, nullptr},
    {"EventRateLimit", false, nullptr},
    {"ExtendedResourceToleration", false, [](Catalog&, Clock&, Random&) { return extended_resource_toleration(); }},
    {"DefaultStorageClass", true, [](Catalog& catalog, Clock&, Random&) { return default_storage_class(catalog); }},
    {"StorageObjectInUseProtection", true, [](Catalog&, Clock&, Random&) { return storage_object_in_use_protection(); }},
    {"PodGroupProtection", true, nullptr},
    {"OwnerReferencesPermissionEnforcement", false, nullptr},
    {"PersistentVolumeClaimResize", true, [](Catalog& catalog, Clock&, Random&) { return persistent_volume_claim_resize(catalog); }},
    {"RuntimeClass", true, [](Catalog& catalog, Clock&, Random&) { return runtime_class(catalog); }},
    {"CertificateApproval", true, nullptr},
    {"CertificateSigning", true, nullptr},
    {"ClusterTrustBundleAttest", true, nullptr},
    {"CertificateSubjectRestriction", true, nullptr},
    {"DefaultIngressClass", true, [](Catalog& catalog, Clock&, Random&) { return default_ingress_class(catalog); }},
    {"DenyServiceExternalIPs", false, [](Catalog&, Clock&, Random&) { return deny_service_external_ips(); }},
    {"PodTopologyLabels", true, [](Catalog& catalog, Clock&, Random&) { return pod_topology_labels(catalog); }},
    {"PodGroupWorkloadExists", true, nullptr},
    {"NodeDeclaredFeatureValidator", true, nullptr},
    {"JobValidation", true, nullptr},
    {"PodResizeValidator", true, [](Catalog& catalog, Clock&, Random&) { return pod_resize_validator(catalog); }},
    {"MutatingAdmissionPolicy", true, nullptr},
    {"MutatingAdmissionWebhook", true, nullptr},
    {"ValidatingAdmissionPolicy", true, nullptr},
    {"ValidatingAdmissionWebhook", true, nullptr},
    {"ResourceQuota", true, nullptr},
    {"AlwaysDeny", false, nullptr},
};

bool contains(const std::vector<std::string>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

Result<void> check_names(const std::vector<std::string>& names) {
  for (const auto& name : names)
    if (std::none_of(std::begin(kPlugins), std::end(kPlugins), [&](const Entry& entry) { return entry.name == name; }))
      return fail(Error(Reason::BadRequest, concat("enable-admission-plugins plugin ", quoted(name), " is unknown")));
  return {};
}

}  // namespace

Result<std::unique_ptr<Admission>> Admission::create(const AdmissionConfig& config, Catalog& catalog, Clock& clock, Random& random) {
  TRY(check_names(config.enable));
  TRY(check_names(config.disable));
  auto admission = std::make_unique<Admission>();
  for (const Entry& entry : kPlugins) {
    bool on = (entry.on_by_default || contains(config.enable, entry.name)) && !contains(config.disable, entry.name);
    if (on && entry.make) admission->plugins_.push_back(entry.make(catalog, clock, random));
  }
  return admission;
}

Result<void> Admission::mutate(const Attributes& attributes, schema::Value object, const schema::Object* old) {
  for (auto& plugin : plugins_) TRY(plugin->mutate(attributes, object, old));
  return {};
}

Result<void> Admission::validate(const Attributes& attributes, const schema::Object* object, const schema::Object* old) {
  for (auto& plugin : plugins_) TRY(plugin->validate(attributes, object, old));
  return {};
}

std::vector<std::string_view> Admission::names() const {
  std::vector<std::string_view> names;
  for (const auto& plugin : plugins_) names.push_back(plugin->name());
  return names;
}

}  // namespace sampan::apiserver
