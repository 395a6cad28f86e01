// ExtendedResourceToleration: pods that ask for a device tolerate the taint that keeps others off the nodes that have it. Off unless asked for.
#include <set>

#include "apiserver/admission/plugin.h"
#include "base/text.h"
#include "base/names.h"

namespace sampan::apiserver {

using schema::Object;
using schema::Value;

namespace {

bool is_extended(std::string_view resource) {
  if (resource.find('/') == std::string_view::npos || resource.find("kubernetes.io/") != std::string_view::npos) return false;
  if (resource.starts_with("requests.")) return false;
  Complaints complaints;
  check_qualified_name(concat("requests.", resource), complaints);
  return complaints.empty();
}

class ExtendedResourceToleration final : public AdmissionPlugin {
 public:
  std::string_view name() const override { return "ExtendedResourceToleration"; }

  Result<void> mutate(const Attributes& attributes, Value pod, const Object*) override {
    bool writes = attributes.operation == Operation::Create || attributes.operation == Operation::Update;
    if (!writes || !is_about(attributes, "", "pods")) return {};
    std::set<std::string> devices;
    for (std::string_view list : {"containers", "initContainers"})
      for (Value container : pod["spec"][list].items())
        for (const auto& request : container["resources"]["requests"].members())
          if (is_extended(request.name)) devices.emplace(request.name);
    for (const auto& device : devices) tolerate(pod["spec"], device);
    return {};
  }

 private:
  // In place of a toleration of the same taint that says something else.
  static void tolerate(Value spec, std::string_view device) {
    Arena& arena = spec.arena();
    Value toleration = Value::object(arena, 3);
    toleration.set("key", arena.copy(device));
    toleration.set("operator", "Exists");
    toleration.set("effect", "NoSchedule");
    for (Value present : spec["tolerations"].items())
      if (present["key"].as_string() == device && present["operator"].as_string() == "Exists" &&
          present["effect"].as_string() == "NoSchedule" && present["value"].as_string().empty()) {
        present.remove("tolerationSeconds");
        return;
      }
    spec.ensure_list("tolerations").push(toleration);
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> extended_resource_toleration() { return std::make_unique<ExtendedResourceToleration>(); }

}  // namespace sampan::apiserver
