// pods/resize: only cpu and memory of containers, and of the pod as a whole, may change.
#include "base/text.h"
#include "registry/core/pod_kind.h"
#include "registry/core/pod_rules.h"
#include "registry/core/pod_spec_diff.h"

namespace sampan::registry {

namespace {

bool is_resizable(std::string_view resource) { return resource == "cpu" || resource == "memory"; }

bool has_resources(const AnyView& spec) {
  return spec["resources"]["requests"].size() + spec["resources"]["limits"].size() > 0;
}

bool any_removed(const AnyView& now, const AnyView& old) {
  for (uint32_t i = 0; i < old.size(); i++)
    if (!now[old.key(i)].present()) return true;
  return false;
}

// Of lists of amounts: the same apart from cpu and memory.
bool same_other_amounts(const AnyView& now, const AnyView& old) {
  auto covers = [](const AnyView& a, const AnyView& b) {
    for (uint32_t i = 0; i < a.size(); i++)
      if (!is_resizable(a.key(i)) && !semantically_equal(a.value(i), b[a.key(i)])) return false;
    return true;
  };
  return covers(now, old) && covers(old, now);
}

bool same_other_resources(const AnyView& now, const AnyView& old) {
  return same_other_amounts(now["requests"], old["requests"]) && same_other_amounts(now["limits"], old["limits"]);
}

bool same_but_field(const AnyView& now, const AnyView& old, std::initializer_list<std::string_view> but) {
  const schema::Type& type = old.type();
  for (unsigned i = 0; i < type.fields.size(); i++)
    if (std::find(but.begin(), but.end(), type.fields[i].name) == but.end() && !semantically_equal(now.field(i), old.field(i)))
      return false;
  return true;
}

// Claims of a container count as changed by upstream's masking, which drops them; so containers that have claims cannot be resized.
bool same_container(const AnyView& now, const AnyView& old) {
  return same_but_field(now, old, {"resources"}) && same_other_resources(now["resources"], old["resources"]) &&
         old["resources"]["claims"].size() == 0;
}

bool validate_order(const At& containers, const AnyView& old, std::string_view what) {
  if (containers.size() != old.size()) {
    containers.forbidden(concat(what, " may not be added or removed on resize"));
    return false;
  }
  bool good = true;
  for (uint32_t i = 0; i < old.size(); i++) {
    At container = containers.item(i);
    if (container["name"].text() == old.item(i)["name"].as_string()) continue;
    container["name"].forbidden(concat(what, " may not be renamed or reordered on resize"));
    good = false;
  }
  return good;
}

void validate_none_removed(const At& containers, const AnyView& old) {
  for (uint32_t i = 0; i < old.size(); i++) {
    At container = containers.item(i);
    At resources = container["resources"];
    if (any_removed(resources.value()["requests"], old.item(i)["resources"]["requests"]))
      resources["requests"].forbidden("resource requests cannot be removed");
    if (any_removed(resources.value()["limits"], old.item(i)["resources"]["limits"]))
      resources["limits"].forbidden("resource limits cannot be removed");
  }
}

void validate_init_containers_resize(const At& containers, const AnyView& old) {
  for (uint32_t i = 0; i < old.size(); i++) {
    At container = containers.item(i);
    if (!same_container(container.value(), old.item(i)))
      container.forbidden("only cpu and memory resources for init or sidecar containers are mutable");
    if (is_sidecar(container.value()) || semantically_equal(container.value(), old.item(i))) continue;
    AnyView policies = container.value()["resizePolicy"];
    for (uint32_t j = 0; j < policies.size(); j++)
      if (policies.item(j)["restartPolicy"].as_string() == "RestartContainer")
        container.forbidden("non-sidecar init containers with a resize policy of RestartContainer cannot be resized");
  }
}

void validate_pod_level(const At& spec, const AnyView& old) {
  At resources = spec["resources"];
  AnyView before = old["resources"];
  if (before.present() && !resources.present()) return resources.forbidden("pod-level resources cannot be removed");
  if (any_removed(resources.value()["requests"], before["requests"]))
    resources["requests"].forbidden("pod-level resource requests cannot be removed");
  if (any_removed(resources.value()["limits"], before["limits"]))
    resources["limits"].forbidden("pod-level resource limits cannot be removed");
  if (!same_other_resources(resources.value(), before))
    spec.forbidden("only cpu and memory resources are mutable at pod-level");
}

// Nodes that know of resizing report the resources of what runs.
bool is_supported(const AnyView& status) {
  AnyView containers = status["containerStatuses"];
  for (uint32_t i = 0; i < containers.size(); i++)
    if (containers.item(i)["state"]["running"].present()) return containers.item(i)["resources"].present();
  return true;
}

}  // namespace

void validate_pod_resize(const Object& pod, const Object& old, FieldErrors& errors) {
  if (old["metadata"]["annotations"][kMirrorAnnotation].present())
    return errors.forbidden(Path(""), "static pods cannot be resized");
  if (old["spec"]["os"]["name"].as_string() == "windows")
    return errors.forbidden(Path(""), "windows pods cannot be resized");
  size_t before_errors = errors.size();
  validate_pod_whole(pod, errors, pod_options(old));

  Path path("spec");
  At spec(pod["spec"], path, errors);
  AnyView before = old["spec"];
  auto old_class = old["status"]["qosClass"].as_string();
  if (old_class.empty()) old_class = compute_qos_class(before);
  if (compute_qos_class(spec.value()) != old_class)
    spec.invalid(pod["status"]["qosClass"].as_string(), "Pod QOS Class may not change as a result of resizing");
  if (!is_supported(old["status"])) spec.forbidden("Pod running on node without support for resize");
  if (has_resources(before) || has_resources(spec.value())) validate_pod_level(spec, before);
  if (old["status"]["nodeAllocatableResourceClaimStatuses"].size() > 0)
    spec.forbidden("pods with node allocatable resource claims cannot be resized");

  bool same_order = validate_order(spec["containers"], before["containers"], "containers");
  same_order &= validate_order(spec["initContainers"], before["initContainers"], "initContainers");
  if (!same_order) return;
  validate_none_removed(spec["initContainers"], before["initContainers"]);
  validate_none_removed(spec["containers"], before["containers"]);
  for (uint32_t i = 0; i < before["containers"].size(); i++)
    if (!same_container(spec.value()["containers"].item(i), before["containers"].item(i)))
      spec.forbidden("only cpu and memory resources are mutable");
  validate_init_containers_resize(spec["initContainers"], before["initContainers"]);
  if (errors.size() == before_errors && !same_but_field(spec.value(), before, {"containers", "initContainers", "resources"}))
    spec.forbidden("only cpu and memory resources are mutable");
}

}  // namespace sampan::registry
