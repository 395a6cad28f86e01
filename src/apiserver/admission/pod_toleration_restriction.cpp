// PodTolerationRestriction: a namespace says what its pods tolerate unless they say more, and what they may tolerate at all.
#include "apiserver/admission/plugin.h"
#include "apiserver/admission/tolerations.h"
#include "base/text.h"
#include "schema/config_file.h"
#include "schema/json.h"

namespace sampan::apiserver {

using schema::AnyView;
using schema::Object;
using schema::Value;

namespace {

constexpr std::string_view kDefaults = "scheduler.alpha.kubernetes.io/defaultTolerations";
constexpr std::string_view kAllowed = "scheduler.alpha.kubernetes.io/tolerationsWhitelist";

bool asks_for_resources(Value pod) {
  bool asks = !pod["spec"]["resources"]["requests"].empty() || !pod["spec"]["resources"]["limits"].empty();
  each_container(pod["spec"], [&](Value container) {
    for (std::string_view which : {"requests", "limits"})
      for (std::string_view resource : {"cpu", "memory"}) asks |= container["resources"][which].has(resource);
  });
  return asks;
}

class PodTolerationRestriction final : public AdmissionPlugin {
 public:
  PodTolerationRestriction(std::string defaults, std::string allowed, Catalog& catalog)
      : defaults_(std::move(defaults)), allowed_(std::move(allowed)), namespaces_(*catalog.store_of("", "namespaces")) {}
  std::string_view name() const override { return "PodTolerationRestriction"; }

  Result<void> mutate(const Attributes& attributes, Value pod, const Object*) override {
    if (!concerns(attributes)) return {};
    Arena& arena = pod.arena();
    Value more = Value::list(arena);
    bool of_namespace = false;
    if (attributes.operation == Operation::Create)
      for (Value toleration : TRY(listed(attributes.info.name_space, kDefaults, defaults_, arena, of_namespace)).items()) more.push(toleration);
    if (asks_for_resources(pod)) {
      Value pressure = Value::object(arena, 3);
      pressure.set("key", "node.kubernetes.io/memory-pressure");
      pressure.set("operator", "Exists");
      pressure.set("effect", "NoSchedule");
      more.push(pressure);
    }
    if (!more.empty()) pod.ensure_object("spec").set("tolerations", merged_tolerations(pod["spec"]["tolerations"], more, arena));
    return {};
  }

  Result<void> validate(const Attributes& attributes, const Object* pod, const Object*) override {
    if (!concerns(attributes) || !pod) return {};
    AnyView view = (*pod)["spec"]["tolerations"];
    if (!view.present() || view.size() == 0) return {};
    Arena arena;
    bool of_namespace = false;
    Value allowed = TRY(listed(attributes.info.name_space, kAllowed, allowed_, arena, of_namespace));
    if (allowed.empty()) return {};
    for (Value toleration : schema::thaw(view, arena).items()) {
      auto items = allowed.items();
      if (std::any_of(items.begin(), items.end(), [&](const Value& it) { return covers(it, toleration); })) continue;
      return fail(refusal(attributes, *pod,
                          concat("pod tolerations (possibly merged with namespace default tolerations) conflict with its ",
                                 of_namespace ? "namespace" : "cluster", " whitelist")));
    }
    return {};
  }

 private:
  static bool concerns(const Attributes& attributes) {
    return (attributes.operation == Operation::Create || attributes.operation == Operation::Update) && is_about(attributes, "", "pods");
  }

  // What the namespace's annotation lists, or else the cluster's settings.
  Result<Value> listed(std::string_view name_space, std::string_view annotation, const std::string& otherwise, Arena& arena, bool& of_namespace) {
    auto found = TRY(namespaces_.get({}, name_space));
    AnyView said = (*found)["metadata"]["annotations"][annotation];
    of_namespace = said.present();
    std::string_view text = of_namespace ? arena.copy(said.as_string()) : std::string_view(otherwise);
    if (text.empty()) return Value::list(arena);
    auto list = schema::parse_json(text, arena);
    if (!list) return fail(internal_error(list.error().message()));
    return *list;
  }

  const std::string defaults_, allowed_;  // JSON
  registry::ObjectStore& namespaces_;
};

constexpr std::string_view kVersions[] = {"v1alpha1"};
constexpr schema::ConfigKind kKind{"podtolerationrestriction.admission.k8s.io", "Configuration", kVersions,
                                   "io.k8s.kubernetes.plugin.pkg.admission.podtolerationrestriction.apis.podtolerationrestriction.v1alpha1.Configuration"};

}  // namespace

Result<std::unique_ptr<AdmissionPlugin>> pod_toleration_restriction(std::string_view settings, Catalog& catalog) {
  std::string defaults, allowed;
  if (!settings.empty()) {
    Arena arena;
    Value tree = TRY(schema::read_config(settings, {&kKind, 1}, arena));
    if (tree["default"].is_list()) schema::write_json(defaults, tree["default"]);
    if (tree["whitelist"].is_list()) schema::write_json(allowed, tree["whitelist"]);
  }
  return std::make_unique<PodTolerationRestriction>(std::move(defaults), std::move(allowed), catalog);
}

}  // namespace sampan::apiserver
