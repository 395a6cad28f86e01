// See containers.h.
#include "kubelet/containers.h"

#include "base/text.h"

namespace sampan::kubelet {

namespace {

constexpr int32_t kSystemCriticalPriority = 2'000'000'000;

ContainerSpec as_container(const core_v1::EphemeralContainer& ephemeral, unsigned index) {
  ContainerSpec spec;
  spec.container.base = ephemeral.base;
  spec.container.at = ephemeral.at;
  spec.kind = ContainerKind::Ephemeral;
  spec.index = index;
  spec.target = ephemeral.target_container_name();
  return spec;
}

}  // namespace

std::vector<ContainerSpec> containers_of(const core_v1::Pod& pod) {
  std::vector<ContainerSpec> out;
  unsigned index = 0;
  for (auto container : pod.spec().init_containers()) out.push_back({container, ContainerKind::Init, index++, {}});
  index = 0;
  for (auto container : pod.spec().containers()) out.push_back({container, ContainerKind::Regular, index++, {}});
  index = 0;
  for (auto container : pod.spec().ephemeral_containers()) out.push_back(as_container(container, index++));
  return out;
}

std::optional<ContainerSpec> find_container(const core_v1::Pod& pod, std::string_view name) {
  for (auto& spec : containers_of(pod))
    if (spec.container.name() == name) return spec;
  return {};
}

bool has_sidecars(const core_v1::Pod& pod) {
  for (auto container : pod.spec().init_containers())
    if (is_sidecar(container)) return true;
  return false;
}

std::string field_path_of(const ContainerSpec& spec) {
  static constexpr std::string_view lists[] = {"initContainers", "containers", "ephemeralContainers"};
  return concat("spec.", lists[static_cast<int>(spec.kind)], "{", spec.container.name(), "}");
}

const Container* PodRuntime::newest(std::string_view name) const {
  for (auto& container : containers)
    if (container.name == name) return &container;
  return nullptr;
}

bool PodRuntime::any_running() const {
  for (auto& container : containers)
    if (container.state == ContainerState::Running) return true;
  return false;
}

std::vector<std::string> PodRuntime::ips() const {
  if (sandboxes.empty() || !sandboxes.front().ready) return {};
  return sandboxes.front().ips;
}

Result<PodRuntime> read_pod_runtime(Runtime& runtime, std::string_view uid) {
  PodRuntime out;
  const TextMap labels = {{std::string(kPodUidLabel), std::string(uid)}};
  for (auto& sandbox : TRY(runtime.sandboxes(labels))) {
    auto status = runtime.sandbox_status(sandbox.id);
    if (status)
      out.sandboxes.push_back(std::move(*status));
    else if (!status.error().is(Reason::NotFound))  // gone between the two calls
      return fail(std::move(status).error());
  }
  for (auto& container : TRY(runtime.containers(labels))) {
    auto status = runtime.container_status(container.id);
    if (status) {
      status->sandbox_id = container.sandbox_id;
      out.containers.push_back(std::move(*status));
    } else if (!status.error().is(Reason::NotFound)) {
      return fail(std::move(status).error());
    }
  }
  return out;
}

uint32_t restart_count(const Container& container) {
  uint32_t count = 0;
  return parse_int(label(container.annotations, kRestartCountAnnotation), count) ? count : container.attempt;
}

std::string hash_of(const core_v1::Container& container) {
  uint32_t hash = 2166136261u;  // FNV-1a
  auto mix = [&](std::string_view text) {
    for (unsigned char c : text) hash = (hash ^ c) * 16777619u;
    hash = (hash ^ 0xff) * 16777619u;
  };
  mix(container.name());
  mix(container.image());
  std::string out;
  for (int shift = 28; shift >= 0; shift -= 4) out += "0123456789abcdef"[hash >> shift & 15];
  return out;
}

bool restarts_after(const core_v1::Pod& pod, const core_v1::Container& container, int32_t exit_code) {
  auto by = [&](std::string_view policy) { return policy == "Never" ? false : policy == "OnFailure" ? exit_code != 0 : true; };
  if (!container.restart_policy()) return by(pod.spec().restart_policy());
  for (auto rule : container.restart_policy_rules()) {
    if (!rule.has_exit_codes()) continue;
    bool listed = false;
    for (auto code : rule.exit_codes().values()) listed |= code == exit_code;
    bool matches = rule.exit_codes().operator_() == "In" ? listed : rule.exit_codes().operator_() == "NotIn" && !listed;
    if (!matches) continue;
    if (rule.action() == "Restart") return true;
    break;
  }
  return by(*container.restart_policy());
}

bool is_to_be_started(const core_v1::Pod& pod, const core_v1::Container& container, const PodRuntime& runtime) {
  if (pod.metadata().deletion_timestamp()) return false;
  auto known = runtime.newest(container.name());
  if (!known) return true;
  if (known->state == ContainerState::Running) return false;
  if (known->state != ContainerState::Exited) return true;
  return restarts_after(pod, container, known->exit_code);
}

bool any_regular_container_created(const core_v1::Pod& pod, const PodRuntime& runtime) {
  for (auto container : pod.spec().containers()) {
    auto known = runtime.newest(container.name());
    if (known && known->state != ContainerState::Unknown) return true;
  }
  return false;
}

std::string text_of(const core_v1::Pod& pod) {
  return concat(pod.metadata().name(), "_", pod.metadata().namespace_(), "(", pod.metadata().uid(), ")");
}

std::string full_name(const core_v1::Pod& pod) { return concat(pod.metadata().name(), "_", pod.metadata().namespace_()); }

bool is_static(const core_v1::Pod& pod) {
  auto source = pod.metadata().annotations().get(kSourceAnnotation);
  return source && *source != "api";
}

bool is_mirror(const core_v1::Pod& pod) { return pod.metadata().annotations().has(kMirrorAnnotation); }

bool is_critical(const core_v1::Pod& pod) {
  return is_static(pod) || is_mirror(pod) || pod.spec().priority().value_or(0) >= kSystemCriticalPriority;
}

std::string label(const TextMap& map, std::string_view key) {
  auto at = map.find(std::string(key));
  return at == map.end() ? std::string() : at->second;
}

}  // namespace sampan::kubelet
