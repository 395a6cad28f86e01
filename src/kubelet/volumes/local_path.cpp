// See local_path.h.
#include "kubelet/volumes/local_path.h"

#include <sys/stat.h>

#include "base/log.h"
#include "base/text.h"
#include "kubelet/files.h"
#include "kubelet/volumes/beneath.h"
#include "kubelet/volumes/mount_table.h"

namespace sampan::kubelet {

namespace {

// Everything of a pod that shows the folder does so through a mount of it or of what is in it.
Result<bool> in_use(const std::string& path) {
  if (!exists(path)) return false;
  auto real = real_path(path);
  auto table = TRY(mount_table());
  // The folder's place within its file system: that of the mount which it is reached through, and the rest of the path.
  const MountPoint* through = nullptr;
  for (auto& point : table)
    if ((point.path == "/" || is_at_or_below(real, point.path)) && (!through || point.path.size() >= through->path.size())) through = &point;
  if (!through) return false;
  auto rest = through->path == "/" ? real : real.substr(through->path.size());
  auto place = through->root == "/" ? rest : concat(through->root, rest);
  for (auto& point : table)
    if (point.device == through->device && is_at_or_below(point.root, place)) return true;
  return false;
}

}  // namespace

Result<void> make_local_volume(const core_v1::PersistentVolume& volume) {
  if (volume.metadata().annotations().get(kProvisionedBy) != kLocalPathProvisioner) return {};
  auto path = std::string(volume.spec().local().path());
  if (exists(path)) return {};
  auto slash = path.rfind('/');
  if (slash == std::string::npos || slash == 0) return fail(failure(concat("invalid path: ", path)));
  TRY(make_folders(path.substr(0, slash)));
  if (::mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) return fail(failure(system_error("mkdir", path)));
  if (::chmod(path.c_str(), 0777) != 0) return fail(failure(system_error("chmod", path)));  // whatever the umask
  return {};
}

std::string reclaim_local_volumes(const std::string& root, std::string_view names) {
  std::string left;
  auto folder = open_folder(root);
  if (!folder && errno != ENOENT) return std::string(names);
  for (auto name : split(names, ',')) {
    // A name is one folder; whatever else somebody wrote into the annotation is not followed.
    if (!folder || name.empty() || name.starts_with(".") || name.find('/') != std::string_view::npos) continue;
    auto path = concat(root, "/", name);
    auto used = in_use(path);
    bool removed = used && !*used;
    if (removed) {
      auto done = remove_beneath(folder.get(), std::string(name));
      if (!done) LOG_WARNING("cannot remove the folder of volume ", name, ": ", done.error().message());
      removed = done.has_value();
    }
    if (!removed) append(left, left.empty() ? "" : ",", name);
  }
  return left;
}

}  // namespace sampan::kubelet
