#include "apiserver/admission.h"

#include "base/aggregate.h"
#include "base/text.h"

namespace sampan::apiserver {

namespace {

using Made = Result<std::unique_ptr<AdmissionPlugin>>;

struct Entry {
  std::string_view name;
  bool on_by_default;
  Made (*make)(const AdmissionParts&);  // null: known to upstream, not here yet
};

// Upstream's plug-ins in upstream's order. NodeRestriction is on by default as it is wherever upstream is set up with nodes.
constexpr Entry kPlugins[] = {
    {"AlwaysAdmit", false, nullptr},
    {"NamespaceAutoProvision", false, [](const AdmissionParts& it) -> Made { return namespace_auto_provision(it.catalog); }},
    {"NamespaceLifecycle", true, [](const AdmissionParts& it) -> Made { return namespace_lifecycle(it.catalog); }},
    {"NamespaceExists", false, [](const AdmissionParts& it) -> Made { return namespace_exists(it.catalog); }},
    {"LimitPodHardAntiAffinityTopology", false, nullptr},
    {"LimitRanger", true, [](const AdmissionParts& it) -> Made { return limit_ranger(it.catalog); }},
    {"ServiceAccount", true, [](const AdmissionParts& it) -> Made { return service_account(it.catalog, it.clock, it.random); }},
    {"NodeRestriction", true, [](const AdmissionParts& it) -> Made { return node_restriction(it.catalog, it.access); }},
    {"TaintNodesByCondition", true, [](const AdmissionParts&) -> Made { return taint_nodes_by_condition(); }},
    {"AlwaysPullImages", false, [](const AdmissionParts&) -> Made { return always_pull_images(); }},
    {"ImagePolicyWebhook", false, nullptr},
    {"PodSecurity", true, [](const AdmissionParts& it) -> Made { return pod_security(it.settings("PodSecurity"), it.catalog); }},
    {"PodNodeSelector", false, [](const AdmissionParts& it) -> Made { return pod_node_selector(it.settings("PodNodeSelector"), it.catalog); }},
    {"Priority", true, [](const AdmissionParts& it) -> Made { return priority(it.catalog); }},
    {"DefaultTolerationSeconds", true, [](const AdmissionParts& parts) -> Made { return default_toleration_seconds(parts.config); }},
    {"PodTolerationRestriction", false, [](const AdmissionParts& it) -> Made { return pod_toleration_restriction(it.settings("PodTolerationRestriction"), it.catalog); }},
    {"EventRateLimit", false, [](const AdmissionParts& it) -> Made { return event_rate_limit(it.settings("EventRateLimit"), it.clock); }},
    {"ExtendedResourceToleration", false, [](const AdmissionParts&) -> Made { return extended_resource_toleration(); }},
    {"DefaultStorageClass", true, [](const AdmissionParts& it) -> Made { return default_storage_class(it.catalog); }},
    {"StorageObjectInUseProtection", true, [](const AdmissionParts&) -> Made { return storage_object_in_use_protection(); }},
    {"PodGroupProtection", true, nullptr},
    {"OwnerReferencesPermissionEnforcement", false, [](const AdmissionParts& it) -> Made { return owner_references_permission_enforcement(it.catalog, it.access); }},
    {"PersistentVolumeClaimResize", true, [](const AdmissionParts& it) -> Made { return persistent_volume_claim_resize(it.catalog); }},
    {"RuntimeClass", true, [](const AdmissionParts& it) -> Made { return runtime_class(it.catalog); }},
    {"CertificateApproval", true, [](const AdmissionParts& it) -> Made { return certificate_approval(it.access); }},
    {"CertificateSigning", true, [](const AdmissionParts& it) -> Made { return certificate_signing(it.access); }},
    {"ClusterTrustBundleAttest", true, nullptr},
    {"CertificateSubjectRestriction", true, [](const AdmissionParts&) -> Made { return certificate_subject_restriction(); }},
    {"DefaultIngressClass", true, [](const AdmissionParts& it) -> Made { return default_ingress_class(it.catalog); }},
    {"DenyServiceExternalIPs", false, [](const AdmissionParts&) -> Made { return deny_service_external_ips(); }},
    {"PodTopologyLabels", true, [](const AdmissionParts& it) -> Made { return pod_topology_labels(it.catalog); }},
    {"PodGroupWorkloadExists", true, nullptr},
    {"NodeDeclaredFeatureValidator", true, nullptr},
    {"JobValidation", true, nullptr},
    {"PodResizeValidator", true, [](const AdmissionParts& it) -> Made { return pod_resize_validator(it.catalog); }},
    {"MutatingAdmissionPolicy", true, [](const AdmissionParts& it) -> Made { return mutating_policies(it); }},
    {"MutatingAdmissionWebhook", true, [](const AdmissionParts& it) -> Made { return mutating_webhooks(it); }},
    {"ValidatingAdmissionPolicy", true, [](const AdmissionParts& it) -> Made { return validating_policies(it); }},
    {"ValidatingAdmissionWebhook", true, [](const AdmissionParts& it) -> Made { return validating_webhooks(it); }},
    {"ResourceQuota", true, [](const AdmissionParts& it) -> Made { return resource_quota(it.settings("ResourceQuota"), it.catalog, it.clock); }},
    {"AlwaysDeny", false, nullptr},
};

bool contains(const std::vector<std::string>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

void check_names(std::string_view flag, const std::vector<std::string>& names, std::vector<std::string>& complaints) {
  for (const auto& name : names)
    if (std::none_of(std::begin(kPlugins), std::end(kPlugins), [&](const Entry& entry) { return entry.name == name; }))
      complaints.push_back(concat(flag, " plugin ", quoted(name), " is unknown"));
}

}  // namespace

std::string_view operation_text(Operation operation) {
  constexpr std::string_view kTexts[] = {"CREATE", "UPDATE", "DELETE", "CONNECT"};
  return kTexts[static_cast<size_t>(operation)];
}

std::string_view AdmissionParts::settings(std::string_view plugin) const {
  auto found = config.settings.find(plugin);
  return found == config.settings.end() ? std::string_view() : std::string_view(found->second);
}

Result<std::unique_ptr<Admission>> Admission::create(const AdmissionParts& parts) {
  const AdmissionConfig& config = parts.config;
  std::vector<std::string> complaints;
  check_names("enable-admission-plugins", config.enable, complaints);
  check_names("disable-admission-plugins", config.disable, complaints);
  if (!complaints.empty()) return fail(bad_request(aggregated(complaints)));
  auto admission = std::make_unique<Admission>();
  admission->clock_ = &parts.clock;
  admission->metrics_ = parts.metrics;
  for (const Entry& entry : kPlugins) {
    bool wanted = contains(config.enable, entry.name);
    bool on = (entry.on_by_default || wanted) && !contains(config.disable, entry.name);
    if (!on || entry.name == "AlwaysAdmit") continue;  // that one does nothing
    if (entry.make) {
      auto plugin = entry.make(parts);
      if (!plugin) return fail(std::move(plugin).error().context(concat("failed to apply admission: couldn't init admission plugin ", quoted(entry.name))));
      admission->plugins_.push_back(std::move(*plugin));
    } else if (!entry.on_by_default) {  // somebody relies on it
      return fail(bad_request(concat("enable-admission-plugins plugin ", quoted(entry.name), " is not supported")));
    }
  }
  return admission;
}

Result<void> Admission::mutate(Attributes attributes, schema::Value object, const schema::Object* old) {
  Mutations mutations;
  attributes.mutations = &mutations;
  for (auto& plugin : plugins_) TRY(plugin->mutate(attributes, object, old));
  if (!mutations.wants_second_round) return {};
  mutations.second_round = true;
  for (auto& plugin : plugins_) TRY(plugin->mutate(attributes, object, old));
  return {};
}

Result<void> Admission::validate(const Attributes& attributes, const schema::Object* object, const schema::Object* old) {
  for (auto& plugin : plugins_) TRY(plugin->validate(attributes, object, old));
  // The client has been told that it took too long: nothing may come of it any more.
  if (clock_->monotonic_us() > attributes.deadline_us)
    return fail(Error(Reason::Timeout, "Timeout: request did not complete within requested timeout - context deadline exceeded"));
  return {};
}

std::vector<std::string_view> Admission::names() const {
  std::vector<std::string_view> names;
  for (const auto& plugin : plugins_) names.push_back(plugin->name());
  return names;
}

}  // namespace sampan::apiserver
