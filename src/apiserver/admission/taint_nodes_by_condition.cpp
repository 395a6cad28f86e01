// TaintNodesByCondition: new nodes are not ready, and say so from the start, so that nothing is scheduled there before its controller looked.
#include "apiserver/admission/plugin.h"

namespace sampan::apiserver {

using schema::Object;
using schema::Value;

namespace {

constexpr std::string_view kNotReady = "node.kubernetes.io/not-ready";

class TaintNodesByCondition final : public AdmissionPlugin {
 public:
  std::string_view name() const override { return "TaintNodesByCondition"; }

  Result<void> mutate(const Attributes& attributes, Value node, const Object*) override {
    if (attributes.operation != Operation::Create || !is_about(attributes, "", "nodes")) return {};
    for (Value taint : node["spec"]["taints"].items())
      if (taint["key"].as_string() == kNotReady && taint["effect"].as_string() == "NoSchedule") return {};
    Value taint = Value::object(node.arena(), 2);
    taint.set("key", kNotReady);
    taint.set("effect", "NoSchedule");
    node.ensure_object("spec").ensure_list("taints").push(taint);
    return {};
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> taint_nodes_by_condition() { return std::make_unique<TaintNodesByCondition>(); }

}  // namespace sampan::apiserver
