// AlwaysPullImages: every image is pulled afresh, so that only who may pull a private image can run it. Off unless asked for.
#include "apiserver/admission/plugin.h"
#include "base/text.h"

namespace sampan::apiserver {

using schema::AnyView;
using schema::Object;
using schema::Value;

namespace {

class AlwaysPullImages final : public AdmissionPlugin {
 public:
  std::string_view name() const override { return "AlwaysPullImages"; }

  Result<void> mutate(const Attributes& attributes, Value pod, const Object* old) override {
    if (!writes_pod(attributes)) return {};
    bool has_new = !old;
    if (old) each_container(pod["spec"], [&](Value container) { has_new |= !has_image(*old, container["image"].as_string()); });
    if (!has_new) return {};
    each_container(pod["spec"], [](Value container) { container.set("imagePullPolicy", "Always"); });
    for (Value volume : pod["spec"]["volumes"].items())
      if (volume["image"].is_object()) volume["image"].set("pullPolicy", "Always");
    return {};
  }

  Result<void> validate(const Attributes& attributes, const Object* pod, const Object* old) override {
    if (!writes_pod(attributes)) return {};
    AnyView spec = (*pod)["spec"];
    bool has_new = !old;
    if (old)
      each_container(spec, [&](const AnyView& container, auto, auto) { has_new |= !has_image(*old, container["image"].as_string()); });
    if (!has_new) return {};
    std::vector<std::string> complaints;
    auto look = [&](const AnyView& policy, std::string_view path) {
      if (policy.as_string() == "Always") return;
      auto why = concat(path, ": Unsupported value: ", quoted(policy.as_string()), ": supported values: \"Always\"");
      complaints.push_back(refusal(attributes, *pod, why).message());
    };
    each_container(spec, [&](const AnyView& container, std::string_view list, uint32_t i) {
      look(container["imagePullPolicy"], concat("spec.", list, "[", i, "].imagePullPolicy"));
    });
    AnyView volumes = spec["volumes"];
    for (uint32_t i = 0; i < volumes.size(); i++)
      if (AnyView image = volumes.item(i)["image"]; image.present())
        look(image["pullPolicy"], concat("spec.volumes[", i, "].image.pullPolicy"));
    if (complaints.empty()) return {};
    return fail(Error(Reason::Unknown, one_text(complaints)));  // upstream's list of refusals is itself no Status, and so a 500
  }

 private:
  static bool writes_pod(const Attributes& attributes) {
    return (attributes.operation == Operation::Create || attributes.operation == Operation::Update) && is_about(attributes, "", "pods");
  }

  static bool has_image(const Object& pod, std::string_view image) {
    bool found = false;
    each_container(pod["spec"], [&](const AnyView& container, auto, auto) { found |= container["image"].as_string() == image; });
    return found;
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> always_pull_images() { return std::make_unique<AlwaysPullImages>(); }

}  // namespace sampan::apiserver
