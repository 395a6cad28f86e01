// Block devices and shares that hold file systems. See set_up.h.
#include "base/log.h"
#include "base/text.h"
#include "kubelet/files.h"
#include "kubelet/volumes/beneath.h"
#include "kubelet/volumes/command.h"
#include "kubelet/volumes/empty_dir.h"
#include "kubelet/volumes/mount_table.h"
#include "kubelet/volumes/set_up.h"

namespace sampan::kubelet {

namespace {

constexpr std::string_view kNfsPlugin = "kubernetes.io/nfs";
constexpr int kNothingFound = 2;  // of blkid: nothing known is on the device

std::string devices_folder(const Paths& paths) { return concat(paths.root, "/plugins/kubernetes.io/local-volume/mounts"); }

// With the program, which knows what each kind of file system needs.
Result<void> run_mount(const std::string& source, const std::string& target, const std::string& type, const std::string& options) {
  std::vector<std::string> words{"mount", "-t", type};
  if (!options.empty()) words.insert(words.end(), {"-o", options});
  words.insert(words.end(), {source, target});
  auto done = run_command(words);
  if (done.exit_code == 0) return {};
  words.erase(words.begin());
  return fail(failure(concat("mount failed: exit status ", done.exit_code, "\nMounting command: mount\nMounting arguments: ", join(words, " "), "\nOutput: ", done.output)));
}

Result<void> format_if_empty(const std::string& device, const std::string& type) {
  auto found = run_command({"blkid", "-p", "-s", "TYPE", "-s", "PTTYPE", "-o", "export", device});
  if (found.exit_code == 0) return {};  // what is there is mounted, or the mount says why it cannot be
  if (found.exit_code != kNothingFound) return fail(failure(concat("cannot tell what is on ", device, ": ", trim(found.output))));
  std::vector<std::string> words{concat("mkfs.", type)};
  if (type == "ext3" || type == "ext4") words.insert(words.end(), {"-F", "-m0"});
  words.push_back(device);
  auto made = run_command(words);
  if (made.exit_code != 0) return fail(failure(concat("mkfs failed: exit status ", made.exit_code, ": ", trim(made.output))));
  return {};
}

std::string with_read_only(bool read_only, const std::string& options) {
  if (!read_only) return options;
  return options.empty() ? "ro" : concat("ro,", options);
}

}  // namespace

std::string device_folder(const Paths& paths, std::string_view volume) { return concat(devices_folder(paths), "/", volume); }

Result<void> mount_device(const std::string& device, const std::string& folder, const std::string& type, bool read_only, const std::string& options) {
  auto refuse = [&](const Error& error) {
    return fail(failure(concat("local: failed to mount device ", device, " at ", folder, " (fstype: ", type, "), error ", error.message())));
  };
  auto table = TRY(mount_table());
  if (find_mount(table, real_path(folder))) return {};
  TRY(make_folders(folder, 0750));
  if (!read_only)
    if (auto ready = format_if_empty(device, type); !ready) return refuse(ready.error());
  if (auto mounted = run_mount(device, folder, type, with_read_only(read_only, options)); !mounted) {
    (void)remove_empty(folder);
    return refuse(mounted.error());
  }
  return {};
}

void unmount_unused_devices(const Paths& paths) {
  auto volumes = names_in(devices_folder(paths));
  auto table = mount_table();
  if (!volumes || !table) return;
  auto pods = real_path(paths.pods());
  for (auto& volume : *volumes) {
    auto folder = real_path(device_folder(paths, volume));
    auto mounted = find_mount(*table, folder);
    bool used = mounted && std::ranges::any_of(*table, [&](const MountPoint& point) { return point.device == mounted->device && is_at_or_below(point.path, pods); });
    if (used) continue;
    auto gone = unmount_all(folder);
    if (gone) gone = remove_empty(folder);
    if (!gone) LOG_WARNING("cannot unmount volume ", volume, ": ", gone.error().message());
  }
}

SetUp set_up_nfs(const SetUpParts& parts, std::string_view name, const core_v1::NFSVolumeSource& source, bool read_only, const std::string& options) {
  auto run = [&]() -> Result<std::string> {
    auto folder = TRY(make_volume_folder(parts.options.paths, parts.pod.metadata().uid(), kNfsPlugin, name));
    auto table = TRY(mount_table());
    if (find_mount(table, real_path(folder))) return folder;
    auto server = std::string(source.server());
    if (server.find(':') != std::string::npos && server[0] != '[') server = concat("[", server, "]");
    TRY(run_mount(concat(server, ":", source.path()), folder, "nfs", with_read_only(read_only, options)));
    return folder;
  };
  auto folder = run();
  if (!folder) return std::unexpected(set_up_failure(name, folder.error().message()));
  MountedVolume out;
  out.host_path = std::move(*folder);
  out.read_only = read_only;
  return out;
}

}  // namespace sampan::kubelet
