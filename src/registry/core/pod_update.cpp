// Updates of pods: nearly all of a spec is fixed once the pod exists. Also the subresources that may change what a plain update may not.
#include "base/text.h"
#include "registry/core/pod_kind.h"
#include "registry/core/pod_rules.h"
#include "registry/core/pod_spec_diff.h"

namespace sampan::registry {

namespace {

constexpr std::string_view kUpdatable =
    "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
    "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

// ---- what an update of the subresources takes over ----

void put(Value object, std::string_view name, const AnyView& view) {
  if (view.present())
    object.set(name, schema::thaw(view, object.arena()));
  else
    object.remove(name);
}

// Only managedFields of the metadata may come with a subresource.
void keep_metadata(Value pod, const Object& old) {
  Value metadata = pod.ensure_object("metadata");
  for (auto field : {"labels", "annotations", "finalizers", "ownerReferences", "deletionTimestamp", "generation"})
    put(metadata, field, old["metadata"][field]);
}

void keep_all_but_ephemeral_containers(Value pod, const Object& old) {
  Value containers = pod["spec"]["ephemeralContainers"];
  put(pod, "spec", old["spec"]);
  put(pod, "status", old["status"]);
  keep_metadata(pod, old);
  Value spec = pod.ensure_object("spec");
  if (containers.empty())
    spec.remove("ephemeralContainers");
  else
    spec.set("ephemeralContainers", containers);
}

// The old containers with the new ones' resources. Where containers were renamed the new list stays, for validation to refuse.
Value with_new_resources(Value containers, const AnyView& old) {
  for (uint32_t i = 0; i < containers.size(); i++)
    if (containers.at(i)["name"].as_string() != old.item(i)["name"].as_string()) return containers;
  if (containers.empty()) return containers;
  Value merged = schema::thaw(old, containers.arena());
  for (uint32_t i = 0; i < merged.size(); i++)
    for (auto field : {"resources", "resizePolicy"}) {
      Value value = containers.at(i)[field];
      if (value.is_missing())
        merged.at(i).remove(field);
      else
        merged.at(i).set(field, value);
    }
  return merged;
}

void keep_all_but_resources(Value pod, const Object& old) {
  Value spec = pod.ensure_object("spec");
  AnyView before = old["spec"];
  for (auto list : {"containers", "initContainers"})
    if (spec[list].size() != before[list].size()) return;
  Value resources = spec["resources"];
  Value containers = with_new_resources(spec["containers"], before["containers"]);
  Value init_containers = with_new_resources(spec["initContainers"], before["initContainers"]);
  put(pod, "spec", before);
  put(pod, "status", old["status"]);
  keep_metadata(pod, old);
  spec = pod.ensure_object("spec");
  auto set = [&](std::string_view name, Value value) {
    if (value.is_missing())
      spec.remove(name);
    else
      spec.set(name, value);
  };
  set("resources", resources);
  set("containers", containers);
  set("initContainers", init_containers);
}

// A client that knows nothing of observedGeneration must not clear it.
void keep_observed_generations(Value status, const AnyView& old) {
  if (status["observedGeneration"].as_int() == 0 && old["observedGeneration"].as_int() != 0)
    status.set("observedGeneration", old["observedGeneration"].as_int());
  std::multimap<std::string_view, int64_t> generations;
  AnyView conditions = old["conditions"];
  for (uint32_t i = 0; i < conditions.size(); i++)
    generations.emplace(conditions.item(i)["type"].as_string(), conditions.item(i)["observedGeneration"].as_int());
  for (Value condition : status["conditions"].items()) {
    auto at = generations.lower_bound(condition["type"].as_string());
    if (at == generations.end() || at->first != condition["type"].as_string()) continue;
    if (condition["observedGeneration"].as_int() == 0 && at->second != 0) condition.set("observedGeneration", at->second);
    generations.erase(at);
  }
}

void prepare_status(Value pod, const Object& old) {
  Value status = pod.ensure_object("status");
  put(pod.ensure_object("metadata"), "ownerReferences", old["metadata"]["ownerReferences"]);
  if (status["qosClass"].as_string().empty()) put(status, "qosClass", old["status"]["qosClass"]);
  keep_observed_generations(status, old["status"]);
  // Features DRANodeAllocatableResources and ImageVolumeWithDigest.
  if (old["status"]["nodeAllocatableResourceClaimStatuses"].size() == 0) status.remove("nodeAllocatableResourceClaimStatuses");
  constexpr std::string_view kLists[] = {"containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"};
  bool has_digests = false;
  for (auto list : kLists)
    for (uint32_t i = 0; i < old["status"][list].size(); i++) {
      AnyView mounts = old["status"][list].item(i)["volumeMounts"];
      for (uint32_t j = 0; j < mounts.size(); j++) has_digests |= mounts.item(j)["volumeStatus"].present();
    }
  for (auto list : kLists)
    for (Value container : status[list].items())
      for (Value mount : container["volumeMounts"].items())
        if (!has_digests) mount.remove("volumeStatus");
}

// ---- what a plain update may change ----

// False if containers were added or removed: then nothing else is looked at.
bool validate_images(const At& containers, const AnyView& old) {
  if (containers.size() != old.size()) {
    containers.forbidden("pod updates may not add or remove containers");
    return false;
  }
  for (uint32_t i = 0; i < containers.size(); i++) {
    At container = containers.item(i);
    if (container["image"].text().empty()) container["image"].required();
    validate_untrimmed_image(container);
  }
  return true;
}

// The deadline may only come nearer. False: nothing else is looked at.
bool validate_deadline(const At& deadline, const AnyView& old) {
  if (!deadline.present()) {
    if (old.present()) deadline.invalid(Shown::null(), "must not update from a positive integer to nil value");
    return true;
  }
  int64_t seconds = deadline.number();
  if (seconds < 0 || seconds > INT32_MAX) {
    deadline.invalid(seconds, inclusive_range(0, INT32_MAX));
    return false;
  }
  if (!old.present() || old.as_int() >= seconds) return true;
  deadline.invalid(seconds, "must be less than or equal to previous value");
  return false;
}

// All but the seconds, which may change.
std::string toleration_key(const AnyView& toleration) {
  return concat(toleration["key"].as_string(), "\n", toleration["operator"].as_string(), "\n", toleration["value"].as_string(), "\n",
                toleration["effect"].as_string());
}

void validate_added_tolerations(const At& tolerations, const AnyView& old, const PodSpecOptions& options) {
  std::set<std::string> now;
  for (uint32_t i = 0; i < tolerations.size(); i++) now.insert(toleration_key(tolerations.value().item(i)));
  for (uint32_t i = 0; i < old.size(); i++) {
    if (!now.contains(toleration_key(old.item(i))))
      return tolerations.forbidden("existing toleration can not be modified except its tolerationSeconds");
  }
  validate_tolerations(tolerations, options);
}

void validate_removed_gates(const At& gates, const AnyView& old) {
  std::map<std::string_view, uint32_t> added;
  for (uint32_t i = 0; i < gates.size(); i++) added[gates.value().item(i)["name"].as_string()] = i;
  for (uint32_t i = 0; i < old.size(); i++) added.erase(old.item(i)["name"].as_string());
  for (auto& [name, i] : added) {
    At gate = gates.item(i);
    gate["name"].forbidden(concat("only deletion is allowed, but found new scheduling gate '", name, "'"));
  }
}

// ---- pods that wait for their gates may still be told where to go ----

void validate_added_node_selector(const At& selector, const AnyView& old) {
  for (uint32_t i = 0; i < old.size(); i++) {
    AnyView now = selector.value()[old.key(i)];
    if (now.present() && now.as_string() == old.value(i).as_string()) continue;
    return selector.invalid("only additions to spec.nodeSelector are allowed (no mutations or deletions)");
  }
}

bool only_adds(const AnyView& now, const AnyView& old, std::string_view list) {
  if (now[list].size() < old[list].size()) return false;
  for (uint32_t i = 0; i < old[list].size(); i++)
    if (!semantically_equal(now[list].item(i), old[list].item(i))) return false;
  return true;
}

bool term_only_adds(const AnyView& now, const AnyView& old) {
  bool was_empty = old["matchExpressions"].size() == 0 && old["matchFields"].size() == 0;
  bool is_empty = now["matchExpressions"].size() == 0 && now["matchFields"].size() == 0;
  if (was_empty) return is_empty;
  return only_adds(now, old, "matchExpressions") && only_adds(now, old, "matchFields");
}

void validate_added_node_affinity(const At& affinity, const AnyView& old) {
  constexpr std::string_view kRequired = "requiredDuringSchedulingIgnoredDuringExecution";
  AnyView old_terms = old[kRequired]["nodeSelectorTerms"];
  if (old_terms.size() == 0) return;
  At required = affinity[kRequired];
  At terms = required["nodeSelectorTerms"];
  if (terms.size() != old_terms.size())
    return terms.invalid(terms.internal(), "no additions/deletions to non-empty NodeSelectorTerms list are allowed");
  for (uint32_t i = 0; i < terms.size(); i++) {
    At term = terms.item(i);
    if (!term_only_adds(term.value(), old_terms.item(i)))
      term.invalid(term.internal(), "only additions are allowed (no mutations or deletions)");
  }
}

// The new spec with all that may change put back to what it was: what is different then must not be.
Value put_back(const At& spec, const AnyView& old, Arena& arena) {
  Value munged = schema::thaw(spec.value(), arena);
  for (auto list : {"containers", "initContainers"})
    for (uint32_t i = 0; i < munged[list].size(); i++) put(munged[list].at(i), "image", old[list].item(i)["image"]);
  for (auto field : {"activeDeadlineSeconds", "schedulingGates", "tolerations"}) put(munged, field, old[field]);
  AnyView grace = old["terminationGracePeriodSeconds"];
  if (grace.present() && grace.as_int() < 0 && munged["terminationGracePeriodSeconds"].as_int() == 1)
    put(munged, "terminationGracePeriodSeconds", grace);
  if (old["schedulingGates"].size() == 0) return munged;

  if (!semantically_equal(spec.value()["nodeSelector"], old["nodeSelector"])) {
    validate_added_node_selector(spec["nodeSelector"], old["nodeSelector"]);
    put(munged, "nodeSelector", old["nodeSelector"]);
  }
  AnyView was = old["affinity"]["nodeAffinity"];
  At affinity = spec["affinity"];
  if (semantically_equal(affinity.value()["nodeAffinity"], was)) return munged;
  validate_added_node_affinity(affinity["nodeAffinity"], was);
  put(munged.ensure_object("affinity"), "nodeAffinity", was);
  if (!old["affinity"].present() && munged["affinity"].empty()) munged.remove("affinity");
  return munged;
}

void validate_fixed_rest(const At& spec, const AnyView& old) {
  if (semantically_equal(spec.value(), old)) return;
  Arena arena;
  Value munged = put_back(spec, old, arena);
  auto frozen = schema::freeze(munged, spec.value().type());
  if (!frozen || semantically_equal((*frozen)->view(), old)) return;
  spec.forbidden(concat("pod updates may not change fields other than ", kUpdatable, "\n", pod_spec_diff(old, (*frozen)->view(), spec.errors().sent_at(spec.path()))));
}

}  // namespace

void prepare_pod_update(Value pod, const Object& old, std::string_view subresource) {
  if (subresource == "status") prepare_status(pod, old);
  if (subresource == "ephemeralcontainers") keep_all_but_ephemeral_containers(pod, old);
  if (subresource == "resize") keep_all_but_resources(pod, old);
  drop_disabled_spec_fields(pod["spec"], old["spec"]);
}

PodSpecOptions pod_options(const Object& old) {
  PodSpecOptions options = pod_spec_options(old["spec"], old["metadata"]["annotations"]);
  options.is_pod = true;
  return options;
}

void validate_pod_whole(const Object& pod, FieldErrors& errors, const PodSpecOptions& options) {
  Path metadata_path("metadata"), spec_path("spec");
  AnyView metadata = pod["metadata"];
  At spec(pod["spec"], spec_path, errors);
  validate_pod_annotations(At(metadata["annotations"], metadata_path.child("annotations"), errors), spec.value(), options);
  validate_pod_spec(spec.value(), metadata, spec_path, errors, options);
  if (spec["serviceAccountName"].text().empty()) {
    At volumes = spec["volumes"];
    for (uint32_t i = 0; i < volumes.size(); i++) {
      At volume = volumes.item(i);
      At projected = volume["projected"];
      At sources = projected["sources"];
      for (uint32_t j = 0; j < sources.size(); j++) {
        At source = sources.item(j);
        if (source["serviceAccountToken"].present())
          source["serviceAccountToken"].forbidden("must not be specified when serviceAccountName is not set");
      }
    }
  }
  for (auto list : {"containers", "initContainers"}) {
    At containers = spec[list];
    for (uint32_t i = 0; i < containers.size(); i++) validate_untrimmed_image(containers.item(i));
  }
}

void validate_pod(const Object& pod, FieldErrors& errors) {
  PodSpecOptions options;
  options.is_pod = true;
  validate_pod_whole(pod, errors, options);
  Path path("spec");
  At spec(pod["spec"], path, errors);
  if (spec["ephemeralContainers"].size() > 0) spec["ephemeralContainers"].forbidden("cannot be set on create");
  if (!spec["nodeName"].text().empty() && spec["schedulingGates"].size() > 0)
    spec["nodeName"].forbidden("cannot be set until all schedulingGates have been cleared");
  validate_profile_annotations(pod["metadata"]["annotations"], spec);
}

void validate_annotation_updates(const Object& pod, const Object& old, FieldErrors& errors, const PodSpecOptions& options) {
  Path metadata_path("metadata");
  At annotations(pod["metadata"]["annotations"], metadata_path.child("annotations"), errors);
  AnyView before = old["metadata"]["annotations"];
  auto forbid = [&](std::string_view key, std::string_view did) {
    if (key.starts_with(kAppArmorAnnotation))
      errors.forbidden(annotations.path().key(key), concat("may not ", did, " AppArmor annotations"));
    if (key == kMirrorAnnotation)
      errors.forbidden(annotations.path().key(key), concat("may not ", did, " mirror pod annotation"));
  };
  for (uint32_t i = 0; i < before.size(); i++) {
    AnyView now = annotations.value()[before.key(i)];
    if (!now.present() || now.as_string() != before.value(i).as_string()) forbid(before.key(i), "remove or update");
  }
  for (uint32_t i = 0; i < annotations.size(); i++)
    if (!before[annotations.key(i)].present()) forbid(annotations.key(i), "add");
  validate_pod_annotations(annotations, pod["spec"], options);
}

void validate_pod_update(const Object& pod, const Object& old, FieldErrors& errors) {
  PodSpecOptions options = pod_options(old);
  validate_pod_whole(pod, errors, options);
  validate_annotation_updates(pod, old, errors, options);
  Path path("spec");
  At spec(pod["spec"], path, errors);
  AnyView before = old["spec"];
  if (!validate_images(spec["containers"], before["containers"])) return;
  if (!validate_images(spec["initContainers"], before["initContainers"])) return;
  if (!validate_deadline(spec["activeDeadlineSeconds"], before["activeDeadlineSeconds"])) return;
  validate_added_tolerations(spec["tolerations"], before["tolerations"], options);
  validate_removed_gates(spec["schedulingGates"], before["schedulingGates"]);
  validate_fixed_rest(spec, before);
}

void validate_ephemeral_containers_update(const Object& pod, const Object& old, FieldErrors& errors) {
  PodSpecOptions options = pod_options(old);
  if (old["metadata"]["annotations"][kMirrorAnnotation].present())
    return errors.forbidden(Path(""), "static pods do not support ephemeral containers");
  validate_pod_whole(pod, errors, options);
  validate_annotation_updates(pod, old, errors, options);
  Path spec_path("spec");
  AnyView containers = pod["spec"]["ephemeralContainers"], before = old["spec"]["ephemeralContainers"];
  std::map<std::string_view, AnyView> by_name;
  for (uint32_t i = 0; i < containers.size(); i++) by_name[containers.item(i)["name"].as_string()] = containers.item(i);
  for (uint32_t i = 0; i < before.size(); i++) {
    auto name = before.item(i)["name"].as_string();
    auto now = by_name.find(name);
    if (now == by_name.end())
      errors.forbidden(spec_path.child("ephemeralContainers"),
                       concat("existing ephemeral containers ", quoted(name), " may not be removed\n"));
    else if (!semantically_equal(now->second, before.item(i)))
      errors.forbidden(spec_path.child("ephemeralContainers"),
                       concat("existing ephemeral containers ", quoted(name), " may not be changed\n",
                              pod_spec_diff(before.item(i), now->second)));
  }
}

void validate_pod_subresource(std::string_view subresource, const Object& pod, const Object& old, FieldErrors& errors) {
  if (subresource == "status") validate_pod_status(pod, old, errors);
  if (subresource == "ephemeralcontainers") validate_ephemeral_containers_update(pod, old, errors);
  if (subresource == "resize") validate_pod_resize(pod, old, errors);
}

}  // namespace sampan::registry
