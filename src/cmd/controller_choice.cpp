#include "cmd/controller_choice.h"

#include <map>

#include "base/log.h"
#include "base/text.h"

namespace sampan::cmd {

namespace {

// Old names, which stay known.
constexpr std::pair<std::string_view, std::string_view> kAliases[] = {
    {"attachdetach", "persistentvolume-attach-detach-controller"},
    {"bootstrapsigner", "bootstrap-signer-controller"},
    {"cronjob", "cronjob-controller"},
    {"csrapproving", "certificatesigningrequest-approving-controller"},
    {"csrcleaner", "certificatesigningrequest-cleaner-controller"},
    {"csrsigning", "certificatesigningrequest-signing-controller"},
    {"daemonset", "daemonset-controller"},
    {"deployment", "deployment-controller"},
    {"disruption", "disruption-controller"},
    {"endpoint", "endpoints-controller"},
    {"endpointslice", "endpointslice-controller"},
    {"endpointslicemirroring", "endpointslice-mirroring-controller"},
    {"ephemeral-volume", "ephemeral-volume-controller"},
    {"garbagecollector", "garbage-collector-controller"},
    {"horizontalpodautoscaling", "horizontal-pod-autoscaler-controller"},
    {"job", "job-controller"},
    {"legacy-service-account-token-cleaner", "legacy-serviceaccount-token-cleaner-controller"},
    {"namespace", "namespace-controller"},
    {"nodeipam", "node-ipam-controller"},
    {"nodelifecycle", "node-lifecycle-controller"},
    {"persistentvolume-binder", "persistentvolume-binder-controller"},
    {"persistentvolume-expander", "persistentvolume-expander-controller"},
    {"podgc", "pod-garbage-collector-controller"},
    {"pv-protection", "persistentvolume-protection-controller"},
    {"pvc-protection", "persistentvolumeclaim-protection-controller"},
    {"replicaset", "replicaset-controller"},
    {"replicationcontroller", "replicationcontroller-controller"},
    {"resourcequota", "resourcequota-controller"},
    {"root-ca-cert-publisher", "root-ca-certificate-publisher-controller"},
    {"serviceaccount", "serviceaccount-controller"},
    {"serviceaccount-token", "serviceaccount-token-controller"},
    {"statefulset", "statefulset-controller"},
    {"storage-version-gc", "storageversion-garbage-collector-controller"},
    {"tokencleaner", "token-cleaner-controller"},
    {"ttl", "ttl-controller"},
    {"ttl-after-finished", "ttl-after-finished-controller"},
    {"validatingadmissionpolicy-status", "validatingadmissionpolicy-status-controller"},
};

// Those of kube-controller-manager 1.36 that are not here.
constexpr std::string_view kOthers[] = {
    "cloud-node-lifecycle-controller",
    "horizontal-pod-autoscaler-controller",
    "kube-apiserver-serving-clustertrustbundle-publisher-controller",
    "legacy-serviceaccount-token-cleaner-controller",
    "node-route-controller",
    "persistentvolume-attach-detach-controller",
    "persistentvolume-expander-controller",
    "podcertificaterequest-cleaner-controller",
    "podgroup-protection-controller",
    "resourcepoolstatusrequest-controller",
    "selinux-warning-controller",
    "service-cidr-controller",
    "service-lb-controller",
    "serviceaccount-token-controller",
    "storage-version-migrator-controller",
    "storageversion-garbage-collector-controller",
};

std::string_view full_name(std::string_view word) {
  for (const auto& [alias, name] : kAliases)
    if (alias == word) return name;
  return word;
}

}  // namespace

Result<std::vector<const controllers::Entry*>> choose_controllers(const std::vector<std::string>& words) {
  auto all = controllers::all_controllers();
  bool everything = false;
  std::map<std::string_view, bool> named;  // the first word about each counts
  for (std::string_view word : words) {
    bool is_off = word.starts_with('-');
    auto name = full_name(is_off ? word.substr(1) : word);
    if (name == "*") {
      everything |= !is_off;
      continue;
    }
    bool is_here = std::any_of(all.begin(), all.end(), [&](const auto& entry) { return entry.name == name; });
    bool is_elsewhere = std::find(std::begin(kOthers), std::end(kOthers), name) != std::end(kOthers);
    if (!is_here && !is_elsewhere) return fail(bad_request(concat(quoted(name), " is not in the list of known controllers")));
    if (!is_here && !is_off) LOG_WARNING("the controller ", name, " is known but is not there yet");
    named.emplace(name, !is_off);
  }
  std::vector<const controllers::Entry*> chosen;
  for (const auto& entry : all) {
    auto word = named.find(entry.name);
    if (word != named.end() ? word->second : everything && entry.on_by_default) chosen.push_back(&entry);
  }
  return chosen;
}

}  // namespace sampan::cmd
