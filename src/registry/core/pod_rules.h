// The parts of the rules of pod specs, shared among the pod_*.cpp files. Others use pod_spec.h.
#pragma once
#include <optional>
#include <set>

#include "registry/at.h"
#include "registry/core/pod_spec.h"
#include "schema/quantity.h"

namespace sampan::registry {

using schema::Quantity;

// A form that names of most objects have, and the one of labels' values, in upstream's words.
inline bool is_good(void (*form)(std::string_view, Complaints&), std::string_view text) {
  Complaints complaints;
  form(text, complaints);
  return complaints.empty();
}
inline void require_name(const At& at) { at.must_be(check_dns1123_subdomain); }
std::string inclusive_range(int64_t low, int64_t high);  // "must be between 1 and 10, inclusive"

// ---- walking containers ----

// Init containers, containers, ephemeral containers: every check that looks at containers uses this walk, so none is forgotten.
template <class Visit>
void each_container(const At& spec, Visit visit) {
  for (auto list : {"initContainers", "containers", "ephemeralContainers"}) {
    At containers = spec[list];
    for (uint32_t i = 0; i < containers.size(); i++) visit(containers.item(i));
  }
}
template <class Visit>
void each_container(const AnyView& spec, Visit visit) {
  for (auto list : {"initContainers", "containers", "ephemeralContainers"}) {
    AnyView containers = spec[list];
    for (uint32_t i = 0; i < containers.size(); i++) visit(containers.item(i));
  }
}
// Of a pod or a template: what init containers were written as before they were fields.
void drop_init_container_annotations(Value annotations);
bool is_sidecar(const AnyView& container);  // an init container that keeps running

// ---- resources (pod_resources.cpp) ----

bool is_huge_page_resource(std::string_view name);
bool is_native_resource(std::string_view name);
bool is_extended_resource(std::string_view name);
bool is_overcommit_allowed(std::string_view name);
bool is_pod_level_resource(std::string_view name);
bool is_divisible_huge_page(std::string_view name, const Quantity& quantity);

using Resources = std::map<std::string, Quantity, std::less<>>;
// `which` is "requests" or "limits": what all containers of a spec need together, sidecars and the largest init container included.
Resources aggregate_resources(const AnyView& spec, std::string_view which);
Resources aggregate_resources(Value spec, std::string_view which);

enum class ResourcesOf : uint8_t { Container, Pod };
void validate_resource_requirements(const At& resources, ResourcesOf owner, const std::set<std::string_view>& claims,
                                    const PodSpecOptions& options);
void validate_pod_resources(const At& spec, const PodSpecOptions& options);
void validate_overhead(const At& overhead, const PodSpecOptions& options);
void validate_resource_quantity(std::string_view name, const At& quantity);
bool uses_indivisible_huge_pages(const AnyView& spec);
// "Guaranteed", "Burstable" or "BestEffort".
std::string_view compute_qos_class(const AnyView& spec);
std::string_view compute_qos_class(Value spec);

// ---- volumes (pod_volumes.cpp, pod_projected_volumes.cpp) ----

// The good volumes by name, for the mounts.
using Volumes = std::map<std::string_view, AnyView>;
Volumes validate_volumes(const At& volumes, const AnyView& metadata, const PodSpecOptions& options);
// One source by the name of its field: persistent volumes have many of the same.
void validate_volume_source(const At& source, std::string_view field);
void validate_projected_source(const At& projected, const PodSpecOptions& options);
void validate_downward_file(const At& file, const At& place);
void validate_key_to_path(const At& item);
void validate_file_mode(const At& mode);
bool has_backsteps(std::string_view path);
void validate_no_backsteps(const At& path);
void validate_descending_path(const At& path);      // relative, no ".."
void validate_local_path(const At& path);           // and no name that starts with ".."
void validate_local_path(const At& place, std::string_view path);

// ---- containers (pod_containers.cpp, pod_env.cpp, pod_probes.cpp) ----

struct ContainerContext {
  const Volumes& volumes;
  const std::set<std::string_view>& claims;
  const PodSpecOptions& options;
  std::optional<int64_t> grace_seconds;
  std::string_view restart_policy;
  bool has_os = false;
  std::string_view os;
  bool host_users = true;
};
void validate_containers(const At& containers, const ContainerContext& context);
void validate_init_containers(const At& containers, const AnyView& regular, const ContainerContext& context);
void validate_ephemeral_containers(const At& spec, const ContainerContext& context);
void validate_untrimmed_image(const At& container);  // pods only; templates may carry anything

void validate_env(const At& env);
void validate_env_from(const At& env_from);
void validate_object_field_selector(const At& selector, std::span<const std::string_view> paths);
void validate_resource_field_selector(const At& selector, bool in_volume);

void validate_probes(const At& container, const ContainerContext& context);
void validate_lifecycle(const At& lifecycle, const ContainerContext& context);

// ---- scheduling (pod_affinity.cpp, pod_scheduling.cpp) ----

void validate_affinity(const At& affinity, const PodSpecOptions& options);
void validate_pod_affinity_term_selectors(const At& term, bool invalid_values_allowed);
void validate_node_selector(const At& selector, bool invalid_values_allowed);
void validate_tolerations(const At& tolerations, const PodSpecOptions& options);
void validate_topology_spread(const At& constraints, const PodSpecOptions& options);
void validate_match_label_keys(const At& term);

// ---- security (pod_security.cpp, pod_windows.cpp, pod_annotations.cpp) ----

void validate_pod_security_context(const At& spec, const PodSpecOptions& options);
void validate_container_security_context(const At& context, bool host_users);
void validate_host_sysctl(const At& name, const AnyView& spec);
void validate_app_armor_profile(const At& profile);
void validate_windows_options(const At& options);
void validate_windows_host_process(const At& spec);
void validate_os(const At& spec);

void validate_pod_annotations(const At& annotations, const AnyView& spec, const PodSpecOptions& options);
bool is_valid_deletion_cost(const AnyView& annotations);
// That deprecated annotations and the fields that replaced them say the same.
void validate_profile_annotations(const AnyView& annotations, const At& spec);
// The profile an annotation's value stands for; type "" if none.
struct AppArmorProfile {
  std::string_view type, localhost_profile;
  bool has_localhost_profile = false;
};
AppArmorProfile app_armor_of_annotation(std::string_view value);
inline constexpr std::string_view kAppArmorAnnotation = "container.apparmor.security.beta.kubernetes.io/";
inline constexpr std::string_view kSeccompPodAnnotation = "seccomp.security.alpha.kubernetes.io/pod";
inline constexpr std::string_view kSeccompContainerAnnotation = "container.seccomp.security.alpha.kubernetes.io/";
inline constexpr std::string_view kMirrorAnnotation = "kubernetes.io/config.mirror";

}  // namespace sampan::registry
