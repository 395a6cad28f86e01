// PodNodeSelector: a namespace says on which nodes its pods run, by an annotation, or the cluster does for all; settings may bound what pods ask for.
#include "apiserver/admission/plugin.h"
#include "apiserver/admission/settings.h"
#include "base/text.h"
#include "schema/yaml.h"

namespace sampan::apiserver {

using schema::AnyView;
using schema::Object;
using schema::Value;

namespace {

using Labels = std::map<std::string, std::string, std::less<>>;

// "a=b,c=d"
Result<Labels> read_selector(std::string_view text) {
  Labels labels;
  if (trim(text).empty()) return labels;
  for (auto part : split(text, ',')) {
    auto equals = part.find('=');
    if (equals == std::string_view::npos) return fail(internal_error(concat("invalid selector: ", text)));
    labels[std::string(trim(part.substr(0, equals)))] = trim(part.substr(equals + 1));
  }
  return labels;
}

class PodNodeSelector final : public AdmissionPlugin {
 public:
  PodNodeSelector(std::map<std::string, Labels, std::less<>> by_namespace, Catalog& catalog)
      : by_namespace_(std::move(by_namespace)), namespaces_(*catalog.store_of("", "namespaces")) {}
  std::string_view name() const override { return "PodNodeSelector"; }

  Result<void> mutate(const Attributes& attributes, Value pod, const Object*) override {
    if (attributes.operation != Operation::Create || !is_about(attributes, "", "pods")) return {};
    auto wanted = TRY(of_namespace(attributes.info.name_space));
    Value selector = pod["spec"]["nodeSelector"];
    for (const auto& [key, value] : wanted)
      if (selector.has(key) && selector[key].as_string() != value)
        return fail(refusal(attributes, pod, "pod node label selector conflicts with its namespace node label selector"));
    Arena& arena = pod.arena();
    for (const auto& [key, value] : wanted)
      if (!selector.has(key)) pod.ensure_object("spec").ensure_object("nodeSelector").set(arena.copy(key), arena.copy(value));
    return {};
  }

  Result<void> validate(const Attributes& attributes, const Object* pod, const Object*) override {
    if (attributes.operation != Operation::Create || !is_about(attributes, "", "pods")) return {};
    auto wanted = TRY(of_namespace(attributes.info.name_space));
    AnyView selector = (*pod)["spec"]["nodeSelector"];
    for (const auto& [key, value] : wanted)
      if (selector[key].present() && selector[key].as_string() != value)
        return fail(refusal(attributes, *pod, "pod node label selector conflicts with its namespace node label selector"));
    auto allowed = by_namespace_.find(attributes.info.name_space);
    if (allowed == by_namespace_.end() || allowed->second.empty()) return {};
    for (uint32_t i = 0; selector.present() && i < selector.size(); i++) {
      auto found = allowed->second.find(selector.key(i));
      if (found == allowed->second.end() || found->second != selector.value(i).as_string())
        return fail(refusal(attributes, *pod, "pod node label selector labels conflict with its namespace whitelist"));
    }
    return {};
  }

 private:
  Result<Labels> of_namespace(std::string_view name) {
    auto found = TRY(namespaces_.get({}, name));
    AnyView said = (*found)["metadata"]["annotations"]["scheduler.alpha.kubernetes.io/node-selector"];
    if (said.present()) return read_selector(said.as_string());
    auto everywhere = by_namespace_.find("clusterDefaultNodeSelector");
    return everywhere == by_namespace_.end() ? Labels() : everywhere->second;
  }

  const std::map<std::string, Labels, std::less<>> by_namespace_;
  registry::ObjectStore& namespaces_;
};

}  // namespace

Result<std::unique_ptr<AdmissionPlugin>> pod_node_selector(std::string_view settings, Catalog& catalog) {
  std::map<std::string, Labels, std::less<>> by_namespace;
  Arena arena;
  auto documents = TRY(schema::parse_yaml(settings, arena, {.first_only = true}));
  Value tree = documents.empty() ? Value() : documents.front();
  for (const auto& member : tree["podNodeSelectorPluginConfig"].members())
    by_namespace[std::string(member.name)] = TRY(read_selector(member.value.as_string()));
  return std::make_unique<PodNodeSelector>(std::move(by_namespace), catalog);
}

}  // namespace sampan::apiserver
