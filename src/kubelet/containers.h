// Small questions about a pod's spec and what the runtime knows of it: asked by everything that decides something for a pod.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/core_v1.h"
#include "kubelet/runtime.h"

namespace sampan::kubelet {

namespace core_v1 = api::core_v1;

enum class ContainerKind : uint8_t { Init, Regular, Ephemeral };

// A container of any kind. An ephemeral one is seen as a container too: their fields are the same, in the same order.
struct ContainerSpec {
  core_v1::Container container;
  ContainerKind kind = ContainerKind::Regular;
  unsigned index = 0;              // among its kind
  std::string_view target;         // of an ephemeral one: whose processes it sees
};

std::vector<ContainerSpec> containers_of(const core_v1::Pod& pod);  // init, regular, ephemeral: every check walks all three
std::optional<ContainerSpec> find_container(const core_v1::Pod& pod, std::string_view name);
inline bool is_sidecar(const core_v1::Container& container) { return container.restart_policy() == "Always"; }
bool has_sidecars(const core_v1::Pod& pod);
std::string field_path_of(const ContainerSpec& spec);  // spec.containers{web}

// What the runtime knows of one pod at one moment.
struct PodRuntime {
  std::vector<Sandbox> sandboxes;     // newest first, with what sandbox_status() adds
  std::vector<Container> containers;  // newest first, with what container_status() adds
  const Container* newest(std::string_view name) const;  // null: none of that name
  bool any_running() const;
  // Addresses of the newest sandbox if it is ready.
  std::vector<std::string> ips() const;
};
Result<PodRuntime> read_pod_runtime(Runtime& runtime, std::string_view uid);

uint32_t restart_count(const Container& container);
// Of what must make a container anew when it changes: its name and image.
std::string hash_of(const core_v1::Container& container);

bool restarts_after(const core_v1::Pod& pod, const core_v1::Container& container, int32_t exit_code);
// Whether the container, as the runtime knows it, is to be started (again).
bool is_to_be_started(const core_v1::Pod& pod, const core_v1::Container& container, const PodRuntime& runtime);
bool any_regular_container_created(const core_v1::Pod& pod, const PodRuntime& runtime);

std::string text_of(const core_v1::Pod& pod);  // name_namespace(uid)
std::string full_name(const core_v1::Pod& pod);  // name_namespace
inline bool is_terminal(std::string_view phase) { return phase == "Succeeded" || phase == "Failed"; }
bool is_static(const core_v1::Pod& pod);   // from a file, not from the API server
bool is_mirror(const core_v1::Pod& pod);   // what the API server shows of a static pod
bool is_critical(const core_v1::Pod& pod);

// The labels and annotations by which the agent knows its own again.
inline constexpr std::string_view kPodNameLabel = "io.kubernetes.pod.name";
inline constexpr std::string_view kPodNamespaceLabel = "io.kubernetes.pod.namespace";
inline constexpr std::string_view kPodUidLabel = "io.kubernetes.pod.uid";
inline constexpr std::string_view kContainerNameLabel = "io.kubernetes.container.name";
inline constexpr std::string_view kHashAnnotation = "io.kubernetes.container.hash";
inline constexpr std::string_view kRestartCountAnnotation = "io.kubernetes.container.restartCount";
inline constexpr std::string_view kMessagePathAnnotation = "io.kubernetes.container.terminationMessagePath";
inline constexpr std::string_view kMessagePolicyAnnotation = "io.kubernetes.container.terminationMessagePolicy";
inline constexpr std::string_view kGracePeriodAnnotation = "io.kubernetes.pod.terminationGracePeriod";
inline constexpr std::string_view kSourceAnnotation = "kubernetes.io/config.source";
inline constexpr std::string_view kHashOfStaticAnnotation = "kubernetes.io/config.hash";
inline constexpr std::string_view kMirrorAnnotation = "kubernetes.io/config.mirror";

std::string label(const TextMap& map, std::string_view key);  // "" if there is none

}  // namespace sampan::kubelet
