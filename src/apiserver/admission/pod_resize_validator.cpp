// PodResizeValidator: a running pod is not resized beyond what its node has, nor on a node that cannot do it.
#include "apiserver/admission/plugin.h"
#include "apiserver/admission/pod_amounts.h"
#include "base/text.h"

namespace sampan::apiserver {

using schema::AnyView;
using schema::Object;
using schema::Quantity;

namespace {

class PodResizeValidator final : public AdmissionPlugin {
 public:
  explicit PodResizeValidator(Catalog& catalog) : nodes_(*catalog.store_of("", "nodes")) {}
  std::string_view name() const override { return "PodResizeValidator"; }

  Result<void> validate(const Attributes& attributes, const Object* pod, const Object* old) override {
    const RequestInfo& info = attributes.info;
    bool resizes = attributes.operation == Operation::Update && info.group.empty() && info.resource == "pods" && info.subresource == "resize";
    if (!resizes) return {};
    auto node_name = (*pod)["spec"]["nodeName"].as_string();
    // The generation changes with the spec, so nothing is resized without it.
    if (node_name.empty() || (*pod)["metadata"]["generation"].as_int() == (*old)["metadata"]["generation"].as_int()) return {};
    auto node = nodes_.get("", node_name);
    if (!node && node.error().is(Reason::NotFound)) return fail(refusal(attributes, *pod, concat("node ", quoted(node_name), " not found")));
    if (!node) return fail(refusal(attributes, *pod, concat("failed to get node ", quoted(node_name), ": ", node.error().message())));
    AnyView system = (**node)["metadata"]["labels"]["kubernetes.io/os"];
    if (system.present() && system.as_string() != "linux")
      return fail(refusal(attributes, *pod, concat("pod resize is only supported on linux nodes, node ", quoted(node_name), " is ",
                                                   quoted(system.as_string())))
                      .cause("UnsupportedPlatform", "", ""));
    return check_fits(attributes, *pod, (**node)["status"]["allocatable"]);
  }

 private:
  static Result<void> check_fits(const Attributes& attributes, const Object& pod, const AnyView& allocatable) {
    Amounts requests = pod_amounts(pod["spec"], "requests"), available = amounts_of(allocatable);
    std::vector<std::string> lacking;
    for (auto [resource, scale] : {std::pair<std::string_view, int>{"cpu", -3}, {"memory", 0}}) {
      auto wanted = requests.find(resource);
      auto there = available.find(resource);
      Quantity most = there == available.end() ? Quantity() : there->second;
      if (wanted != requests.end() && wanted->second > most)
        lacking.push_back(concat(resource, ", requested: ", wanted->second.scaled(scale), ", allocatable: ", most.scaled(scale)));
    }
    if (lacking.empty()) return {};
    return fail(refusal(attributes, pod, concat("node didn't have enough allocatable resources: ", join(lacking, "; ")))
                    .cause("NodeCapacity", "", ""));
  }

  registry::ObjectStore& nodes_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> pod_resize_validator(Catalog& catalog) { return std::make_unique<PodResizeValidator>(catalog); }

}  // namespace sampan::apiserver
