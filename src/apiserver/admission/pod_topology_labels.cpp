// PodTopologyLabels: a pod carries the zone and the region of its node from the moment that it is bound.
#include "apiserver/admission/plugin.h"

namespace sampan::apiserver {

using schema::AnyView;
using schema::Object;
using schema::Value;

namespace {

class PodTopologyLabels final : public AdmissionPlugin {
 public:
  explicit PodTopologyLabels(Catalog& catalog) : nodes_(*catalog.store_of("", "nodes")) {}
  std::string_view name() const override { return "PodTopologyLabels"; }

  // Of a binding, whose labels the pod then gets, or of a pod that is made with a node.
  Result<void> mutate(const Attributes& attributes, Value object, const Object*) override {
    const RequestInfo& info = attributes.info;
    if (attributes.operation != Operation::Create || info.resource != "pods" || !info.group.empty()) return {};
    std::string_view node_name;
    if (info.subresource.empty())
      node_name = object["spec"]["nodeName"].as_string();
    else if (info.subresource == "binding" && object["target"]["kind"].as_string() == "Node")
      node_name = object["target"]["name"].as_string();
    if (node_name.empty()) return {};
    auto node = nodes_.get("", node_name);
    if (!node && node.error().is(Reason::NotFound)) return {};
    if (!node) return fail(std::move(node).error());
    AnyView labels = (**node)["metadata"]["labels"];
    for (std::string_view key : {"topology.kubernetes.io/zone", "topology.kubernetes.io/region"})
      if (AnyView label = labels[key]; label.present())
        object.ensure_object("metadata").ensure_object("labels").set(key, object.arena().copy(label.as_string()));
    return {};
  }

 private:
  registry::ObjectStore& nodes_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> pod_topology_labels(Catalog& catalog) { return std::make_unique<PodTopologyLabels>(catalog); }

}  // namespace sampan::apiserver
