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

std::string records_folder(const Paths& paths) { return concat(paths.root, "/plugins/sampan.io~local-path"); }

// A name is one folder; whatever else somebody wrote into an annotation is not followed.
bool is_plain(std::string_view name) { return !name.empty() && name[0] != '.' && name.find('/') == std::string_view::npos; }

Result<void> reclaim(const Paths& paths, std::string_view name) {
  auto record = concat(records_folder(paths), "/", name);
  auto path = read_file(record);
  if (!path && path.error().is(Reason::NotFound)) return {};  // no pod ever used it here
  if (!path) return fail(std::move(path).error());
  if (TRY(in_use(*path))) return fail(failure("a pod has it mounted"));
  auto parent = open_folder(path->substr(0, path->rfind('/')));
  if (!parent && errno != ENOENT) return fail(failure(system_error("open", *path)));
  if (parent) TRY(remove_beneath(parent.get(), std::string(name)));
  if (::unlink(record.c_str()) != 0) return fail(failure(system_error("unlink", record)));
  return {};
}

}  // namespace

Result<void> make_local_volume(const Paths& paths, const core_v1::PersistentVolume& volume) {
  if (volume.metadata().annotations().get(kProvisionedBy) != kLocalPathProvisioner) return {};
  auto name = volume.metadata().name();
  auto path = std::string(volume.spec().local().path());
  // The folder is removed one day: it must be one that the provisioner could have meant.
  if (!is_plain(name) || !path.starts_with("/") || !path.ends_with(concat("/", name))) return fail(failure(concat("invalid path: ", path, " is no folder of volume ", name)));
  auto record = concat(records_folder(paths), "/", name);
  if (!exists(record)) {
    TRY(make_folders(records_folder(paths), 0750));
    TRY(write_file(record, path, 0640));
  }
  if (exists(path)) return {};
  if (auto slash = path.rfind('/'); slash > 0) TRY(make_folders(path.substr(0, slash)));
  if (::mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) return fail(failure(system_error("mkdir", path)));
  if (::chmod(path.c_str(), 0777) != 0) return fail(failure(system_error("chmod", path)));  // whatever the umask
  return {};
}

std::string reclaim_local_volumes(const Paths& paths, std::string_view names) {
  std::string left;
  for (auto name : split(names, ',')) {
    if (!is_plain(name)) continue;
    auto done = reclaim(paths, name);
    if (done) continue;
    LOG_WARNING("cannot remove the folder of volume ", name, ": ", done.error().message());
    append(left, left.empty() ? "" : ",", name);
  }
  return left;
}

}  // namespace sampan::kubelet
