// There is no graph of its own here: pods are indexed by their node, and a node has not many. What an object has to do with a node is looked up in the
// caches when it is asked for, and so is never behind.
#include "apiserver/access/node_authorizer.h"

#include "apiserver/access/pod_references.h"
#include "apiserver/bootstrap.h"
#include "base/text.h"
#include "registry/selectors.h"

namespace sampan::apiserver {

using schema::Object;
using schema::ObjectRef;

namespace {

constexpr std::string_view kPrefix = "system:node:";

bool among(std::string_view verb, std::initializer_list<std::string_view> verbs) { return std::find(verbs.begin(), verbs.end(), verb) != verbs.end(); }

std::string_view name_of(const Object& object) { return object["metadata"]["name"].as_string(); }
std::string_view space_of(const Object& object) { return object["metadata"]["namespace"].as_string(); }

class NodeAuthorizer final : public Authorizer {
 public:
  explicit NodeAuthorizer(Catalog& catalog) : catalog_(catalog), rules_(standard_rules("system:node")) {}

  Decision authorize(const User& user, const RequestInfo& request, std::string& reason) override {
    std::string_view node;
    if (!is_node(user, node)) return Decision::NoOpinion;
    if (node.empty()) {
      reason = concat("unknown node for user ", quoted(user.name));
      return Decision::NoOpinion;
    }
    for (const Special& it : kSpecial)
      if (request.is_resource && it.group == request.group && it.resource == request.resource)
        return (this->*it.decide)(node, request, reason) ? Decision::Allow : Decision::NoOpinion;
    bool allowed = std::any_of(rules_.begin(), rules_.end(), [&](const auto& rule) { return rule.allows(request); });
    return allowed ? Decision::Allow : Decision::NoOpinion;
  }

  void rules_for(const User& user, std::string_view, SubjectRules& out) override {
    std::string_view node;
    if (!is_node(user, node)) return;
    out.incomplete = true;
    out.problems.emplace_back("node authorizer does not support user rule resolution");
  }

 private:
  using Decide = bool (NodeAuthorizer::*)(std::string_view node, const RequestInfo& request, std::string& reason);
  struct Special {
    std::string_view group, resource;
    Decide decide;
  };
  static const Special kSpecial[13];

  // ---- what belongs to a node ----

  bool any_pod(std::string_view node, std::string_view name_space, const std::function<bool(const Object&)>& matches) {
    auto pods = catalog_.store_of("", "pods")->cache().indexed(node, name_space.empty() ? std::string() : concat(name_space, "/"));
    return std::any_of(pods.begin(), pods.end(), [&](const ObjectRef& pod) { return matches(*pod); });
  }

  // Mirror pods are made by the node itself: they give it nothing.
  bool pod_needs(std::string_view node, std::string_view name_space, Referred kind, std::string_view name) {
    return any_pod(node, name_space, [&](const Object& pod) {
      if (pod["metadata"]["annotations"]["kubernetes.io/config.mirror"].present()) return false;
      return any_reference(pod, [&](Referred it, std::string_view its_name) { return it == kind && its_name == name; });
    });
  }

  // A volume that a claim of one of the node's pods is bound to.
  bool has_volume(std::string_view node, const Object& volume) {
    auto claim = volume["spec"]["claimRef"];
    return claim.present() && pod_needs(node, claim["namespace"].as_string(), Referred::Claim, claim["name"].as_string());
  }

  bool volume_has_secret(std::string_view node, std::string_view name_space, std::string_view name) {
    bool found = false;
    catalog_.store_of("", "persistentvolumes")->cache().snapshot().each({}, {}, [&](std::string_view, const ObjectRef& volume) {
      found = any_volume_secret(*volume, [&](std::string_view space, std::string_view secret) { return space == name_space && secret == name; }) &&
              has_volume(node, *volume);
      return !found;
    });
    return found;
  }

  bool says_node(std::string_view node, std::string_view group, std::string_view resource, std::string_view name) {
    auto* store = catalog_.store_of(group, resource);
    auto found = store ? store->cache().snapshot().find(name) : ObjectRef();
    return found && (*found)["spec"]["nodeName"].as_string() == node;
  }

  bool related(std::string_view node, const RequestInfo& request) {
    auto needs = [&](Referred kind) { return pod_needs(node, request.name_space, kind, request.name); };
    if (request.resource == "secrets") return needs(Referred::Secret) || volume_has_secret(node, request.name_space, request.name);
    if (request.resource == "configmaps") return needs(Referred::ConfigMap);
    if (request.resource == "serviceaccounts") return needs(Referred::ServiceAccount);
    if (request.resource == "persistentvolumeclaims") return needs(Referred::Claim);
    if (request.resource == "resourceclaims") return needs(Referred::ResourceClaim);
    if (request.resource == "persistentvolumes") {
      auto volume = catalog_.store_of("", "persistentvolumes")->cache().snapshot().find(request.name);
      return volume && has_volume(node, *volume);
    }
    if (request.resource == "pods")
      return any_pod(node, request.name_space, [&](const Object& pod) { return name_of(pod) == request.name && space_of(pod) == request.name_space; });
    return says_node(node, request.group, request.resource, request.name);
  }

  bool decide_related(std::string_view node, const RequestInfo& request, std::string& reason) {
    if (request.name.empty()) return refuse(reason, "No Object name found");
    if (related(node, request)) return true;
    return refuse(reason, concat("no relationship found between node '", node, "' and this object"));
  }

  static bool refuse(std::string& reason, std::string why) {
    reason = std::move(why);
    return false;
  }

  // ---- by resource ----

  bool read_one(std::string_view node, const RequestInfo& request, std::string& reason) {
    if (!among(request.verb, {"get", "list", "watch"})) return refuse(reason, "can only read resources of this type");
    if (!request.subresource.empty()) return refuse(reason, "cannot read subresource");
    if (request.name_space.empty()) return refuse(reason, "can only read namespaced object of this type");
    return decide_related(node, request, reason);
  }

  bool get_one(std::string_view node, const RequestInfo& request, std::string& reason) {
    if (request.verb != "get") return refuse(reason, "can only get individual resources of this type");
    if (!request.subresource.empty()) return refuse(reason, "cannot get subresource");
    return decide_related(node, request, reason);
  }

  bool claim(std::string_view node, const RequestInfo& request, std::string& reason) {
    if (request.subresource != "status") return get_one(node, request, reason);
    if (!among(request.verb, {"update", "patch"})) return refuse(reason, "can only get/update/patch this type");
    return decide_related(node, request, reason);
  }

  bool account(std::string_view node, const RequestInfo& request, std::string& reason) {
    if (request.verb == "get" && request.subresource.empty()) return read_one(node, request, reason);
    if (request.verb != "create" || request.name.empty()) return refuse(reason, "can only create tokens for individual service accounts");
    if (request.subresource != "token") return refuse(reason, "can only create token subresource of serviceaccount");
    return decide_related(node, request, reason);
  }

  bool lease(std::string_view node, const RequestInfo& request, std::string& reason) {
    if (!among(request.verb, {"get", "create", "update", "patch", "delete"}))
      return refuse(reason, "can only get, create, update, patch, or delete a node lease");
    if (request.name_space != "kube-node-lease") return refuse(reason, "can only access leases in the \"kube-node-lease\" system namespace");
    if (request.verb != "create" && request.name != node)
      return refuse(reason, "can only access node lease with the same name as the requesting node");
    return true;
  }

  bool csi_node(std::string_view node, const RequestInfo& request, std::string& reason) {
    if (!among(request.verb, {"get", "create", "update", "patch", "delete"}))
      return refuse(reason, "can only get, create, update, patch, or delete a CSINode");
    if (!request.subresource.empty()) return refuse(reason, "cannot authorize CSINode subresources");
    if (request.verb != "create" && request.name != node) return refuse(reason, "can only access CSINode with the same name as the requesting node");
    return true;
  }

  static bool selects(const RequestInfo& request, std::string_view field, std::string_view value) {
    auto fields = registry::FieldSelector::parse(request.field_selector);
    return fields && !request.field_selector.empty() && fields->exact(field) == value;
  }

  bool slice(std::string_view node, const RequestInfo& request, std::string& reason) {
    if (!request.subresource.empty()) return refuse(reason, "cannot authorize ResourceSlice subresources");
    if (request.verb == "create") return true;  // whose it is, admission sees
    if (among(request.verb, {"get", "update", "patch", "delete"})) return decide_related(node, request, reason);
    if (!among(request.verb, {"watch", "list", "deletecollection"}))
      return refuse(reason, "only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection");
    if (selects(request, "spec.nodeName", node)) return true;
    return refuse(reason, "can only list/watch/deletecollection resourceslices with nodeName field selector");
  }

  bool node(std::string_view node, const RequestInfo& request, std::string& reason) {
    if (request.subresource == "status") return among(request.verb, {"update", "patch"});
    if (!request.subresource.empty()) return false;
    if (among(request.verb, {"create", "update", "patch"})) return true;  // which one, admission sees
    if (!among(request.verb, {"get", "list", "watch"})) return false;
    if (request.name == node) return true;
    if (request.name.empty()) return refuse(reason, concat("node '", node, "' cannot read all nodes, only its own Node object"));
    return refuse(reason, concat("node '", node, "' cannot read '", request.name, "', only its own Node object"));
  }

  bool pod(std::string_view node, const RequestInfo& request, std::string& reason) {
    if (request.subresource == "status") return among(request.verb, {"update", "patch"});
    if (request.subresource == "eviction") return request.verb == "create";
    if (!request.subresource.empty()) return false;
    if (request.verb == "get") return get_one(node, request, reason);
    if (among(request.verb, {"create", "delete"})) return true;  // of mirror pods: admission sees
    if (!among(request.verb, {"list", "watch"})) return false;
    if (selects(request, "spec.nodeName", node)) return true;
    if (!request.name.empty()) return decide_related(node, request, reason);
    return refuse(reason, "can only list/watch pods with spec.nodeName field selector");
  }

  bool nothing(std::string_view, const RequestInfo&, std::string&) { return false; }

  Catalog& catalog_;
  const PolicyRules rules_;
};

const NodeAuthorizer::Special NodeAuthorizer::kSpecial[] = {
    {"", "secrets", &NodeAuthorizer::read_one},
    {"", "configmaps", &NodeAuthorizer::read_one},
    {"", "persistentvolumeclaims", &NodeAuthorizer::claim},
    {"", "persistentvolumes", &NodeAuthorizer::get_one},
    {"resource.k8s.io", "resourceclaims", &NodeAuthorizer::get_one},
    {"storage.k8s.io", "volumeattachments", &NodeAuthorizer::get_one},
    {"", "serviceaccounts", &NodeAuthorizer::account},
    {"coordination.k8s.io", "leases", &NodeAuthorizer::lease},
    {"storage.k8s.io", "csinodes", &NodeAuthorizer::csi_node},
    {"resource.k8s.io", "resourceslices", &NodeAuthorizer::slice},
    {"", "nodes", &NodeAuthorizer::node},
    {"", "pods", &NodeAuthorizer::pod},
    {"certificates.k8s.io", "podcertificaterequests", &NodeAuthorizer::nothing},  // behind a feature that is off
};

}  // namespace

bool is_node(const User& user, std::string_view& name) {
  if (!user.name.starts_with(kPrefix) || !user.in("system:nodes")) return false;
  name = std::string_view(user.name).substr(kPrefix.size());
  return true;
}

std::unique_ptr<Authorizer> node_authorizer(Catalog& catalog) { return std::make_unique<NodeAuthorizer>(catalog); }

}  // namespace sampan::apiserver
