// What is mounted into a container: its volumes and parts of them, the hosts file, the file for its termination message.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/environment.h"
#include "base/text.h"
#include "kubelet/files.h"
#include "kubelet/pod_config.h"
#include "kubelet/sub_path.h"

namespace sampan::kubelet {

namespace {

constexpr std::string_view kHostsPath = "/etc/hosts";

Result<bool> recursive_read_only(const core_v1::VolumeMount& mount, bool supported) {
  auto mode = mount.recursive_read_only().value_or("Disabled");
  if (mode == "Disabled") return false;
  auto refuse = [&](auto... why) { return fail(failure(concat("failed to resolve recursive read-only mode: volume ", quoted(mount.name()), " requested recursive read-only mode, but it is ", why...))); };
  if (!mount.read_only()) return refuse("not read-only");
  auto propagation = mount.mount_propagation().value_or("None");
  if (propagation != "None") return refuse("not compatible with propagation ", quoted(propagation));
  if (mode == "Enabled" && !supported) return refuse("not supported by the runtime");
  return supported;
}

bool steps_back(std::string_view path) {
  for (auto part : split(path, '/'))
    if (part == "..") return true;
  return false;
}

Result<std::string> sub_path_of(const core_v1::VolumeMount& mount, const Environment& environment) {
  auto path = std::string(mount.sub_path());
  if (auto expression = mount.sub_path_expr(); !expression.empty()) {
    std::string missing;
    path = expand(expression, [&](std::string_view name) -> std::optional<std::string_view> {
      for (auto& [key, value] : environment)
        if (key == name) return value;
      missing = name;
      return {};
    });
    if (!missing.empty()) return fail(failure(concat("missing value for ", quoted(missing))));
  }
  if (path.starts_with("/")) return fail(failure(concat("error SubPath `", path, "` must not be an absolute path")));
  if (steps_back(path)) return fail(failure(concat("unable to provision SubPath `", path, "`: must not contain '..'")));
  return path;
}

Result<Mount> volume_mount(const ContainerInput& in, const core_v1::VolumeMount& mount, unsigned index) {
  auto container = in.spec.container.name();
  auto volume = in.volumes.find(std::string(mount.name()));
  if (volume == in.volumes.end() || (volume->second.host_path.empty() && volume->second.image.empty()))
    return fail(failure(concat("cannot find volume ", quoted(mount.name()), " to mount into container ", quoted(container))));
  Mount out;
  auto sub_path = TRY(sub_path_of(mount, in.environment));
  if (!volume->second.image.empty()) {
    out.image = volume->second.image;
    out.image_sub_path = sub_path;
  } else if (sub_path.empty()) {
    out.host_path = volume->second.host_path;
  } else {
    auto target = concat(in.facts.paths.volume_sub_paths(in.pod.metadata().uid(), mount.name(), container), "/", index);
    auto held = hold_sub_path(volume->second.host_path, sub_path, target);
    // What exactly is wrong would tell the user about files of the node.
    if (!held) return fail(failure(concat("failed to prepare subPath for volumeMount ", quoted(mount.name()), " of container ", quoted(container))));
    out.host_path = std::move(*held);
  }
  out.container_path = mount.mount_path().starts_with("/") ? std::string(mount.mount_path()) : concat("/", mount.mount_path());
  out.read_only = mount.read_only() || volume->second.read_only;
  out.recursive_read_only = TRY(recursive_read_only(mount, in.facts.recursive_read_only));
  out.se_linux_relabel = volume->second.se_linux_relabel;
  auto propagation = mount.mount_propagation().value_or("None");
  out.propagation = propagation == "HostToContainer"  ? MountPropagation::HostToContainer
                    : propagation == "Bidirectional" ? MountPropagation::Bidirectional
                                                     : MountPropagation::Private;
  return out;
}

Result<Mount> hosts_mount(const ContainerInput& in) {
  auto path = in.facts.paths.hosts_file(in.pod.metadata().uid());
  std::string node_hosts;
  if (in.pod.spec().host_network()) node_hosts = TRY(read_file(std::string(kHostsPath)));
  auto content = hosts_file(in.pod, host_name(in.pod, in.facts.dns.cluster_domain), in.pod_ips, node_hosts);
  // Containers that run have this very file mounted: it is written in place, and only if it differs.
  auto before = read_file(path);
  if (!before || *before != content) {
    int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    bool written = file >= 0 && ::fchmod(file, 0644) == 0 && ::write(file, content.data(), content.size()) == static_cast<ssize_t>(content.size());
    auto error = written ? std::string() : error_text("write", path);
    if (file >= 0) ::close(file);
    if (!written) return fail(failure(std::move(error)));
  }
  Mount out;
  out.container_path = kHostsPath;
  out.host_path = path;
  out.se_linux_relabel = true;
  return out;
}

// An own file for each run, so that an old message is never taken for a new one.
Result<Mount> message_mount(const ContainerInput& in) {
  auto folder = in.facts.paths.container(in.pod.metadata().uid(), in.spec.container.name());
  TRY(make_folders(folder, 0750));
  std::string name;
  for (auto number = secure_random().next(); name.size() < 8; number >>= 4) name += "0123456789abcdef"[number & 15];
  auto path = concat(folder, "/", name);
  int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  bool made = file >= 0 && ::fchmod(file, 0666) == 0;  // whoever the container runs as may write to it
  auto error = made ? std::string() : error_text("create", path);
  if (file >= 0) ::close(file);
  if (!made) return fail(failure(std::move(error)));
  Mount out;
  out.container_path = in.spec.container.termination_message_path();
  out.host_path = path;
  out.se_linux_relabel = true;
  return out;
}

}  // namespace

Result<std::vector<Mount>> container_mounts(const ContainerInput& in) {
  std::vector<Mount> out;
  bool has_hosts = false;
  unsigned index = 0;
  for (auto mount : in.spec.container.volume_mounts()) {
    out.push_back(TRY(volume_mount(in, mount, index++)));
    has_hosts |= out.back().container_path == kHostsPath;
  }
  if (!has_hosts && (!in.pod_ips.empty() || in.pod.spec().host_network())) out.push_back(TRY(hosts_mount(in)));
  if (!in.spec.container.termination_message_path().empty()) out.push_back(TRY(message_mount(in)));
  return out;
}

}  // namespace sampan::kubelet
