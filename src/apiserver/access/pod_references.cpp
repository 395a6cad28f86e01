#include "apiserver/access/pod_references.h"

#include "apiserver/admission/plugin.h"
#include "base/text.h"

namespace sampan::apiserver {

using schema::AnyView;
using schema::Object;

namespace {

using Visit = std::function<bool(Referred, std::string_view)>;

// Sources whose secret is a reference of this form.
struct SecretMember {
  std::string_view source, member;
};
constexpr SecretMember kSecretSources[] = {{"cephfs", "secretRef"}, {"flexVolume", "secretRef"}, {"rbd", "secretRef"},      {"scaleIO", "secretRef"},
                                           {"iscsi", "secretRef"},  {"storageos", "secretRef"},  {"cinder", "secretRef"}, {"csi", "nodePublishSecretRef"}};

bool named(Referred kind, const AnyView& name, const Visit& visit) {
  auto text = name.present() ? name.as_string() : std::string_view();
  return !text.empty() && visit(kind, text);
}

bool in_containers(const AnyView& spec, const Visit& visit) {
  bool found = false;
  each_container(spec, [&](const AnyView& container, auto, auto) {
    AnyView env = container["env"], from = container["envFrom"];
    for (uint32_t i = 0; !found && env.present() && i < env.size(); i++) {
      AnyView source = env.item(i)["valueFrom"];
      found = named(Referred::Secret, source["secretKeyRef"]["name"], visit) || named(Referred::ConfigMap, source["configMapKeyRef"]["name"], visit);
    }
    for (uint32_t i = 0; !found && from.present() && i < from.size(); i++)
      found = named(Referred::Secret, from.item(i)["secretRef"]["name"], visit) || named(Referred::ConfigMap, from.item(i)["configMapRef"]["name"], visit);
  });
  return found;
}

bool in_volume(const Object& pod, const AnyView& volume, const Visit& visit) {
  if (named(Referred::Secret, volume["secret"]["secretName"], visit) || named(Referred::Secret, volume["azureFile"]["secretName"], visit) ||
      named(Referred::ConfigMap, volume["configMap"]["name"], visit) || named(Referred::Claim, volume["persistentVolumeClaim"]["claimName"], visit))
    return true;
  for (const SecretMember& it : kSecretSources)
    if (named(Referred::Secret, volume[it.source][it.member]["name"], visit)) return true;
  if (volume["ephemeral"].present() &&
      visit(Referred::Claim, concat(pod["metadata"]["name"].as_string(), "-", volume["name"].as_string())))
    return true;
  AnyView sources = volume["projected"]["sources"];
  for (uint32_t i = 0; sources.present() && i < sources.size(); i++)
    if (named(Referred::Secret, sources.item(i)["secret"]["name"], visit) || named(Referred::ConfigMap, sources.item(i)["configMap"]["name"], visit))
      return true;
  return false;
}

// The names of claims that were made from templates are in the status.
bool in_resource_claims(const Object& pod, const Visit& visit) {
  AnyView claims = pod["spec"]["resourceClaims"], made = pod["status"]["resourceClaimStatuses"];
  for (uint32_t i = 0; claims.present() && i < claims.size(); i++) {
    if (named(Referred::ResourceClaim, claims.item(i)["resourceClaimName"], visit)) return true;
    for (uint32_t k = 0; made.present() && k < made.size(); k++)
      if (made.item(k)["name"].as_string() == claims.item(i)["name"].as_string() &&
          named(Referred::ResourceClaim, made.item(k)["resourceClaimName"], visit))
        return true;
  }
  return named(Referred::ResourceClaim, pod["status"]["extendedResourceClaimStatus"]["resourceClaimName"], visit);
}

}  // namespace

bool any_reference(const Object& pod, const Visit& visit) {
  AnyView spec = pod["spec"], pulls = spec["imagePullSecrets"], volumes = spec["volumes"];
  if (named(Referred::ServiceAccount, spec["serviceAccountName"], visit)) return true;
  for (uint32_t i = 0; pulls.present() && i < pulls.size(); i++)
    if (named(Referred::Secret, pulls.item(i)["name"], visit)) return true;
  if (in_containers(spec, visit)) return true;
  for (uint32_t i = 0; volumes.present() && i < volumes.size(); i++)
    if (in_volume(pod, volumes.item(i), visit)) return true;
  return in_resource_claims(pod, visit);
}

bool any_volume_secret(const Object& volume, const std::function<bool(std::string_view, std::string_view)>& matches) {
  AnyView spec = volume["spec"];
  auto home = spec["claimRef"]["namespace"].as_string();
  auto check = [&](std::string_view space, std::string_view name) { return !name.empty() && matches(space.empty() ? home : space, name); };
  AnyView azure = spec["azureFile"];
  if (azure.present() && check(azure["secretNamespace"].as_string(), azure["secretName"].as_string())) return true;
  auto reference = [&](std::string_view source, std::string_view member) {
    AnyView it = spec[source][member];
    return it.present() && check(it["namespace"].as_string(), it["name"].as_string());
  };
  for (const SecretMember& it : kSecretSources)
    if (reference(it.source, it.member)) return true;
  return reference("csi", "nodeStageSecretRef") || reference("csi", "nodeExpandSecretRef");
}

}  // namespace sampan::apiserver
