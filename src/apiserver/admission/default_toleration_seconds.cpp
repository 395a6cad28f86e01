// DefaultTolerationSeconds: pods stay for a while (five minutes) on a node that is not ready or not reachable, unless they say otherwise.
#include "apiserver/admission/plugin.h"

namespace sampan::apiserver {

using schema::Object;
using schema::Value;

namespace {

class DefaultTolerationSeconds final : public AdmissionPlugin {
 public:
  DefaultTolerationSeconds(int64_t not_ready, int64_t unreachable) : seconds_{{"node.kubernetes.io/not-ready", not_ready}, {"node.kubernetes.io/unreachable", unreachable}} {}
  std::string_view name() const override { return "DefaultTolerationSeconds"; }

  Result<void> mutate(const Attributes& attributes, Value pod, const Object*) override {
    bool writes = attributes.operation == Operation::Create || attributes.operation == Operation::Update;
    if (!writes || !is_about(attributes, "", "pods")) return {};
    for (auto [taint, seconds] : seconds_)
      if (!tolerates(pod["spec"]["tolerations"], taint)) tolerate(pod, taint, seconds);
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

  static void tolerate(Value pod, std::string_view taint, int64_t seconds) {
    Value toleration = Value::object(pod.arena(), 4);
    toleration.set("key", taint);
    toleration.set("operator", "Exists");
    toleration.set("effect", "NoExecute");
    toleration.set("tolerationSeconds", seconds);
    pod.ensure_object("spec").ensure_list("tolerations").push(toleration);
  }

  const std::pair<std::string_view, int64_t> seconds_[2];
};

}  // namespace

std::unique_ptr<AdmissionPlugin> default_toleration_seconds(const AdmissionConfig& config) {
  return std::make_unique<DefaultTolerationSeconds>(config.not_ready_seconds, config.unreachable_seconds);
}

}  // namespace sampan::apiserver
