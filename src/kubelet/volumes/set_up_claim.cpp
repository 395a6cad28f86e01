// Persistent volumes: folders and devices of the node, places on it, NFS. See set_up.h.
#include <fcntl.h>
#include <sys/stat.h>

#include "base/text.h"
#include "kubelet/files.h"
#include "kubelet/volumes/beneath.h"
#include "kubelet/volumes/empty_dir.h"
#include "kubelet/volumes/host_path.h"
#include "kubelet/volumes/local_folders.h"
#include "kubelet/volumes/mount_table.h"
#include "kubelet/volumes/ownership.h"
#include "kubelet/volumes/set_up.h"

namespace sampan::kubelet {

namespace {

constexpr std::string_view kLocalPlugin = "kubernetes.io/local-volume";
constexpr std::string_view kOncePerPod = "ReadWriteOncePod", kBlock = "Block", kFileSystem = "Filesystem";

bool is_mounted_in(const core_v1::Pod& pod, std::string_view volume) {
  for (auto& spec : containers_of(pod))
    for (auto mount : spec.container.volume_mounts())
      if (mount.name() == volume) return true;
  return false;
}

bool is_device_in(const core_v1::Pod& pod, std::string_view volume) {
  for (auto& spec : containers_of(pod))
    for (auto device : spec.container.volume_devices())
      if (device.name() == volume) return true;
  return false;
}

std::string options_of(const core_v1::PersistentVolume& volume) {
  std::string out;
  for (auto option : volume.spec().mount_options()) append(out, out.empty() ? "" : ",", option);
  return out;
}

// Whether another pod of this node has it: mount points end with the plug-in and the volume's name.
bool is_mounted_elsewhere(const std::vector<MountPoint>& table, const Paths& paths, std::string_view own_folder) {
  auto pods = concat(real_path(paths.pods()), "/");
  auto tail = own_folder.substr(own_folder.rfind('/', own_folder.rfind('/') - 1));
  return std::ranges::any_of(table, [&](const MountPoint& point) {
    return point.path.starts_with(pods) && point.path.ends_with(tail) && point.path != own_folder;
  });
}

class ClaimSetUp {
 public:
  ClaimSetUp(const SetUpParts& parts, const core_v1::Volume& volume, const BoundClaim& bound)
      : parts_(parts), pod_volume_(volume), pv_(bound.view()), name_(pv_.metadata().name()), read_only_(bound.read_only) {}

  SetUp run() {
    bool block = pv_.spec().volume_mode().value_or(kFileSystem) == kBlock;
    if (auto mismatch = check_mode(block)) return std::unexpected(SetUpFailure{std::move(*mismatch), "FailedMount", true});
    if (auto near = check_node_affinity(parts_.cluster, pv_, parts_.options.node_name); !near)
      return refuse(near.error(), block ? "MapVolume.NodeAffinity check" : "MountVolume.NodeAffinity check", block ? "FailedMapVolume" : "FailedMount");
    auto spec = pv_.spec();
    if (spec.has_local()) return block ? local_block() : local();
    if (spec.has_csi()) return csi(block);
    if (spec.has_host_path() && !block) return host_path();
    if (spec.has_nfs() && !block) return set_up_nfs(parts_, name_, spec.nfs(), read_only_ || spec.nfs().read_only(), options_of(pv_));
    return std::unexpected(SetUpFailure{concat("failed to get Plugin from volumeSpec for volume ", quoted(name_), " err=no volume plugin matched"), "FailedMount", true});
  }

 private:
  SetUp refuse(const Error& error, std::string_view step, std::string_view reason = "FailedMount") {
    return std::unexpected(SetUpFailure{set_up_failure(name_, error.message(), step).message, reason});
  }

  std::optional<std::string> check_mode(bool block) {
    auto name = pod_volume_.name();
    if (block && is_mounted_in(parts_.pod, name)) return concat("volume ", name, " has volumeMode ", kBlock, ", but is specified in volumeMounts");
    if (!block && is_device_in(parts_.pod, name)) return concat("volume ", name, " has volumeMode ", kFileSystem, ", but is specified in volumeDevices");
    return {};
  }

  SetUp host_path() {
    auto source = pv_.spec().host_path();
    MountedVolume out;
    out.host_path = source.path();
    out.read_only = read_only_;
    if (auto good = check_host_path(out.host_path, source.type().value_or("")); !good) return refuse(good.error(), "MountVolume.SetUp");
    return out;
  }

  SetUp csi(bool block) {
    auto missing = concat("driver name ", pv_.spec().csi().driver(), " not found in the list of registered CSI drivers");
    if (block) return refuse(failure(concat("kubernetes.io/csi: blockMapper.SetUpDevice failed to get CSI client: ", missing)), "MapVolume.SetUpDevice", "FailedMapVolume");
    return refuse(failure(concat("kubernetes.io/csi: attacher.MountDevice failed to create newCsiDriverClient: ", missing)), "MountVolume.MountDevice");
  }

  SetUp local_block() {
    auto path = std::string(pv_.spec().local().path());
    struct stat info;
    if (::stat(path.c_str(), &info) != 0) return refuse(failure(concat("path ", quoted(path), " does not exist")), "MapVolume.SetUpDevice", "FailedMapVolume");
    if (!S_ISBLK(info.st_mode)) return refuse(failure(concat(path, " is not a block device")), "MapVolume.SetUpDevice", "FailedMapVolume");
    MountedVolume out;
    out.block_device = std::move(path);
    out.read_only = read_only_;
    return out;
  }

  SetUp local() {
    auto path = std::string(pv_.spec().local().path());
    if (auto good = check_no_steps_back(path); !good) return refuse(failure(concat("invalid path: ", path, " ", good.error().message())), "MountVolume.SetUp");
    if (auto made = ensure_local_folder(parts_.options.paths, pv_); !made) return refuse(made.error(), "MountVolume.SetUp");
    struct stat info;
    if (::stat(path.c_str(), &info) != 0) return refuse(failure(concat("path ", quoted(path), " does not exist")), "MountVolume.NewMounter initialization");
    if (!S_ISDIR(info.st_mode) && !S_ISBLK(info.st_mode)) return refuse(failure("only directory and block device are supported"), "MountVolume.NewMounter initialization");
    if (S_ISBLK(info.st_mode)) {
      auto folder = device_folder(parts_.options.paths, name_);
      auto type = std::string(pv_.spec().local().fs_type().value_or("ext4"));
      if (auto mounted = mount_device(path, folder, type, read_only_, options_of(pv_)); !mounted) return refuse(mounted.error(), "MountVolume.MountDevice");
      path = std::move(folder);
    }
    auto bound = bind(path);
    if (!bound) return refuse(bound.error(), "MountVolume.SetUp");
    MountedVolume out;
    out.host_path = std::move(*bound);
    out.read_only = read_only_;
    out.se_linux_relabel = !read_only_;
    return out;
  }

  Result<std::string> bind(const std::string& source) {
    auto folder = TRY(make_volume_folder(parts_.options.paths, parts_.pod.metadata().uid(), kLocalPlugin, name_));
    auto table = TRY(mount_table());
    auto real = real_path(folder);
    bool shared = is_mounted_elsewhere(table, parts_.options.paths, real);
    auto modes = pv_.spec().access_modes();
    if (shared && modes.size() == 1 && modes[0] == kOncePerPod)
      return fail(failure("volume uses the ReadWriteOncePod access mode and is already in use by another pod"));
    // The group first: a mount that is there says that all of it was done.
    auto security = parts_.pod.spec().security_context();
    auto group = security.fs_group();
    if (find_mount(table, real)) return folder;
    bool keep = group && security.fs_group_change_policy() == "OnRootMismatch" && belongs_to_group(source, *group, Access::ReadWrite);
    if (group && !read_only_ && !shared && !keep) TRY(give_to_group(source, *group, Access::ReadWrite));
    TRY(bind_mount(source, folder, read_only_));
    return folder;
  }

  const SetUpParts& parts_;
  const core_v1::Volume& pod_volume_;
  const core_v1::PersistentVolume pv_;
  const std::string name_;
  const bool read_only_;
};

}  // namespace

SetUpFailure set_up_failure(std::string_view volume, std::string_view why, std::string_view step) {
  return {concat(step, " failed for volume ", quoted(volume), " : ", why), "FailedMount"};
}

SetUp set_up_claim(const SetUpParts& parts, const core_v1::Volume& volume) {
  auto bound = bound_claim(parts.cluster, parts.pod, volume);
  if (!bound) return std::unexpected(SetUpFailure{bound.error().message(), "FailedMount", true});
  return ClaimSetUp(parts, volume, *bound).run();
}

}  // namespace sampan::kubelet
