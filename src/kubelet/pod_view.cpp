// See pod_view.h.
#include "kubelet/pod_view.h"

#include "base/text.h"

namespace sampan::kubelet {

namespace {

core_v1::ContainerStatus status_of(const core_v1::Pod& pod, std::string_view container) {
  auto status = pod.status();
  for (auto list : {status.container_statuses(), status.init_container_statuses(), status.ephemeral_container_statuses()})
    for (auto one : list)
      if (one.name() == container) return one;
  return {};
}

std::string_view plain_id(std::string_view id) {
  auto slashes = id.find("://");
  return slashes == std::string_view::npos ? id : id.substr(slashes + 3);
}

// Of which run of the container the log is meant: its id.
Result<std::string_view> log_id(const core_v1::ContainerStatus& status, std::string_view pod, std::string_view container, bool previous) {
  auto refuse = [&](auto... what) { return fail(bad_request(concat("container ", quoted(container), " in pod ", quoted(pod), what...))); };
  if (!status.present()) return refuse(" is not available");
  auto state = status.state(), last = status.last_state();
  auto last_id = last.terminated().container_id();
  if (previous) {
    if (last_id.empty()) return fail(bad_request(concat("previous terminated container ", quoted(container), " in pod ", quoted(pod), " not found")));
    return last_id;
  }
  if (state.has_running()) return status.container_id();
  if (state.has_terminated() && !state.terminated().container_id().empty()) return state.terminated().container_id();
  if (!last_id.empty()) return last_id;
  if (state.has_terminated() || last.has_terminated()) return refuse(" is terminated");
  if (!state.has_waiting()) return refuse(" is waiting to start - no logs yet");
  auto reason = state.waiting().reason();
  if (reason == "ErrImagePull") return refuse(" is waiting to start: image can't be pulled");
  if (reason == "ImagePullBackOff") return refuse(" is waiting to start: trying and failing to pull image");
  return refuse(" is waiting to start: ", reason);
}

}  // namespace

std::optional<KnownPod> PodView::known(std::string_view namespace_, std::string_view name, std::string_view uid) {
  auto wanted = uid.empty() ? std::string() : mirror_of_(uid);
  std::optional<KnownPod> found;
  for (auto& pod : workers_.pods()) {
    auto meta = pod.pod->as<core_v1::Pod>().metadata();
    if (meta.namespace_() != namespace_ || meta.name() != name || (!wanted.empty() && meta.uid() != wanted)) continue;
    // One of the same name may still be ending.
    if (!found || pod.life < found->life) found = pod;
  }
  return found;
}

std::vector<schema::ObjectRef> PodView::list() {
  std::vector<schema::ObjectRef> out;
  for (auto& pod : workers_.pods()) out.push_back(pod.pod);
  return out;
}

ContainerInfo PodView::info(const KnownPod& pod, const Container& container) const {
  ContainerInfo out;
  out.name = container.name, out.id = container.id, out.state = container.state;
  out.attempt = restart_count(container);
  out.log_path = container.log_path;
  auto view = pod.pod->as<core_v1::Pod>();
  if (out.log_path.empty()) {
    auto facts = facts_();
    auto meta = view.metadata();
    out.log_path = facts->paths.container_log(facts->paths.pod_log_directory(meta.namespace_(), meta.name(), meta.uid()), out.name, out.attempt);
  }
  if (auto spec = find_container(view, container.name))
    out.stdin = spec->container.stdin(), out.stdin_once = spec->container.stdin_once(), out.tty = spec->container.tty();
  return out;
}

Result<PodInfo> PodView::find(std::string_view namespace_, std::string_view name, std::string_view uid) {
  auto pod = known(namespace_, name, uid);
  if (!pod) return fail(Error(Reason::NotFound, concat("pod ", quoted(concat(name, "_", namespace_)), " not found")));
  PodInfo out;
  out.pod = pod->pod;
  for (auto& sandbox : pod->runtime->sandboxes)
    if (sandbox.ready && out.sandbox_id.empty()) out.sandbox_id = sandbox.id;
  for (auto& container : pod->runtime->containers) out.containers.push_back(info(*pod, container));
  return out;
}

Result<ContainerInfo> PodView::running(std::string_view namespace_, std::string_view name, std::string_view uid, std::string_view container) {
  if (auto pod = known(namespace_, name, uid))
    for (auto& one : pod->runtime->containers)
      if (one.name == container && one.state == ContainerState::Running) return info(*pod, one);
  return fail(Error(Reason::NotFound, concat("container not found (", quoted(container), ")")));
}

Result<ContainerInfo> PodView::log_of(std::string_view namespace_, std::string_view name, std::string_view container, bool previous) {
  auto pod = known(namespace_, name, "");
  if (!pod) return fail(Error(Reason::NotFound, concat("pod ", quoted(name), " cannot be found - no logs available")));
  auto view = pod->pod->as<core_v1::Pod>();
  if (!find_container(view, container)) return fail(bad_request(concat("container ", container, " is not valid for pod ", name)));
  auto id = plain_id(TRY(log_id(status_of(view, container), name, container, previous)));
  for (auto& one : pod->runtime->containers)
    if (one.id == id) return info(*pod, one);
  return fail(bad_request(concat("unable to retrieve container logs for ", facts_()->runtime_name, "://", id)));
}

}  // namespace sampan::kubelet
