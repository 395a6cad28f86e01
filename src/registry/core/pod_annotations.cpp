// Annotations that mean something to pods: the deletion cost, mirror pods, and the old form of security profiles.
#include "base/text.h"
#include "registry/core/pod_rules.h"
#include "schema/conform.h"
#include "schema/json.h"

namespace sampan::registry {

namespace {

constexpr std::string_view kDeletionCost = "controller.kubernetes.io/pod-deletion-cost";
constexpr std::string_view kLocalhost = "localhost/";

constexpr std::string_view kTolerations = "scheduler.alpha.kubernetes.io/tolerations";

// Names of fields in this old annotation are taken in any case.
Value with_field_names(Value tolerations, Arena& arena) {
  Value list = Value::list(arena);
  for (Value toleration : tolerations.items()) {
    Value named = Value::object(arena);
    for (const schema::Member& member : toleration.members())
      for (auto field : {"key", "operator", "value", "effect", "tolerationSeconds"})
        if (iequals(member.name, field)) named.set(field, member.value);
    list.push(toleration.is_object() ? named : toleration);
  }
  return tolerations.is_list() ? list : tolerations;
}

// Tolerations as they were written before they were a field. Nothing reads them any more, but they must be good.
void validate_toleration_annotation(const At& annotations, const PodSpecOptions& options) {
  auto text = annotations.value()[kTolerations].as_string();
  if (text.empty()) return;
  Arena arena;
  auto complain = [&](const Error& error) { annotations.invalid(kTolerations, error.message()); };
  auto parsed = schema::parse_json(text, arena);
  if (!parsed) return complain(parsed.error());
  Value spec = Value::object(arena);
  spec.set("tolerations", with_field_names(*parsed, arena));
  const schema::Type* type = schema::builtin_type("io.k8s.api.core.v1.PodSpec");
  schema::Conformance found;
  if (auto conforms = schema::conform(spec, *type, found); !conforms) return complain(conforms.error());
  auto frozen = schema::freeze(spec, *type);
  if (!frozen) return complain(frozen.error());
  validate_tolerations(At((**frozen)["tolerations"], annotations.path().child(kTolerations), annotations.errors()), options);
}

bool is_seccomp_value(std::string_view value) {
  return value == "runtime/default" || value == "docker/default" || value == "unconfined";
}

void validate_seccomp_annotation(const At& annotations, std::string_view key, std::string_view value) {
  if (is_seccomp_value(value)) return;
  At at({}, annotations.path().child(key), annotations.errors());
  if (!value.starts_with(kLocalhost)) return at.invalid(value, "must be a valid seccomp profile");
  value.remove_prefix(kLocalhost.size());
  if (value.starts_with('/')) at.invalid(value, "must be a relative path");
  if (has_backsteps(value)) at.invalid(value, "must not contain '..'");
}

std::set<std::string_view> container_names_of(const AnyView& spec) {
  std::set<std::string_view> names;
  each_container(spec, [&](const AnyView& container) { names.insert(container["name"].as_string()); });
  return names;
}

// Of an annotation and the field that replaced it: what is meant must be the same.
void match_profile(std::string_view what, std::string_view value, const At& profile, bool unconfined, bool runtime_default) {
  auto type = profile["type"].text();
  AnyView local = profile.value()["localhostProfile"];
  auto forbid_type = [&] { profile["type"].forbidden(concat(what, " type in annotation and field must match")); };
  if (type == "Unconfined") {
    if (!unconfined) forbid_type();
  } else if (type == "RuntimeDefault") {
    if (!runtime_default) forbid_type();
  } else if (type == "Localhost") {
    if (!value.starts_with(kLocalhost))
      forbid_type();
    else if (!local.present() || value.substr(kLocalhost.size()) != local.as_string())
      profile["localhostProfile"].forbidden(concat(what, " profile in annotation and field must match"));
  }
}

void match_seccomp(const AnyView& annotations, std::string_view key, const At& profile) {
  AnyView annotation = annotations[key];
  if (!profile.present() || !annotation.present()) return;
  auto value = annotation.as_string();
  match_profile("seccomp", value, profile, value == "unconfined", value == "runtime/default" || value == "docker/default");
}

}  // namespace

bool is_valid_deletion_cost(const AnyView& annotations) {
  AnyView annotation = annotations[kDeletionCost];
  if (!annotation.present()) return true;
  auto text = annotation.as_string();
  int32_t cost;
  // No plus sign, no leading zeros.
  bool good_start = !text.empty() && (text[0] == '-' || text == "0" || (text[0] >= '1' && text[0] <= '9'));
  return good_start && parse_int(text, cost);
}

void validate_pod_annotations(const At& annotations, const AnyView& spec, const PodSpecOptions& options) {
  if (annotations.value()[kMirrorAnnotation].present() && spec["nodeName"].as_string().empty())
    annotations.errors().invalid(annotations.path().key(kMirrorAnnotation), Shown(annotations.value()[kMirrorAnnotation].as_string()),
                                 "must set spec.nodeName if mirror pod annotation is set");
  validate_toleration_annotation(annotations, options);
  if (!options.invalid_deletion_cost && !is_valid_deletion_cost(annotations.value()))
    annotations.errors().invalid(annotations.path().key(kDeletionCost), Shown(annotations.value()[kDeletionCost].as_string()),
                                 "must be a 32bit integer");
  std::optional<std::set<std::string_view>> names;  // of containers, looked up once if at all
  for (uint32_t i = 0; i < annotations.size(); i++) {
    auto key = annotations.key(i), value = annotations.value().value(i).as_string();
    if (key == kSeccompPodAnnotation || key.starts_with(kSeccompContainerAnnotation))
      validate_seccomp_annotation(annotations, key, value);
    if (!key.starts_with(kAppArmorAnnotation)) continue;
    At entry = annotations.map_value(i);
    auto container = key.substr(kAppArmorAnnotation.size());
    if (!names) names = container_names_of(spec);
    if (!names->contains(container)) entry.invalid(container, "container not found");
    if (!value.empty() && value != "runtime/default" && value != "unconfined" && !value.starts_with(kLocalhost))
      entry.invalid(value, concat("invalid AppArmor profile name: ", quoted(value)));
  }
}

void validate_profile_annotations(const AnyView& annotations, const At& spec) {
  if (!annotations.present()) return;
  At pod_context = spec["securityContext"];
  match_seccomp(annotations, kSeccompPodAnnotation, pod_context["seccompProfile"]);
  bool windows = spec.value()["os"]["name"].as_string() == "windows";
  each_container(spec, [&](const At& container) {
    auto name = container["name"].text();
    At context = container["securityContext"];
    match_seccomp(annotations, concat(kSeccompContainerAnnotation, name), context["seccompProfile"]);

    AnyView annotation = annotations[concat(kAppArmorAnnotation, name)];
    if (windows || !annotation.present()) return;
    // The pod's profile counts where the container has none, but the complaint is about the container.
    AnyView own = context.value()["appArmorProfile"];
    At profile(own.present() ? own : pod_context.value()["appArmorProfile"], context.path().child("appArmorProfile"), spec.errors());
    auto value = annotation.as_string();
    if (profile.present()) match_profile("apparmor", value, profile, value == "unconfined", value == "runtime/default");
  });
}

AppArmorProfile app_armor_of_annotation(std::string_view value) {
  if (value == "unconfined") return {"Unconfined", {}, false};
  if (value == "runtime/default") return {"RuntimeDefault", {}, false};
  if (value.starts_with(kLocalhost) && value.size() > kLocalhost.size())
    return {"Localhost", value.substr(kLocalhost.size()), true};
  return {};
}

}  // namespace sampan::registry
