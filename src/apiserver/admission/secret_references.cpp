#include "apiserver/admission/secret_references.h"

#include "apiserver/admission/plugin.h"
#include "base/text.h"

namespace sampan::apiserver {

using schema::AnyView;
using schema::Object;

namespace {

bool lists(const AnyView& references, std::string_view name) {
  for (uint32_t i = 0; i < references.size(); i++)
    if (references.item(i)["name"].as_string() == name) return true;
  return false;
}

std::string not_allowed(const Object& account, std::string_view what) {
  return concat(what, " is not allowed because service account ", account["metadata"]["name"].as_string(), " does not reference that secret");
}

// `what` names the kind of container: "init container".
std::string forbidden_in_containers(const Object& account, const AnyView& containers, std::string_view what) {
  AnyView mountable = account["secrets"];
  for (uint32_t i = 0; i < containers.size(); i++) {
    AnyView container = containers.item(i), env = container["env"], env_from = container["envFrom"];
    auto name = container["name"].as_string();
    for (uint32_t j = 0; j < env.size(); j++) {
      AnyView reference = env.item(j)["valueFrom"]["secretKeyRef"];
      auto secret = reference["name"].as_string();
      if (reference.present() && !lists(mountable, secret))
        return not_allowed(account, concat(what, " ", name, " with envVar ", env.item(j)["name"].as_string(),
                                           " referencing secret.secretName=\"", secret, "\""));
    }
    for (uint32_t j = 0; j < env_from.size(); j++) {
      AnyView reference = env_from.item(j)["secretRef"];
      auto secret = reference["name"].as_string();
      if (reference.present() && !lists(mountable, secret))
        return not_allowed(account, concat(what, " ", name, " with envFrom referencing secret.secretName=\"", secret, "\""));
    }
  }
  return {};
}

// Sources that name their secret in a member of the volume.
bool volume_references_secret(const AnyView& volume) {
  if (!volume["secret"]["secretName"].as_string().empty()) return true;
  if (!volume["azureFile"]["secretName"].as_string().empty()) return true;
  for (std::string_view source : {"cephfs", "flexVolume", "rbd", "scaleIO", "iscsi", "storageos"})
    if (volume[source]["secretRef"].present()) return true;
  if (volume["csi"]["nodePublishSecretRef"].present()) return true;
  AnyView sources = volume["projected"]["sources"];
  for (uint32_t i = 0; i < sources.size(); i++)
    if (sources.item(i)["secret"].present()) return true;
  return false;
}

}  // namespace

bool references_secrets(const Object& pod) {
  AnyView spec = pod["spec"], volumes = spec["volumes"];
  if (spec["imagePullSecrets"].size() > 0) return true;
  bool found = false;
  each_container(spec, [&](const AnyView& container, auto, auto) {
    AnyView env = container["env"], env_from = container["envFrom"];
    for (uint32_t i = 0; i < env.size(); i++) found |= env.item(i)["valueFrom"]["secretKeyRef"].present();
    for (uint32_t i = 0; i < env_from.size(); i++) found |= env_from.item(i)["secretRef"].present();
  });
  for (uint32_t i = 0; i < volumes.size(); i++) found |= volume_references_secret(volumes.item(i));
  return found;
}

bool enforces_secrets(const Object& account) {
  auto wish = account["metadata"]["annotations"]["kubernetes.io/enforce-mountable-secrets"].as_string();
  for (std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"})
    if (wish == yes) return true;
  return false;
}

std::string forbidden_secret(const Object& account, const Object& pod) {
  AnyView spec = pod["spec"], volumes = spec["volumes"], pulls = spec["imagePullSecrets"];
  for (uint32_t i = 0; i < volumes.size(); i++) {
    AnyView source = volumes.item(i)["secret"];
    auto secret = source["secretName"].as_string();
    if (source.present() && !lists(account["secrets"], secret))
      return not_allowed(account, concat("volume with secret.secretName=\"", secret, "\""));
  }
  if (auto found = forbidden_in_containers(account, spec["initContainers"], "init container"); !found.empty()) return found;
  if (auto found = forbidden_in_containers(account, spec["containers"], "container"); !found.empty()) return found;
  for (uint32_t i = 0; i < pulls.size(); i++) {
    auto secret = pulls.item(i)["name"].as_string();
    if (!lists(account["imagePullSecrets"], secret))
      return concat("imagePullSecrets[", i, "].name=\"", secret, "\" is not allowed because service account ",
                    account["metadata"]["name"].as_string(), " does not reference that imagePullSecret");
  }
  return {};
}

std::string forbidden_debug_secret(const Object& account, const Object& pod) {
  return forbidden_in_containers(account, pod["spec"]["ephemeralContainers"], "ephemeral container");
}

}  // namespace sampan::apiserver
