#include "apiserver/admission.h"

#include "base/text.h"

namespace sampan::apiserver {

namespace {

struct Entry {
  std::string_view name;
  bool on_by_default;
  std::unique_ptr<AdmissionPlugin> (*make)(const AdmissionParts&);  // null: known to upstream, not here yet
};

// Upstream's plug-ins in upstream's order. NodeRestriction is on by default as it is wherever upstream is set up with nodes.
constexpr Entry kPlugins[] = {
    {"AlwaysAdmit", false, nullptr},
    {"NamespaceAutoProvision", false, [](const AdmissionParts& it) { return namespace_auto_provision(it.catalog); }},
    {"NamespaceLifecycle", true, [](const AdmissionParts& it) { return namespace_lifecycle(it.catalog); }},
    {"NamespaceExists", false, [](const AdmissionParts& it) { return namespace_exists(it.catalog); }},
    {"LimitPodHardAntiAffinityTopology", false, nullptr},
    {"LimitRanger", true, [](const AdmissionParts& it) { return limit_ranger(it.catalog); }},
    {"ServiceAccount", true, [](const AdmissionParts& it) { return service_account(it.catalog, it.clock, it.random); }},
    {"NodeRestriction", true, [](const AdmissionParts& it) { return node_restriction(it.catalog, it.access); }},
    {"TaintNodesByCondition", true, [](const AdmissionParts&) { return taint_nodes_by_condition(); }},
    {"AlwaysPullImages", false, [](const AdmissionParts&) { return always_pull_images(); }},
    {"ImagePolicyWebhook", false, nullptr},
    {"PodSecurity", true, nullptr},
    {"PodNodeSelector", false, nullptr},
    {"Priority", true, [](const AdmissionParts& it) { return priority(it.catalog); }},
    {"DefaultTolerationSeconds", true, [](const AdmissionParts&) { return default_toleration_seconds(); }},
    {"PodTolerationRestriction", false, nullptr},
    {"EventRateLimit", false, nullptr},
    {"ExtendedResourceToleration", false, [](const AdmissionParts&) { return extended_resource_toleration(); }},
    {"DefaultStorageClass", true, [](const AdmissionParts& it) { return default_storage_class(it.catalog); }},
    {"StorageObjectInUseProtection", true, [](const AdmissionParts&) { return storage_object_in_use_protection(); }},
    {"PodGroupProtection", true, nullptr},
    {"OwnerReferencesPermissionEnforcement", false, nullptr},
    {"PersistentVolumeClaimResize", true, [](const AdmissionParts& it) { return persistent_volume_claim_resize(it.catalog); }},
    {"RuntimeClass", true, [](const AdmissionParts& it) { return runtime_class(it.catalog); }},
    {"CertificateApproval", true, [](const AdmissionParts& it) { return certificate_approval(it.access); }},
    {"CertificateSigning", true, [](const AdmissionParts& it) { return certificate_signing(it.access); }},
    {"ClusterTrustBundleAttest", true, nullptr},
    {"CertificateSubjectRestriction", true, [](const AdmissionParts&) { return certificate_subject_restriction(); }},
    {"DefaultIngressClass", true, [](const AdmissionParts& it) { return default_ingress_class(it.catalog); }},
    {"DenyServiceExternalIPs", false, [](const AdmissionParts&) { return deny_service_external_ips(); }},
    {"PodTopologyLabels", true, [](const AdmissionParts& it) { return pod_topology_labels(it.catalog); }},
    {"PodGroupWorkloadExists", true, nullptr},
    {"NodeDeclaredFeatureValidator", true, nullptr},
    {"JobValidation", true, nullptr},
    {"PodResizeValidator", true, [](const AdmissionParts& it) { return pod_resize_validator(it.catalog); }},
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

Result<std::unique_ptr<Admission>> Admission::create(const AdmissionConfig& config, const AdmissionParts& parts) {
  TRY(check_names(config.enable));
  TRY(check_names(config.disable));
  auto admission = std::make_unique<Admission>();
  for (const Entry& entry : kPlugins) {
    bool on = (entry.on_by_default || contains(config.enable, entry.name)) && !contains(config.disable, entry.name);
    if (on && entry.make) admission->plugins_.push_back(entry.make(parts));
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
