// See volumes.h.
#include "kubelet/volumes/volumes.h"

#include <fcntl.h>

#include <mutex>

#include "base/environment.h"
#include "base/log.h"
#include "base/text.h"
#include "kubelet/files.h"
#include "kubelet/volumes/beneath.h"
#include "kubelet/volumes/empty_dir.h"
#include "kubelet/volumes/host_path.h"
#include "kubelet/volumes/mount_table.h"
#include "kubelet/volumes/nested_mounts.h"
#include "kubelet/volumes/ownership.h"
#include "kubelet/volumes/payload.h"
#include "kubelet/volumes/set_up.h"
#include "kubelet/volumes/usage.h"

namespace sampan::kubelet {

namespace {

using core_v1::Pod;
using core_v1::Volume;
using schema::Quantity;

constexpr std::string_view kEmptyDirPlugin = "kubernetes.io/empty-dir";
constexpr int64_t kRefreshAgainUs = 60'000'000;  // after one that failed
// What is below these folders was made by us for this pod alone; of all others only the mount point is taken away.
constexpr std::string_view kOwnFolders[] = {"kubernetes.io~empty-dir", "kubernetes.io~configmap", "kubernetes.io~secret", "kubernetes.io~projected",
                                            "kubernetes.io~downward-api"};

std::string_view plugin_of(const Volume& volume) {
  if (volume.has_config_map()) return "kubernetes.io/configmap";
  if (volume.has_secret()) return "kubernetes.io/secret";
  if (volume.has_downward_api()) return "kubernetes.io/downward-api";
  return "kubernetes.io/projected";
}

bool is_used(const std::vector<ContainerSpec>& containers, std::string_view volume) {
  for (auto& spec : containers) {
    for (auto mount : spec.container.volume_mounts())
      if (mount.name() == volume) return true;
    for (auto device : spec.container.volume_devices())
      if (device.name() == volume) return true;
    for (auto variable : spec.container.env())
      if (variable.value_from().file_key_ref().volume_name() == volume) return true;
  }
  return false;
}

class NodeVolumes final : public Volumes {
 public:
  NodeVolumes(Cluster& cluster, const VolumesOptions& options) : cluster_(cluster), options_(options), tokens_(cluster, real_clock()) {}

  MountOutcome mount(const Pod& pod) override {
    MountOutcome out;
    auto containers = containers_of(pod);
    std::vector<std::string> unprocessed, reasons, unmounted;
    for (auto volume : pod.spec().volumes()) {
      auto name = std::string(volume.name());
      if (!is_used(containers, name)) continue;
      if (auto known = find(pod.metadata().uid(), name)) {
        out.volumes.emplace(name, std::move(*known));
        continue;
      }
      auto made = set_up(pod, volume);
      if (made) {
        keep(pod.metadata().uid(), name, *made);
        out.volumes.emplace(name, std::move(*made));
        continue;
      }
      unmounted.push_back(name);
      if (made.error().unprocessed)
        unprocessed.push_back(name), reasons.push_back(std::move(made.error().message));
      else
        out.errors.push_back({name, made.error().reason, std::move(made.error().message)});
    }
    if (!unprocessed.empty())
      out.errors.push_back({join(unprocessed, " "), "FailedMount",
                            concat("Unable to attach or mount volumes: unmounted volumes=[", join(unmounted, " "), "], unattached volumes=[], failed to process volumes=[",
                                   join(unprocessed, " "), "]: ", join(reasons, "; "))});
    return out;
  }

  std::optional<int64_t> refresh(const Pod& pod) override {
    std::optional<int64_t> next;
    auto allocatable = this->allocatable();
    Collector collector(cluster_, tokens_, pod, allocatable);
    for (auto volume : pod.spec().volumes()) {
      auto mounted = is_projection(volume) ? find(pod.metadata().uid(), volume.name()) : std::nullopt;
      if (!mounted) continue;
      auto collected = collector.collect(volume);
      auto written = collected ? write(pod, mounted->host_path, *collected) : fail(std::move(collected).error());
      if (!written) LOG_WARNING(set_up_failure(volume.name(), written.error().message()).message, " (pod ", text_of(pod), ")");
      auto again = written ? collected->next : real_clock().now_us() + kRefreshAgainUs;
      if (again) next = std::min(next.value_or(INT64_MAX), *again);
    }
    return next;
  }

  Result<void> unmount(std::string_view uid) override {
    if (uid.empty() || uid.starts_with(".") || uid.find('/') != std::string_view::npos) return fail(failure(concat("invalid uid ", quoted(uid))));
    tokens_.forget(uid);
    {
      std::lock_guard lock(mutex_);
      if (auto at = mounted_.find(uid); at != mounted_.end()) mounted_.erase(at);
    }
    auto& paths = options_.paths;
    auto folder = open_folder(paths.pod(uid));
    if (!folder) return errno == ENOENT ? Result<void>() : fail(failure(system_error("open", paths.pod(uid))));
    // First the marks: a volume that is only half taken away is to be made anew.
    TRY(remove_beneath(folder.get(), "plugins"));
    TRY(unmount_all(paths.pod(uid) + "/volume-subpaths"));
    TRY(unmount_all(paths.volumes(uid)));
    TRY(remove_beneath(folder.get(), "volume-subpaths"));
    TRY(remove_volumes(uid));
    unmount_unused_devices(paths);
    return {};
  }

  void clean_up(const std::vector<std::string>& known) override {
    auto uids = names_in(options_.paths.pods());
    if (!uids) return;
    for (auto& uid : *uids) {
      if (std::ranges::binary_search(known, uid)) continue;
      if (!exists(options_.paths.volumes(uid)) && !exists(options_.paths.pod(uid) + "/volume-subpaths")) continue;
      if (auto gone = unmount(uid); !gone) LOG_WARNING("cannot take away the volumes of pod ", uid, ", which is gone: ", gone.error().message());
    }
  }

  std::optional<Usage> usage(const Pod& pod, std::string_view name) override {
    auto mounted = find(pod.metadata().uid(), name);
    // What is elsewhere on the node is not the pod's to count.
    if (!mounted || !is_at_or_below(mounted->host_path, options_.paths.volumes(pod.metadata().uid()))) return {};
    for (auto volume : pod.spec().volumes()) {
      if (volume.name() != name) continue;
      if (is_projection(volume) || volume.has_empty_dir()) return usage_of_folder(mounted->host_path);
      auto out = usage_of_file_system(mounted->host_path);
      if (out && has_claim(volume)) out->claim_namespace = pod.metadata().namespace_(), out->claim_name = claim_name(pod, volume);
      return out;
    }
    return {};
  }

 private:
  // ---- making ----

  SetUp set_up(const Pod& pod, const Volume& volume) {
    if (volume.has_empty_dir()) return empty_dir(pod, volume);
    if (volume.has_host_path()) return host_path(volume);
    if (is_projection(volume)) return projection(pod, volume);
    SetUpParts parts{cluster_, options_, pod};
    if (has_claim(volume)) return set_up_claim(parts, volume);
    if (volume.has_nfs()) return set_up_nfs(parts, volume.name(), volume.nfs(), volume.nfs().read_only(), {});
    if (volume.has_image()) {
      MountedVolume out;
      out.image = volume.image().reference();
      return out;
    }
    if (volume.has_csi())
      return std::unexpected(set_up_failure(volume.name(), concat("kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: driver name ", volume.csi().driver(),
                                                                  " not found in the list of registered CSI drivers")));
    return std::unexpected(SetUpFailure{concat("failed to get Plugin from volumeSpec for volume ", quoted(volume.name()), " err=no volume plugin matched"), "FailedMount", true});
  }

  SetUp empty_dir(const Pod& pod, const Volume& volume) {
    auto source = volume.empty_dir();
    EmptyDir wish{std::string(pod.metadata().uid()), std::string(kEmptyDirPlugin), std::string(volume.name()), source.medium(), 0};
    if (wish.medium == "Memory") wish.size = memory_size(pod, allocatable(), source.size_limit());
    auto folder = make_empty_dir(options_.paths, pod, wish);
    if (!folder) return std::unexpected(set_up_failure(volume.name(), folder.error().message()));
    MountedVolume out;
    out.host_path = std::move(*folder);
    out.se_linux_relabel = true;
    return out;
  }

  SetUp host_path(const Volume& volume) {
    auto source = volume.host_path();
    MountedVolume out;
    out.host_path = source.path();
    if (auto good = check_host_path(out.host_path, source.type().value_or("")); !good) return std::unexpected(set_up_failure(volume.name(), good.error().message()));
    return out;
  }

  SetUp projection(const Pod& pod, const Volume& volume) {
    auto folder = make_projection(pod, volume);
    if (!folder) return std::unexpected(set_up_failure(volume.name(), folder.error().message()));
    MountedVolume out;
    out.host_path = std::move(*folder);
    out.read_only = out.se_linux_relabel = true;
    return out;
  }

  // Secrets and tokens are in memory only, never on a disk.
  Result<std::string> make_projection(const Pod& pod, const Volume& volume) {
    auto allocatable = this->allocatable();
    EmptyDir wish{std::string(pod.metadata().uid()), std::string(plugin_of(volume)), std::string(volume.name()), "Memory", 0};
    if (volume.has_config_map())
      wish.medium = "";
    else
      wish.size = memory_size(pod, allocatable, {});
    // An agent that was restarted finds it there; refresh() follows, and what the pod was made of may be gone meanwhile.
    auto path = options_.paths.volume(wish.uid, wish.plugin, wish.name);
    if (is_written(path)) return path;
    auto collected = TRY(Collector(cluster_, tokens_, pod, allocatable).collect(volume));
    auto folder = TRY(make_empty_dir(options_.paths, pod, wish));
    TRY(make_nested_mount_points(pod, volume.name(), folder));
    TRY(write(pod, folder, collected));
    return folder;
  }

  Result<void> write(const Pod& pod, const std::string& folder, const Collected& collected) {
    return write_atomically(folder, collected.files, [&]() -> Result<void> {
      auto group = pod.spec().security_context().fs_group();
      return group ? give_to_group(folder, *group, Access::ReadOnly) : Result<void>();
    });
  }

  Quantities allocatable() const {
    if (!options_.allocatable) return {};
    auto [cpu, memory] = options_.allocatable();
    return {{"cpu", Quantity::stored(cpu)}, {"memory", Quantity::stored(memory)}};
  }

  // ---- taking away ----

  Result<void> remove_volumes(std::string_view uid) {
    auto path = options_.paths.volumes(uid);
    auto folder = open_folder(path);
    if (!folder) return errno == ENOENT ? Result<void>() : fail(failure(system_error("open", path)));
    for (auto& plugin : TRY(names_in(folder, path))) {
      bool own = std::ranges::find(kOwnFolders, plugin) != std::end(kOwnFolders);
      if (own) {
        TRY(remove_beneath(folder.get(), plugin));
        continue;
      }
      auto inner = concat(path, "/", plugin);
      for (auto& name : TRY(names_in(inner))) TRY(remove_empty(concat(inner, "/", name)));
      TRY(remove_empty(inner));
    }
    return remove_empty(path);
  }

  // ---- what is there, so that a step of a pod that changes nothing costs nothing ----

  std::optional<MountedVolume> find(std::string_view uid, std::string_view name) const {
    std::lock_guard lock(mutex_);
    auto of = mounted_.find(uid);
    if (of == mounted_.end()) return {};
    auto at = of->second.find(name);
    return at == of->second.end() ? std::nullopt : std::optional(at->second);
  }
  void keep(std::string_view uid, std::string_view name, const MountedVolume& volume) {
    std::lock_guard lock(mutex_);
    mounted_[std::string(uid)][std::string(name)] = volume;
  }

  Cluster& cluster_;
  const VolumesOptions options_;
  Tokens tokens_;
  mutable std::mutex mutex_;
  std::map<std::string, std::map<std::string, MountedVolume, std::less<>>, std::less<>> mounted_;  // by uid and name
};

}  // namespace

std::unique_ptr<Volumes> make_volumes(Cluster& cluster, const VolumesOptions& options) { return std::make_unique<NodeVolumes>(cluster, options); }

}  // namespace sampan::kubelet
