// NodeRestriction: nodes change their own objects alone, and those of the pods that run on them.
#include "apiserver/access/access.h"
#include "apiserver/access/node_authorizer.h"
#include "apiserver/access/pod_references.h"
#include "apiserver/admission/certificate_subject.h"
#include "apiserver/admission/plugin.h"
#include "base/encoding.h"
#include "base/text.h"

namespace sampan::apiserver {

using schema::AnyView;
using schema::Object;
using schema::ObjectRef;
using schema::Value;

namespace {

constexpr std::string_view kMirror = "kubernetes.io/config.mirror";

std::string_view label_namespace(std::string_view key) {
  auto slash = key.find('/');
  return slash == std::string_view::npos ? std::string_view() : key.substr(0, slash);
}
bool is_within(std::string_view name_space, std::string_view domain) {
  return name_space == domain || (name_space.size() > domain.size() && name_space.ends_with(domain) && name_space[name_space.size() - domain.size() - 1] == '.');
}

// Labels by which workloads are steered to nodes are not the nodes' to set.
bool is_forbidden_label(std::string_view key) {
  constexpr std::string_view own[] = {"kubernetes.io/hostname",   "topology.kubernetes.io/zone",      "topology.kubernetes.io/region",
                                      "failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region", "beta.kubernetes.io/instance-type",
                                      "node.kubernetes.io/instance-type", "kubernetes.io/os",           "kubernetes.io/arch",
                                      "beta.kubernetes.io/os",    "beta.kubernetes.io/arch"};
  auto space = label_namespace(key);
  if (is_within(space, "node-restriction.kubernetes.io")) return true;
  if (!is_within(space, "kubernetes.io") && !is_within(space, "k8s.io")) return false;
  if (std::find(std::begin(own), std::end(own), key) != std::end(own)) return false;
  return !is_within(space, "kubelet.kubernetes.io") && !is_within(space, "node.kubernetes.io");
}

// The forbidden ones of the keys whose values differ, sorted.
std::vector<std::string> forbidden_changes(Value labels, Value old) {
  std::vector<std::string> keys;
  auto look = [&](Value one, Value other) {
    for (const auto& label : one.members())
      if (is_forbidden_label(label.name) && (!other.has(label.name) || !other[label.name].equals(label.value))) keys.emplace_back(label.name);
  };
  look(labels, old);
  look(old, labels);
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

bool same(Value a, Value b) { return (a.is_missing() || a.empty()) && (b.is_missing() || b.empty()) ? !a.is_string() && !b.is_string() : a.equals(b); }

class NodeRestriction final : public AdmissionPlugin {
 public:
  NodeRestriction(Catalog& catalog, Access& access) : catalog_(catalog), access_(access) {}
  std::string_view name() const override { return "NodeRestriction"; }

  Result<void> mutate(const Attributes& attributes, Value object, const Object* old) override {
    std::string_view node;
    if (!is_node(attributes.user, node) || attributes.operation == Operation::Delete) return {};
    Arena arena;
    std::string why;
    TRY(judge(attributes, node, object, old ? schema::thaw(*old, arena) : Value(), why));
    if (!why.empty()) return fail(refusal(attributes, object, why));
    return {};
  }

  // Deletes are judged by what they find.
  Result<void> validate(const Attributes& attributes, const Object*, const Object* old) override {
    std::string_view node;
    if (!is_node(attributes.user, node) || attributes.operation != Operation::Delete || !old) return {};
    const RequestInfo& info = attributes.info;
    auto name = (*old)["metadata"]["name"].as_string();
    auto on_node = (*old)["spec"]["nodeName"].as_string() == node;
    std::string why;
    if (node.empty())
      why = concat("could not determine node from user ", quoted(attributes.user.name));
    else if (is_about(attributes, "", "pods") && !on_node)
      why = concat("node ", quoted(node), " can only delete pods with spec.nodeName set to itself");
    else if (is_about(attributes, "", "nodes") && name != node)
      why = concat("node ", quoted(node), " is not allowed to modify node ", quoted(name));
    else if (is_about(attributes, "", "persistentvolumeclaims"))
      why = "may only update PVC status";
    else if (is_about(attributes, "coordination.k8s.io", "leases"))
      why = lease(info.name_space, name, node);
    else if (is_about(attributes, "storage.k8s.io", "csinodes") && name != node)
      why = "can only access CSINode with the same name as the requesting node";
    else if (is_about(attributes, "resource.k8s.io", "resourceslices") && !on_node)
      why = "can only delete ResourceSlice with the same NodeName as the requesting node";
    if (!why.empty()) return fail(refusal(attributes, *old, why));
    return {};
  }

 private:
  Result<void> judge(const Attributes& attributes, std::string_view node, Value object, Value old, std::string& why) {
    const RequestInfo& info = attributes.info;
    bool creates = attributes.operation == Operation::Create;
    auto is = [&](std::string_view group, std::string_view resource) { return info.group == group && info.resource == resource; };
    auto name = creates ? object["metadata"]["name"].as_string() : std::string_view(info.name);
    if (node.empty()) {
      why = concat("could not determine node from user ", quoted(attributes.user.name));
    } else if (is("", "pods")) {
      return pod(attributes, node, object, old, why);
    } else if (is("", "nodes")) {
      why = own_node(creates, info.name.empty() ? name : std::string_view(info.name), node, object, old);
    } else if (is("", "persistentvolumeclaims")) {
      why = info.subresource == "status" ? claim_status(node, object, old) : "may only update PVC status";
    } else if (is("", "serviceaccounts")) {
      if (creates && info.subresource == "token") return token(attributes, node, object, why);
    } else if (is("coordination.k8s.io", "leases")) {
      why = lease(info.name_space, name, node);
    } else if (is("storage.k8s.io", "csinodes")) {
      if (name != node) why = "can only access CSINode with the same name as the requesting node";
    } else if (is("resource.k8s.io", "resourceslices")) {
      if (creates && object["spec"]["nodeName"].as_string() != node) why = "can only create ResourceSlice with the same NodeName as the requesting node";
    } else if (is("certificates.k8s.io", "certificatesigningrequests")) {
      if (creates) why = signing_request(node, object);
    }
    return {};
  }

  static std::string lease(std::string_view name_space, std::string_view name, std::string_view node) {
    if (name_space != "kube-node-lease") return "can only access leases in the \"kube-node-lease\" system namespace";
    if (name != node) return "can only access node lease with the same name as the requesting node";
    return {};
  }

  static std::string signing_request(std::string_view node, Value object) {
    auto signer = object["spec"]["signerName"].as_string();
    if (signer != "kubernetes.io/kubelet-serving" && signer != "kubernetes.io/kube-apiserver-client-kubelet") return {};
    std::string pem;
    decode_base64(object["spec"]["request"].as_string(), pem);
    auto subject = certificate_subject(pem);
    if (!subject) return concat("unable to parse csr: ", subject.error().message());
    if (subject->common_name != concat("system:node:", node)) return concat("can only create a node CSR with CN=system:node:", node);
    return {};
  }

  static std::string own_node(bool creates, std::string_view name, std::string_view node, Value object, Value old) {
    if (name != node) return concat("node ", quoted(node), " is not allowed to modify node ", quoted(name));
    Value config = object["spec"]["configSource"];
    auto labels = forbidden_changes(object["metadata"]["labels"], old["metadata"]["labels"]);
    if (creates) {
      if (config.is_object()) return concat("node ", quoted(node), " is not allowed to create pods with a non-nil configSource");
      if (!labels.empty()) return concat("node ", quoted(node), " is not allowed to set the following labels: ", join(labels, ", "));
      return {};
    }
    if (config.is_object() && !same(config, old["spec"]["configSource"]))
      return concat("node ", quoted(node), " is not allowed to update configSource to a new non-nil configSource");
    if (!same(object["spec"]["taints"], old["spec"]["taints"])) return concat("node ", quoted(node), " is not allowed to modify taints");
    if (!same(object["metadata"]["ownerReferences"], old["metadata"]["ownerReferences"]))
      return concat("node ", quoted(node), " is not allowed to modify ownerReferences");
    if (!labels.empty()) return concat("is not allowed to modify labels: ", join(labels, ", "));
    return {};
  }

  static std::string claim_status(std::string_view node, Value object, Value old) {
    Arena arena;
    Value now = object.clone(arena), before = old.clone(arena);
    for (Value tree : {now, before}) {
      for (std::string_view member : {"apiVersion", "kind"}) tree.remove(member);
      for (std::string_view member : {"capacity", "conditions", "allocatedResourceStatuses", "allocatedResources"}) tree["status"].remove(member);
      for (std::string_view member : {"resourceVersion", "managedFields"}) tree["metadata"].remove(member);
    }
    for (std::string_view part : {"metadata", "spec", "status"})
      if (!same(now[part], before[part]))
        return concat("node ", quoted(node), " is not allowed to update fields other than status.quantity and status.conditions: ", part, " differs");
    return {};
  }

  Result<ObjectRef> find_pod(const Attributes& attributes, std::string_view name) { return catalog_.store_of("", "pods")->get(attributes.info.name_space, name); }

  Result<void> pod(const Attributes& attributes, std::string_view node, Value object, Value old, std::string& why) {
    const RequestInfo& info = attributes.info;
    bool creates = attributes.operation == Operation::Create;
    if (info.subresource.empty()) {
      if (creates) return mirror_pod(node, object, why);
      why = concat("unexpected operation \"UPDATE\", node ", quoted(node), " can only create and delete mirror pods");
    } else if (info.subresource == "status") {
      why = creates ? "unexpected operation \"CREATE\"" : pod_status(node, object, old);
    } else if (info.subresource == "eviction") {
      auto found = TRY(find_pod(attributes, info.name));
      if ((*found)["spec"]["nodeName"].as_string() != node) why = concat("node ", node, " can only evict pods with spec.nodeName set to itself");
    } else {
      why = concat("unexpected pod subresource ", quoted(info.subresource), ", only 'status' and 'eviction' are allowed");
    }
    return {};
  }

  static std::string pod_status(std::string_view node, Value object, Value old) {
    if (old["spec"]["nodeName"].as_string() != node)
      return concat("node ", quoted(node), " can only update pod status for pods with spec.nodeName set to itself");
    if (!same(object["metadata"]["labels"], old["metadata"]["labels"])) return concat("node ", quoted(node), " cannot update labels through pod status");
    Value now = object["status"], before = old["status"];
    if (!same(now["resourceClaimStatuses"], before["resourceClaimStatuses"]))
      return concat("node ", quoted(node), " cannot update resource claim statues");
    if (!same(now["extendedResourceClaimStatus"], before["extendedResourceClaimStatus"]))
      return concat("node ", quoted(node), " cannot update extended resource claim status");
    return {};
  }

  Result<void> mirror_pod(std::string_view node, Value pod, std::string& why) {
    Value owners = pod["metadata"]["ownerReferences"], owner = owners.at(0);
    auto it = [&](auto... text) { why = concat("node ", quoted(node), text...); };
    if (!pod["metadata"]["annotations"].has(kMirror)) {
      why = concat("pod does not have ", quoted(kMirror), " annotation, node ", quoted(node), " can only create mirror pods");
    } else if (pod["spec"]["nodeName"].as_string() != node) {
      it(" can only create pods with spec.nodeName set to itself");
    } else if (owners.size() > 1) {
      it(" can only create pods with a single owner reference set to itself");
    } else if (owners.empty() || owner["apiVersion"].as_string() != "v1" || owner["kind"].as_string() != "Node" || owner["name"].as_string() != node) {
      it(" can only create pods with an owner reference set to itself");
    } else if (!owner["controller"].as_bool()) {
      it(" can only create pods with a controller owner reference set to itself");
    } else if (owner["blockOwnerDeletion"].as_bool()) {
      it(" must not set blockOwnerDeletion on an owner reference");
    } else {
      auto found = TRY(catalog_.store_of("", "nodes")->get({}, node));
      auto uid = (*found)["metadata"]["uid"].as_string();
      if (owner["uid"].as_string() != uid) {
        why = concat("node ", node, " UID mismatch: expected ", owner["uid"].as_string(), " got ", uid);
        return {};
      }
      if (auto what = referred_objects(pod); !what.empty()) it(" can not create pods that reference ", what);
    }
    return {};
  }

  // What a mirror pod must not need of the API; "" if it needs nothing.
  static std::string referred_objects(Value pod) {
    auto type = schema::builtin_kind("", "v1", "Pod");
    auto frozen = schema::freeze(pod, *type);
    if (!frozen) return "objects that cannot be read";
    std::string found;
    any_reference(**frozen, [&](Referred kind, std::string_view) {
      constexpr std::string_view names[] = {"serviceaccounts", "secrets", "configmaps", "persistentvolumeclaims", "resourceclaims"};
      found = names[static_cast<int>(kind)];
      return true;
    });
    if (!found.empty()) return found;
    if (!pod["spec"]["resourceClaims"].empty()) return "resourceclaims";
    for (Value volume : pod["spec"]["volumes"].items()) {
      if (volume.has("csi")) return "csidrivers (via CSI volumes)";
      if (volume.has("glusterfs")) return "endpoints (via glusterFS volumes)";
      for (Value source : volume["projected"]["sources"].items()) {
        if (source.has("serviceAccountToken")) return "serviceaccounts (via projected volumes)";
        if (source.has("clusterTrustBundle")) return "clustertrustbundles";
        if (source.has("podCertificate")) return "podcertificates";
      }
    }
    return {};
  }

  // A node gets tokens for the pods on it, bound to them, and for the audiences that they ask for.
  Result<void> token(const Attributes& attributes, std::string_view node, Value request, std::string& why) {
    Value reference = request["spec"]["boundObjectRef"];
    auto uid = reference["uid"].as_string(), name = reference["name"].as_string();
    if (reference["apiVersion"].as_string() != "v1" || reference["kind"].as_string() != "Pod" || name.empty()) {
      why = "node requested token not bound to a pod";
      return {};
    }
    if (uid.empty()) {
      why = "node requested token with a pod binding without a uid";
      return {};
    }
    auto pod = TRY(find_pod(attributes, name));
    if ((*pod)["metadata"]["uid"].as_string() != uid)
      why = concat("the UID in the bound object reference (", uid, ") does not match the UID in record. The object might have been deleted and then recreated");
    else if ((*pod)["spec"]["nodeName"].as_string() != node)
      why = "node requested token bound to a pod scheduled on a different node";
    else
      why = audience(attributes, *pod, request["spec"]["audiences"]);
    return {};
  }

  std::string audience(const Attributes& attributes, const Object& pod, Value audiences) {
    if (audiences.size() > 1) return "node may only request 0 or 1 audiences";
    auto wanted = audiences.at(0).as_string();  // "": the API server
    if (asks_for(pod, wanted)) return {};
    RequestInfo info;
    info.is_resource = true;
    info.verb = "request-serviceaccounts-token-audience";
    info.version = "v1";
    info.name_space = attributes.info.name_space;
    info.resource = wanted;
    info.name = attributes.info.name;
    if (access_.allows(attributes.user, info)) return {};
    return concat("audience ", quoted(wanted), " not found in pod spec volume, ", attributes.user.name,
                  " is not authorized to request tokens for this audience");
  }

  bool asks_for(const Object& pod, std::string_view audience) {
    AnyView volumes = pod["spec"]["volumes"];
    for (uint32_t i = 0; volumes.present() && i < volumes.size(); i++) {
      AnyView volume = volumes.item(i), sources = volume["projected"]["sources"];
      for (uint32_t k = 0; sources.present() && k < sources.size(); k++)
        if (AnyView token = sources.item(k)["serviceAccountToken"]; token.present() && token["audience"].as_string() == audience) return true;
      if (driver_asks_for(csi_driver(pod, volume), audience)) return true;
    }
    return false;
  }

  std::string csi_driver(const Object& pod, const AnyView& volume) {
    if (volume["csi"].present()) return std::string(volume["csi"]["driver"].as_string());
    std::string claim(volume["persistentVolumeClaim"]["claimName"].as_string());
    auto metadata = pod["metadata"];
    if (volume["ephemeral"].present()) claim = concat(metadata["name"].as_string(), "-", volume["name"].as_string());
    if (claim.empty()) return {};
    auto found = catalog_.store_of("", "persistentvolumeclaims")->get(metadata["namespace"].as_string(), claim);
    if (!found) return {};
    auto bound = catalog_.store_of("", "persistentvolumes")->get({}, (**found)["spec"]["volumeName"].as_string());
    return bound ? std::string((**bound)["spec"]["csi"]["driver"].as_string()) : std::string();
  }

  bool driver_asks_for(const std::string& driver, std::string_view audience) {
    auto* drivers = catalog_.store_of("storage.k8s.io", "csidrivers");
    if (driver.empty() || !drivers) return false;
    auto found = drivers->get({}, driver);
    if (!found) return false;
    AnyView requests = (**found)["spec"]["tokenRequests"];
    for (uint32_t i = 0; requests.present() && i < requests.size(); i++)
      if (requests.item(i)["audience"].as_string() == audience) return true;
    return false;
  }

  Catalog& catalog_;
  Access& access_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> node_restriction(Catalog& catalog, Access& access) { return std::make_unique<NodeRestriction>(catalog, access); }

}  // namespace sampan::apiserver
