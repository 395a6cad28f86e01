// DefaultTolerationSeconds: pods stay for five minutes on a node that is not ready or not reachable, unless they say otherwise.
#include "apiserver/admission/plugin.h"

namespace sampan::apiserver {

using schema::Object;
using schema::Value;

namespace {

constexpr int64_t kTolerationSeconds = 300;

class DefaultTolerationSeconds final : public AdmissionPlugin {
 public:
  std::string_view name() const override { return "DefaultTolerationSeconds"; }

  Result<void> mutate(const Attributes& attributes, Value pod, const Object*) override {
    bool writes = attributes.operation == Operation::Create || attributes.operation == Operation::Update;
    if (!writes || !is_about(attributes, "", "pods")) return {};
    for (std::string_view taint : {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"})
      if (!tolerates(pod["spec"]["tolerations"], taint)) tolerate(pod, taint);
    return {};
  }

 private:
  static bool tolerates(Value tolerations, std::string_view taint) {
    for (Value toleration : tolerations.items()) {
      auto key = toleration["key"].as_string(), effect = toleration["effect"].as_string();
      if ((key.empty() || key == taint) && (effect.empty() || effect == "NoExecute")) return true;
    }
    return false;
  }

  static void tolerate(Value pod, std::string_view taint) {
    Value toleration = Value::object(pod.arena(), 4);
    toleration.set("key", taint);
    toleration.set("operator", "Exists");
    toleration.set("effect", "NoExecute");
    toleration.set("tolerationSeconds", kTolerationSeconds);
    pod.ensure_object("spec").ensure_list("tolerations").push(toleration);
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> default_toleration_seconds() { return std::make_unique<DefaultTolerationSeconds>(); }

}  // namespace sampan::apiserver
